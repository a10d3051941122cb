// vendor/runtime.h on the host: device memory is host memory, streams are those of streams.h.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "backends/emu/control.h"
#include "backends/emu/streams.h"
#include "device/device.h"
#include "vendor/runtime.h"

namespace halftone {

namespace emu {

Control& control() {
  static Control* all = [] {
    auto* made = new Control();
    if (const char* bytes = std::getenv("HALFTONE_EMU_BYTES"))
      made->device_bytes = std::strtoull(bytes, nullptr, 10);
    if (const char* async = std::getenv("HALFTONE_EMU_ASYNC")) made->async = async[0] == '1';
    if (const char* us = std::getenv("HALFTONE_EMU_DELAY_US")) made->delay_us = std::atoi(us);
    if (const char* calls = std::getenv("HALFTONE_EMU_LOSE_AFTER"))
      made->lose_after = std::strtoll(calls, nullptr, 10);
    if (const char* sm = std::getenv("HALFTONE_EMU_SM")) {
      made->sm = std::atoi(sm);
      if (const char* comma = std::strchr(sm, ',')) made->second_sm = std::atoi(comma + 1);
    }
    return made;
  }();
  return *all;
}

namespace {

thread_local int current_device = 0;
/// What the thread captures (cudaStreamCaptureModeThreadLocal: other threads' captures do not
/// matter to it).
thread_local Stream* captured_here = nullptr;
thread_local int64_t waits_at_begin = 0;
/// Waits for all of the device, which spoil every capture there is, and captures.
std::atomic<int64_t> device_waits{0}, captures{0};

/// A block of the device goes back to the pool that it is from, and is used again for its own size
/// only: memory that is free but in the wrong pieces, until the pool is trimmed.
struct Pool {
  int device = 0;
  std::map<void*, size_t> blocks;
  std::map<size_t, size_t> cached;  // free blocks by size
  vendor::PoolStats stats;
};

struct Devices {
  std::mutex mutex;
  std::map<int, uint64_t> reserved;  // by device, over all pools
  std::map<int, Pool> outside;       // for calls without a pool
  std::map<uintptr_t, size_t> live;  // bytes by address, of all pools
};
Devices& devices() {
  static auto* made = new Devices();
  return *made;
}

/// With devices().mutex held.
Pool& pool_of(vendor::Pool pool) {
  if (pool) return *static_cast<Pool*>(pool);
  Pool& all = devices().outside[current_device];
  all.device = current_device;
  return all;
}

void release(Pool& pool, uint64_t keep) {
  for (auto& [size, count] : pool.cached)
    for (; count > 0 && pool.stats.reserved > keep; --count) {
      pool.stats.reserved -= size;
      devices().reserved[pool.device] -= size;
    }
}

struct Event {
  std::mutex mutex;
  std::shared_ptr<Mark> mark;  // nullptr: never recorded

  std::shared_ptr<Mark> now() {
    std::lock_guard lock(mutex);
    return mark;
  }
};

Stream* as_stream(void* stream) { return static_cast<Stream*>(stream); }
Event* as_event(void* event) { return static_cast<Event*>(event); }

Status spoil_capture(Stream* stream, const char* call) {
  stream->recording->valid = false;
  return error(Code::kDevice, call, " failed: cudaErrorStreamCaptureUnsupported (900)");
}

/// Of calls that a stream that is captured does not take.
Status not_captured(void* stream, const char* call) {
  HALFTONE_TRY(alive(call));
  return stream && as_stream(stream)->recording ? spoil_capture(as_stream(stream), call) : Status{};
}

/// Of calls that are "potentially unsafe" (cudaThreadExchangeStreamCaptureMode): a thread that
/// captures is refused them, and its capture is lost.
Status safe_in_capture(const char* call) {
  return captured_here ? spoil_capture(captured_here, call) : Status{};
}

/// Whether memory is the device's; the end of a block still is, for what is empty.
bool is_device_memory(const void* p) {
  Devices& all = devices();
  std::lock_guard lock(all.mutex);
  const auto at = reinterpret_cast<uintptr_t>(p);
  const auto after = all.live.upper_bound(at);
  return after != all.live.begin() && at <= std::prev(after)->first + std::prev(after)->second;
}

/// Of calls that need the stream's device to be the thread's.
Status on_own_device(void* stream, const char* call) {
  if (!stream || as_stream(stream)->device() == current_device) return {};
  return error(Code::kDevice, call,
               " failed: cudaErrorInvalidResourceHandle (400), a stream of device ",
               as_stream(stream)->device(), " while the thread's is ", current_device);
}

int sm_of(int device) {
  const Control& c = control();
  return device == 1 && c.second_sm != 0 ? c.second_sm : c.sm;
}

/// Shared memory of one block, after opting in (CUDA programming guide, "Compute Capabilities").
size_t most_shared_bytes(int sm) {
  switch (sm) {
    case 75:
      return 64 * 1024;
    case 80:
    case 87:
      return 163 * 1024;
    case 86:
    case 89:
    case 120:
      return 99 * 1024;
    default:
      return 227 * 1024;
  }
}

size_t rounded(size_t bytes) { return (bytes + 511) / 512 * 512; }

}  // namespace

Status launchable(void* stream, const char* kernel, size_t shared_bytes) {
  const int sm = sm_of(stream ? as_stream(stream)->device() : current_device);
  if (shared_bytes <= most_shared_bytes(sm)) return {};
  return error(Code::kDevice, kernel, ": cudaErrorInvalidValue (1), a block of sm_", sm,
               " has at most ", most_shared_bytes(sm), " bytes of shared memory, asked for ",
               shared_bytes);
}

Status on_device(void* stream, const char* call, std::initializer_list<const void*> pointers) {
  if (!stream || !control().checks_pointers) return {};
  for (const void* p : pointers)
    if (p && !is_device_memory(p))
      return error(Code::kDevice, call, ": cudaErrorIllegalAddress (700), memory of the host");
  return {};
}

Status submit(void* stream, std::function<Status()> work) {
  HALFTONE_TRY(alive("a launch"));
  HALFTONE_TRY(on_own_device(stream, "a launch"));
  return stream ? as_stream(stream)->give({std::move(work)}) : work();
}

}  // namespace emu

namespace vendor {

using emu::alive;

Status runtime_status(int code, const char* call) {
  return code == 0 ? Status{} : error(Code::kDevice, call, " failed with ", code);
}
Status device_count(int* count) {
  *count = emu::control().devices;
  return {};
}
Status device_properties(int device, DeviceProperties* p) {
  HALFTONE_TRY(alive("cudaGetDeviceProperties"));
  std::snprintf(p->name, sizeof p->name, "Emulated device %d", device);
  p->sm = emu::sm_of(device);
  p->multiprocessors = 4;
  p->total_bytes = emu::control().device_bytes;
  p->l2_bytes = 1 << 20;
  p->shared_bytes = static_cast<int>(emu::most_shared_bytes(p->sm));
  p->clock_khz = 1000000;
  p->memory_clock_khz = 1000000;
  p->memory_bus_bits = 64;
  p->memory_pools = emu::control().memory_pools;
  return {};
}
Status runtime_versions(int* runtime, int* driver) {
  *runtime = *driver = 13000;
  return {};
}
std::vector<Library> runtime_libraries() { return {{"emulation", "13.0", ""}}; }

Status use_device(int device) {
  emu::current_device = device;
  return alive("cudaSetDevice");
}
Status memory_info(uint64_t* free_bytes, uint64_t* total_bytes) {
  emu::Devices& all = emu::devices();
  std::lock_guard lock(all.mutex);
  *total_bytes = emu::control().device_bytes;
  *free_bytes = *total_bytes - std::min(all.reserved[emu::current_device], *total_bytes);
  return alive("cudaMemGetInfo");
}
Status device_synchronize() {
  HALFTONE_TRY(emu::safe_in_capture("cudaDeviceSynchronize"));
  ++emu::device_waits;
  if (emu::captures > 0)
    return error(Code::kDevice,
                 "cudaDeviceSynchronize failed: cudaErrorStreamCaptureUnsupported (900)");
  emu::synchronize_all();
  return alive("cudaDeviceSynchronize");
}

Status stream_create(Stream* stream) {
  HALFTONE_TRY(alive("cudaStreamCreateWithFlags"));
  *stream = new emu::Stream(emu::current_device, emu::control().async);
  return {};
}
Status stream_synchronize(Stream stream) {
  HALFTONE_TRY(emu::not_captured(stream, "cudaStreamSynchronize"));
  emu::as_stream(stream)->synchronize();
  return alive("cudaStreamSynchronize");
}
void stream_destroy(Stream stream) { delete emu::as_stream(stream); }

Status pool_create(int device, Pool* pool) {
  if (emu::control().refuses_pools)
    return error(Code::kDevice, "cudaMemPoolCreate failed: cudaErrorNotSupported (801)");
  auto* made = new emu::Pool();
  made->device = device;
  *pool = made;
  return {};
}
Status pool_trim(Pool pool, uint64_t keep_bytes) {
  std::lock_guard lock(emu::devices().mutex);
  emu::release(emu::pool_of(pool), keep_bytes);
  return alive("cudaMemPoolTrimTo");
}
Status pool_stats(Pool pool, PoolStats* stats) {
  std::lock_guard lock(emu::devices().mutex);
  *stats = emu::pool_of(pool).stats;
  return {};
}
void pool_destroy(Pool pool) { delete static_cast<emu::Pool*>(pool); }

Status malloc_async(size_t bytes, Pool pool, Stream stream, void** data) {
  HALFTONE_TRY(emu::not_captured(stream, "cudaMallocFromPoolAsync"));
  if (!pool) HALFTONE_TRY(emu::safe_in_capture("cudaMalloc"));
  HALFTONE_TRY(emu::on_own_device(stream, "cudaMallocFromPoolAsync"));
  emu::Devices& all = emu::devices();
  std::lock_guard lock(all.mutex);
  emu::Pool& p = emu::pool_of(pool);
  emu::Control& c = emu::control();
  const bool refuse = c.fail_mallocs > 0 && c.fail_mallocs-- > 0;
  const size_t size = emu::rounded(bytes);
  size_t& cached = p.cached[size];
  const bool fits = cached > 0 || all.reserved[p.device] + size <= c.device_bytes;
  if (refuse || !fits)
    return error(Code::kOutOfMemory,
                 "cudaMallocFromPoolAsync failed on device emu: cudaErrorMemoryAllocation (2), out "
                 "of memory");
  void* got = std::aligned_alloc(256, size);
  if (!got) return error(Code::kOutOfMemory, "no host memory for the emulated device");
  std::memset(got, 0xa5, bytes);  // what a kernel forgets to write shows
  if (cached > 0) {
    --cached;
  } else {
    p.stats.reserved += size;
    all.reserved[p.device] += size;
  }
  p.blocks[got] = size;
  all.live[reinterpret_cast<uintptr_t>(got)] = size;
  p.stats.used += size;
  p.stats.used_peak = std::max(p.stats.used_peak, p.stats.used);
  p.stats.reserved_peak = std::max(p.stats.reserved_peak, p.stats.reserved);
  *data = got;
  return {};
}

// In the order of the stream: the memory goes when the work given before is done, so that work that
// still uses it is found by the address sanitizer.
Status free_async(void* data, Pool pool, Stream stream) {
  HALFTONE_TRY(emu::not_captured(stream, "cudaFreeAsync"));
  if (!pool) HALFTONE_TRY(emu::safe_in_capture("cudaFree"));
  emu::Pool* p = nullptr;
  {
    std::lock_guard lock(emu::devices().mutex);
    p = &emu::pool_of(pool);
    if (!p->blocks.contains(data))
      return error(Code::kDevice, "cudaFreeAsync of memory that is not allocated");
  }
  const auto free_now = [=]() -> Status {
    std::lock_guard lock(emu::devices().mutex);
    const auto found = p->blocks.find(data);
    p->stats.used -= found->second;
    if (pool) {
      ++p->cached[found->second];
    } else {  // cudaFree
      p->stats.reserved -= found->second;
      emu::devices().reserved[p->device] -= found->second;
    }
    p->blocks.erase(found);
    emu::devices().live.erase(reinterpret_cast<uintptr_t>(data));
    std::free(data);
    return {};
  };
  if (stream && pool) return emu::as_stream(stream)->give({free_now, true});
  emu::synchronize_all();  // cudaFree waits for the device
  return free_now();
}

Status host_malloc(size_t bytes, void** data) {
  HALFTONE_TRY(alive("cudaHostAlloc"));
  HALFTONE_TRY(emu::safe_in_capture("cudaHostAlloc"));
  *data = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
  return *data ? Status{} : error(Code::kOutOfMemory, "cudaHostAlloc failed: out of memory");
}
void host_free(void* data) { std::free(data); }

Status copy_async(void* to, const void* from, size_t bytes, Copy kind, Stream stream) {
  const char* call = "cudaMemcpyAsync";
  if (kind != Copy::kDeviceToHost) HALFTONE_TRY(emu::on_device(stream, call, {to}));
  if (kind != Copy::kHostToDevice) HALFTONE_TRY(emu::on_device(stream, call, {from}));
  return emu::submit(stream, [=]() -> Status {
    std::memcpy(to, from, bytes);
    return {};
  });
}
Status fill_async(void* to, int byte, size_t bytes, Stream stream) {
  HALFTONE_TRY(emu::on_device(stream, "cudaMemsetAsync", {to}));
  return emu::submit(stream, [=]() -> Status {
    std::memset(to, byte, bytes);
    return {};
  });
}

Status event_create(bool, Event* event) {
  HALFTONE_TRY(alive("cudaEventCreateWithFlags"));
  *event = new emu::Event();
  return {};
}
Status event_record(Event event, Stream stream) {
  HALFTONE_TRY(alive("cudaEventRecord"));
  HALFTONE_TRY(emu::on_own_device(stream, "cudaEventRecord"));
  auto mark = std::make_shared<emu::Mark>();
  {
    emu::Event* e = emu::as_event(event);
    std::lock_guard lock(e->mutex);
    e->mark = mark;
  }
  return emu::as_stream(stream)->give({[mark]() -> Status {
                                         mark->reach();
                                         return {};
                                       },
                                       true});
}
Status event_synchronize(Event event) {
  HALFTONE_TRY(emu::safe_in_capture("cudaEventSynchronize"));
  if (const auto mark = emu::as_event(event)->now()) mark->wait();
  return alive("cudaEventSynchronize");
}
Status event_query(Event event, bool* reached) {
  HALFTONE_TRY(emu::safe_in_capture("cudaEventQuery"));
  const auto mark = emu::as_event(event)->now();
  *reached = true;
  if (mark) {
    std::lock_guard lock(mark->mutex);
    *reached = mark->reached;
  }
  return alive("cudaEventQuery");
}
Status stream_wait_event(Stream stream, Event event) {
  HALFTONE_TRY(alive("cudaStreamWaitEvent"));
  const auto mark = emu::as_event(event)->now();
  if (!mark) return {};
  return emu::as_stream(stream)->give({[mark]() -> Status {
                                         mark->wait();
                                         return {};
                                       },
                                       true});
}
Status event_elapsed(Event first, Event last, float* milliseconds) {
  const auto a = emu::as_event(first)->now(), b = emu::as_event(last)->now();
  if (!a || !b) return error(Code::kDevice, "cudaEventElapsedTime: an event was not recorded");
  std::scoped_lock lock(a->mutex, b->mutex);
  if (!a->reached || !b->reached)
    return error(Code::kDevice, "cudaEventElapsedTime failed: cudaErrorNotReady (600)");
  *milliseconds = std::chrono::duration<float, std::milli>(b->time - a->time).count();
  return {};
}
void event_destroy(Event event) { delete emu::as_event(event); }

Status capture_begin(Stream stream) {
  HALFTONE_TRY(emu::not_captured(stream, "cudaStreamBeginCapture"));
  HALFTONE_TRY(emu::safe_in_capture("cudaStreamBeginCapture"));
  emu::captured_here = emu::as_stream(stream);
  emu::captured_here->recording = std::make_unique<emu::Graph>();
  ++emu::captures;
  emu::waits_at_begin = emu::device_waits;
  return {};
}
Status capture_end(Stream stream, Graph* graph) {
  emu::Stream& s = *emu::as_stream(stream);
  const bool own = emu::captured_here == &s;
  if (own) {
    emu::captured_here = nullptr;
    --emu::captures;
  }
  HALFTONE_TRY(alive("cudaStreamEndCapture"));
  if (!s.recording) return error(Code::kDevice, "cudaStreamEndCapture: nothing is being captured");
  if (!own)
    return error(Code::kDevice,
                 "cudaStreamEndCapture failed: cudaErrorStreamCaptureWrongThread (908)");
  const std::unique_ptr<emu::Graph> recorded = std::move(s.recording);
  if (!recorded->valid || emu::device_waits != emu::waits_at_begin)
    return error(Code::kDevice,
                 "cudaStreamEndCapture failed: cudaErrorStreamCaptureInvalidated (901)");
  *graph = new emu::Graph(*recorded);
  return {};
}
Status graph_launch(Graph graph, Stream stream) {
  return emu::submit(stream, [graph]() -> Status {
    for (const emu::Work& work : static_cast<emu::Graph*>(graph)->work) HALFTONE_TRY(work.run());
    return {};
  });
}
void graph_destroy(Graph graph) { delete static_cast<emu::Graph*>(graph); }

}  // namespace vendor
}  // namespace halftone
