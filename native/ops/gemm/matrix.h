// Operands and stores of the product engines for ordinary matrices: dense rows with a leading
// dimension, in batches.
#pragma once
#include <cmath>

#include "ops/gemm/compute.h"
#include "ops/gemm/gemm.h"
#include "ops/gemm/pack_isa.h"

namespace halftone {

/// Where each batch of an operand begins: batch numbers run over `out` (row-major), the operand's
/// own leading axes are broadcast to it.
class BatchOffsets {
 public:
  BatchOffsets() = default;
  /// `leading`: the operand's leading axes; `elements`: of one of its matrices.
  BatchOffsets(const Shape& leading, const Shape& out, int64_t elements) : out_(out) {
    broadcast_strides(leading, out, strides_);
    for (int i = 0; i < out.rank; ++i) strides_[i] *= elements;
  }
  int64_t operator[](int64_t batch) const {
    int64_t offset = 0;
    for (int i = out_.rank - 1; i >= 0 && batch > 0; --i) {
      offset += batch % out_[i] * strides_[i];
      batch /= out_[i];
    }
    return offset;
  }

 private:
  Shape out_;
  int64_t strides_[kMaxRank] = {};
};

/// So many rows of A are multiplied by panels of B where they lie.
inline constexpr int64_t kFewRows = 16;

/// A matrix as an operand. `by_lines`: the elements of a line (a row of A, a column of B) lie side
/// by side, and lines are `stride` elements apart; else the lines of one k lie side by side, and
/// steps of k are `stride` apart.
template <class T>
class MatrixOperand final : public GemmOperand<T> {
 public:
  MatrixOperand(const void* data, PackFrom how, bool by_lines, int64_t stride,
                BatchOffsets offsets = {}, int32_t zero = 0)
      : data_(static_cast<const char*>(data)),
        how_(how),
        by_lines_(by_lines),
        stride_(stride),
        zero_(zero),
        size_(how == PackFrom::kF32 || how == PackFrom::kTf32   ? 4
              : how == PackFrom::kF16 || how == PackFrom::kBF16 ? 2
                                                                : 1),
        offsets_(offsets),
        pack_(by_lines ? HALFTONE_ISA_PICK(pack_lines) : HALFTONE_ISA_PICK(pack_steps)) {
    if (reads_floats())
      for (int64_t k = 0; k < kGemmBlockK; ++k) step_[k] = k * stride;
  }

  void pack(const GemmPanel& p, T* to) const override {
    const int64_t at =
        offsets_[p.batch] + (by_lines_ ? p.first * stride_ + p.k0 : p.k0 * stride_ + p.first);
    pack_({data_ + at * size_, stride_, p.count, p.width, p.kc, how_, zero_}, to);
  }

  /// Packing pays when many rows read the panel. The last columns are packed: past them may be the
  /// end of the matrix.
  GemmInPlace<T> in_place(const GemmPanel& p, int64_t rows) const override {
    if constexpr (std::is_same_v<T, float>)
      if (reads_floats() && rows <= kFewRows && p.count == p.width)
        return {
            reinterpret_cast<const float*>(data_) + offsets_[p.batch] + p.k0 * stride_ + p.first,
            step_};
    return {};
  }

 private:
  bool reads_floats() const {
    return std::is_same_v<T, float> && how_ == PackFrom::kF32 && !by_lines_;
  }

  const char* data_;
  PackFrom how_;
  bool by_lines_;
  int64_t stride_;
  int32_t zero_;
  int64_t size_;
  BatchOffsets offsets_;
  void (*pack_)(const PackPanel&, void*);
  int64_t step_[std::is_same_v<T, float> ? kGemmBlockK
                                         : 1];  // to each k of a panel, where it is read in place
};

/// How a float operand of this dtype is packed for this arithmetic.
constexpr PackFrom pack_from(DType dtype, Compute compute) {
  switch (dtype) {
    case DType::kF16:
      return PackFrom::kF16;
    case DType::kBF16:
      return PackFrom::kBF16;
    case DType::kS8:
      return PackFrom::kS8;
    case DType::kU8:
      return PackFrom::kU8;
    default:
      return compute == Compute::kTf32 ? PackFrom::kTf32 : PackFrom::kF32;
  }
}

/// Writes float sums, rounded once to T (float, f16, bf16), into dense row-major matrices [batch,
/// m, n].
template <class T>
class MatrixStore final : public GemmStore<float> {
 public:
  MatrixStore(T* out, int64_t m, int64_t n) : out_(out), m_(m), n_(n) {}
  void store(int64_t batch, int64_t row, int64_t col, int64_t rows, int64_t cols, float* sums,
             int64_t ld) const override {
    for (int64_t r = 0; r < rows; ++r) {
      T* to = out_ + (batch * m_ + row + r) * n_ + col;
      if constexpr (std::is_same_v<T, float>)
        std::copy_n(sums + r * ld, cols, to);
      else
        convert(sums + r * ld, to, cols);
    }
  }

 private:
  T* out_;
  int64_t m_, n_;
};

/// Writes int32 sums into dense row-major matrices [batch, m, n].
class IntMatrixStore final : public GemmStore<int32_t> {
 public:
  IntMatrixStore(int32_t* out, int64_t m, int64_t n) : out_(out), m_(m), n_(n) {}
  void store(int64_t batch, int64_t row, int64_t col, int64_t rows, int64_t cols, int32_t* sums,
             int64_t ld) const override {
    for (int64_t r = 0; r < rows; ++r)
      std::copy_n(sums + r * ld, cols, out_ + (batch * m_ + row + r) * n_ + col);
  }

 private:
  int32_t* out_;
  int64_t m_, n_;
};

}  // namespace halftone
