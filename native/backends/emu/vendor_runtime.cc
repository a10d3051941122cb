// vendor/runtime.h on the host: device memory is host memory, a stream runs what it is given at
// once, unless it is being captured. Tests steer it through control.h or, where they only have the
// module, through the environment: HALFTONE_EMU_BYTES (memory of each device).
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "backends/emu/control.h"
#include "device/device.h"
#include "vendor/runtime.h"

namespace halftone {

namespace emu {

Control& control() {
  static Control* all = [] {
    auto* made = new Control();
    if (const char* bytes = std::getenv("HALFTONE_EMU_BYTES"))
      made->device_bytes = std::strtoull(bytes, nullptr, 10);
    return made;
  }();
  return *all;
}

namespace {

struct GraphData {
  std::vector<std::function<Status()>> work;
};
struct StreamData {
  std::unique_ptr<GraphData> recording;
};
struct PoolData {
  std::mutex mutex;
  std::map<void*, size_t> blocks;
  vendor::PoolStats stats;
};
struct EventData {
  std::chrono::steady_clock::time_point time{};
  bool recorded = false;
};

PoolData& whole_device() {
  static auto* data = new PoolData();  // for calls without a pool
  return *data;
}
PoolData& pool_of(vendor::Pool pool) {
  return pool ? *static_cast<PoolData*>(pool) : whole_device();
}

constexpr const char* kLost =
    "failed on device emu: cudaErrorIllegalAddress (700), made so by the test";

Status alive(const char* call) {
  return control().device_lost ? error(Code::kDeviceLost, call, " ", kLost) : Status{};
}

}  // namespace

Status submit(void* stream, std::function<Status()> work) {
  HALFTONE_TRY(alive("a launch"));
  if (auto* s = static_cast<StreamData*>(stream); s && s->recording) {
    s->recording->work.push_back(std::move(work));
    return {};
  }
  return work();
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
  p->sm = emu::control().sm;
  p->multiprocessors = 4;
  p->total_bytes = emu::control().device_bytes;
  p->l2_bytes = 1 << 20;
  p->shared_bytes = 232448;
  p->clock_khz = 1000000;
  p->memory_clock_khz = 1000000;
  p->memory_bus_bits = 64;
  p->memory_pools = true;
  return {};
}
Status runtime_versions(int* runtime, int* driver) {
  *runtime = *driver = 13000;
  return {};
}
Status use_device(int) { return alive("cudaSetDevice"); }
Status memory_info(uint64_t* free_bytes, uint64_t* total_bytes) {
  *total_bytes = emu::control().device_bytes;
  const uint64_t used = emu::whole_device().stats.reserved;
  *free_bytes = *total_bytes - std::min(used, *total_bytes);
  return alive("cudaMemGetInfo");
}

Status stream_create(Stream* stream) {
  HALFTONE_TRY(alive("cudaStreamCreateWithFlags"));
  *stream = new emu::StreamData();
  return {};
}
Status stream_synchronize(Stream) { return alive("cudaStreamSynchronize"); }
void stream_destroy(Stream stream) { delete static_cast<emu::StreamData*>(stream); }

Status pool_create(int, Pool* pool) {
  *pool = new emu::PoolData();
  return {};
}
Status pool_trim(Pool pool, uint64_t keep_bytes) {
  emu::PoolData& p = emu::pool_of(pool);
  std::lock_guard lock(p.mutex);
  p.stats.reserved = std::max(p.stats.used, std::min(p.stats.reserved, keep_bytes));
  return alive("cudaMemPoolTrimTo");
}
Status pool_stats(Pool pool, PoolStats* stats) {
  emu::PoolData& p = emu::pool_of(pool);
  std::lock_guard lock(p.mutex);
  *stats = p.stats;
  return {};
}
void pool_destroy(Pool pool) { delete static_cast<emu::PoolData*>(pool); }

Status malloc_async(size_t bytes, Pool pool, Stream, void** data) {
  HALFTONE_TRY(alive("cudaMallocFromPoolAsync"));
  emu::PoolData& p = emu::pool_of(pool);
  std::lock_guard lock(p.mutex);
  emu::Control& c = emu::control();
  const bool refuse = c.fail_mallocs > 0 && c.fail_mallocs-- > 0;
  if (refuse || bytes > c.device_bytes - std::min<uint64_t>(c.device_bytes, p.stats.used))
    return error(Code::kOutOfMemory,
                 "cudaMallocFromPoolAsync failed on device emu: cudaErrorMemoryAllocation (2), out "
                 "of memory");
  void* got = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  if (!got) return error(Code::kOutOfMemory, "no host memory for the emulated device");
  std::memset(got, 0xa5, bytes);  // what a kernel forgets to write shows
  p.blocks[got] = bytes;
  p.stats.used += bytes;
  p.stats.used_peak = std::max(p.stats.used_peak, p.stats.used);
  p.stats.reserved = std::max(p.stats.reserved, p.stats.used);
  p.stats.reserved_peak = std::max(p.stats.reserved_peak, p.stats.reserved);
  *data = got;
  return {};
}
Status free_async(void* data, Pool pool, Stream) {
  emu::PoolData& p = emu::pool_of(pool);
  std::lock_guard lock(p.mutex);
  const auto found = p.blocks.find(data);
  if (found == p.blocks.end())
    return error(Code::kDevice, "cudaFreeAsync of memory that is not allocated");
  p.stats.used -= found->second;
  p.blocks.erase(found);
  std::free(data);
  return {};
}

Status host_malloc(size_t bytes, void** data) {
  HALFTONE_TRY(alive("cudaHostAlloc"));
  *data = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
  return *data ? Status{} : error(Code::kOutOfMemory, "cudaHostAlloc failed: out of memory");
}
void host_free(void* data) { std::free(data); }

Status copy_async(void* to, const void* from, size_t bytes, Copy, Stream stream) {
  return emu::submit(stream, [=]() -> Status {
    std::memcpy(to, from, bytes);
    return {};
  });
}
Status fill_async(void* to, int byte, size_t bytes, Stream stream) {
  return emu::submit(stream, [=]() -> Status {
    std::memset(to, byte, bytes);
    return {};
  });
}

Status event_create(bool, Event* event) {
  *event = new emu::EventData();
  return alive("cudaEventCreateWithFlags");
}
Status event_record(Event event, Stream) {
  auto* e = static_cast<emu::EventData*>(event);
  e->time = std::chrono::steady_clock::now();
  e->recorded = true;
  return alive("cudaEventRecord");
}
Status event_synchronize(Event) { return alive("cudaEventSynchronize"); }
Status event_query(Event, bool* reached) {
  *reached = true;
  return alive("cudaEventQuery");
}
Status stream_wait_event(Stream, Event) { return alive("cudaStreamWaitEvent"); }
Status event_elapsed(Event first, Event last, float* milliseconds) {
  const auto *a = static_cast<emu::EventData*>(first), *b = static_cast<emu::EventData*>(last);
  if (!a->recorded || !b->recorded)
    return error(Code::kDevice, "cudaEventElapsedTime: an event was not recorded");
  *milliseconds = std::chrono::duration<float, std::milli>(b->time - a->time).count();
  return {};
}
void event_destroy(Event event) { delete static_cast<emu::EventData*>(event); }

Status capture_begin(Stream stream) {
  static_cast<emu::StreamData*>(stream)->recording = std::make_unique<emu::GraphData>();
  return alive("cudaStreamBeginCapture");
}
Status capture_end(Stream stream, Graph* graph) {
  *graph = static_cast<emu::StreamData*>(stream)->recording.release();
  return *graph ? alive("cudaStreamEndCapture")
                : error(Code::kDevice, "cudaStreamEndCapture: nothing is being captured");
}
Status graph_launch(Graph graph, Stream) {
  HALFTONE_TRY(alive("cudaGraphLaunch"));
  for (const auto& work : static_cast<emu::GraphData*>(graph)->work) HALFTONE_TRY(work());
  return {};
}
void graph_destroy(Graph graph) { delete static_cast<emu::GraphData*>(graph); }

}  // namespace vendor
}  // namespace halftone
