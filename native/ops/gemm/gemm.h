// The matrix product engines of the CPU backend, shared by matmul, the gemm family and the
// convolutions.
//
//   C[batch, M, N] = A[batch, M, K] * B[batch, K, N]
//
// The engines know nothing of memory layouts. An operand *packs* itself: asked for a few rows of A
// (or columns of B) and a range of k, it writes them as a dense panel. So a convolution delivers
// its patches without ever storing an im2col matrix, 16-bit inputs are widened and tf32 operands
// rounded while they are copied, and transposes cost nothing extra. The result is handed to a
// *store*, tile by tile, as the finished sums: it adds the bias, applies alpha, beta and relu,
// rounds once to the output's dtype and puts the values where they belong.
//
// What each result element is, whatever the tile sizes, the instruction set and the number of
// threads:
//
//   gemm_f32: partial sums of kGemmBlockK terms, added in float32 in ascending order. Each is a
//   chain acc = fma(a, b, acc) with k ascending from acc = 0; on x86 CPUs without FMA, acc = acc +
//   a * b.
//
//   gemm_f16: one chain acc = fma_f16(a, b, acc) over all k, ascending, from acc = +0
//   (core/half.h).
//
//   gemm_s8: the exact sum modulo 2^32.
#pragma once
#include <cstdint>

#include "core/kernel.h"

namespace halftone {

/// Terms in one partial sum of gemm_f32, and the most that pack() is asked for. Even: gemm_s8 works
/// on pairs of k.
inline constexpr int64_t kGemmBlockK = 256;
/// The widest panel that pack() is asked for.
inline constexpr int64_t kGemmMaxWidth = 64;

struct GemmSize {
  int64_t batch = 1, m = 0, n = 0, k = 0;
};

/// The part of an operand to pack: lines [first, first + count) of batch `batch`, where a line is a
/// row of A or a column of B, and k in [k0, k0 + kc). 1 <= count <= width <= kGemmMaxWidth; 1 <= kc
/// <= kGemmBlockK; k0 is a multiple of kGemmBlockK. Lines from count to width must be filled with
/// zeros.
struct GemmPanel {
  int64_t batch = 0;
  int64_t first = 0, count = 0, width = 0;
  int64_t k0 = 0, kc = 0;
};

/// Elements that lie in memory as the kernels read them: element (first + i, k0 + k) of a panel is
/// base[step[k] + i], and all i < width may be read, whatever lies past `count`.
template <class T>
struct GemmInPlace {
  const T* base = nullptr;
  const int64_t* step = nullptr;
};

/// One operand. pack() is called from several threads at once, more than once for the same part.
///
/// T = float (gemm_f32, gemm_f16):  to[k * width + i] = element(first + i, k0 + k), 0 for i >=
/// count.
///     For gemm_f16 every value must be a float16 value.
/// T = int16_t (gemm_s8): pairs of k side by side,
///     to[(k / 2 * width + i) * 2 + k % 2] = element(first + i, k0 + k), 0 for i >= count and for k
///     == kc when kc is odd. Values lie in [-255, 255]: an int8 or uint8 less its zero point.
template <class T>
class GemmOperand {
 public:
  virtual ~GemmOperand() = default;
  virtual void pack(const GemmPanel& panel, T* to) const = 0;
  /// Asked of B, by the engines that can do without pack(), for a panel that so many rows of A are
  /// multiplied by. Where this has no base, pack() follows.
  virtual GemmInPlace<T> in_place(const GemmPanel&, [[maybe_unused]] int64_t rows) const {
    return {};
  }
};

/// Where results go. store() is called exactly once for each element of each batch, from several
/// threads at once: sums[r * ld + c] is C[batch, row + r, col + c] for 0 <= r < rows, 0 <= c <
/// cols. Sums of gemm_f16 are float16 values. `sums` may be overwritten (as scratch).
template <class T>
class GemmStore {
 public:
  virtual ~GemmStore() = default;
  virtual void store(int64_t batch, int64_t row, int64_t col, int64_t rows, int64_t cols, T* sums,
                     int64_t ld) const = 0;
};

/// What ran, for made_by(). kernel: "f32_avx512_12x32"; put the op's name in front.
struct GemmReport {
  char kernel[48] = {};
  uint64_t workspace_bytes = 0;
};

/// All sizes may be 0; with k == 0 the sums are 0. May throw std::bad_alloc.
GemmReport gemm_f32(const KernelContext& context, const GemmSize& size, const GemmOperand<float>& a,
                    const GemmOperand<float>& b, const GemmStore<float>& c);
GemmReport gemm_f16(const KernelContext& context, const GemmSize& size, const GemmOperand<float>& a,
                    const GemmOperand<float>& b, const GemmStore<float>& c);
GemmReport gemm_s8(const KernelContext& context, const GemmSize& size,
                   const GemmOperand<int16_t>& a, const GemmOperand<int16_t>& b,
                   const GemmStore<int32_t>& c);

}  // namespace halftone
