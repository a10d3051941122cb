// Philox-4x32-10: four random 32-bit words from a counter and a key.
// Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC 2011), section 3.3.
#pragma once
#include <array>
#include <cstdint>

namespace halftone {

using PhiloxBlock = std::array<uint32_t, 4>;

constexpr PhiloxBlock philox_4x32_10(PhiloxBlock counter, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xd2511f53} * counter[0], b = uint64_t{0xcd9e8d57} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key0, static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key1, static_cast<uint32_t>(a)};
    key0 += 0x9e3779b9;  // the golden ratio
    key1 += 0xbb67ae85;  // sqrt(3) - 1
  }
  return counter;
}

/// The random words of one seed, by position.
struct Philox {
  uint64_t seed;

  constexpr PhiloxBlock block(uint64_t index) const {
    return philox_4x32_10({static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), 0, 0},
                          static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
  }
  /// Half (0 or 1) of a block, as one number.
  static constexpr uint64_t wide(const PhiloxBlock& b, uint64_t half) {
    return uint64_t{b[2 * half + 1]} << 32 | b[2 * half];
  }
};

}  // namespace halftone
