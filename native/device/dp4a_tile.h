// The tile of an int8 product on dp4a that matrix products and convolutions share: 128 x 128 sums
// per block of 256 threads, 32 steps of k at a time.
//
// Shared memory holds four consecutive k of a line in one int, ints of one such quad for all 128
// lines side by side: [quad][line]. Two stages: while one is multiplied, the next one's bytes are
// on their way from memory in four registers per operand and thread.
//
// Warps lie 4 x 2 over the tile, each 32 x 64 sums; lanes 4 x 8 over a warp's; a thread has rows
// {0..3, 16..19} and columns {0..3, 32..35} from its place: 64 sums for 4 16-byte loads from shared
// memory per quad. Eight lanes, which a 16-byte access serves together, read one and the same 16
// bytes of A, and 128 consecutive bytes of B: no bank conflicts.
//
// The pitch of 132 ints keeps the stores free of conflicts too. Bytes that lie along k are stored
// with 4 bytes for each quad: 16 lines by 2 halves of the quads per warp, and 4 quads * 132 ints =
// 16 banks modulo 32, so the second half takes the other 16 banks. Bytes that lie along lines are
// transposed in registers and stored as 16 bytes for 4 lines, 512 consecutive bytes per warp.
#pragma once
#include <cstring>

#include "device/device.h"

namespace halftone::device {

inline constexpr int kDp4aThreads = 256;
inline constexpr int kDp4aTile = 128;  // lines of A and of B
inline constexpr int kDp4aSteps = 32;  // of k in one stage
inline constexpr int kDp4aQuads = kDp4aSteps / 4;
inline constexpr int kDp4aPitch = kDp4aTile + 4;
inline constexpr int kDp4aStage = kDp4aQuads * kDp4aPitch;  // ints of one operand: 4224 bytes
inline constexpr int kDp4aShared = 4 * kDp4aStage;          // two operands, two stages

/// How threads of a block wait for each other, and whether accesses are guarded. Tests replace it
/// to see that a missing barrier or guard does not go unnoticed.
struct Sound {
  static constexpr bool kGuards = true;
  __device__ __forceinline__ static void barrier() { __syncthreads(); }
};

/// w[i] holds bytes (i, 0..3); afterwards w[j] holds bytes (0..3, j). Eight byte permutations.
static __device__ __forceinline__ void transpose_bytes(int32_t (&w)[4]) {
  const auto p = [](int32_t a, int32_t b, unsigned order) {
    return static_cast<int32_t>(
        __byte_perm(static_cast<unsigned>(a), static_cast<unsigned>(b), order));
  };
  const int32_t low01 = p(w[0], w[1], 0x5140), low23 = p(w[2], w[3], 0x5140);
  const int32_t high01 = p(w[0], w[1], 0x7362), high23 = p(w[2], w[3], 0x7362);
  w[0] = p(low01, low23, 0x5410);
  w[1] = p(low01, low23, 0x7632);
  w[2] = p(high01, high23, 0x5410);
  w[3] = p(high01, high23, 0x7632);
}

/// Sixteen bytes at a multiple of 16.
static __device__ __forceinline__ void load_pack(const uint8_t* at, int32_t (&w)[4]) {
#if defined(__CUDA_ARCH__)
  const int4 v = *reinterpret_cast<const int4*>(at);
  w[0] = v.x;
  w[1] = v.y;
  w[2] = v.z;
  w[3] = v.w;
#else
  // g++ moves an aligned load of a vector ahead of the test that guards it. Garbage takes the place
  // of the device's fault.
  std::memcpy(w, at, 16);
  if (!aligned16(at)) w[0] ^= 0x5a5a5a5a;
#endif
}

static __device__ __forceinline__ int32_t load_word(const uint8_t* at) {
  return *reinterpret_cast<const int32_t*>(at);
}

/// An operand whose k lie side by side: a thread brings 16 k of one line.
template <class Faults = Sound>
class Dp4aLines {
 public:
  static constexpr bool kLines = true;
  /// at: k = 0 of line 0 of the tile; `lines` of them exist. `count` k from there on, a multiple of
  /// 4. All lines begin at multiples of 4 bytes, of 16 when `packs`.
  __device__ __forceinline__ Dp4aLines(const uint8_t* at, int64_t ld, int lines, int count,
                                       bool packs)
      : packs_(packs) {
    const int line = static_cast<int>(threadIdx.x) / 2, k = static_cast<int>(threadIdx.x) % 2 * 16;
    at_ = at + line * ld + k;
    left_ = !Faults::kGuards || line < lines ? count - k : 0;
  }
  __device__ __forceinline__ void load() {
    if (packs_ && left_ >= 16) {
      load_pack(at_, w_);
    } else {
#pragma unroll
      for (int j = 0; j < 4; ++j) w_[j] = 4 * j < left_ ? load_word(at_ + 4 * j) : 0;
    }
    at_ += kDp4aSteps;
    left_ -= kDp4aSteps;
  }
  __device__ __forceinline__ void store(int32_t* stage) const {
    int32_t* to = stage + threadIdx.x % 2 * 4 * kDp4aPitch + threadIdx.x / 2;
#pragma unroll
    for (int j = 0; j < 4; ++j) to[j * kDp4aPitch] = w_[j];
  }

 private:
  const uint8_t* at_;
  int left_;
  bool packs_;
  int32_t w_[4];
};

/// An operand whose lines lie side by side: a thread brings 4 lines of 4 k and transposes them.
template <class Faults = Sound>
class Dp4aSteps {
 public:
  static constexpr bool kLines = false;
  /// As Dp4aLines. ld: from one k to the next. `lines` and all addresses are multiples of 4;
  /// `count` is any.
  __device__ __forceinline__ Dp4aSteps(const uint8_t* at, int64_t ld, int lines, int count)
      : ld_(ld) {
    const int line = static_cast<int>(threadIdx.x) % 32 * 4,
              k = static_cast<int>(threadIdx.x) / 32 * 4;
    at_ = at + k * ld + line;
    left_ = !Faults::kGuards || line < lines ? count - k : 0;
  }
  __device__ __forceinline__ void load() {
    const uint8_t* at = at_;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      w_[i] = i < left_ || !Faults::kGuards ? load_word(at) : 0;
      at += ld_;
    }
    at_ += kDp4aSteps * ld_;
    left_ -= kDp4aSteps;
  }
  __device__ __forceinline__ void store(int32_t* stage) {
    transpose_bytes(w_);
    int32_t* to = stage + threadIdx.x / 32 * kDp4aPitch + threadIdx.x % 32 * 4;
    *reinterpret_cast<int4*>(to) = make_int4(w_[0], w_[1], w_[2], w_[3]);
  }

 private:
  const uint8_t* at_;
  int64_t ld_;
  int left_;
  int32_t w_[4];
};

/// Where a thread's sums lie in the tile: row(i) and column(j) of sums[i][j].
struct Dp4aPlace {
  int first_row, first_column;
  __device__ __forceinline__ Dp4aPlace() {
    const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
    first_row = warp % 4 * 32 + lane / 8 * 4;
    first_column = warp / 4 * 64 + lane % 8 * 4;
  }
  __device__ __forceinline__ int row(int i) const { return first_row + i / 4 * 16 + i % 4; }
  __device__ __forceinline__ int column(int j) const { return first_column + j / 4 * 32 + j % 4; }
};

/// Adds the products of one stage to the thread's sums.
template <bool kAUnsigned, bool kBUnsigned>
static __device__ __forceinline__ void dp4a_stage(const int32_t* a, const int32_t* b,
                                                  int32_t (&sums)[8][8]) {
#pragma unroll
  for (int quad = 0; quad < kDp4aQuads; ++quad) {
    int32_t x[8], y[8];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int4 u = *reinterpret_cast<const int4*>(a + quad * kDp4aPitch + half * 16);
      const int4 v = *reinterpret_cast<const int4*>(b + quad * kDp4aPitch + half * 32);
      x[half * 4] = u.x, x[half * 4 + 1] = u.y, x[half * 4 + 2] = u.z, x[half * 4 + 3] = u.w;
      y[half * 4] = v.x, y[half * 4 + 1] = v.y, y[half * 4 + 2] = v.z, y[half * 4 + 3] = v.w;
    }
#pragma unroll
    for (int i = 0; i < 8; ++i)
#pragma unroll
      for (int j = 0; j < 8; ++j) sums[i][j] = dot4<kAUnsigned, kBUnsigned>(x[i], y[j], sums[i][j]);
  }
}

/// The block's sums over `steps` > 0 k; operands as Dp4aLines and Dp4aSteps. `shared`: kDp4aShared
/// ints, which nobody reads or writes any more when the function is entered.
template <bool kAUnsigned, bool kBUnsigned, class Faults = Sound, class A, class B>
static __device__ __forceinline__ void dp4a_tile(A& a, B& b, int steps, int32_t* shared,
                                                 int32_t (&sums)[8][8]) {
#pragma unroll
  for (int i = 0; i < 8; ++i)
#pragma unroll
    for (int j = 0; j < 8; ++j) sums[i][j] = 0;
  const Dp4aPlace place;
  // Which of the two stages holds the step is a bit of what is left: a register less than a place
  // of its own, which keeps convolutions that find each word by itself free of spills.
  static_assert(kDp4aSteps == 32);
  const auto stage = [&](int left) { return shared + (left >> 5 & 1) * (2 * kDp4aStage); };
  a.load();
  b.load();
  steps -= kDp4aSteps;
  a.store(stage(steps));
  b.store(stage(steps) + kDp4aStage);
  Faults::barrier();
  for (;;) {
    if (steps > 0) {
      a.load();
      b.load();
    }
    dp4a_stage<kAUnsigned, kBUnsigned>(stage(steps) + place.first_row,
                                       stage(steps) + kDp4aStage + place.first_column, sums);
    if (steps <= 0) return;
    // The other stage was last read before the barrier that ended the step before.
    steps -= kDp4aSteps;
    a.store(stage(steps));
    b.store(stage(steps) + kDp4aStage);
    Faults::barrier();
  }
}

}  // namespace halftone::device
