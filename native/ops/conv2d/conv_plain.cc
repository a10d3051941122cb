#include "ops/conv2d/conv_plain.h"

#include "ops/conv2d/conv_arithmetic.h"

namespace halftone {
namespace {

// The sum of one output, in the order the ops document: kernel row, kernel column, input channel.
template <class Sums, class X, class W>
typename Sums::Acc sum_of(const ConvGeometry& g, const X* x, const W* w, int64_t n, int64_t k,
                          int64_t oh, int64_t ow) {
  const TapRange rows = g.h.taps(oh), columns = g.w.taps(ow);
  typename Sums::Acc acc{};
  for (int64_t r = rows.first; r < rows.last; ++r)
    for (int64_t s = columns.first; s < columns.last; ++s) {
      const X* px = x + n * g.x.n + k / g.group_out * g.group_in * g.x.c +
                    (g.h.start(oh) + r * g.h.dilation) * g.x.h +
                    (g.w.start(ow) + s * g.w.dilation) * g.x.w;
      const W* pw = w + k * g.f.n + r * g.f.h + s * g.f.w;
      for (int64_t c = 0; c < g.group_in; ++c) acc = Sums::term(px[c * g.x.c], pw[c * g.f.c], acc);
    }
  return acc;
}

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
      y[at] = epilogue(sum_of<Sums>(g, x, w, n, k, oh, ow), at);
    }
  }
}

template <class Sums, class X, class W>
typename Sums::Acc input_gradient_of(const ConvGeometry& g, const X* dy, const W* w, int64_t n,
                                     int64_t c, int64_t ih, int64_t iw) {
  const int64_t group = c / g.group_in;
  typename Sums::Acc acc{};
  for (int64_t r = 0; r < g.h.kernel; ++r) {
    const int64_t oh = g.h.window_of(ih, r);
    if (oh < 0) continue;
    for (int64_t s = 0; s < g.w.kernel; ++s) {
      const int64_t ow = g.w.window_of(iw, s);
      if (ow < 0) continue;
      const X* pdy = dy + n * g.y.n + group * g.group_out * g.y.c + oh * g.y.h + ow * g.y.w;
      const W* pw =
          w + group * g.group_out * g.f.n + c % g.group_in * g.f.c + r * g.f.h + s * g.f.w;
      for (int64_t k = 0; k < g.group_out; ++k)
        acc = Sums::term(pdy[k * g.y.c], pw[k * g.f.n], acc);
    }
  }
  return acc;
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
          Sums::template store<Y>(input_gradient_of<Sums>(g, dy, w, n, c, ih, iw));
  }
}

template <class Sums, class X, class W>
typename Sums::Acc filter_gradient_of(const ConvGeometry& g, const X* x, const W* dy, int64_t k,
                                      int64_t c, int64_t r, int64_t s) {
  const TapRange rows = g.h.windows_of(r), columns = g.w.windows_of(s);
  const int64_t channel = k / g.group_out * g.group_in + c;
  typename Sums::Acc acc{};
  for (int64_t n = 0; n < g.batch; ++n)
    for (int64_t oh = rows.first; oh < rows.last; ++oh)
      for (int64_t ow = columns.first; ow < columns.last; ++ow) {
        const X* px = x + n * g.x.n + channel * g.x.c + (g.h.start(oh) + r * g.h.dilation) * g.x.h +
                      (g.w.start(ow) + s * g.w.dilation) * g.x.w;
        acc = Sums::term(*px, dy[n * g.y.n + k * g.y.c + oh * g.y.h + ow * g.y.w], acc);
      }
  return acc;
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
          Sums::template store<Y>(filter_gradient_of<Sums>(g, x, dy, k, c, r, s));
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
      return widen(
          sum_of<S>(g, static_cast<const A*>(call.a), static_cast<const B*>(call.b), i, j, k, l));
  });
}

float conv2d_backward_input_plain_sum(const ConvGeometry& g, const ConvCall& call, int64_t i,
                                      int64_t j, int64_t k, int64_t l) {
  return with_types(call, [&]<class S, class A, class B, class Y>() -> float {
    if constexpr (std::is_same_v<S, S32Sums>)
      return 0;
    else
      return widen(input_gradient_of<S>(g, static_cast<const A*>(call.a),
                                        static_cast<const B*>(call.b), i, j, k, l));
  });
}

float conv2d_backward_filter_plain_sum(const ConvGeometry& g, const ConvCall& call, int64_t i,
                                       int64_t j, int64_t k, int64_t l) {
  return with_types(call, [&]<class S, class A, class B, class Y>() -> float {
    if constexpr (std::is_same_v<S, S32Sums>)
      return 0;
    else
      return widen(filter_gradient_of<S>(g, static_cast<const A*>(call.a),
                                         static_cast<const B*>(call.b), i, j, k, l));
  });
}

}  // namespace halftone
