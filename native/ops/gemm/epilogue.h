// Stores of alpha * sums + beta * c, for the ops named after cuBLAS.
#pragma once
#include <cmath>

#include "ops/gemm/matrix.h"
#include "ops/gemm/product.h"

namespace halftone {

/// The rows of c, broadcast to those of a result of shape `out`.
template <class T>
class AddendRows {
 public:
  AddendRows() = default;
  AddendRows(const TensorView& c, const Shape& out) : data_(c.as<const T>()) {
    const int rank = c.shape.rank;
    const int64_t cols = rank ? c.shape[rank - 1] : 1;
    step_ = cols == 1 ? 0 : 1;
    rows_ = BatchOffsets(detail::leading(c.shape, rank ? rank - 1 : 0),
                         detail::leading(out, out.rank - 1), cols);
  }
  explicit operator bool() const { return data_ != nullptr; }
  /// Element (row, col), where rows of all batches are counted through.
  const T* row(int64_t row) const { return data_ + rows_[row]; }
  int64_t step() const { return step_; }

 private:
  const T* data_ = nullptr;
  int64_t step_ = 0;
  BatchOffsets rows_;
};

/// y = alpha * sum (rounded to float32), then fma(beta, c, y) in float32, then one rounding to T.
/// Sum: float or int32_t (an int32 is rounded to float32 first). c may be absent.
template <class Sum, class T>
class ScaledStore final : public GemmStore<Sum> {
 public:
  ScaledStore(T* out, int64_t m, int64_t n, float alpha, float beta, AddendRows<T> c)
      : out_(out), m_(m), n_(n), alpha_(alpha), beta_(beta), c_(c) {}

  void store(int64_t batch, int64_t row, int64_t col, int64_t rows, int64_t cols, Sum* sums,
             int64_t ld) const override {
    constexpr int64_t kChunk = 64;
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t line = batch * m_ + row + r;
      const T* const c = c_ ? c_.row(line) : nullptr;
      for (int64_t first = 0; first < cols; first += kChunk) {
        const int64_t count = std::min(kChunk, cols - first);
        const Sum* const from = sums + r * ld + first;
        float y[kChunk];
        for (int64_t j = 0; j < count; ++j) y[j] = alpha_ * static_cast<float>(from[j]);
        if (c) add(c + (col + first) * c_.step(), count, y);
        T* const to = out_ + line * n_ + col + first;
        if constexpr (std::is_same_v<T, float>)
          std::copy_n(y, count, to);
        else
          convert(y, to, count);
      }
    }
  }

 private:
  void add(const T* c, int64_t count, float* y) const {
    for (int64_t j = 0; j < count; ++j) {
      float cj;
      if constexpr (std::is_same_v<T, float>)
        cj = c[j * c_.step()];
      else
        cj = to_float(c[j * c_.step()]);
      y[j] = beta_ == 1 ? y[j] + cj : std::fma(beta_, cj, y[j]);
    }
  }

  T* out_;
  int64_t m_, n_;
  float alpha_, beta_;
  AddendRows<T> c_;
};

/// y = half_rn(alpha * sum), then fma_f16(beta, c, y): all in float16. The sums are float16 values.
class HalfStore final : public GemmStore<float> {
 public:
  HalfStore(f16* out, int64_t m, int64_t n, f16 alpha, f16 beta, AddendRows<f16> c)
      : out_(out), m_(m), n_(n), alpha_(to_float(alpha)), beta_(beta), c_(c) {}

  void store(int64_t batch, int64_t row, int64_t col, int64_t rows, int64_t cols, float* sums,
             int64_t ld) const override {
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t line = batch * m_ + row + r;
      float* const from = sums + r * ld;
      // Products of two float16 are exact in float32, so this rounds once.
      if (alpha_ != 1)
        for (int64_t j = 0; j < cols; ++j) from[j] *= alpha_;
      f16* const to = out_ + line * n_ + col;
      convert(from, to, cols);
      if (!c_) continue;
      const f16* const c = c_.row(line) + col * c_.step();
      for (int64_t j = 0; j < cols; ++j) to[j] = fma_f16(beta_, c[j * c_.step()], to[j]);
    }
  }

 private:
  f16* out_;
  int64_t m_, n_;
  float alpha_;
  f16 beta_;
  AddendRows<f16> c_;
};

/// alpha * sum + beta * c modulo 2^32.
class IntScaledStore final : public GemmStore<int32_t> {
 public:
  IntScaledStore(int32_t* out, int64_t m, int64_t n, int32_t alpha, int32_t beta,
                 AddendRows<int32_t> c)
      : out_(out),
        m_(m),
        n_(n),
        alpha_(static_cast<uint32_t>(alpha)),
        beta_(static_cast<uint32_t>(beta)),
        c_(c) {}

  void store(int64_t batch, int64_t row, int64_t col, int64_t rows, int64_t cols, int32_t* sums,
             int64_t ld) const override {
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t line = batch * m_ + row + r;
      const int32_t* const c = c_ ? c_.row(line) + col * c_.step() : nullptr;
      for (int64_t j = 0; j < cols; ++j) {
        uint32_t y = alpha_ * static_cast<uint32_t>(sums[r * ld + j]);
        if (c) y += beta_ * static_cast<uint32_t>(c[j * c_.step()]);
        out_[line * n_ + col + j] = static_cast<int32_t>(y);
      }
    }
  }

 private:
  int32_t* out_;
  int64_t m_, n_;
  uint32_t alpha_, beta_;
  AddendRows<int32_t> c_;
};

}  // namespace halftone
