#include "backends/cuda/device.h"

#include <charconv>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

namespace halftone::cuda {
namespace {

/// As the environment has them; lib/env.ts says what is wrong with a value that is not understood.
std::shared_ptr<const CudaSettings> initial_settings() {
  auto s = std::make_shared<CudaSettings>();
  if (const char* folder = std::getenv("HALFTONE_CUDA_PLAN_CACHE")) s->plan_cache = folder;
  if (const char* text = std::getenv("HALFTONE_CUDA_AUTOTUNE")) {
    std::string word(text);
    for (char& c : word)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    s->autotune = word == "1" || word == "true" || word == "on" || word == "yes";
  }
  return s;
}

struct Settings {
  std::mutex mutex;
  std::shared_ptr<const CudaSettings> now = initial_settings();
};
Settings& all_settings() {
  static auto* all = new Settings();
  return *all;
}

Status parse_bytes(std::string_view key, std::string_view text, uint64_t* bytes) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), *bytes);
  if (failed == std::errc() && end == text.data() + text.size() && !text.empty()) return {};
  return param_error(key, " must be a number of bytes, got \"", text, "\"");
}

Status parse_switch(std::string_view key, std::string_view text, bool* on) {
  *on = text == "1";
  if (*on || text == "0") return {};
  return param_error(key, " must be 1 or 0, got \"", text, "\"");
}

Status limit_from_environment(Memory* memory) {
  const char* text = std::getenv("HALFTONE_CUDA_MEMORY_LIMIT");
  if (!text || !text[0]) return {};
  uint64_t bytes = 0;
  HALFTONE_TRY(parse_bytes("HALFTONE_CUDA_MEMORY_LIMIT", text, &bytes));
  memory->set_limit(bytes);
  return {};
}

}  // namespace

int device_count(Status* why) {
  static const std::pair<int, Status>* found = [] {
    int count = 0;
    Status status = vendor::device_count(&count);
    return new std::pair<int, Status>(status.ok() ? count : 0, std::move(status));
  }();
  if (why) *why = found->second;
  return found->first;
}

Status device(int index, const Device** out) {
  static std::mutex* mutex = new std::mutex();
  static auto* devices = new std::vector<std::unique_ptr<Device>>();
  HALFTONE_TRY(vendor::use_device(index));
  std::lock_guard lock(*mutex);
  const size_t i = static_cast<size_t>(index);
  if (devices->size() <= i) devices->resize(i + 1);
  auto& slot = (*devices)[i];
  if (!slot) {
    auto made = std::make_unique<Device>();
    made->index = index;
    made->name = concat(HALFTONE_BACKEND_NAME ":", index);
    HALFTONE_TRY(vendor::device_properties(index, &made->properties));
    made->memory = std::make_unique<Memory>(index, made->name);
    HALFTONE_TRY(limit_from_environment(made->memory.get()));
    HALFTONE_TRY(made->memory->open(made->properties.memory_pools));
    slot = std::move(made);
  }
  *out = slot.get();
  return {};
}

std::shared_ptr<const CudaSettings> settings() {
  Settings& all = all_settings();
  std::lock_guard lock(all.mutex);
  return all.now;
}

Status configure(int index, std::string_view key, std::string_view value) {
  if (key == "memory-limit") {
    uint64_t bytes = 0;
    HALFTONE_TRY(parse_bytes(key, value, &bytes));
    const int first = index < 0 ? 0 : index, last = index < 0 ? device_count(nullptr) - 1 : index;
    for (int i = first; i <= last; ++i) {
      const Device* found = nullptr;
      HALFTONE_TRY(device(i, &found));
      found->memory->set_limit(bytes);
    }
    return {};
  }
  Settings& all = all_settings();
  std::lock_guard lock(all.mutex);
  auto next = std::make_shared<CudaSettings>(*all.now);
  if (key == "autotune")
    HALFTONE_TRY(parse_switch(key, value, &next->autotune));
  else if (key == "plan-cache")
    next->plan_cache = value;
  else if (key == "workspace-bytes")
    HALFTONE_TRY(parse_bytes(key, value, &next->workspace_bytes));
  else
    return param_error("the " HALFTONE_BACKEND_NAME " backend has no setting \"", key, "\"");
  all.now = std::move(next);
  return {};
}

}  // namespace halftone::cuda
