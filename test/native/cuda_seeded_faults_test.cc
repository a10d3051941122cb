// Kernels with a fault put in on purpose: a barrier or a guard of the tile left out. What the other
// tests rely on must notice each: wrong values in any build, and in instrumented builds a report.
//
// The fault is a type: kernels take the rules by which they wait and guard as a template argument
// (device::Sound), so the faulty kernel is the real one but for that. A fault that ends the process
// runs in a process of its own: this program once more, with the fault's name.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <vector>

#include "device/dp4a_tile.h"
#include "ops/gemm_int8/gemm_int8_skinny_kernel.cuh"

// check.h's main runs the tests; ours looks for the name of a fault first.
#define main check_main
#include "check.h"
#undef main

using namespace halftone;

namespace {

/// Threads read shared memory before the others have written it.
struct NoBarrier : device::Sound {
  static void barrier() {}
};
/// Rows that the matrices do not have are read and written.
struct NoGuards : device::Sound {
  static constexpr bool kGuards = false;
};

/// Each thread adds what its left neighbour has after a first barrier: the second one, which has to
/// come before, is there only where `kSound`. A thread has gone on to the third one before its
/// neighbour reads.
template <bool kSound>
__global__ void sum_of_neighbours(int* y) {
  __shared__ int tile[64];
  tile[threadIdx.x] = 1;
  __syncthreads();
  tile[threadIdx.x] += static_cast<int>(threadIdx.x);
  if (kSound) __syncthreads();
  const int left = threadIdx.x > 0 ? tile[threadIdx.x - 1] : 0;
  __syncthreads();
  y[threadIdx.x] = tile[threadIdx.x] + left;
}
/// The same by lanes of a warp.
template <bool kSound>
__global__ void sum_of_lanes(int* y) {
  y[threadIdx.x] = 1;
  __syncwarp();
  y[threadIdx.x] += static_cast<int>(threadIdx.x);
  if (kSound) __syncwarp();
  const int left = threadIdx.x > 0 ? y[threadIdx.x - 1] : 0;
  __syncwarp();
  y[threadIdx.x] += left;
}

constexpr int64_t kM = 130, kN = 72, kK = 64;  // tiles with edges; more than one stage

/// y = a b, a [m, k], b [n, k] transposed, in buffers of exactly their size plus `spare` bytes.
struct Problem {
  explicit Problem(size_t spare)
      : a(new uint8_t[kM * kK + spare]()),
        b(new uint8_t[kN * kK + spare]()),
        y(new int32_t[kM * kN + spare / 4]) {
    uint32_t seed = 3;
    for (int64_t i = 0; i < kM * kK; ++i) a[i] = next(&seed);
    for (int64_t i = 0; i < kN * kK; ++i) b[i] = next(&seed);
    for (size_t i = 0; i < kM * kN + spare / 4; ++i) y[i] = kUntouched;
  }
  static uint8_t next(uint32_t* seed) {
    return static_cast<uint8_t>((*seed = *seed * 1664525u + 1013904223u) >> 24);
  }
  GemmS8Operand operand(const uint8_t* data, int64_t lines) const {
    GemmS8Operand o;
    o.data = data;
    o.ld = kK;
    o.matrix = lines * kK;
    o.vector = device::aligned16(data) ? 16 : 4;
    return o;
  }
  template <class Faults>
  Status tiles() {
    GemmS8Args p;
    p.a = operand(a.get(), kM);
    p.b = operand(b.get(), kN);
    p.m = kM;
    p.n = kN;
    p.k = p.split = kK;
    p.y = y.get();
    p.y_matrix = kM * kN;
    p.ld_row = kN;
    return device::launch("tiles", gemm_s8_dp4a_tile128<true, false, true, true, Faults>,
                          dim3(2, 1, 1), 256, 0, nullptr, p);
  }
  /// The first four rows of a as the few lines.
  template <class Faults>
  Status skinny() {
    SkinnyArgs p;
    p.few = operand(a.get(), kM);
    p.many = operand(b.get(), kN);
    p.few_lines = 4;
    p.many_lines = kN;
    p.k = p.split = kK;
    p.warps_k = 2;
    p.y = y.get();
    p.y_matrix = kM * kN;
    p.ld_few = kN;
    p.ld_many = 1;
    return device::launch("skinny", gemm_s8_dp4a_skinny_lines<true, false, 4, Faults>,
                          dim3((kN + 15) / 16, 1, 1), 256, 0, nullptr, p);
  }
  int64_t wrong(int64_t rows) const {
    int64_t count = 0;
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < kN; ++j) {
        int32_t sum = 0;
        for (int64_t k = 0; k < kK; ++k) sum += a[i * kK + k] * static_cast<int8_t>(b[j * kK + k]);
        count += sum != y[i * kN + j];
      }
    return count;
  }
  /// Whether something was written after the result.
  bool overrun(size_t spare) const {
    for (size_t i = kM * kN; i < kM * kN + spare / 4; ++i)
      if (y[i] != kUntouched) return true;
    return false;
  }

  static constexpr int32_t kUntouched = 0x7a7a7a7a;
  std::unique_ptr<uint8_t[]> a, b;
  std::unique_ptr<int32_t[]> y;
};

/// 256 rows of a tile lie beyond the matrices at most.
constexpr size_t kSpare = 256 * (kN + 128) * 4;

// As the child process: runs the fault in buffers without spare bytes.
int run_fault(const std::string& name) {
  Problem p(0);
  const auto sums = [&](void (*kernel)(int*), unsigned threads) {
    return device::launch("sums", kernel, 1, threads, 0, nullptr, p.y.get());
  };
  Status status;
  if (name == "sound")
    status = p.tiles<device::Sound>();
  else if (name == "barrier")
    status = p.tiles<NoBarrier>();
  else if (name == "skinny-barrier")
    status = p.skinny<NoBarrier>();
  else if (name == "second-barrier")
    status = sums(sum_of_neighbours<false>, 64);
  else if (name == "second-barrier-of-lanes")
    status = sums(sum_of_lanes<false>, 32);
  else if (name == "sound-sums") {
    status = sums(sum_of_neighbours<true>, 64);
    if (status.ok()) status = sums(sum_of_lanes<true>, 32);
  } else
    status = p.tiles<NoGuards>();
  return status.ok() ? 0 : 2;
}

struct Ended {
  bool normally = false;
  std::string text;  // stdout and stderr
};

Ended run_child(const char* fault) {
  Ended ended;
  int ends[2];
  if (pipe(ends) != 0) return ended;
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 1);
    dup2(ends[1], 2);
    close(ends[0]);
    close(ends[1]);
    execl("/proc/self/exe", "cuda_seeded_faults_test", "--fault", fault,
          static_cast<char*>(nullptr));
    _exit(127);
  }
  close(ends[1]);
  std::array<char, 4096> part;
  for (ssize_t n = 0; (n = read(ends[0], part.data(), part.size())) > 0;)
    ended.text.append(part.data(), static_cast<size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  ended.normally = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return ended;
}

[[maybe_unused]] void expect_report(const char* fault, const char* report) {
  const Ended ended = run_child(fault);
  CHECK(!ended.normally);
  if (ended.text.find(report) == std::string::npos)
    check::fail(__FILE__, __LINE__,
                std::string(fault) + ": no \"" + report + "\" in: " + ended.text);
}

}  // namespace

TEST(the_kernels_without_faults_are_right) {
  Problem tiles(kSpare), skinny(kSpare);
  CHECK_OK(tiles.tiles<device::Sound>());
  CHECK_EQ(tiles.wrong(kM), 0);
  CHECK(!tiles.overrun(kSpare));
  CHECK_OK(skinny.skinny<device::Sound>());
  CHECK_EQ(skinny.wrong(4), 0);
  CHECK(run_child("sound").normally);
  CHECK(run_child("sound-sums").normally);
}

#if defined(__SANITIZE_THREAD__)

TEST(a_removed_barrier_is_a_data_race) {
  expect_report("barrier", "data race");
  expect_report("skinny-barrier", "data race");
  expect_report("second-barrier", "data race");
  expect_report("second-barrier-of-lanes", "data race");
}

#else

TEST(a_removed_barrier_gives_wrong_values) {
  Problem tiles(kSpare), skinny(kSpare);
  CHECK_OK(tiles.tiles<NoBarrier>());
  CHECK(tiles.wrong(kM) > 0);
  CHECK_OK(skinny.skinny<NoBarrier>());
  CHECK(skinny.wrong(4) > 0);
}

TEST(a_removed_guard_writes_after_the_result) {
  Problem p(kSpare);
  CHECK_OK(p.tiles<NoGuards>());
  CHECK(p.overrun(kSpare));
}

#endif

#if defined(__SANITIZE_ADDRESS__)

TEST(a_removed_guard_is_an_overflow) { expect_report("guards", "heap-buffer-overflow"); }

#endif

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "--fault") return run_fault(argv[2]);
  return check_main(argc, argv);
}
