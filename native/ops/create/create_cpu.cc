#include "core/kernel.h"
#include "ops/create/create.h"
#include "ops/create/normal.h"
#include "ops/create/philox.h"

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
    T* to = y.as<T>();
    context.parallel_for(y.elements(), kGrain, [&](int64_t first, int64_t last) {
      if constexpr (std::is_integral_v<T>) {
        // Exact also above 2^53, and modulo 2^64 on the way from one end of int64 to the other.
        // With one element the step need not be an int64.
        const uint64_t start = static_cast<uint64_t>(static_cast<int64_t>(p.start));
        const uint64_t step =
            y.elements() > 1 ? static_cast<uint64_t>(static_cast<int64_t>(p.step)) : 0;
        for (int64_t i = first; i < last; ++i)
          to[i] = static_cast<T>(start + static_cast<uint64_t>(i) * step);
      } else {
        for (int64_t i = first; i < last; ++i)
          to[i] = cast_value<T>(p.start + static_cast<double>(i) * p.step, false);
      }
    });
  });
  const char* type = is_float(y.dtype) ? "float64" : "int64";
  context.made_by(concat("arange_", info(y.dtype).short_name).c_str(), name(y.dtype), type, type);
  return {};
}

// The greatest number below x.
template <class T>
T below(T x) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::nextafter(x, -std::numeric_limits<T>::infinity());
  } else {
    const uint16_t bits = x.bits;
    if ((bits & 0x7fff) == 0) return T{0x8001};
    return T{static_cast<uint16_t>(bits & 0x8000 ? bits + 1 : bits - 1)};
  }
}

template <class T>
double as_double(T x) {
  if constexpr (is_16_bit_float<T>)
    return to_float(x);
  else
    return x;
}

template <class T>
void uniform_floats(Philox philox, double low, double high, T* to, int64_t first, int64_t last) {
  const T end = cast_value<T>(high, false);
  const double from = as_double(cast_value<T>(low, false)), width = as_double(end) - from;
  constexpr int kPerBlock = sizeof(T) == 8 ? 2 : 4;
  for (int64_t i = first; i < last; i += kPerBlock) {
    const PhiloxBlock block = philox.block(static_cast<uint64_t>(i / kPerBlock));
    for (int j = 0; j < kPerBlock && i + j < last; ++j) {
      const size_t at = static_cast<size_t>(j);
      const double u = sizeof(T) == 8 ? static_cast<double>(Philox::wide(block, at) >> 11) * 0x1p-53
                                      : block[at] * 0x1p-32;
      const T y = cast_value<T>(from + u * width, false);
      to[i + j] = as_double(y) < as_double(end) ? y : below(end);
    }
  }
}

template <class T>
void uniform_integers(Philox philox, double low, double high, T* to, int64_t first, int64_t last) {
  const int64_t from = static_cast<int64_t>(low);
  const uint64_t count = static_cast<uint64_t>(high - low);
  for (int64_t i = first; i < last; i += 2) {
    const PhiloxBlock block = philox.block(static_cast<uint64_t>(i / 2));
    for (int j = 0; j < 2 && i + j < last; ++j) {
      const uint64_t r = Philox::wide(block, static_cast<uint64_t>(j));
      const uint64_t k = static_cast<uint64_t>(static_cast<unsigned __int128>(r) * count >> 64);
      to[i + j] = static_cast<T>(from + static_cast<int64_t>(k));
    }
  }
}

template <class T>
void normal_floats(Philox philox, double mean, double std, T* to, int64_t first, int64_t last) {
  for (int64_t i = first; i < last; i += 2) {
    const PhiloxBlock block = philox.block(static_cast<uint64_t>(i / 2));
    const NormalPair n = box_muller(Philox::wide(block, 0), Philox::wide(block, 1));
    to[i] = cast_value<T>(mean + std * n.first, false);
    if (i + 1 < last) to[i + 1] = cast_value<T>(mean + std * n.second, false);
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
          normal_floats(philox, p.mean, p.std, to, first, last);
        else
          uniform_floats(philox, p.low, p.high, to, first, last);
      } else if constexpr (std::is_integral_v<T>) {
        uniform_integers(philox, p.low, p.high, to, first, last);
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
