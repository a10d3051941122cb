// What the module tells of itself: ops, backends, devices, the CPU.
#pragma once
#include <napi.h>

namespace halftone::js {

/// describeOps, backends, cpu, measurePeaks.
void export_describe_functions(Napi::Env env, Napi::Object exports);

}  // namespace halftone::js
