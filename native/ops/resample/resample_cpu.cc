#include <cstring>

#include "core/dispatch_bits.h"
#include "core/elementwise.h"
#include "ops/resample/resample.h"

namespace halftone {
namespace {

// One row of `n` neighbours: y = sum of weights[t] * x[indices[t]].
template <class T>
void sum_rows(const ResampleAxis& a, const int32_t* indices, const T* weights, const T* x, T* y) {
  bool first = true;
  for (int64_t t = 0; t < a.taps; ++t) {
    if (indices[t] < 0 || indices[t] >= a.in) continue;
    const T* row = x + indices[t] * a.inner;
    const T w = weights[t];
    if (first)
      for (int64_t i = 0; i < a.inner; ++i) y[i] = w * row[i];
    else
      for (int64_t i = 0; i < a.inner; ++i) y[i] += w * row[i];
    first = false;
  }
  if (first) std::fill_n(y, a.inner, T(0));
}

// Two taps of x, both there: a single pass.
template <class T>
void sum_two_rows(const ResampleAxis& a, const int32_t* indices, const T* weights, const T* x,
                  T* y) {
  const T *p = x + indices[0] * a.inner, *q = x + indices[1] * a.inner;
  const T v = weights[0], w = weights[1];
  for (int64_t i = 0; i < a.inner; ++i) y[i] = v * p[i] + w * q[i];
}

template <class T>
void weighted(const ResampleAxis& a, const KernelContext& context) {
  const T* x = context.in(0).as<T>();
  const int32_t* indices = context.in(1).as<int32_t>();
  const T* weights = context.in(2).as<T>();
  T* y = context.out().as<T>();
  const int64_t grain = (1 << 15) / std::max<int64_t>(1, a.inner * std::max<int64_t>(a.taps, 1));
  context.parallel_for(a.outer * a.size, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t outer = row / a.size, at = (row - outer * a.size) * a.taps;
      const T* from = x + outer * a.in * a.inner;
      const int32_t* taps = indices + at;
      const auto there = [&](int32_t i) { return i >= 0 && i < a.in; };
      if (a.taps == 2 && there(taps[0]) && there(taps[1]))
        sum_two_rows(a, taps, weights + at, from, y + row * a.inner);
      else
        sum_rows(a, taps, weights + at, from, y + row * a.inner);
    }
  });
}

template <class T>
void copied(const ResampleAxis& a, const KernelContext& context) {
  const T* x = context.in(0).as<T>();
  const int32_t* indices = context.in(1).as<int32_t>();
  T* y = context.out().as<T>();
  context.parallel_for(a.outer * a.size, kElementwiseGrain / std::max<int64_t>(a.inner, 1),
                       [&](int64_t begin, int64_t end) {
                         int64_t outer = begin / a.size, o = begin - outer * a.size;
                         for (int64_t row = begin; row < end; ++row) {
                           const int32_t i = indices[o];
                           T* to = y + row * a.inner;
                           if (i < 0 || i >= a.in)
                             std::fill_n(to, a.inner, T{});
                           else if (a.inner == 1)
                             *to = x[outer * a.in + i];
                           else
                             std::memcpy(to, x + (outer * a.in + i) * a.inner,
                                         static_cast<size_t>(a.inner) * sizeof(T));
                           if (++o == a.size) {
                             o = 0;
                             ++outer;
                           }
                         }
                       });
}

Status resample_cpu(const Resample::Params& p, const KernelContext& context) {
  const TensorView& x = context.in(0);
  ResampleAxis a;
  HALFTONE_TRY(resample_axis(p, x.shape, context.in(1).shape, &a));
  const bool sums = context.has(2);
  const std::string kernel =
      concat(sums ? "resample_" : "resample_copy_", info(x.dtype).short_name);
  const char* arithmetic = sums ? name(x.dtype) : "none";
  context.made_by(kernel.c_str(), name(x.dtype), arithmetic, arithmetic);
  if (context.out().elements() == 0) return {};
  if (!sums)
    dispatch_bits(size_of(x.dtype), [&](auto bits) {
      copied<decltype(bits)>(a, context);
      return 0;
    });
  else if (x.dtype == DType::kF64)
    weighted<double>(a, context);
  else
    weighted<float>(a, context);
  return {};
}

}  // namespace

std::vector<CpuOp> resample_cpu_ops() { return {cpu_op<Resample, resample_cpu>()}; }

}  // namespace halftone
