#include <algorithm>
#include <vector>

#include "core/elementwise.h"
#include "ops/pool_nd/pool_nd_value.h"

namespace halftone {
namespace {

// Rows of x in the type of the sums.
template <class C>
class Rows {
 public:
  Rows(const TensorView& x, int64_t width) : x_(x), width_(width) {
    if (is_16bit_float(x.dtype)) copy_.resize(static_cast<size_t>(width));
  }
  const C* at(int64_t offset) {
    if (copy_.empty()) return x_.as<C>() + offset;
    widen(x_.dtype, x_.as<uint16_t>() + offset, x_.dtype, copy_.data(), width_);
    return copy_.data();
  }

 private:
  const TensorView& x_;
  int64_t width_;
  std::vector<C> copy_;
};

// sums[ow] += term(tap of window ow) over the taps along a row, in order.
template <class C, class Term>
void sum_row(const WindowAxis& w, const C* line, C* sums, Term&& term) {
  const TapRange used = w.used_taps();
  if (w.out < used.last - used.first) {  // few windows: by window, else by tap
    for (int64_t o = 0; o < w.out; ++o) {
      const TapRange taps = w.taps(o);
      const C* from = line + w.start(o);
      for (int64_t s = taps.first; s < taps.last; ++s) sums[o] += term(from[s * w.dilation]);
    }
    return;
  }
  for (int64_t s = used.first; s < used.last; ++s) {
    const TapRange windows = w.windows_of(s);
    const C* from = line + s * w.dilation - w.before;
    if (w.stride == 1)
      for (int64_t o = windows.first; o < windows.last; ++o) sums[o] += term(from[o]);
    else
      for (int64_t o = windows.first; o < windows.last; ++o) sums[o] += term(from[o * w.stride]);
  }
}

// y = finish(sum of term(x), od, oh, ow), one row of windows after the other.
template <class C, class Term, class Finish>
void pool_sums(const PoolNdGeometry& g, const KernelContext& context, Term&& term,
               Finish&& finish) {
  const TensorView &x = context.in(0), &y = context.out();
  const int64_t work = std::max<int64_t>(
      1, g.w.out * std::min(g.d.kernel, g.d.in + 1) * std::min(g.h.kernel, g.h.in + 1));
  context.parallel_for(
      g.planes * g.d.out * g.h.out, (1 << 15) / work, [&](int64_t first, int64_t last) {
        Rows<C> rows(x, g.w.in);
        std::vector<C> sums(static_cast<size_t>(g.w.out));
        for (int64_t row = first; row < last; ++row) {
          const int64_t oh = row % g.h.out, od = row / g.h.out % g.d.out,
                        plane = row / g.h.out / g.d.out;
          std::fill(sums.begin(), sums.end(), C(0));
          const TapRange ds = g.d.taps(od), hs = g.h.taps(oh);
          for (int64_t t = ds.first; t < ds.last; ++t)
            for (int64_t r = hs.first; r < hs.last; ++r) {
              const int64_t d = g.d.start(od) + t * g.d.dilation,
                            h = g.h.start(oh) + r * g.h.dilation;
              sum_row(g.w, rows.at(((plane * g.d.in + d) * g.h.in + h) * g.w.in), sums.data(),
                      term);
            }
          for (int64_t o = 0; o < g.w.out; ++o) {
            C& sum = sums[static_cast<size_t>(o)];
            sum = finish(sum, od, oh, o);
          }
          if constexpr (std::is_same_v<C, float>)
            if (is_16bit_float(y.dtype)) {
              narrow(sums.data(), y.dtype, y.as<uint16_t>() + row * g.w.out, g.w.out);
              continue;
            }
          std::copy(sums.begin(), sums.end(), y.as<C>() + row * g.w.out);
        }
      });
}

// Calls run(C{}) with the type of the sums.
template <class Run>
void in_sum_type(DType t, Run&& run) {
  t == DType::kF64 ? run(double{}) : run(float{});
}

Status prepare(const PoolNdOptions& options, const KernelContext& context, const char* kernel,
               const char* storage, const char* sums, PoolNdGeometry* g) {
  Shape y;
  HALFTONE_TRY(pool_nd_geometry(options, context.in(0).shape, g, &y));
  context.made_by(concat(kernel, "_", info(context.in(0).dtype).short_name).c_str(), storage, sums,
                  sums);
  return {};
}

Status average_pool_cpu(const AveragePool::Params& params, const KernelContext& context) {
  PoolNdGeometry g;
  const DType t = context.in(0).dtype;
  HALFTONE_TRY(prepare(params, context, "average_pool", name(t), name(compute_dtype(t)), &g));
  if (context.out().elements() == 0) return {};
  const bool pad = params.countIncludePad;
  std::vector<int64_t> columns(static_cast<size_t>(g.w.out));
  for (int64_t o = 0; o < g.w.out; ++o) columns[static_cast<size_t>(o)] = pool_count(g.w, o, pad);
  in_sum_type(t, [&](auto zero) {
    using C = decltype(zero);
    pool_sums<C>(
        g, context, [](C v) { return v; },
        [&](C sum, int64_t od, int64_t oh, int64_t ow) {
          const C count = static_cast<C>(pool_count(g.d, od, pad)) *
                          static_cast<C>(pool_count(g.h, oh, pad)) *
                          static_cast<C>(columns[static_cast<size_t>(ow)]);
          return sum / count;
        });
  });
  return {};
}

Status lp_pool_cpu(const LpPool::Params& params, const KernelContext& context) {
  PoolNdGeometry g;
  const DType t = context.in(0).dtype;
  HALFTONE_TRY(prepare(params, context, "lp_pool", name(t), name(compute_dtype(t)), &g));
  if (context.out().elements() == 0) return {};
  const int64_t p = params.p;
  in_sum_type(t, [&](auto zero) {
    using C = decltype(zero);
    const auto root = [p](C sum, int64_t, int64_t, int64_t) { return lp_root(sum, p); };
    if (p == 2)  // the common case, vectorized
      pool_sums<C>(g, context, [](C v) { return v * v; }, root);
    else
      pool_sums<C>(g, context, [p](C v) { return lp_term(v, p); }, root);
  });
  return {};
}

template <class T>
void find_largest(const PoolNdGeometry& g, bool column_major, const KernelContext& context) {
  const T* x = context.in(0).as<T>();
  int64_t* y = context.out().as<int64_t>();
  context.parallel_for(g.planes * g.windows(), 1 << 10, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) y[i] = largest_tap<HostValues>(g, column_major, x, i);
  });
}

Status max_pool_indices_cpu(const MaxPoolIndices::Params& params, const KernelContext& context) {
  PoolNdGeometry g;
  HALFTONE_TRY(prepare(params, context, "max_pool_indices", "int64", "none", &g));
  if (context.out().elements() == 0) return {};
  switch (context.in(0).dtype) {
    case DType::kF32:
      find_largest<float>(g, params.columnMajor, context);
      break;
    case DType::kF16:
      find_largest<f16>(g, params.columnMajor, context);
      break;
    case DType::kBF16:
      find_largest<bf16>(g, params.columnMajor, context);
      break;
    case DType::kS8:
      find_largest<int8_t>(g, params.columnMajor, context);
      break;
    default:
      find_largest<uint8_t>(g, params.columnMajor, context);
      break;
  }
  return {};
}

}  // namespace

std::vector<CpuOp> pool_nd_cpu_ops() {
  return {cpu_op<AveragePool, average_pool_cpu>(), cpu_op<LpPool, lp_pool_cpu>(),
          cpu_op<MaxPoolIndices, max_pool_indices_cpu>()};
}

}  // namespace halftone
