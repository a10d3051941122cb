#include "core/kernel.h"
#include "ops/create/create.h"
#include "ops/create/create_value.h"

namespace halftone {
namespace {

constexpr int64_t kGrain = 1 << 14;  // a multiple of 4: a block of four words belongs to one piece

Status full_cpu(const Full::Params& p, const KernelContext& context) {
  const TensorView& y = context.out();
  dispatch(y.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T value = cast_value<T>(p.value, false);
    T* to = y.as<T>();
    context.parallel_for(y.elements(), kGrain, [&](int64_t first, int64_t last) {
      std::fill(to + first, to + last, value);
    });
  });
  context.made_by(concat("full_", info(y.dtype).short_name).c_str(), name(y.dtype), "none", "none");
  return {};
}

Status arange_cpu(const Arange::Params& p, const KernelContext& context) {
  const TensorView& y = context.out();
  dispatch(y.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const ArangeValue<T> value(p.start, p.step, y.elements());
    T* to = y.as<T>();
    context.parallel_for(y.elements(), kGrain, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) to[i] = value(i);
    });
  });
  const char* type = is_float(y.dtype) ? "float64" : "int64";
  context.made_by(concat("arange_", info(y.dtype).short_name).c_str(), name(y.dtype), type, type);
  return {};
}

// Elements [first, last), where first is a multiple of 4.
template <class T, class Make>
void random_elements(Philox philox, const Make& make, T* to, int64_t first, int64_t last) {
  constexpr int64_t kPerBlock = Make::kPerBlock;
  for (int64_t i = first; i < last; i += kPerBlock) {
    const PhiloxBlock block = philox.block(static_cast<uint64_t>(i / kPerBlock));
    if (last - i >= kPerBlock) {
      make(block, to + i);
    } else {
      T some[kPerBlock];
      make(block, some);
      std::copy(some, some + (last - i), to + i);
    }
  }
}

Status random_cpu(const Random::Params& p, const KernelContext& context) {
  const TensorView& y = context.out();
  const Philox philox{static_cast<uint64_t>(p.seed)};
  const bool normal = p.distribution == Distribution::kNormal;
  dispatch(y.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = y.as<T>();
    context.parallel_for(y.elements(), kGrain, [&](int64_t first, int64_t last) {
      if constexpr (is_real<T>) {
        if (normal)
          random_elements(philox, NormalFloats<T>{p.mean, p.std}, to, first, last);
        else
          random_elements(philox, UniformFloats<T>(p.low, p.high), to, first, last);
      } else if constexpr (std::is_integral_v<T>) {
        random_elements(philox, UniformIntegers<T>(p.low, p.high), to, first, last);
      }
    });
  });
  // The seed is part of the name: with it the numbers can be made again.
  const std::string kernel = concat("random_", info(y.dtype).short_name,
                                    normal ? "_normal" : "_uniform", "_philox seed=", p.seed);
  const char* type = is_float(y.dtype) ? "float64" : "int64";
  context.made_by(kernel.c_str(), name(y.dtype), type, type);
  return {};
}

}  // namespace

std::vector<CpuOp> create_cpu_ops() {
  return {cpu_op<Full, full_cpu>(), cpu_op<Arange, arange_cpu>(), cpu_op<Random, random_cpu>()};
}

}  // namespace halftone
