#include "ops/conv2d/conv_plain.h"

#include "ops/conv2d/conv_arithmetic.h"
#include "ops/conv2d/conv_sums.h"

namespace halftone {
namespace {

template <class Sums, class X, class W, class Y>
void forward(const ConvGeometry& g, const ConvCall& call, int64_t first, int64_t last) {
  const X* x = static_cast<const X*>(call.a);
  const W* w = static_cast<const W*>(call.b);
  Y* y = static_cast<Y*>(call.out);
  for (int64_t row = first; row < last; ++row) {
    const int64_t oh = row % g.h.out, k = row / g.h.out % g.out_channels,
                  n = row / g.h.out / g.out_channels;
    const auto epilogue = make_epilogue<Sums, Y>(call, k);
    for (int64_t ow = 0; ow < g.w.out; ++ow) {
      const int64_t at = n * g.y.n + k * g.y.c + oh * g.y.h + ow * g.y.w;
      y[at] = epilogue(output_sum<Sums>(g, x, w, n, k, oh, ow), at);
    }
  }
}

template <class Sums, class X, class W, class Y>
void backward_input(const ConvGeometry& g, const ConvCall& call, int64_t first, int64_t last) {
  const X* dy = static_cast<const X*>(call.a);
  const W* w = static_cast<const W*>(call.b);
  Y* dx = static_cast<Y*>(call.out);
  for (int64_t row = first; row < last; ++row) {
    const int64_t ih = row % g.h.in, c = row / g.h.in % g.in_channels,
                  n = row / g.h.in / g.in_channels;
    for (int64_t iw = 0; iw < g.w.in; ++iw)
      dx[n * g.x.n + c * g.x.c + ih * g.x.h + iw * g.x.w] =
          Sums::template store<Y>(input_sum<Sums>(g, dy, w, n, c, ih, iw));
  }
}

template <class Sums, class X, class W, class Y>
void backward_filter(const ConvGeometry& g, const ConvCall& call, int64_t first, int64_t last) {
  const X* x = static_cast<const X*>(call.a);
  const W* dy = static_cast<const W*>(call.b);
  Y* dw = static_cast<Y*>(call.out);
  for (int64_t row = first; row < last; ++row) {
    const int64_t r = row % g.h.kernel, c = row / g.h.kernel % g.group_in,
                  k = row / g.h.kernel / g.group_in;
    for (int64_t s = 0; s < g.w.kernel; ++s)
      dw[k * g.f.n + c * g.f.c + r * g.f.h + s * g.f.w] =
          Sums::template store<Y>(filter_sum<Sums>(g, x, dy, k, c, r, s));
  }
}

// Calls f.operator()<Sums, A, B, Out>() with the types of a call that infer() has let through.
template <class F>
auto with_types(const ConvCall& call, F&& f) {
  if (call.compute == Compute::kTf32) return f.template operator()<Tf32Sums, float, float, float>();
  if (call.compute == Compute::kFloat16) return f.template operator()<F16Sums, f16, f16, f16>();
  if (call.compute == Compute::kInt32) {
    const bool a = call.a_type == DType::kS8, b = call.b_type == DType::kS8;
    if (a && b) return f.template operator()<S32Sums, int8_t, int8_t, int32_t>();
    if (a) return f.template operator()<S32Sums, int8_t, uint8_t, int32_t>();
    if (b) return f.template operator()<S32Sums, uint8_t, int8_t, int32_t>();
    return f.template operator()<S32Sums, uint8_t, uint8_t, int32_t>();
  }
  const bool wide = call.out_type == DType::kF32;
  if (call.a_type == DType::kF32) return f.template operator()<F32Sums, float, float, float>();
  if (call.a_type == DType::kF16)
    return wide ? f.template operator()<F32Sums, f16, f16, float>()
                : f.template operator()<F32Sums, f16, f16, f16>();
  return wide ? f.template operator()<F32Sums, bf16, bf16, float>()
              : f.template operator()<F32Sums, bf16, bf16, bf16>();
}

}  // namespace

void conv2d_plain(const ConvGeometry& g, const ConvCall& call, int64_t first, int64_t last) {
  with_types(call, [&]<class S, class A, class B, class Y>() {
    forward<S, A, B, Y>(g, call, first, last);
  });
}

void conv2d_backward_input_plain(const ConvGeometry& g, const ConvCall& call, int64_t first,
                                 int64_t last) {
  with_types(call, [&]<class S, class A, class B, class Y>() {
    if constexpr (!std::is_same_v<S, S32Sums>) backward_input<S, A, B, Y>(g, call, first, last);
  });
}

void conv2d_backward_filter_plain(const ConvGeometry& g, const ConvCall& call, int64_t first,
                                  int64_t last) {
  with_types(call, [&]<class S, class A, class B, class Y>() {
    if constexpr (!std::is_same_v<S, S32Sums>) backward_filter<S, A, B, Y>(g, call, first, last);
  });
}

float conv2d_plain_sum(const ConvGeometry& g, const ConvCall& call, int64_t i, int64_t j, int64_t k,
                       int64_t l) {
  return with_types(call, [&]<class S, class A, class B, class Y>() -> float {
    if constexpr (std::is_same_v<S, S32Sums>)
      return 0;
    else
      return widen(output_sum<S>(g, static_cast<const A*>(call.a), static_cast<const B*>(call.b), i,
                                 j, k, l));
  });
}

float conv2d_backward_input_plain_sum(const ConvGeometry& g, const ConvCall& call, int64_t i,
                                      int64_t j, int64_t k, int64_t l) {
  return with_types(call, [&]<class S, class A, class B, class Y>() -> float {
    if constexpr (std::is_same_v<S, S32Sums>)
      return 0;
    else
      return widen(input_sum<S>(g, static_cast<const A*>(call.a), static_cast<const B*>(call.b), i,
                                j, k, l));
  });
}

float conv2d_backward_filter_plain_sum(const ConvGeometry& g, const ConvCall& call, int64_t i,
                                       int64_t j, int64_t k, int64_t l) {
  return with_types(call, [&]<class S, class A, class B, class Y>() -> float {
    if constexpr (std::is_same_v<S, S32Sums>)
      return 0;
    else
      return widen(filter_sum<S>(g, static_cast<const A*>(call.a), static_cast<const B*>(call.b), i,
                                 j, k, l));
  });
}

}  // namespace halftone
