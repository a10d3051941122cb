// Worker threads for CPU kernels. One pool serves all streams of the process.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

namespace halftone {

class ThreadPool {
 public:
  /// `threads` >= 1 counts the calling thread.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// The process's pool: HALFTONE_NUM_THREADS threads, else one per CPU this process may run on.
  /// Never destroyed: threads may still be inside a kernel when the process exits.
  static ThreadPool& global();

  int size() const;

  /// Calls body(i) once for each i in [0, pieces), on several threads, and returns when all are
  /// done. Once `cancelled` is set, pieces that have not begun are dropped. Calls from several
  /// threads take turns; a call from inside a piece runs on the calling thread. An exception of a
  /// piece is thrown again here, after all threads have left.
  template <class F>
  void run(int64_t pieces, const std::atomic<bool>& cancelled, F&& body) {
    using Body = std::remove_reference_t<F>;
    run_erased(
        pieces, cancelled, [](void* b, int64_t i) { (*static_cast<Body*>(b))(i); },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

 private:
  void run_erased(int64_t pieces, const std::atomic<bool>& cancelled, void (*call)(void*, int64_t),
                  void* body);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace halftone
