// What a product needs besides its products: the sums of lines, for zero points, and copies of
// operands whose k do not lie side by side.
#pragma once
#include "ops/gemm_int8/gemm_int8_kernel.cuh"

namespace halftone {

/// sums[matrix * lines + line] += the sum of the line's bytes. Grid: (lines by 8, or by 1024 when
/// they lie side by side, splits of k, matrices or fewer); 256 threads. sums holds zeros.
template <bool kUnsigned, bool kLines>
__global__ void __launch_bounds__(256)
    gemm_s8_line_sums(GemmS8Operand x, int64_t matrices, int64_t lines, int64_t k, int64_t split,
                      int32_t* sums) {
  using namespace device;
  constexpr int32_t kAllOnes = 0x01010101;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int64_t from = blockIdx.y * split, end = k - from < split ? k : from + split;
  for (int64_t matrix = blockIdx.z; matrix < matrices; matrix += gridDim.z) {
    const uint8_t* data = x.data + matrix * x.matrix;
    auto* const to = reinterpret_cast<unsigned*>(sums + matrix * lines);
    if constexpr (kLines) {
      const int64_t line = int64_t{blockIdx.x} * 8 + warp;
      int32_t sum = 0;
      if (line < lines) {
        for (int64_t i = from + lane * 4; i < end; i += 128) {
          const int count = end - i < 4 ? static_cast<int>(end - i) : 4;
          sum = dot4<kUnsigned, false>(gemm_s8_word<true>(data + line * x.ld + i, count, x.vector),
                                       kAllOnes, sum);
        }
      }
#pragma unroll
      for (int width = 16; width > 0; width /= 2)
        sum = static_cast<int32_t>(static_cast<uint32_t>(sum) +
                                   static_cast<uint32_t>(__shfl_xor_sync(~0u, sum, width)));
      if (line < lines && lane == 0) atomicAdd(to + line, static_cast<unsigned>(sum));
    } else {
      const int64_t line = int64_t{blockIdx.x} * 1024 + threadIdx.x * 4;
      if (line >= lines) continue;
      const int count = lines - line < 4 ? static_cast<int>(lines - line) : 4;
      int32_t sum[4] = {};
      for (int64_t i = from; i < end; i += 4) {
        int32_t w[4];
#pragma unroll
        for (int j = 0; j < 4; ++j)
          w[j] =
              i + j < end ? gemm_s8_word<true>(data + (i + j) * x.ld + line, count, x.vector) : 0;
        transpose_bytes(w);
#pragma unroll
        for (int j = 0; j < 4; ++j) sum[j] = dot4<kUnsigned, false>(w[j], kAllOnes, sum[j]);
      }
#pragma unroll
      for (int j = 0; j < 4; ++j)
        if (j < count) atomicAdd(to + line + j, static_cast<unsigned>(sum[j]));
    }
  }
}

/// to[matrix][line][0, ld): the line's k side by side, zeros after them. Grid-stride over words; ld
/// is a multiple of 16. A line's k lie `k_step` apart in x, lines `line_step`.
static __global__ void __launch_bounds__(256)
    gemm_s8_pack(const uint8_t* x, int64_t x_matrix, int64_t line_step, int64_t k_step,
                 int64_t lines, int64_t k, int64_t matrices, int32_t* to, int64_t ld) {
  const int64_t quads = ld / 4, words = matrices * lines * quads;
  for (int64_t i = int64_t{blockIdx.x} * 256 + threadIdx.x; i < words;
       i += int64_t{gridDim.x} * 256) {
    const int64_t quad = i % quads, line = i / quads % lines, matrix = i / quads / lines;
    const uint8_t* at = x + matrix * x_matrix + line * line_step + quad * 4 * k_step;
    uint32_t word = 0;
    for (int j = 0; j < 4; ++j)
      if (quad * 4 + j < k) word |= static_cast<uint32_t>(at[j * k_step]) << 8 * j;
    to[i] = static_cast<int32_t>(word);
  }
}

}  // namespace halftone
