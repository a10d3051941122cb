// What tests can do to the emulated devices. Where they only have the module, the environment says
// it: HALFTONE_EMU_BYTES, HALFTONE_EMU_ASYNC=1, HALFTONE_EMU_DELAY_US, HALFTONE_EMU_LOSE_AFTER,
// HALFTONE_EMU_SM (75, or 90,75: of the first device and of the second).
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace halftone::emu {

struct Control {
  std::atomic<uint64_t> device_bytes{1ull << 30};  // memory of each of the devices
  int devices = 2;
  int sm = 90;
  int second_sm = 0;  // of the second device; 0: as the first
  bool memory_pools = true;
  std::atomic<bool> refuses_pools{false};  // though it says that it has them
  /// Kernels, libraries and copies are given memory of the device where they need it, and that of
  /// the host where they need that. For tests that bring memory of their own: not looked at.
  std::atomic<bool> checks_pointers{true};
  /// Streams made from here on have a thread of their own that does their work, as a device would;
  /// else it is done when it is given.
  std::atomic<bool> async{false};
  std::atomic<int> delay_us{0};          // before each piece of work of such a stream
  std::atomic<int> fail_mallocs{0};      // so many allocations from here on find no memory
  std::atomic<bool> device_lost{false};  // every runtime call fails, as after an illegal address
  std::atomic<int64_t> lose_after{-1};   // so many pieces of work from here on lose the device
};
Control& control();

}  // namespace halftone::emu
