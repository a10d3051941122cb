// Devices as cuDNN's CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION describes them, so that it plans for
// GPUs that are not there. The figures are those of the products named.
#pragma once
#include <string>

#include "core/status.h"

namespace halftone::test {

struct DeviceProfile {
  int sm;
  const char* name;
  int multiprocessors, shared_optin, shared_reserved, blocks, threads;  // per multiprocessor
  long long memory;
  int clock_khz, memory_clock_khz, l2;
};

inline constexpr DeviceProfile kProfiles[] = {
    {75, "Tesla T4", 40, 65536, 0, 16, 1024, 15843721216, 1590000, 5001000, 4194304},
    {80, "NVIDIA A100-SXM4-80GB", 108, 166912, 1024, 32, 2048, 85094825984, 1410000, 1593000,
     41943040},
    {86, "NVIDIA GeForce RTX 3090", 82, 101376, 1024, 16, 1536, 25297879040, 1695000, 9751000,
     6291456},
    {89, "NVIDIA GeForce RTX 4090", 128, 101376, 1024, 24, 1536, 25393692672, 2520000, 10501000,
     75497472},
    {90, "NVIDIA H200", 132, 232448, 1024, 32, 2048, 150121545728, 1980000, 3201000, 62914560},
    {100, "NVIDIA B200", 148, 232448, 1024, 32, 2048, 191514083328, 1965000, 3996000, 132644864},
    {120, "NVIDIA GeForce RTX 5090", 170, 101376, 1024, 24, 1536, 33669775360, 2407000, 14001000,
     100663296}};

inline std::string profile_json(const DeviceProfile& p) {
  return concat(
      R"({"maxGridSize":[2147483647,65535,65535],"maxBlockSize":[1024,1024,64],"regsPerBlock":65536,)",
      R"("warpSize":32,"maxSharedMemoryPerBlock":49152,"maxRegistersPerSM":65536,)",
      R"("maxThreadsPerBlock":1024,"pciDeviceId":1,"isTccDriver":0,"supportCoopLaunch":1,)",
      R"("cudaDeviceId":0,"driverVer":13000,"reservedSharedMemoryPerBlock":)", p.shared_reserved,
      R"(,"deviceName":")", p.name, R"(","deviceVer":)", p.sm * 10, R"(,"multiProcessorCount":)",
      p.multiprocessors, R"(,"maxSharedMemoryPerBlockOptin":)", p.shared_optin,
      R"(,"maxCtasPerSM":)", p.blocks, R"(,"maxThreadsPerSM":)", p.threads, R"(,"totalGlobalMem":)",
      p.memory, R"(,"smClockRateKHz":)", p.clock_khz, R"(,"memClockRateKHz":)", p.memory_clock_khz,
      R"(,"l2CacheSize":)", p.l2, "}");
}

}  // namespace halftone::test
