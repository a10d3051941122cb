#include "vendor/dnn_plan_store.h"

#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace halftone::vendor {
namespace {

// A file is these lines, then the plan's JSON:
//   halftone plan 1
//   <key>
//   <engine id> <numerical notes> <behavior notes> <bytes of JSON> <FNV-1a of key and JSON>
constexpr const char* kMagic = "halftone plan 1";

/// FNV-1a, 64 bits (Fowler, Noll, Vo).
uint64_t hash(const std::string& text, uint64_t h = 0xcbf29ce484222325u) {
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return h;
}

std::string hex(uint64_t v) {
  char text[17];
  const auto end = std::to_chars(text, text + sizeof text, v, 16).ptr;
  return std::string(16 - static_cast<size_t>(end - text), '0') + std::string(text, end);
}

}  // namespace

std::string PlanStore::path(const std::string& key) const {
  return folder_ + "/conv-" + hex(hash(key)) + ".plan";
}

std::optional<StoredPlan> PlanStore::find(const std::string& key) const {
  if (!enabled()) return std::nullopt;
  std::ifstream file(path(key), std::ios::binary);
  std::string magic, stored_key, sum;
  StoredPlan plan;
  size_t bytes = 0;
  if (!std::getline(file, magic) || magic != kMagic) return std::nullopt;
  if (!std::getline(file, stored_key) || stored_key != key) return std::nullopt;
  if (!(file >> plan.engine.id >> plan.engine.numerical >> plan.engine.behavior >> bytes >> sum) ||
      file.get() != '\n')
    return std::nullopt;
  plan.json.assign(std::istreambuf_iterator<char>(file), {});
  if (plan.json.size() != bytes || hex(hash(plan.json, hash(key))) != sum) return std::nullopt;
  return plan;
}

void PlanStore::put(const std::string& key, const StoredPlan& plan) const {
  if (!enabled()) return;
  static std::atomic<unsigned> count{0};
  std::error_code ignored;
  std::filesystem::create_directories(folder_, ignored);
  const std::string target = path(key);
  const std::string temporary = concat(target, ".", getpid(), ".", count++, ".new");
  {
    std::ofstream file(temporary, std::ios::binary);
    file << kMagic << '\n'
         << key << '\n'
         << plan.engine.id << ' ' << plan.engine.numerical << ' ' << plan.engine.behavior << ' '
         << plan.json.size() << ' ' << hex(hash(plan.json, hash(key))) << '\n'
         << plan.json;
    file.close();
    if (file.fail()) {
      std::filesystem::remove(temporary, ignored);
      return;
    }
  }
  std::filesystem::rename(temporary, target, ignored);
  if (ignored) std::filesystem::remove(temporary, ignored);
}

}  // namespace halftone::vendor
