// The scheduler behind emu.h: one fiber per CUDA thread of a block, all on the calling OS thread.
#include "device/emu.h"

#include <sys/mman.h>

#include <memory>
#include <vector>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

// The scheduler's own data is shared by the fibers by design; ThreadSanitizer is to watch the
// kernels only.
#if defined(__SANITIZE_THREAD__)
#define UNWATCHED __attribute__((no_sanitize("thread")))
#else
#define UNWATCHED
#endif

namespace halftone::emu {

thread_local Builtins builtins{};

namespace {

constexpr unsigned kMaxThreads = 1024;
// Kernels keep register arrays on it; instrumented frames are several times larger.
constexpr size_t kStackBytes = 256 * 1024;

// ---- switching ----

#if defined(__x86_64__)
// Callee-saved registers go to the old stack, its pointer to *from; then the same backwards from
// `to`.
extern "C" void halftone_emu_switch(void** from, void* to);
asm(R"(
.text
.type halftone_emu_switch,@function
halftone_emu_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size halftone_emu_switch,.-halftone_emu_switch
)");
using Context = void*;
#else
using Context = ucontext_t;
#endif

enum class State { kReady, kBlockBarrier, kWarpBarrier, kDone };

struct Fiber {
  Context context{};
  std::byte* stack = nullptr;
  State state = State::kDone;
  bool predicate = false;
  unsigned mask = 0;  // of the warp operation it waits in
  uint64_t bits = 0;
#if defined(__SANITIZE_THREAD__)
  void* tsan = nullptr;
#endif
};

struct Scheduler {
  Fiber fibers[kMaxThreads];
  std::byte* stacks = nullptr;
  Context host{};
  Fiber* current = nullptr;
  unsigned threads = 0, alive = 0;
  void (*body)(void*) = nullptr;
  void* arg = nullptr;
  dim3 dim;
  Vote vote{};
  uint64_t slots[kMaxThreads] = {};  // what each thread handed in at its last warp operation
  unsigned ballots[kMaxThreads / kWarp] = {}, taken[kMaxThreads / kWarp] = {};
  std::vector<uint64_t> shared;
  const char* fault = nullptr;
#if defined(__SANITIZE_ADDRESS__)
  const void* host_bottom = nullptr;
  size_t host_size = 0;
  void* host_fake = nullptr;
#endif
#if defined(__SANITIZE_THREAD__)
  void* host_tsan = nullptr;
#endif

  ~Scheduler() {
    if (stacks) munmap(stacks, kStackBytes * kMaxThreads);
#if defined(__SANITIZE_THREAD__)
    for (Fiber& f : fibers)
      if (f.tsan) __tsan_destroy_fiber(f.tsan);
#endif
  }
};

thread_local std::unique_ptr<Scheduler> scheduler;

UNWATCHED void enter_host(Scheduler& s, [[maybe_unused]] bool finished) {
  Fiber& f = *s.current;
#if defined(__SANITIZE_ADDRESS__)
  void* fake = nullptr;
  __sanitizer_start_switch_fiber(finished ? nullptr : &fake, s.host_bottom, s.host_size);
#endif
#if defined(__SANITIZE_THREAD__)
  // Without synchronization: only barriers order the threads of a block. The host comes after all
  // of them.
  __tsan_release(&s.host);
  __tsan_switch_to_fiber(s.host_tsan, __tsan_switch_to_fiber_no_sync);
#endif
#if defined(__x86_64__)
  halftone_emu_switch(&f.context, s.host);
#else
  swapcontext(&f.context, &s.host);
#endif
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(fake, &s.host_bottom, &s.host_size);
#endif
}

UNWATCHED void fiber_main() {
  Scheduler& s = *scheduler;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &s.host_bottom, &s.host_size);
#endif
#if defined(__SANITIZE_THREAD__)
  __tsan_acquire(&s.fibers);
#endif
  s.body(s.arg);
  s.current->state = State::kDone;
  --s.alive;
  enter_host(s, true);
}

UNWATCHED void prepare(Fiber& f) {
  f.state = State::kReady;
#if defined(__x86_64__)
  // As if fiber_main had been called: at its entry the stack pointer is 8 below a multiple of 16.
  auto** top = reinterpret_cast<void**>(f.stack + kStackBytes);
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(&fiber_main);
  for (int i = 0; i < 6; ++i) *--top = nullptr;
  f.context = top;
#else
  getcontext(&f.context);
  f.context.uc_stack.ss_sp = f.stack;
  f.context.uc_stack.ss_size = kStackBytes;
  f.context.uc_link = nullptr;
  makecontext(&f.context, &fiber_main, 0);
#endif
#if defined(__SANITIZE_THREAD__)
  if (f.tsan) __tsan_destroy_fiber(f.tsan);
  f.tsan = __tsan_create_fiber(0);
#endif
}

UNWATCHED void resume(Scheduler& s, unsigned index) {
  Fiber& f = s.fibers[index];
  s.current = &f;
  builtins.thread = {index % s.dim.x, index / s.dim.x % s.dim.y, index / (s.dim.x * s.dim.y)};
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&s.host_fake, f.stack, kStackBytes);
#endif
#if defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(f.tsan, __tsan_switch_to_fiber_no_sync);
#endif
#if defined(__x86_64__)
  halftone_emu_switch(&s.host, f.context);
#else
  swapcontext(&s.host, &f.context);
#endif
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(s.host_fake, nullptr, nullptr);
#endif
}

UNWATCHED unsigned index_of(const Scheduler& s) {
  return static_cast<unsigned>(s.current - s.fibers);
}

// ---- barriers ----

// Lets the block's threads go on when all that have not returned wait at the block barrier.
UNWATCHED bool release_block(Scheduler& s) {
  Vote vote{0, 1, 0};
  unsigned waiting = 0;
  for (unsigned i = 0; i < s.threads; ++i) {
    const Fiber& f = s.fibers[i];
    if (f.state == State::kDone) continue;
    if (f.state != State::kBlockBarrier) return false;
    ++waiting;
    vote.count += f.predicate;
    vote.all &= f.predicate;
    vote.any |= f.predicate;
  }
  if (waiting == 0) return false;
  s.vote = vote;
  for (unsigned i = 0; i < s.threads; ++i)
    if (s.fibers[i].state == State::kBlockBarrier) s.fibers[i].state = State::kReady;
  return true;
}

// The same for one warp: each waiting lane's mask must name exactly the lanes that wait with it.
UNWATCHED bool release_warp(Scheduler& s, unsigned warp) {
  const unsigned first = warp * kWarp, last = first + kWarp < s.threads ? first + kWarp : s.threads;
  bool released = false;
  for (unsigned i = first; i < last; ++i) {
    if (s.fibers[i].state != State::kWarpBarrier) continue;
    const unsigned mask = s.fibers[i].mask;
    unsigned together = 0, ballot = 0;
    for (unsigned j = first; j < last; ++j) {
      const Fiber& f = s.fibers[j];
      if (f.state != State::kWarpBarrier || f.mask != mask) continue;
      together |= 1u << (j - first);
      ballot |= static_cast<unsigned>(f.predicate) << (j - first);
    }
    const unsigned exist = last - first == kWarp ? ~0u : (1u << (last - first)) - 1;
    if (together != (mask & exist)) continue;
    s.ballots[warp] = ballot;
    s.taken[warp] = together;
    for (unsigned j = first; j < last; ++j)
      if (together >> (j - first) & 1u) {
        s.slots[j] = s.fibers[j].bits;
        s.fibers[j].state = State::kReady;
      }
    released = true;
    break;  // the results are per warp: the next group after this one has read them
  }
  return released;
}

UNWATCHED void wait(Scheduler& s, State state) {
  s.current->state = state;
#if defined(__SANITIZE_THREAD__)
  void* meeting = state == State::kBlockBarrier
                      ? static_cast<void*>(&s.vote)
                      : static_cast<void*>(&s.slots[index_of(s) / kWarp * kWarp]);
  __tsan_release(meeting);
#endif
  enter_host(s, false);
#if defined(__SANITIZE_THREAD__)
  __tsan_acquire(meeting);
#endif
}

UNWATCHED void run_block(Scheduler& s) {
  s.alive = s.threads;
  for (unsigned i = 0; i < s.threads; ++i) prepare(s.fibers[i]);
  while (s.alive > 0) {
    bool ran = false;
    for (unsigned warp = 0; warp * kWarp < s.threads; ++warp) {
      const unsigned first = warp * kWarp,
                     last = first + kWarp < s.threads ? first + kWarp : s.threads;
      do {
        for (unsigned i = first; i < last; ++i)
          if (s.fibers[i].state == State::kReady) {
            resume(s, i);
            ran = true;
          }
      } while (release_warp(s, warp));
    }
    if (s.alive == 0) return;
    if (release_block(s)) continue;
    if (!ran) {
      bool in_warp = false;
      for (unsigned i = 0; i < s.threads; ++i) in_warp |= s.fibers[i].state == State::kWarpBarrier;
      s.fault = in_warp ? "a warp operation names lanes that do not take part in it"
                        : "some threads wait at a barrier that others of the block do not reach";
      return;
    }
  }
}

}  // namespace

UNWATCHED const char* run_grid(dim3 grid, dim3 block, size_t shared_bytes, void (*body)(void*),
                               void* arg) {
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (threads == 0 || threads > kMaxThreads || block.z > 64)
    return "a block has 1 to 1024 threads, at most 64 along z";
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > 0x7fffffffu || grid.y > 65535 ||
      grid.z > 65535)
    return "a grid has 1 to 2^31 - 1 blocks along x, 1 to 65535 along y and z";
  if (shared_bytes > 232448) return "a block has at most 227 KiB of shared memory";
  if (!scheduler) scheduler = std::make_unique<Scheduler>();
  Scheduler& s = *scheduler;
  if (!s.stacks) {
    void* memory = mmap(nullptr, kStackBytes * kMaxThreads, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return "no memory for the stacks of a block's threads";
    s.stacks = static_cast<std::byte*>(memory);
    for (unsigned i = 0; i < kMaxThreads; ++i) s.fibers[i].stack = s.stacks + i * kStackBytes;
  }
#if defined(__SANITIZE_THREAD__)
  s.host_tsan = __tsan_get_current_fiber();
#endif
  s.threads = static_cast<unsigned>(threads);
  s.body = body;
  s.arg = arg;
  s.dim = block;
  s.fault = nullptr;
  builtins.block_dim = block;
  builtins.grid_dim = grid;
  for (unsigned z = 0; z < grid.z && !s.fault; ++z)
    for (unsigned y = 0; y < grid.y && !s.fault; ++y)
      for (unsigned x = 0; x < grid.x && !s.fault; ++x) {
        builtins.block = {x, y, z};
        s.shared.assign((shared_bytes + 7) / 8, 0xcdcdcdcdcdcdcdcdull);
#if defined(__SANITIZE_THREAD__)
        // A block's threads come after what the host and earlier blocks did.
        __tsan_acquire(&s.host);
        __tsan_release(&s.fibers);
#endif
        run_block(s);
      }
#if defined(__SANITIZE_THREAD__)
  __tsan_acquire(&s.host);
#endif
  return s.fault;
}

void* dynamic_shared() { return scheduler->shared.data(); }

UNWATCHED Vote block_barrier(bool predicate) {
  Scheduler& s = *scheduler;
  s.current->predicate = predicate;
  wait(s, State::kBlockBarrier);
  return s.vote;
}

UNWATCHED unsigned lane_id() { return index_of(*scheduler) % kWarp; }

UNWATCHED Lane warp_exchange(unsigned mask, uint64_t bits, unsigned source) {
  Scheduler& s = *scheduler;
  const unsigned index = index_of(s), warp = index / kWarp;
  s.current->bits = bits;
  s.current->mask = mask;
  s.current->predicate = false;
  wait(s, State::kWarpBarrier);
  const bool taken = s.taken[warp] >> (source % kWarp) & 1u;
  if (!taken) s.fault = "a shuffle reads from a lane that does not take part in it";
  return {taken ? s.slots[warp * kWarp + source % kWarp] : bits, taken};
}

UNWATCHED unsigned warp_ballot(unsigned mask, bool predicate) {
  Scheduler& s = *scheduler;
  s.current->mask = mask;
  s.current->predicate = predicate;
  wait(s, State::kWarpBarrier);
  return s.ballots[index_of(s) / kWarp];
}

}  // namespace halftone::emu
