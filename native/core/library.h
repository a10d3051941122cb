// Opens shared libraries of other vendors, so that a backend module that needs them finds them: the
// dynamic linker matches a module's dependencies against what is loaded by name (soname), wherever
// it came from.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/status.h"

namespace halftone {

struct VersionCheck {
  std::string function;  // size_t name(); where pair: int name(int* major, int* minor)
  bool pair = false;     // the version is then 1000 * major + minor
  int64_t least = 0;     // the lowest that will do
  int64_t below = 0;     // the first that will not
};

struct LibraryRequest {
  std::string file;  // a path, or a name for the dynamic linker's own search
  std::vector<VersionCheck> checks;
  bool only_loaded = false;  // open only what this process has loaded already
};

struct LibraryFound {
  std::string path;      // where the dynamic linker found it
  int64_t version = -1;  // by the first check; -1 without one
};

/// Opens the library for the rest of the process. A library that fails a check is closed again, so
/// that another one of the same name can be tried.
Status open_library(const LibraryRequest& request, LibraryFound* out);

}  // namespace halftone
