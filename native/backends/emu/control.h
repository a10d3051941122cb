// What tests can do to the emulated device.
#pragma once
#include <cstddef>
#include <cstdint>

namespace halftone::emu {

struct Control {
  uint64_t device_bytes = 1ull << 30;  // memory of each of the devices
  int devices = 2;
  int sm = 90;
  int fail_mallocs = 0;      // so many allocations from here on find no memory
  bool device_lost = false;  // every runtime call fails, as after an illegal address
};
Control& control();

}  // namespace halftone::emu
