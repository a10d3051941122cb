#include "core/backend.h"

#include <dlfcn.h>

#include <charconv>
#include <mutex>

#include "core/registry.h"

namespace halftone {
namespace {

struct Registry {
  std::mutex mutex;
  std::vector<const Backend*> loaded;
  std::vector<LoadAttempt> attempts;
};

Registry& registry() {
  static Registry* r = [] {
    auto* created = new Registry();
    const halftone_backend* cpu = cpu_backend();
    created->loaded.push_back(new Backend{cpu, cpu->name, ""});
    return created;
  }();
  return *r;
}

bool complete(const halftone_backend& b) {
  const bool graphs = b.capture_begin && b.capture_end && b.graph_launch && b.graph_destroy;
  return b.name && b.version && b.device_count && b.device_info && b.library && b.configure &&
         b.op_hash && b.stream_create && b.stream_destroy && b.stream_sync && b.event_record &&
         b.event_wait && b.event_query && b.event_elapsed && b.event_destroy && b.stream_wait &&
         b.alloc && b.free && b.copy_in && b.copy && b.copy_out_begin && b.copy_out_end &&
         b.supports && b.run && (graphs || !b.graphs) && b.memory_info && b.trim && b.peak;
}

// Everything that can be wrong with a module, in the order in which it can be read without touching
// what may differ.
std::string refusal(const std::string& path, const halftone_backend** out, std::string* name) {
  dlerror();
  void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!module) {
    const char* why = dlerror();
    return concat("cannot be loaded: ", why ? why : "unknown reason");
  }
  auto get = reinterpret_cast<halftone_backend_get_fn>(dlsym(module, "halftone_backend_get"));
  if (!get) return "is not a Halftone backend: it does not export halftone_backend_get";
  const halftone_backend* b = get();
  if (!b) return "declined: halftone_backend_get() returned null";
  if (b->abi_version != HALFTONE_ABI_VERSION)
    return concat("was built for backend ABI version ", b->abi_version,
                  ", this Halftone has version ", HALFTONE_ABI_VERSION);
  if (!complete(*b)) return "leaves functions of the backend table empty";
  *name = b->name;
  int known = 0;
  for (const RegisteredOp& op : all_ops()) {
    const uint64_t hash = b->op_hash(op.schema.name.c_str());
    if (hash == 0) continue;
    ++known;
    if (hash != op.schema.hash)
      return concat("was built with another schema of op ", op.schema.name, ": hash ", std::hex,
                    hash, ", expected ", op.schema.hash);
  }
  if (known == 0) return "supports no op of this Halftone";
  *out = b;
  return "";
}

}  // namespace

std::vector<const Backend*> backends() {
  Registry& r = registry();
  std::lock_guard lock(r.mutex);
  return r.loaded;
}

const Backend* find_backend(std::string_view name) {
  for (const Backend* b : backends())
    if (b->name == name) return b;
  return nullptr;
}

std::vector<LoadAttempt> load_attempts() {
  Registry& r = registry();
  std::lock_guard lock(r.mutex);
  return r.attempts;
}

Status load_backend(const std::string& path, const Backend** out) {
  Registry& r = registry();
  std::lock_guard lock(r.mutex);
  for (const Backend* b : r.loaded)
    if (!b->path.empty() && b->path == path) {
      *out = b;
      return {};
    }
  const halftone_backend* api = nullptr;
  std::string name;
  std::string reason = refusal(path, &api, &name);
  if (reason.empty())
    for (const Backend* b : r.loaded)
      if (b->name == name) reason = concat("a backend named ", name, " is loaded already");
  r.attempts.push_back({path, name, reason});
  if (!reason.empty())
    return error(Code::kBackendUnavailable, "backend module ", path, " ", reason);
  r.loaded.push_back(new Backend{api, name, path});
  *out = r.loaded.back();
  return {};
}

Status parse_device(std::string_view text, const Backend** backend, int* device) {
  const size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  int index = 0;
  if (colon != std::string_view::npos) {
    const std::string_view digits = text.substr(colon + 1);
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (failed != std::errc() || end != digits.data() + digits.size() || index < 0 ||
        digits.empty())
      return param_error("device must be a backend's name or <name>:<number>, got \"", text, "\"");
  }
  const Backend* found = find_backend(name);
  if (!found) {
    std::string tried;
    for (const LoadAttempt& a : load_attempts())
      if (a.name.empty() || a.name == name) tried += concat("\n  ", a.path, ": ", a.reason);
    return error(Code::kBackendUnavailable, "device \"", text,
                 "\" is not available: no backend named ", name, " is loaded",
                 tried.empty() ? "" : "; tried:", tried);
  }
  const int count = found->api->device_count();
  if (count == 0) {
    // A backend without devices tells the reason when it is asked for its first.
    halftone_device_info info{};
    halftone_status why{};
    const bool told = found->api->device_info(0, &info, &why) != 0;
    return error(Code::kBackendUnavailable, "device \"", text, "\" does not exist: ", name,
                 " finds no device", told ? concat(": ", why.message) : std::string());
  }
  if (index >= count)
    return error(Code::kBackendUnavailable, "device \"", text, "\" does not exist: ", name, " has ",
                 count, count == 1 ? " device" : " devices");
  *backend = found;
  *device = index;
  return {};
}

}  // namespace halftone
