#include "core/elementwise.h"
#include "ops/unary/unary.h"
#include "ops/unary/unary_isa.h"

namespace halftone {
namespace {

// y = f(x) for elements stored as T: f(const C* x, C* y, n) with C = ComputeType<T>.
template <class T, class F>
void map(const KernelContext& context, const F& f) {
  const T* x = context.in(0).as<T>();
  T* y = context.out().as<T>();
  context.parallel_for(context.in(0).elements(), kElementwiseGrain,
                       [&](int64_t first, int64_t last) {
                         if constexpr (is_widened<T>) {
                           alignas(64) float from[kBlock], to[kBlock];
                           for (int64_t i = first; i < last; i += kBlock) {
                             const int64_t n = std::min(kBlock, last - i);
                             convert(x + i, from, n);
                             f(from, to, n);
                             convert(to, y + i, n);
                           }
                         } else {
                           f(x + first, y + first, last - first);
                         }
                       });
}

// The loop over a scalar function.
template <class F>
auto each(const F& f) {
  return [f](const auto* __restrict x, auto* __restrict y, int64_t n) {
    for (int64_t i = 0; i < n; ++i) y[i] = f(x[i]);
  };
}

void made_by(const KernelContext& context, const char* op) {
  const DType t = context.in(0).dtype;
  const std::string kernel = concat(op, "_", info(t).short_name);
  context.made_by(kernel.c_str(), name(t), name(compute_dtype(t)), name(compute_dtype(t)));
}

template <class Row>
Status unary_cpu(const NoParams&, const KernelContext& context) {
  dispatch(context.in(0).dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<ComputeType<T>, float>)
      map<T>(context, [run = HALFTONE_ISA_PICK(unary_f32)](const float* x, float* y, int64_t n) {
        run(Row::kIndex, x, y, n);
      });
    else if constexpr (takes<T>(Row::kDomain))
      map<T>(context, each([](T x) { return Row::template apply<T>(x); }));
  });
  made_by(context, Row::kName);
  return {};
}

Status gelu_cpu(const Gelu::Params& p, const KernelContext& context) {
  const bool by_tanh = p.approximate == GeluApproximation::kTanh;
  dispatch(context.in(0).dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<ComputeType<T>, float>) {
      map<T>(context, [by_tanh, run = HALFTONE_ISA_PICK(gelu_f32)](
                          const float* x, float* y, int64_t n) { run(by_tanh, x, y, n); });
    } else if constexpr (takes<T>(Domain::kFloat)) {
      if (by_tanh)
        map<T>(context, each([](T x) { return math::gelu_tanh(x); }));
      else
        map<T>(context, each([](T x) { return math::gelu_erf(x); }));
    }
  });
  made_by(context, by_tanh ? "gelu_tanh" : "gelu_erf");
  return {};
}

Status clip_cpu(const Clip::Params& p, const KernelContext& context) {
  dispatch(context.in(0).dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = ComputeType<T>;
    if constexpr (takes<T>(Domain::kNumber)) {
      const C low = clip_bound<T>(p.min, true), high = clip_bound<T>(p.max, false);
      if constexpr (std::is_same_v<C, float>)
        map<T>(context, [low, high, run = HALFTONE_ISA_PICK(clip_f32)](
                            const float* x, float* y, int64_t n) { run(low, high, x, y, n); });
      else
        map<T>(context, each([low, high](T x) { return math::clip(x, low, high); }));
    }
  });
  made_by(context, Clip::kName);
  return {};
}

}  // namespace

std::vector<CpuOp> unary_cpu_ops() {
  return {
#define HALFTONE_UNARY_ROW(Type, name, domain, doc, body) cpu_op<Type, unary_cpu<Type##Row>>(),
      HALFTONE_UNARY_TABLE(HALFTONE_UNARY_ROW)
#undef HALFTONE_UNARY_ROW
          cpu_op<Gelu, gelu_cpu>(),
      cpu_op<Clip, clip_cpu>(),
  };
}

}  // namespace halftone
