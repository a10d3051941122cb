// int8 products of few lines (rows of A, or columns of B) with many: bound by the bandwidth of
// memory, through which the many go once.
//
// A multiprocessor of an H200 receives 4.8 TB/s / (132 * 1.98 GHz) = 18 bytes per clock, each of
// them multiplied `few` times: at 64 dp4a per clock that is less than the dp4a rate up to 14 few
// lines. The few come out of the first-level cache: each byte serves the 4 many lines of its warp,
// so 16 of them take 16 / 4 * 18 = 73 of its 128 bytes per clock.
#pragma once
#include "ops/gemm_int8/gemm_int8_kernel.cuh"

namespace halftone {

/// Sums over the lanes of a warp: afterwards lane l has sum number l * kCount / 32 + i in v[i] for
/// kCount >= 32, number l / (32 / kCount) in v[0] for fewer. At each step a lane hands on one half
/// of its numbers and keeps the other: kCount - 1 shuffles (and one for each doubling up to 32)
/// instead of 5 * kCount.
template <int kCount>
__device__ __forceinline__ void warp_sums(int32_t (&v)[kCount]) {
  const unsigned lane = threadIdx.x % 32;
  int count = kCount;
#pragma unroll
  for (int width = 16; width > 0; width /= 2) {
    const bool upper = (lane & static_cast<unsigned>(width)) != 0;
    if (count > 1) {
      count /= 2;
#pragma unroll
      for (int i = 0; i < kCount / 2; ++i) {
        if (i >= count) continue;
        const uint32_t keep = static_cast<uint32_t>(upper ? v[i + count] : v[i]);
        const int32_t give = upper ? v[i] : v[i + count];
        v[i] = static_cast<int32_t>(
            keep + static_cast<uint32_t>(__shfl_xor_sync(0xffffffffu, give, width)));
      }
    } else {
      v[0] = static_cast<int32_t>(static_cast<uint32_t>(v[0]) +
                                  static_cast<uint32_t>(__shfl_xor_sync(0xffffffffu, v[0], width)));
    }
  }
}

/// The few lines of a skinny product, and the many that they meet: y(few line, many line).
struct SkinnyArgs {
  GemmS8Operand few, many;
  int64_t few_lines = 0, many_lines = 0, k = 0;
  int32_t* y = nullptr;
  int64_t y_matrix = 0, ld_few = 0, ld_many = 0;
  int64_t first_batch = 0, groups = 1;  // of few lines, kFew of them each
  int64_t split = 0;                    // k of one block, a multiple of 16
  int32_t warps_k = 8;                  // lines: warps that share k; 1, 2, 4 or 8
  bool add = false;
};

inline constexpr int32_t kSkinnyLines = 4;  // many lines of a warp
inline constexpr int32_t kOnes = 0x01010101;
/// Up to so many few lines, the many may lie at any address; registers for more are all taken.
inline constexpr int32_t kSkinnyBytes = 4;

/// 16 k of few line `line`; -1: the line of ones that sums up the many. Rows of the few begin at
/// multiples of 16 and hold zeros after k.
static __device__ __forceinline__ void skinny_few(const SkinnyArgs& p, const uint8_t* few,
                                                  int64_t line, int64_t k, int32_t (&w)[4]) {
  if (line >= 0) {
    device::load_pack(few + line * p.few.ld + k, w);
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i) w[i] = kOnes;
  }
}

/// What a block works on. With a zero point of the few, the last of kFew places is the line of
/// ones.
template <int kFew>
struct SkinnyGroup {
  int64_t batch, first, k;  // first: few line
  int lines;                // few lines, without the ones
  bool ones;
  __device__ __forceinline__ explicit SkinnyGroup(const SkinnyArgs& p)
      : batch(p.first_batch + blockIdx.z / p.groups),
        k(blockIdx.y * p.split),
        ones(p.few.zero != 0) {
    const int most = kFew - (ones ? 1 : 0);
    first = blockIdx.z % p.groups * most;
    lines = p.few_lines - first < most ? static_cast<int>(p.few_lines - first) : most;
  }
  __device__ __forceinline__ bool has(int f) const { return f < lines || (ones && f == kFew - 1); }
  __device__ __forceinline__ int64_t line(int f) const { return f < lines ? first + f : -1; }
  __device__ __forceinline__ int64_t k_end(const SkinnyArgs& p) const {
    return p.k - k < p.split ? p.k : k + p.split;
  }
};

/// Adds what zero points do, and stores. `ones`: the sum of the many line.
static __device__ __forceinline__ void skinny_store(const SkinnyArgs& p, int64_t batch, int64_t few,
                                                    int64_t many, int32_t sum, int32_t ones) {
  const uint32_t zf = static_cast<uint32_t>(p.few.zero), zm = static_cast<uint32_t>(p.many.zero);
  uint32_t y = static_cast<uint32_t>(sum) - zf * static_cast<uint32_t>(ones);
  if (zm && blockIdx.y == 0) {
    const int64_t line = p.few.batches.matrix(batch) * p.few_lines + few;
    y += zm * (static_cast<uint32_t>(p.k) * zf - static_cast<uint32_t>(p.few.line_sums[line]));
  }
  gemm_s8_store(p.y + batch * p.y_matrix + few * p.ld_few + many * p.ld_many, y, p.add);
}

/// The many lines' k lie side by side: lanes take 16 k each, warps the next 512.
/// Grid: (many lines by 4 * 8 / warps_k, splits of k, groups of few lines times batches); 256
/// threads.
template <bool kFewUnsigned, bool kManyUnsigned, int kFew, class Faults = device::Sound>
__global__ void __launch_bounds__(256, 2) gemm_s8_dp4a_skinny_lines(SkinnyArgs p) {
  using namespace device;
  constexpr int kSums = kFew * kSkinnyLines;
  constexpr bool kBytes = kFew <= kSkinnyBytes;
  __shared__ int32_t partial[8][kSums];
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const SkinnyGroup<kFew> group(p);
  const int64_t first = (int64_t{blockIdx.x} * (8 / p.warps_k) + warp / p.warps_k) * kSkinnyLines;
  const int64_t end = group.k_end(p);
  const uint8_t *few = p.few.of(group.batch), *many = p.many.of(group.batch) + first * p.many.ld;
  int32_t sums[kSums] = {};
  for (int64_t k = group.k + warp % p.warps_k * 512 + lane * 16; k < end; k += p.warps_k * 512) {
    const int left = end - k < 16 ? static_cast<int>(end - k) : 16;
    int32_t w[kSkinnyLines][4];
#pragma unroll
    for (int l = 0; l < kSkinnyLines; ++l) {
      const uint8_t* at = many + l * p.many.ld + k;
      const int count = Faults::kGuards && first + l >= p.many_lines ? 0 : left;
      if (count == 16 && p.many.vector == 16) {
        load_pack(at, w[l]);
      } else {
#pragma unroll
        for (int j = 0; j < 4; ++j)
          w[l][j] = gemm_s8_word<kBytes>(at + 4 * j, count - 4 * j, p.many.vector);
      }
    }
#pragma unroll
    for (int f = 0; f < kFew; ++f) {
      if (!group.has(f)) continue;
      int32_t x[4];
      skinny_few(p, few, group.line(f), k, x);
#pragma unroll
      for (int l = 0; l < kSkinnyLines; ++l)
#pragma unroll
        for (int j = 0; j < 4; ++j)
          sums[f * kSkinnyLines + l] =
              dot4<kFewUnsigned, kManyUnsigned>(x[j], w[l][j], sums[f * kSkinnyLines + l]);
    }
  }
  warp_sums(sums);
  if constexpr (kSums >= 32) {
#pragma unroll
    for (int i = 0; i < kSums / 32; ++i) partial[warp][lane * (kSums / 32) + i] = sums[i];
  } else {
    if (lane % (32 / kSums) == 0) partial[warp][lane / (32 / kSums)] = sums[0];
  }
  Faults::barrier();
  const auto total = [&](int set, int number) {
    uint32_t sum = 0;
    for (int w = 0; w < p.warps_k; ++w)
      sum += static_cast<uint32_t>(partial[set * p.warps_k + w][number]);
    return static_cast<int32_t>(sum);
  };
  for (int t = static_cast<int>(threadIdx.x); t < 8 / p.warps_k * kSums; t += 256) {
    const int set = t / kSums, f = t % kSums / kSkinnyLines, l = t % kSkinnyLines;
    const int64_t line = (int64_t{blockIdx.x} * (8 / p.warps_k) + set) * kSkinnyLines + l;
    if (f >= group.lines || line >= p.many_lines) continue;
    const int32_t ones = group.ones ? total(set, (kFew - 1) * kSkinnyLines + l) : 0;
    skinny_store(p, group.batch, group.first + f, line, total(set, t % kSums), ones);
  }
}

/// The many lines lie side by side: lanes take 4 lines each and transpose 4 k of them, warps take
/// 16 k in turn. Grid: (many lines by 128, splits of k, groups of few lines times batches); 256
/// threads.
template <bool kFewUnsigned, bool kManyUnsigned, int kFew, class Faults = device::Sound>
__global__ void __launch_bounds__(256, 2) gemm_s8_dp4a_skinny_steps(SkinnyArgs p) {
  using namespace device;
  // Sum l of few line f and lane: [(f * 4 + l) * 32 + lane], so that a warp meets each bank once.
  constexpr int kSums = kFew * kSkinnyLines;
  constexpr bool kBytes = kFew <= kSkinnyBytes;
  __shared__ unsigned total[kSums * 32];
  for (int t = static_cast<int>(threadIdx.x); t < kSums * 32; t += 256) total[t] = 0;
  Faults::barrier();
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const SkinnyGroup<kFew> group(p);
  const int64_t first = int64_t{blockIdx.x} * 128, end = group.k_end(p);
  const int64_t room = p.many_lines - first - lane * 4;
  const int lines = room < 0 ? 0 : room < 4 ? static_cast<int>(room) : 4;
  const uint8_t *few = p.few.of(group.batch), *many = p.many.of(group.batch) + first + lane * 4;
  int32_t sums[kSums] = {};
  for (int64_t k = group.k + warp * 16; k < end; k += 128) {
    int32_t w[4][4];
#pragma unroll
    for (int q = 0; q < 4; ++q) {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        w[q][i] =
            !Faults::kGuards || k + q * 4 + i < end
                ? gemm_s8_word<kBytes>(many + (k + q * 4 + i) * p.many.ld, lines, p.many.vector)
                : 0;
    }
#pragma unroll
    for (int q = 0; q < 4; ++q) transpose_bytes(w[q]);
#pragma unroll
    for (int f = 0; f < kFew; ++f) {
      if (!group.has(f)) continue;
      int32_t x[4];
      skinny_few(p, few, group.line(f), k, x);
#pragma unroll
      for (int q = 0; q < 4; ++q)
#pragma unroll
        for (int l = 0; l < kSkinnyLines; ++l)
          sums[f * kSkinnyLines + l] =
              dot4<kFewUnsigned, kManyUnsigned>(x[q], w[q][l], sums[f * kSkinnyLines + l]);
    }
  }
#pragma unroll
  for (int i = 0; i < kSums; ++i)
    if (group.has(i / kSkinnyLines))
      atomicAdd(&total[i * 32 + lane], static_cast<unsigned>(sums[i]));
  Faults::barrier();
  for (int t = static_cast<int>(threadIdx.x); t < group.lines * 128; t += 256) {
    const int f = t / 128, column = t % 128;
    if (first + column >= p.many_lines) continue;
    const int at = column % 4 * 32 + column / 4;
    const unsigned ones = group.ones ? total[(kFew - 1) * 128 + at] : 0;
    skinny_store(p, group.batch, group.first + f, first + column,
                 static_cast<int32_t>(total[f * 128 + at]), static_cast<int32_t>(ones));
  }
}

}  // namespace halftone
