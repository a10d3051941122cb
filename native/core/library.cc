#include "core/library.h"

#include <dlfcn.h>
#ifdef __linux__
#include <link.h>
#endif

namespace halftone {
namespace {

std::string path_of(void* library, const std::string& file) {
#ifdef __linux__
  link_map* map = nullptr;
  if (dlinfo(library, RTLD_DI_LINKMAP, &map) == 0 && map && map->l_name && *map->l_name)
    return map->l_name;
#else
  (void)library;
#endif
  return file;
}

Status read_version(void* library, const VersionCheck& check, int64_t* version) {
  void* function = dlsym(library, check.function.c_str());
  if (!function) return error(Code::kBackendUnavailable, "does not export ", check.function, "()");
  if (check.pair) {
    int major = 0;
    int minor = 0;
    const int failed = reinterpret_cast<int (*)(int*, int*)>(function)(&major, &minor);
    if (failed != 0) return error(Code::kBackendUnavailable, check.function, "() returns ", failed);
    *version = int64_t{1000} * major + minor;
  } else {
    *version = static_cast<int64_t>(reinterpret_cast<size_t (*)()>(function)());
  }
  if (*version < check.least || *version >= check.below)
    return error(Code::kBackendUnavailable, check.function, "() returns ", *version,
                 ", it must lie in [", check.least, ", ", check.below, ")");
  return {};
}

}  // namespace

Status open_library(const LibraryRequest& request, LibraryFound* out) {
  // RTLD_LOCAL: its symbols are for those that name it as a dependency, and hide nobody else's.
  const int mode = RTLD_NOW | RTLD_LOCAL | (request.only_loaded ? RTLD_NOLOAD : 0);
  dlerror();
  void* library = dlopen(request.file.c_str(), mode);
  if (!library) {
    const char* why = request.only_loaded ? "is not loaded" : dlerror();
    return error(Code::kBackendUnavailable, why ? why : "cannot be opened");
  }
  LibraryFound found{path_of(library, request.file)};
  for (const VersionCheck& check : request.checks) {
    int64_t version = 0;
    Status status = read_version(library, check, &version);
    if (!status.ok()) {
      dlclose(library);
      return status;
    }
    if (found.version < 0) found.version = version;
  }
  *out = std::move(found);
  return {};
}

}  // namespace halftone
