#include "ops/pool/pool_isa.h"

namespace halftone {
namespace HALFTONE_ISA_NS {
namespace {

template <class Bits, int kFractionBits>
struct FloatKey {
  using Storage = Bits;  // signed, to shift the sign down
  static constexpr int kSignBit = 8 * sizeof(Bits) - 1;
  static constexpr Bits kMagnitude = static_cast<Bits>((uint64_t{1} << kSignBit) - 1);
  static constexpr Bits kInfinity = static_cast<Bits>(kMagnitude >> kFractionBits << kFractionBits);
  static constexpr Bits kLowest = static_cast<Bits>(~kInfinity);  // of -Infinity
  static constexpr Bits key(Bits b) {
    const Bits ordered = static_cast<Bits>(b ^ (b >> kSignBit & kMagnitude));
    return (b & kMagnitude) > kInfinity ? kMagnitude : ordered;  // NaN: above infinity
  }
  static constexpr Bits value(Bits k) {
    return static_cast<Bits>(k ^ (k >> kSignBit & kMagnitude));
  }
};
template <class T, T kLeast>
struct IntegerKey {
  using Storage = T;
  static constexpr T kLowest = kLeast;
  static constexpr T key(T v) { return v; }
  static constexpr T value(T k) { return k; }
};

template <class Key, class S = typename Key::Storage>
void largest(const S* __restrict from, int64_t stride, int64_t n, S* __restrict keys) {
  const auto loop = [&](int64_t step) __attribute__((always_inline)) {
    for (int64_t i = 0; i < n; ++i) {
      const S k = Key::key(from[i * step]);
      keys[i] = keys[i] > k ? keys[i] : k;
    }
  };
  if (stride == 1) return loop(1);
  if (stride == 2) return loop(2);
  loop(stride);
}

template <class Key, class S = typename Key::Storage>
void values(S* keys, int64_t n) {
  for (int64_t i = 0; i < n; ++i) keys[i] = Key::value(keys[i]);
}

template <class Key>
PoolLoops<typename Key::Storage> loops() {
  return {Key::kLowest, largest<Key>, values<Key>};
}

}  // namespace

PoolLoops<int32_t> pool_f32() { return loops<FloatKey<int32_t, 23>>(); }
PoolLoops<int16_t> pool_f16() { return loops<FloatKey<int16_t, 10>>(); }
PoolLoops<int16_t> pool_bf16() { return loops<FloatKey<int16_t, 7>>(); }
PoolLoops<int8_t> pool_s8() { return loops<IntegerKey<int8_t, -128>>(); }
PoolLoops<uint8_t> pool_u8() { return loops<IntegerKey<uint8_t, 0>>(); }

}  // namespace HALFTONE_ISA_NS
}  // namespace halftone
