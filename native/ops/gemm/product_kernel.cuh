// What a product needs around the library's kernel: operands brought into the form that tensor
// cores take, and sums that become the result.
#pragma once
#include <type_traits>

#include "device/half.h"
#include "ops/gemm/finish_activation.h"

namespace halftone {

// ---- packing -----------------------------------------------------------------------------------

/// Lines are rows of the first matrix or columns of the second. in: [batch, lines, k] (by_lines) or
/// [batch, k, lines]; out: [batch, lines_padded, k_padded], zeros beyond lines and k. Each element
/// is xor-ed with `flip`: 0x80 takes uint8 to int8, less 128.
template <class T>
struct PackLines {
  const T* in;
  T* out;
  int64_t lines, k, lines_padded, k_padded;  // the padded ones: multiples of 16
  bool by_lines;
  T flip;
};

inline constexpr int kPackTileLines = 32, kPackTileK = 64;

/// One block per tile; tiles count over k, then lines, then matrices. T: an unsigned integer as
/// wide as the elements. Reads and writes are coalesced both ways: a tile is turned in shared
/// memory.
template <class T>
__global__ void __launch_bounds__(256) pack_lines(PackLines<T> p) {
  constexpr int kVec = 4 / static_cast<int>(sizeof(T));
  // The odd number of words in a line keeps columns of the tile in different banks.
  __shared__ device::Pack<T, kVec> tile[kPackTileLines][kPackTileK / kVec + 1];
  const int64_t k_tiles = (p.k_padded + kPackTileK - 1) / kPackTileK;
  const int64_t line_tiles = (p.lines_padded + kPackTileLines - 1) / kPackTileLines;
  const int64_t k0 = blockIdx.x % k_tiles * kPackTileK;
  const int64_t line0 = blockIdx.x / k_tiles % line_tiles * kPackTileLines;
  const int64_t matrix = blockIdx.x / k_tiles / line_tiles;
  const T* in = p.in + matrix * p.lines * p.k;
  T* out = p.out + matrix * p.lines_padded * p.k_padded;

  for (int i = static_cast<int>(threadIdx.x); i < kPackTileLines * kPackTileK; i += 256) {
    const int line = p.by_lines ? i / kPackTileK : i % kPackTileLines;
    const int k = p.by_lines ? i % kPackTileK : i / kPackTileLines;
    const int64_t l = line0 + line, kk = k0 + k;
    T value = 0;
    if (l < p.lines && kk < p.k)
      value = static_cast<T>(in[p.by_lines ? l * p.k + kk : kk * p.lines + l] ^ p.flip);
    tile[line][k / kVec].v[k % kVec] = value;
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < kPackTileLines * kPackTileK / kVec; i += 256) {
    const int line = i / (kPackTileK / kVec), pack = i % (kPackTileK / kVec);
    const int64_t l = line0 + line, kk = k0 + pack * kVec;
    if (l < p.lines_padded && kk < p.k_padded)
      *reinterpret_cast<device::Pack<T, kVec>*>(out + l * p.k_padded + kk) = tile[line][pack];
  }
}

/// sums[line] = the sum of the k bytes of a line, modulo 2^32. One warp per line; k is a multiple
/// of 4 and `in` aligned to 4 bytes.
__global__ void __launch_bounds__(256)
    line_sums_s8(const int8_t* in, int64_t lines, int64_t k, int32_t* sums) {
  const int64_t line = static_cast<int64_t>(blockIdx.x) * 8 + threadIdx.x / 32;
  if (line >= lines) return;
  const auto* words = reinterpret_cast<const int32_t*>(in + line * k);
  const int lane = static_cast<int>(threadIdx.x % 32);
  int32_t sum = 0;
  for (int64_t i = lane; i < k / 4; i += 32) sum = device::dot4_s8s8(words[i], 0x01010101, sum);
  for (int step = 16; step > 0; step /= 2)
    sum = static_cast<int32_t>(static_cast<uint32_t>(sum) +
                               static_cast<uint32_t>(__shfl_xor_sync(0xffffffffu, sum, step)));
  if (lane == 0) sums[line] = sum;
}

// ---- the addend --------------------------------------------------------------------------------

/// Where the rows of a tensor lie that broadcasts to a result: rows of the result are counted over
/// all its axes but the last.
struct BroadcastRows {
  int rank = 0;
  int64_t sizes[8] = {}, strides[8] = {};
  int64_t column = 0;  // 1; 0: one value for a row
};

HALFTONE_HD int64_t row_offset(const BroadcastRows& at, int64_t row) {
  int64_t offset = 0;
  for (int i = at.rank - 1; i >= 0 && row > 0; --i) {
    offset += row % at.sizes[i] * at.strides[i];
    row /= at.sizes[i];
  }
  return offset;
}

/// y[rows, n] = c, broadcast. blockDim: (columns, rows). T: an unsigned integer as wide as an
/// element.
template <class T>
__global__ void broadcast_rows(const T* c, BroadcastRows at, T* y, int64_t rows, int64_t n) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.y;
  for (int64_t r = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y; r < rows;
       r += step) {
    const T* from = c + row_offset(at, r);
    for (int64_t j = threadIdx.x; j < n; j += blockDim.x) y[r * n + j] = from[j * at.column];
  }
}

// ---- from sums to results ----------------------------------------------------------------------

/// y = activation(alpha * sum + beta * c + bias) for one batch of matrices [m, n]. Scale: the type
/// of alpha and beta, in which each step is done: float, f16 or int32_t.
template <class Sum, class T, class Scale>
struct FinishRows {
  const Sum* sums = nullptr;  // [batch, ?, sums_ld]; nullptr: all are 0
  int64_t sums_ld = 0, sums_stride = 0;
  T* y = nullptr;
  int64_t batch = 0, m = 0, n = 0, y_stride = 0;
  Scale alpha = {}, beta = {};
  const T* c = nullptr;  // nullptr: none
  BroadcastRows c_at;
  int64_t c_row0 = 0;  // the row of the whole result that is y's first
  const T* bias = nullptr;
  FinishActivation activation = FinishActivation::kNone;
  // int32_t sums of operands less their zero points za, zb: sum - zb * a_sums[row] - za *
  // b_sums[col] + k * za * zb, modulo 2^32. A null pointer counts as zeros.
  const int32_t *a_sums = nullptr, *b_sums = nullptr;
  int64_t a_sums_stride = 0, b_sums_stride = 0;
  uint32_t za = 0, zb = 0, k_za_zb = 0;
};

/// As x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3): without cancellation.
HALFTONE_HD float finish_gelu_tanh(float x) {
  const float twice = 1.59576912160573071176f * (x + 0.044715f * x * x * x);
  const float e = expf(-fabsf(twice));
  return x * ((twice < 0 ? e : 1.0f) / (1.0f + e));
}
HALFTONE_HD float finish_activate(FinishActivation activation, float x) {
  if (activation == FinishActivation::kRelu) return x <= 0 ? 0.0f : x;  // a NaN stays one
  return activation == FinishActivation::kGeluTanh ? finish_gelu_tanh(x) : x;
}

template <class Sum, class T, class Scale>
HALFTONE_HD T finish_one(const FinishRows<Sum, T, Scale>& p, Sum sum, const T* c, const T* bias) {
  if constexpr (std::is_same_v<Scale, int32_t>) {
    uint32_t y = static_cast<uint32_t>(p.alpha) * static_cast<uint32_t>(sum);
    if (c) y += static_cast<uint32_t>(p.beta) * static_cast<uint32_t>(*c);
    return static_cast<T>(y);
  } else if constexpr (std::is_same_v<Scale, f16>) {
    f16 y = device::mul(p.alpha, sum);
    if (c) y = device::fma(p.beta, *c, y);
    if (bias) y = device::add(y, *bias);
    if (p.activation == FinishActivation::kNone) return y;
    return device::from_float<f16>(finish_activate(p.activation, device::to_float(y)));
  } else {
    float y = p.alpha * static_cast<float>(sum);
    if (c) y = fmaf(p.beta, device::to_float(*c), y);
    if (bias) y += device::to_float(*bias);
    return device::from_float<T>(finish_activate(p.activation, y));
  }
}

/// blockDim: (columns, rows).
template <class Sum, class T, class Scale>
__global__ void finish_rows(FinishRows<Sum, T, Scale> p) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.y;
  for (int64_t r = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y; r < p.batch * p.m;
       r += step) {
    const int64_t matrix = r / p.m, row = r % p.m;
    const Sum* sums = p.sums ? p.sums + matrix * p.sums_stride + row * p.sums_ld : nullptr;
    const T* c = p.c ? p.c + row_offset(p.c_at, p.c_row0 + r) : nullptr;
    T* y = p.y + matrix * p.y_stride + row * p.n;
    uint32_t correction = 0;
    if constexpr (std::is_same_v<Sum, int32_t>) {
      correction = p.k_za_zb;
      if (p.a_sums)
        correction -= p.zb * static_cast<uint32_t>(p.a_sums[matrix * p.a_sums_stride + row]);
    }
    for (int64_t j = threadIdx.x; j < p.n; j += blockDim.x) {
      Sum sum = {};
      if (sums) sum = sums[j];
      if constexpr (std::is_same_v<Sum, int32_t>) {
        uint32_t exact = static_cast<uint32_t>(sum) + correction;
        if (p.b_sums) exact -= p.za * static_cast<uint32_t>(p.b_sums[matrix * p.b_sums_stride + j]);
        sum = static_cast<int32_t>(exact);
      }
      y[j] = finish_one(p, sum, c ? c + j * p.c_at.column : nullptr, p.bias ? p.bias + j : nullptr);
    }
  }
}

}  // namespace halftone
