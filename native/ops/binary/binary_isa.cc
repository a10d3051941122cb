#include "ops/binary/binary_isa.h"

#ifndef HALFTONE_ISA_NS
#define HALFTONE_ISA_NS baseline
#endif

namespace halftone {
namespace HALFTONE_ISA_NS {
namespace {

template <class Y, class F>
void loop(const float* __restrict a, const float* __restrict b, Y* __restrict y, int64_t n,
          const F& f) {
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<Y>(f(a[i], b[i]));
}

template <BinaryKind kKind, class F>
void run(const float* a, const float* b, void* y, int64_t n, const F& f) {
  if constexpr (kKind == BinaryKind::kArithmetic)
    loop(a, b, static_cast<float*>(y), n, f);
  else if constexpr (kKind != BinaryKind::kLogical && kKind != BinaryKind::kBitwise)
    loop(a, b, static_cast<uint8_t*>(y), n, f);
}

}  // namespace

void binary_f32(BinaryIndex row, const float* a, const float* b, void* y, int64_t n) {
  switch (row) {
// A template, so that the body of a logical or bitwise function is not looked at for float.
#define HALFTONE_BINARY_ROW(Type, name, kind, doc, body) \
  case BinaryIndex::k##Type:                             \
    return run<BinaryKind::kind>(a, b, y, n, [](auto a, auto b) { return body; });
    HALFTONE_BINARY_TABLE(HALFTONE_BINARY_ROW)
#undef HALFTONE_BINARY_ROW
  }
}

}  // namespace HALFTONE_ISA_NS
}  // namespace halftone
