#include "core/elementwise.h"

#include <cstring>

#include "core/dispatch_bits.h"
#include "core/promote.h"

namespace halftone {
namespace {

// A tile longer than this is not worth its copy: runs are long enough to be used where they lie.
constexpr int64_t kMaxPeriod = 4 * kBlock;

// Nearest float64, or for integers beyond 2^53 one that rounds to the same 16-bit float: the last
// bit is sticky.
template <class T>
double to_double(T x) {
  if constexpr (std::is_same_v<T, uint64_t>) {
    if (x > uint64_t{1} << 53) {
      const uint64_t kept = x >> 11 | static_cast<uint64_t>((x & 2047) != 0);
      return static_cast<double>(kept) * 2048.0;
    }
  }
  if constexpr (std::is_same_v<T, int64_t>) {
    if (x > (int64_t{1} << 53) || x < -(int64_t{1} << 53)) {
      const int64_t kept = x >> 11 | static_cast<int64_t>((x & 2047) != 0);
      return static_cast<double>(kept) * 2048.0;
    }
  }
  return static_cast<double>(x);
}

template <class To, class From>
ComputeType<To> convert_one(From x) {
  if constexpr (std::is_same_v<From, Bool>)
    return static_cast<ComputeType<To>>(x.value);
  else if constexpr (is_widened<From>)
    return static_cast<ComputeType<To>>(to_float(x));
  else if constexpr (std::is_same_v<To, f16>)
    return to_float(to_f16(to_double(x)));
  else if constexpr (std::is_same_v<To, bf16>)
    return to_float(to_bf16(to_double(x)));
  else
    return static_cast<ComputeType<To>>(x);
}

void fill(std::byte* to, const std::byte* value, int64_t size, int64_t n) {
  auto fill_as = [&](auto zero) {
    decltype(zero) v;
    std::memcpy(&v, value, sizeof v);
    auto* p = reinterpret_cast<decltype(zero)*>(to);
    for (int64_t i = 0; i < n; ++i) p[i] = v;
  };
  dispatch_bits(size, fill_as);
}

// Short runs are common (3 channels): a loop over elements beats a call of memcpy.
void copy_run(std::byte* to, const std::byte* from, int64_t size, int64_t n) {
  if (n * size >= 64) {
    std::memcpy(to, from, static_cast<size_t>(n * size));
    return;
  }
  auto copy_as = [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = 0; i < n; ++i)
      std::memcpy(to + i * static_cast<int64_t>(sizeof(T)),
                  from + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
  };
  dispatch_bits(size, copy_as);
}

}  // namespace

void widen(DType from, const void* x, DType as, void* to, int64_t n) {
  if (is_16bit_float(from) && compute_dtype(as) == DType::kF32) {
    if (from == DType::kF16)
      convert(static_cast<const f16*>(x), static_cast<float*>(to), n);
    else
      convert(static_cast<const bf16*>(x), static_cast<float*>(to), n);
    return;
  }
  if (from == as) {
    std::memcpy(to, x, static_cast<size_t>(n * size_of(as)));
    return;
  }
  dispatch(from, [&](auto from_tag) {
    dispatch(as, [&](auto as_tag) {
      using From = typename decltype(from_tag)::type;
      using To = typename decltype(as_tag)::type;
      if constexpr (promotes(dtype_of<From>, dtype_of<To>) &&
                    promote(dtype_of<From>, dtype_of<To>) == dtype_of<To> &&
                    !std::is_same_v<From, To>) {
        const From* p = static_cast<const From*>(x);
        auto* q = static_cast<ComputeType<To>*>(to);
        for (int64_t i = 0; i < n; ++i) q[i] = convert_one<To>(p[i]);
      }
    });
  });
}

void narrow(const float* x, DType as, void* to, int64_t n) {
  if (as == DType::kF16)
    convert(x, static_cast<f16*>(to), n);
  else
    convert(x, static_cast<bf16*>(to), n);
}

Operand::Operand(const TensorView& x, const Shape& out, DType as)
    : stored_(x.dtype),
      as_(as),
      data_(static_cast<const std::byte*>(x.data)),
      size_(size_of(compute_dtype(as))) {
  const bool as_stored = stored_ == as_ && !is_16bit_float(as_);
  if (out.elements() == 0) return;

  // Drop axes of size 1 and join neighbours that one stride walks, from the last axis on.
  int64_t strides[kMaxRank];
  broadcast_strides(x.shape, out, strides);
  Shape reversed;
  int64_t reversed_strides[kMaxRank];
  for (int i = out.rank - 1; i >= 0; --i) {
    if (out[i] == 1) continue;
    const int last = reversed.rank - 1;
    if (last >= 0 && strides[i] == reversed_strides[last] * reversed[last]) {
      reversed[last] *= out[i];
    } else {
      reversed_strides[reversed.rank] = strides[i];
      reversed.push_back(out[i]);
    }
  }
  for (int i = reversed.rank - 1; i >= 0; --i) {
    strides_[dims_.rank] = reversed_strides[i];
    dims_.push_back(reversed[i]);
  }

  if (dims_.rank == 0 || (dims_.rank == 1 && strides_[0] == 1)) {
    direct_ = as_stored;
    return;
  }
  const int64_t elements = x.elements();
  const bool scalar = dims_.rank == 1;
  const bool row =
      dims_.rank == 2 && strides_[0] == 0 && strides_[1] == 1 && elements <= kMaxPeriod;
  if (scalar || row) {
    kind_ = Kind::kTiled;
    period_ = scalar ? 1 : elements;
    copy_.resize(static_cast<size_t>((period_ + kBlock) * size_));
    widen(stored_, x.data, as_, copy_.data(), period_);
    const int64_t length = period_ + kBlock;
    for (int64_t done = period_; done < length; done *= 2)
      std::memcpy(copy_.data() + done * size_, copy_.data(),
                  static_cast<size_t>(std::min(done, length - done) * size_));
    data_ = copy_.data();
    return;
  }
  kind_ = Kind::kStrided;
  if (!as_stored) {
    copy_.resize(static_cast<size_t>(elements * size_));
    widen(stored_, x.data, as_, copy_.data(), elements);
    data_ = copy_.data();
  }
}

const void* Operand::block(int64_t i, int64_t n, void* scratch) const {
  if (kind_ == Kind::kTiled) return data_ + i % period_ * size_;
  if (kind_ == Kind::kStrided) {
    gather(i, n, static_cast<std::byte*>(scratch));
    return scratch;
  }
  const std::byte* from = data_ + i * size_of(stored_);
  if (direct_) return from;
  widen(stored_, from, as_, scratch, n);
  return scratch;
}

void Operand::gather(int64_t i, int64_t n, std::byte* to) const {
  const int last = dims_.rank - 1;
  int64_t at[kMaxRank], offset = 0;
  for (int k = last; k >= 0; --k) {
    at[k] = i % dims_[k];
    i /= dims_[k];
    offset += at[k] * strides_[k];
  }
  for (;;) {
    const int64_t run = std::min(n, dims_[last] - at[last]);
    if (strides_[last] == 0)
      fill(to, data_ + offset * size_, size_, run);
    else
      copy_run(to, data_ + offset * size_, size_, run);
    n -= run;
    if (n == 0) return;
    to += run * size_;
    // The run ended at the end of the last axis: carry.
    offset -= at[last] * strides_[last];
    at[last] = 0;
    for (int k = last - 1;; --k) {
      offset += strides_[k];
      if (++at[k] < dims_[k]) break;
      offset -= dims_[k] * strides_[k];
      at[k] = 0;
    }
  }
}

}  // namespace halftone
