#include "core/peak.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "backends/cpu/peak_isa.h"
#include "core/thread_pool.h"

namespace halftone {
namespace {

constexpr int kRuns = 8;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

double peak_fma(int threads) {
  ThreadPool pool(std::max(threads, 1));
  const std::atomic<bool> cancelled{false};
  const auto chains = HALFTONE_ISA_PICK(run_fma_chains);
  constexpr int64_t kRounds = 1 << 21;  // about 10 ms
  double best = 0;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<double> work(static_cast<size_t>(pool.size()));
    const auto start = std::chrono::steady_clock::now();
    pool.run(pool.size(), cancelled,
             [&](int64_t i) { work[static_cast<size_t>(i)] = chains(kRounds); });
    const double time = seconds_since(start);
    double all = 0;
    for (const double w : work) all += w;
    best = std::max(best, all / time);
  }
  return best;
}

double peak_copy(int64_t bytes) {
  const size_t size = static_cast<size_t>(std::max<int64_t>(bytes, 1));
  const std::unique_ptr<char[]> from(new (std::nothrow) char[size]),
      to(new (std::nothrow) char[size]);
  if (!from || !to) return 0;
  std::memset(from.get(), 1, size);
  std::memset(to.get(), 2, size);
  // Small buffers are copied often enough for the clock.
  const int64_t times = std::max<int64_t>(1, (int64_t{1} << 24) / static_cast<int64_t>(size));
  double best = 0;
  for (int run = 0; run < kRuns; ++run) {
    const auto start = std::chrono::steady_clock::now();
    for (int64_t i = 0; i < times; ++i) {
      std::memcpy(to.get(), from.get(), size);
      __asm__ volatile("" : : "r"(to.get()) : "memory");
    }
    best = std::max(best,
                    static_cast<double>(times) * static_cast<double>(size) / seconds_since(start));
  }
  return best;
}

}  // namespace halftone
