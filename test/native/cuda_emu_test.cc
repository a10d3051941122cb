// The emulation of CUDA's execution model itself: barriers, warps, shared memory, and the faults it
// must find.
#include <numeric>
#include <vector>

#include "check.h"
#include "device/half.h"

using namespace halftone;

namespace {

// Sums 256 values per block through shared memory; `barrier` leaves out what a correct kernel
// needs.
template <bool kBarrier>
__global__ void block_sum(const int* x, int* sums) {
  __shared__ int tile[256];
  tile[threadIdx.x] = x[blockIdx.x * blockDim.x + threadIdx.x];
  if (kBarrier) __syncthreads();
  for (unsigned half = 128; half > 0; half /= 2) {
    if (threadIdx.x < half) tile[threadIdx.x] += tile[threadIdx.x + half];
    if (kBarrier) __syncthreads();
  }
  if (threadIdx.x == 0) sums[blockIdx.x] = tile[0];
}

__global__ void warp_sum(const int* x, int* sums) {
  int v = x[blockIdx.x * blockDim.x + threadIdx.x];
  for (int lanes = 16; lanes > 0; lanes /= 2) v += __shfl_xor_sync(0xffffffffu, v, lanes);
  if (threadIdx.x % 32 == 0) sums[(blockIdx.x * blockDim.x + threadIdx.x) / 32] = v;
}

__global__ void one_thread_waits_elsewhere() {
  if (threadIdx.x == 0)
    __syncwarp();
  else
    __syncthreads();
}

__global__ void a_lane_is_missing(int* out) {
  if (threadIdx.x != 7) out[threadIdx.x] = __shfl_sync(0xffffffffu, 1, 7);
}

__global__ void returns_early(int* out) {
  if (threadIdx.x >= 40) return;  // threads that have returned do not hold up a barrier
  __syncthreads();
  out[threadIdx.x] = __syncthreads_count(threadIdx.x < 10);
}

__global__ void ballots(unsigned* out) {
  out[threadIdx.x] = __ballot_sync(0xffffffffu, threadIdx.x % 3 == 0);
}

__global__ void dynamic(int* out) {
  int* shared = device::dynamic_shared<int>();
  shared[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncthreads();
  out[threadIdx.x] = shared[blockDim.x - 1 - threadIdx.x];
}

__global__ void count_all(int* counter) { atomicAdd(counter, 1); }

template <class... P, class... A>
Status run(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, A... args) {
  return device::launch("kernel", kernel, grid, block, shared, nullptr, args...);
}

}  // namespace

TEST(barriers_and_shared_memory) {
  std::vector<int> x(1024), sums(4);
  std::iota(x.begin(), x.end(), 0);
  CHECK(run(block_sum<true>, 4, 256, 0, x.data(), sums.data()).ok());
  for (int b = 0; b < 4; ++b) CHECK_EQ(sums[static_cast<size_t>(b)], 256 * 255 / 2 + b * 256 * 256);
}

TEST(a_removed_barrier_gives_wrong_sums) {
#if !defined(__SANITIZE_THREAD__)  // which reports the race itself
  std::vector<int> x(1024), sums(4);
  std::iota(x.begin(), x.end(), 0);
  CHECK(run(block_sum<false>, 4, 256, 0, x.data(), sums.data()).ok());
  CHECK(sums[3] != 256 * 255 / 2 + 3 * 256 * 256);
#endif
}

TEST(shuffles_and_votes) {
  std::vector<int> x(128), sums(4);
  std::iota(x.begin(), x.end(), 0);
  CHECK(run(warp_sum, 2, 64, 0, x.data(), sums.data()).ok());
  for (int w = 0; w < 4; ++w) CHECK_EQ(sums[static_cast<size_t>(w)], 32 * 31 / 2 + w * 32 * 32);
  std::vector<unsigned> votes(32);
  CHECK(run(ballots, 1, 32, 0, votes.data()).ok());
  for (const unsigned v : votes) CHECK_EQ(v, 0x49249249u);
}

TEST(threads_that_returned_do_not_hold_up_a_barrier) {
  std::vector<int> out(64, -1);
  CHECK(run(returns_early, 1, 64, 0, out.data()).ok());
  for (size_t i = 0; i < 64; ++i) CHECK_EQ(out[i], i < 40 ? 10 : -1);
}

TEST(dynamic_shared_memory_and_atomics) {
  std::vector<int> out(100);
  CHECK(run(dynamic, 1, 100, 400, out.data()).ok());
  for (int i = 0; i < 100; ++i) CHECK_EQ(out[static_cast<size_t>(i)], 99 - i);
  int counter = 0;
  CHECK(run(count_all, dim3(2, 3, 2), dim3(4, 2, 2), 0, &counter).ok());
  CHECK_EQ(counter, 12 * 16);
}

TEST(faults_are_reported_and_the_next_launch_works) {
  const Status barrier = run(one_thread_waits_elsewhere, 1, 64, 0);
  CHECK(barrier.message.find("lanes") != std::string::npos);
  std::vector<int> out(32);
  CHECK(run(a_lane_is_missing, 1, 32, 0, out.data()).message.find("lanes") != std::string::npos);
  CHECK(run(count_all, 1, 2048, 0, out.data()).message.find("1 to 1024") != std::string::npos);
  CHECK(run(count_all, dim3(1, 70000), 32, 0, out.data()).message.find("65535") !=
        std::string::npos);
  CHECK(run(dynamic, 1, 32, 300000, out.data()).message.find("232448") != std::string::npos);
  CHECK(run(dynamic, 1, 32, 128, out.data()).ok());
}

TEST(halves_round_as_core_half_does) {
  const device::f16x2 a{to_f16(3.0f), to_f16(65504.0f)}, b{to_f16(0.1f), to_f16(2.0f)},
      c{to_f16(1.0f), to_f16(-1.0f)};
  const device::f16x2 r = device::fma(a, b, c);
  CHECK_EQ(r.x.bits, fma_f16(a.x, b.x, c.x).bits);
  CHECK_EQ(r.y.bits, 0x7c00);
  CHECK_EQ(device::dot4_s8s8(0x7f80ff01, 0x7f80ff01, 5), 127 * 127 + 128 * 128 + 1 + 1 + 5);
  CHECK_EQ(device::dot4_u8s8(static_cast<int32_t>(0xff80ff01), 0x7f80ff01, 0),
           255 * 127 - 128 * 128 - 255 + 1);
}
