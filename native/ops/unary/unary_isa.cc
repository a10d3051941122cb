#include "ops/unary/unary_isa.h"

#ifndef HALFTONE_ISA_NS
#define HALFTONE_ISA_NS baseline
#endif

namespace halftone {
namespace HALFTONE_ISA_NS {
namespace {

template <class F>
void loop(const float* __restrict x, float* __restrict y, int64_t n, const F& f) {
  for (int64_t i = 0; i < n; ++i) y[i] = f(x[i]);
}

}  // namespace

void unary_f32(UnaryIndex row, const float* x, float* y, int64_t n) {
  using T = float;
  switch (row) {
#define HALFTONE_UNARY_ROW(Type, name, domain, doc, body) \
  case UnaryIndex::k##Type:                               \
    return loop(x, y, n, [](T x) { return body; });
    HALFTONE_UNARY_TABLE(HALFTONE_UNARY_ROW)
#undef HALFTONE_UNARY_ROW
  }
}

void gelu_f32(bool by_tanh, const float* x, float* y, int64_t n) {
  if (by_tanh)
    loop(x, y, n, [](float x) { return math::gelu_tanh(x); });
  else
    loop(x, y, n, [](float x) { return math::gelu_erf(x); });
}

void clip_f32(float low, float high, const float* x, float* y, int64_t n) {
  loop(x, y, n, [low, high](float x) { return math::clip(x, low, high); });
}

}  // namespace HALFTONE_ISA_NS
}  // namespace halftone
