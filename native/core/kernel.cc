#include "core/kernel.h"

#include <cstdio>

#include "core/version.h"

namespace halftone {

void KernelContext::made_by(const char* kernel, const char* storage, const char* multiply,
                            const char* accumulate, uint64_t workspace_bytes) const {
  auto copy = [](auto& to, const char* from) { std::snprintf(to, sizeof to, "%s", from); };
  copy(provenance_.library, "halftone-cpu");
  copy(provenance_.version, kVersion);
  copy(provenance_.kernel, kernel);
  copy(provenance_.storage, storage);
  copy(provenance_.multiply, multiply);
  copy(provenance_.accumulate, accumulate);
  provenance_.workspace_bytes = workspace_bytes;
}

}  // namespace halftone
