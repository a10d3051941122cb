#include <algorithm>
#include <cstring>

#include "core/cpu_features.h"
#include "core/kernel.h"
#include "ops/cast/cast.h"
#include "ops/cast/cast_value.h"

namespace halftone {
namespace {

constexpr int64_t kGrain = 1 << 15;
constexpr int64_t kChunk = 1024;  // floats between two steps: 4 KiB stay in the first-level cache

template <class From, class To>
void cast_plain(const From* from, To* to, int64_t n, bool saturate) {
  for (int64_t i = 0; i < n; ++i) to[i] = cast_value<To>(from[i], saturate);
}

// A float32 that rounds to a 16-bit float as x itself does.
template <class From>
float nearly(From x) {
  if constexpr (std::is_same_v<From, Bool>)
    return x.value != 0 ? 1.0f : 0.0f;
  else if constexpr (std::is_same_v<From, double>)
    return round_to_odd(x);
  else if constexpr (sizeof(From) >= 4)
    return round_to_odd(odd_double(static_cast<Widest<From>>(x)));
  else
    return static_cast<float>(x);
}

// 16-bit floats go through float32 in the CPU's own conversion instructions; all other pairs are
// simple loops. Gives the bits of cast_plain.
template <class From, class To>
void cast_fast(const From* from, To* to, int64_t n, bool saturate) {
  if constexpr (std::is_same_v<From, To>) {
    std::memcpy(to, from, static_cast<size_t>(n) * sizeof(From));
  } else if constexpr ((is_16_bit_float<From> && std::is_same_v<To, float>) ||
                       (std::is_same_v<From, float> && is_16_bit_float<To>)) {
    convert(from, to, n);
  } else if constexpr (is_16_bit_float<From> || is_16_bit_float<To>) {
    float between[kChunk];
    for (int64_t i = 0; i < n; i += kChunk) {
      const int64_t m = std::min(kChunk, n - i);
      if constexpr (is_16_bit_float<From>)
        convert(from + i, between, m);
      else
        for (int64_t j = 0; j < m; ++j) between[j] = nearly(from[i + j]);
      if constexpr (is_16_bit_float<To>)
        convert(between, to + i, m);
      else
        cast_plain(between, to + i, m, saturate);
    }
  } else {
    cast_plain(from, to, n, saturate);
  }
}

Status cast_cpu(const Cast::Params& p, const KernelContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  bool same = false, converts = false;
  dispatch(x.dtype, [&](auto from_tag) {
    dispatch(y.dtype, [&](auto to_tag) {
      using From = typename decltype(from_tag)::type;
      using To = typename decltype(to_tag)::type;
      same = std::is_same_v<From, To>;
      converts = !same && (is_16_bit_float<From> || is_16_bit_float<To>);
      context.parallel_for(x.elements(), kGrain, [&](int64_t first, int64_t last) {
        cast_fast(x.as<From>() + first, y.as<To>() + first, last - first, p.saturate);
      });
    });
  });
  const std::string kernel =
      same ? "cast_copy"
           : concat("cast_", info(x.dtype).short_name, "_", info(y.dtype).short_name,
                    p.saturate && is_integer(y.dtype) ? "_saturate" : "",
                    converts ? concat("_", name(cpu_isa())) : "");
  context.made_by(kernel.c_str(), name(x.dtype), "none", "none");
  return {};
}

}  // namespace

std::vector<CpuOp> cast_cpu_ops() { return {cpu_op<Cast, cast_cpu>()}; }

}  // namespace halftone
