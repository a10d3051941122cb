// The scheduler behind emu.h: one fiber per CUDA thread of a block, all on the calling OS thread. A
// fiber is made once and serves the same thread of all later blocks: instrumented builds keep state
// for each that is slow to make.
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
  bool made = false;  // its stack holds a fiber_main that waits for a block, or stands in one
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
  bool end = false;  // a fiber that is resumed leaves fiber_main
#if defined(__SANITIZE_ADDRESS__)
  const void* host_bottom = nullptr;
  size_t host_size = 0;
  void* host_fake = nullptr;
#endif
#if defined(__SANITIZE_THREAD__)
  void* host_tsan = nullptr;
#endif

  ~Scheduler();
};

thread_local std::unique_ptr<Scheduler> scheduler;

// ---- what comes before what, for ThreadSanitizer ----

// A switch orders nothing: only barriers order the threads of a block. The host says so for the
// fibers at the moment it lets them go on. Did a fiber say it by itself, on its way into a barrier
// and out of it, then one that leaves a barrier last would come after what the first has done
// since, up to the next barrier, and races between the two went unseen. Whoever comes before a
// `place` comes before all that come after it later: each place has a thread that is always there.

UNWATCHED void comes_before([[maybe_unused]] Scheduler& s, [[maybe_unused]] const Fiber& f,
                            [[maybe_unused]] void* place) {
#if defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(f.tsan, __tsan_switch_to_fiber_no_sync);
  __tsan_release(place);
  __tsan_switch_to_fiber(s.host_tsan, __tsan_switch_to_fiber_no_sync);
#endif
}

UNWATCHED void comes_after([[maybe_unused]] Scheduler& s, [[maybe_unused]] const Fiber& f,
                           [[maybe_unused]] void* place) {
#if defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(f.tsan, __tsan_switch_to_fiber_no_sync);
  __tsan_acquire(place);
  __tsan_switch_to_fiber(s.host_tsan, __tsan_switch_to_fiber_no_sync);
#endif
}

UNWATCHED void host_comes_before([[maybe_unused]] void* place) {
#if defined(__SANITIZE_THREAD__)
  __tsan_release(place);
#endif
}

UNWATCHED void host_comes_after([[maybe_unused]] void* place) {
#if defined(__SANITIZE_THREAD__)
  __tsan_acquire(place);
#endif
}

// ---- into a fiber and out of it ----

UNWATCHED void enter_host(Scheduler& s, [[maybe_unused]] bool ends) {
  Fiber& f = *s.current;
#if defined(__SANITIZE_ADDRESS__)
  void* fake = nullptr;
  __sanitizer_start_switch_fiber(ends ? nullptr : &fake, s.host_bottom, s.host_size);
#endif
#if defined(__SANITIZE_THREAD__)
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
  while (!s.end) {
    s.body(s.arg);
    s.current->state = State::kDone;
    --s.alive;
    enter_host(s, false);
  }
  enter_host(s, true);
}

UNWATCHED void make(Fiber& f) {
  f.made = true;
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
    if (s.fibers[i].state == State::kBlockBarrier) comes_before(s, s.fibers[i], &s.vote);
  for (unsigned i = 0; i < s.threads; ++i)
    if (s.fibers[i].state == State::kBlockBarrier) {
      comes_after(s, s.fibers[i], &s.vote);
      s.fibers[i].state = State::kReady;
    }
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
      if (together >> (j - first) & 1u) comes_before(s, s.fibers[j], &s.slots[i]);
    for (unsigned j = first; j < last; ++j)
      if (together >> (j - first) & 1u) {
        comes_after(s, s.fibers[j], &s.slots[i]);
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
  enter_host(s, false);
}

/// Runs the block's threads to their ends, or to where they cannot go on.
UNWATCHED void run_threads(Scheduler& s) {
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

UNWATCHED void run_block(Scheduler& s) {
  s.alive = s.threads;
  host_comes_before(&s.fibers);
  for (unsigned i = 0; i < s.threads; ++i) {
    Fiber& f = s.fibers[i];
    if (!f.made) make(f);
    f.state = State::kReady;
    comes_after(s, f, &s.fibers);
  }
  run_threads(s);
  for (unsigned i = 0; i < s.threads; ++i) {
    Fiber& f = s.fibers[i];
    comes_before(s, f, &s.host);
    if (f.state != State::kDone) f.made = false;  // it stands in a block for good
  }
  host_comes_after(&s.host);
}

Scheduler::~Scheduler() {
  end = true;  // AddressSanitizer frees what it keeps for a stack when its fiber ends
  for (unsigned i = 0; i < kMaxThreads; ++i) {
    if (fibers[i].made) resume(*this, i);
#if defined(__SANITIZE_THREAD__)
    if (fibers[i].tsan) __tsan_destroy_fiber(fibers[i].tsan);
#endif
  }
  if (stacks) munmap(stacks, kStackBytes * kMaxThreads);
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
        run_block(s);
      }
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
