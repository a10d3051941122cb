#include "core/thread_pool.h"

#include <sched.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace halftone {
namespace {

// True on pool threads, and on a caller while it takes part: a nested run() must not wait for
// itself.
thread_local bool inside_pool = false;

int default_threads() {
  if (const char* text = std::getenv("HALFTONE_NUM_THREADS")) {
    char* end = nullptr;
    const long n = std::strtol(text, &end, 10);
    if (end != text && *end == 0 && n >= 1 && n <= 1024) return static_cast<int>(n);
  }
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
#endif
  const unsigned n = std::thread::hardware_concurrency();
  return n ? static_cast<int>(n) : 1;
}

// Waits until done() without sleeping, for as long as the gaps between the kernels of a model take:
// waking a thread takes several times longer. Others that want the CPU get it meanwhile.
template <class Done>
bool soon(Done&& done) {
  constexpr std::chrono::microseconds kGap{20};
  const auto begin = std::chrono::steady_clock::now();
  do {
    for (int i = 0; i < 16; ++i) {
      if (done()) return true;
#if defined(__SSE2__)
      __builtin_ia32_pause();
#endif
    }
    std::this_thread::yield();
  } while (std::chrono::steady_clock::now() - begin < kGap);
  return done();
}

}  // namespace

// One job at a time. Threads draw piece numbers from `next`. `workers_inside` counts the pool's
// threads that may touch the job: the caller leaves only when it is 0, so `body` may live on the
// caller's stack.
struct ThreadPool::State {
  int size = 1;
  std::mutex job_mutex;  // held by the caller whose job runs

  std::mutex mutex;
  std::condition_variable wake, left;
  // Changed under the mutex; read without it by those who wait for a change.
  std::atomic<uint64_t> generation{0};
  std::atomic<int> workers_inside{0};
  std::atomic<bool> stop{false};
  int asleep = 0;      // workers that need to be woken
  bool waits = false;  // the caller sleeps until workers_inside is 0

  void (*call)(void*, int64_t) = nullptr;
  void* body = nullptr;
  int64_t pieces = 0;
  const std::atomic<bool>* cancelled = nullptr;
  std::atomic<int64_t> next{0};
  std::exception_ptr thrown;  // the first exception of a piece (std::bad_alloc); guarded by mutex

  std::vector<std::thread> threads;

  void work() {
    try {
      for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < pieces;)
        if (!cancelled->load(std::memory_order_relaxed)) call(body, i);
    } catch (...) {
      next.store(pieces, std::memory_order_relaxed);  // nobody begins another piece
      std::lock_guard lock(mutex);
      if (!thrown) thrown = std::current_exception();
    }
  }

  void loop() {
    inside_pool = true;
    uint64_t seen = 0;
    for (;;) {
      soon([&] { return stop || generation != seen; });
      std::unique_lock lock(mutex);
      ++asleep;
      wake.wait(lock, [&] { return stop || (generation != seen && call); });
      --asleep;
      if (stop) return;
      seen = generation;
      ++workers_inside;
      lock.unlock();
      work();
      lock.lock();
      if (--workers_inside == 0 && waits) left.notify_all();
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  state_->size = threads < 1 ? 1 : threads;
  state_->threads.reserve(static_cast<size_t>(state_->size));
  try {
    for (int i = 1; i < state_->size; ++i)
      state_->threads.emplace_back([s = state_.get()] { s->loop(); });
  } catch (const std::system_error&) {
    // The system allows no more threads: work with those there are. Results are the same.
    state_->size = static_cast<int>(state_->threads.size()) + 1;
  }
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stop = true;
  }
  state_->wake.notify_all();
  for (auto& t : state_->threads) t.join();
}

ThreadPool& ThreadPool::global() {
  static ThreadPool* pool = new ThreadPool(default_threads());
  return *pool;
}

int ThreadPool::size() const { return state_->size; }

void ThreadPool::run_erased(int64_t pieces, const std::atomic<bool>& cancelled,
                            void (*call)(void*, int64_t), void* body) {
  if (pieces <= 0) return;
  if (pieces == 1 || state_->size == 1 || inside_pool) {
    for (int64_t i = 0; i < pieces; ++i)
      if (!cancelled.load(std::memory_order_relaxed)) call(body, i);
    return;
  }
  State& s = *state_;
  std::lock_guard job(s.job_mutex);
  bool sleepers;
  {
    std::lock_guard lock(s.mutex);
    s.call = call;
    s.body = body;
    s.pieces = pieces;
    s.cancelled = &cancelled;
    s.next.store(0, std::memory_order_relaxed);
    ++s.generation;
    sleepers = s.asleep > 0;
  }
  if (sleepers) s.wake.notify_all();
  inside_pool = true;
  s.work();
  inside_pool = false;
  soon([&] { return s.workers_inside == 0; });
  std::unique_lock lock(s.mutex);
  s.waits = true;
  s.left.wait(lock, [&] { return s.workers_inside == 0; });
  s.waits = false;
  s.call = nullptr;  // late wakers find no job
  if (auto thrown = std::exchange(s.thrown, nullptr)) {
    lock.unlock();
    std::rethrow_exception(thrown);
  }
}

}  // namespace halftone
