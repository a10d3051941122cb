#include <algorithm>
#include <cstring>

#include "core/cpu_features.h"
#include "core/kernel.h"
#include "ops/cast/bitcast.h"
#include "ops/cast/cast.h"
#include "ops/cast/cast_narrow.h"
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

// x as floats that round to a narrow float as x itself does.
template <class From>
void nearly_all(const From* from, float* to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    if constexpr (std::is_same_v<From, float>)
      to[i] = from[i];
    else if constexpr (is_16_bit_float<From>)
      to[i] = to_float(from[i]);
    else
      to[i] = nearly(from[i]);
  }
}

// One chunk: x to what a narrow type is made of (float, int8 or uint8), or what it is to y.
void cast_chunk(const TensorView& x, const TensorView& y, int64_t at, int64_t n,
                const Cast::Params& p) {
  float wide[kChunk];
  const uint8_t* from = x.as<uint8_t>() + at;
  uint8_t* to = y.as<uint8_t>() + at;
  if (is_stored(x.dtype)) {
    const NarrowTable& table = narrow_table(x.dtype);
    for (int64_t i = 0; i < n; ++i) wide[i] = table[from[i]];
  }
  if (!is_stored(y.dtype)) {
    dispatch(y.dtype, [&](auto tag) {
      using To = typename decltype(tag)::type;
      cast_fast(wide, y.as<To>() + at, n, p.saturate);
    });
    return;
  }
  const NarrowFormat format = narrow_format(y.dtype);
  const bool integer = is_narrow_integer(format);
  // `body` gets n elements of a type of its own.
  const auto with_x = [&](auto body) {
    if (is_stored(x.dtype)) return body(static_cast<const float*>(wide));
    dispatch(x.dtype, [&](auto tag) {
      using From = typename decltype(tag)::type;
      body(static_cast<const From*>(x.as<From>() + at));
    });
  };
  if (!integer) {
    if (!is_stored(x.dtype)) with_x([&](const auto* all) { nearly_all(all, wide, n); });
    for (int64_t i = 0; i < n; ++i)
      to[i] = narrow::encode(format, wide[i], p.saturate, p.powerRounding);
  } else if (format.kind == NarrowKind::kSigned) {
    with_x([&](const auto* all) { cast_plain(all, y.as<int8_t>() + at, n, p.saturate); });
    for (int64_t i = 0; i < n; ++i)
      to[i] = narrow::encode_integer(format, static_cast<int8_t>(to[i]), p.saturate);
  } else {
    with_x([&](const auto* all) { cast_plain(all, to, n, p.saturate); });
    for (int64_t i = 0; i < n; ++i) to[i] = narrow::encode_integer(format, to[i], p.saturate);
  }
}

Status cast_stored_cpu(const Cast::Params& p, const KernelContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  context.parallel_for(x.elements(), kGrain, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; i += kChunk)
      cast_chunk(x, y, i, std::min(kChunk, last - i), p);
  });
  context.made_by(cast_kernel_name(p, x.dtype, y.dtype).c_str(), name(x.dtype), "none", "none");
  return {};
}

Status bitcast_cpu(const Bitcast::Params&, const KernelContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  const auto bytes = static_cast<size_t>(x.elements() * size_of(x.dtype));
  if (bytes != 0) std::memcpy(y.data, x.data, bytes);
  if (bits_of(y.dtype) < 8 && x.dtype != y.dtype)
    for (int64_t i = 0; i < y.elements(); ++i)
      y.as<uint8_t>()[i] = narrow::wrapped(narrow_format(y.dtype), y.as<uint8_t>()[i]);
  context.made_by("bitcast", name(x.dtype), "none", "none");
  return {};
}

Status cast_cpu(const Cast::Params& p, const KernelContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  if (x.dtype != y.dtype && (is_stored(x.dtype) || is_stored(y.dtype)))
    return cast_stored_cpu(p, context);
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
      concat(cast_kernel_name(p, x.dtype, y.dtype), converts ? concat("_", name(cpu_isa())) : "");
  context.made_by(kernel.c_str(), name(x.dtype), "none", "none");
  return {};
}

}  // namespace

std::vector<CpuOp> cast_cpu_ops() {
  return {cpu_op<Cast, cast_cpu>(), cpu_op<Bitcast, bitcast_cpu>()};
}

}  // namespace halftone
