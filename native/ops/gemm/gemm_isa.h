// The innermost loops of the matrix product engines, one table per instruction set level.
#pragma once
#include <cstdint>

#include "core/cpu_features.h"

namespace halftone {
namespace gemm_detail {

/// A kernel multiplies one panel of A (mr rows) by one panel of B (nr columns), both laid out as
/// gemm.h says of pack(). In: what is packed; Sum: the type of the tile of sums.
template <class In, class Sum>
struct Kernels {
  const char* name;  // "f32_avx512_12x32"
  int64_t mr, nr;    // at most kGemmMaxWidth
  /// Rewrites a packed panel of kc steps in place into the form that `tile` reads; nullptr: it
  /// reads what was packed.
  void (*prepare_a)(In* panel, int64_t kc);
  void (*prepare_b)(In* panel, int64_t kc);
  /// c[r * ld + j] (+)= sum over kc, for r < rows <= mr and j < cols <= nr; overwrites when
  /// `first`. It may write all nr columns of these rows. a and b are aligned to 64 bytes where a
  /// panel begins.
  void (*tile)(const In* a, const In* b, int64_t kc, bool first, int64_t rows, int64_t cols, Sum* c,
               int64_t ld);
  /// The same with a B that is not packed: row k of the panel is b[step[k]], ..., b[step[k] + nr -
  /// 1]. nullptr: there is no such kernel.
  void (*tile_in_place)(const In* a, const In* b, const int64_t* step, int64_t kc, bool first,
                        int64_t rows, int64_t cols, Sum* c, int64_t ld) = nullptr;
};
using F32Kernels = Kernels<float, float>;
using F16Kernels = Kernels<float, float>;
using S8Kernels = Kernels<int16_t, int32_t>;

}  // namespace gemm_detail

HALFTONE_ISA_DECLARE(const gemm_detail::F32Kernels* gemm_f32_kernels();)
HALFTONE_ISA_DECLARE(const gemm_detail::F16Kernels* gemm_f16_kernels();)
/// vnni: the CPU has AVX512_VNNI.
HALFTONE_ISA_DECLARE(const gemm_detail::S8Kernels* gemm_s8_kernels(bool vnni);)

}  // namespace halftone
