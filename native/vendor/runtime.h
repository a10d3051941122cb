// The CUDA runtime as Halftone uses it: each function is one call of cudart with its arguments and
// a Status. Implemented by backends/cuda/vendor_runtime.cc (cudart) and, on the host, by
// backends/emu/vendor_runtime.cc.
//
// An error that poisons the context (an illegal address, a failed launch, ...) gives kDeviceLost:
// nothing on that device works again in this process. cudaErrorMemoryAllocation gives kOutOfMemory.
// All others give kDevice.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/status.h"

namespace halftone::vendor {

using Stream = void*;  // cudaStream_t
using Event = void*;   // cudaEvent_t
using Graph = void*;   // cudaGraphExec_t
using Pool = void*;    // cudaMemPool_t

struct DeviceProperties {
  char name[256] = "";
  int sm = 0;  // 90: compute capability 9.0
  int multiprocessors = 0;
  uint64_t total_bytes = 0;
  uint64_t l2_bytes = 0;
  int shared_bytes = 0;  // of one block, after opting in
  int clock_khz = 0;     // boost clock of the multiprocessors
  int memory_clock_khz = 0;
  int memory_bus_bits = 0;
  bool memory_pools = false;  // cudaMallocAsync works
};

/// The status of a runtime call that returned `error` (0: success). `call` names it:
/// "cudaMemcpyAsync".
Status runtime_status(int error, const char* call);

/// The number of devices; 0 with a failed status when there is no driver or none that is new
/// enough.
Status device_count(int* count);
Status device_properties(int device, DeviceProperties* properties);
/// 13000 for 13.0; driver: the newest CUDA version that it supports.
Status runtime_versions(int* runtime, int* driver);
/// The calling thread's device.
Status use_device(int device);
Status memory_info(uint64_t* free_bytes, uint64_t* total_bytes);
/// Waits for all work of the calling thread's device.
Status device_synchronize();

/// A library that the backend uses; `path` is empty where it is linked in or not known.
struct Library {
  std::string name, version, path;
};
/// The runtime and the driver.
std::vector<Library> runtime_libraries();

Status stream_create(Stream* stream);
Status stream_synchronize(Stream stream);
void stream_destroy(Stream stream);

Status pool_create(int device, Pool* pool);
/// Gives back to the system what is free beyond `keep_bytes`.
Status pool_trim(Pool pool, uint64_t keep_bytes);
struct PoolStats {
  uint64_t reserved = 0, reserved_peak = 0;  // taken from the device
  uint64_t used = 0, used_peak = 0;          // of these, handed out
};
Status pool_stats(Pool pool, PoolStats* stats);
void pool_destroy(Pool pool);

/// In the order of the stream. Without memory pools `pool` is null and the calls are cudaMalloc and
/// cudaFree.
Status malloc_async(size_t bytes, Pool pool, Stream stream, void** data);
Status free_async(void* data, Pool pool, Stream stream);

/// Page-locked host memory: slow to make, to be kept.
Status host_malloc(size_t bytes, void** data);
void host_free(void* data);

enum class Copy { kHostToDevice, kDeviceToHost, kDeviceToDevice };
Status copy_async(void* to, const void* from, size_t bytes, Copy kind, Stream stream);
Status fill_async(void* to, int byte, size_t bytes, Stream stream);

/// Waiting for it puts the thread to sleep (cudaEventBlockingSync); without `timing` it is cheaper.
Status event_create(bool timing, Event* event);
Status event_record(Event event, Stream stream);
Status event_synchronize(Event event);
Status event_query(Event event, bool* reached);
/// Work given to the stream from here on begins after the event.
Status stream_wait_event(Stream stream, Event event);
Status event_elapsed(Event first, Event last, float* milliseconds);
void event_destroy(Event event);

/// What is given to the stream between these two is recorded instead of run, and becomes a graph.
Status capture_begin(Stream stream);
Status capture_end(Stream stream, Graph* graph);
Status graph_launch(Graph graph, Stream stream);
void graph_destroy(Graph graph);

}  // namespace halftone::vendor
