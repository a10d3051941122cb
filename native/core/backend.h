// The backends of this process: the CPU, which is built in, and modules loaded at run time.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/backend_abi.h"
#include "core/status.h"

namespace halftone {

/// A usable backend. Lives as long as the process: modules are never unloaded, their code may still
/// be running.
struct Backend {
  const halftone_backend* api = nullptr;
  std::string name;
  std::string path;  // empty for the built-in one

  /// The host reads and writes its memory directly; alloc and free may then be called from any
  /// thread.
  bool host_memory() const { return api->host_memory != 0; }
};

/// One try at loading a module, kept for `doctor` and for the error of whoever asks for that
/// backend.
struct LoadAttempt {
  std::string path;
  std::string name;    // of the backend, when the module said it
  std::string reason;  // why it was refused; empty: loaded
};

/// The CPU first, then modules in the order in which they were loaded.
std::vector<const Backend*> backends();
const Backend* find_backend(std::string_view name);
std::vector<LoadAttempt> load_attempts();

/// Loads the module at `path` and checks its ABI version, its table and its ops' hashes. A path
/// that is loaded already is a success. On refusal the reason is in the status and among
/// load_attempts().
Status load_backend(const std::string& path, const Backend** out);

const halftone_backend* cpu_backend();

/// "cuda:1" -> backend "cuda", device 1. The number must exist.
Status parse_device(std::string_view text, const Backend** backend, int* device);

inline Status to_status(int32_t code, const halftone_status& status) {
  if (code == 0) return {};
  return {static_cast<Code>(code), status.message};
}

}  // namespace halftone
