// vendor/runtime.h on cudart.
#include <cuda_runtime.h>

#include <cstdio>

#include "vendor/runtime.h"

namespace halftone::vendor {
namespace {

cudaStream_t cu(Stream s) { return static_cast<cudaStream_t>(s); }
cudaEvent_t event(Event e) { return static_cast<cudaEvent_t>(e); }

/// Errors after which the context takes no more work (CUDA Runtime API, "Error Handling": those
/// whose text says that the process must be terminated and relaunched).
bool loses_device(cudaError_t e) {
  switch (e) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorHardwareStackError:
    case cudaErrorAssert:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorContained:
    case cudaErrorExternalDevice:
    case cudaErrorTensorMemoryLeak:
    case cudaErrorMpsClientTerminated:
    case cudaErrorContextIsDestroyed:
    case cudaErrorCudartUnloading:
      return true;
    default:
      return false;
  }
}

Status attribute(cudaDeviceAttr which, int device, int* value) {
  return runtime_status(cudaDeviceGetAttribute(value, which, device), "cudaDeviceGetAttribute");
}

}  // namespace

Status runtime_status(int code, const char* call) {
  if (code == cudaSuccess) return {};
  const auto e = static_cast<cudaError_t>(code);
  static_cast<void>(cudaGetLastError());  // a plain error must not show up again at the next launch
  const Code kind = e == cudaErrorMemoryAllocation ? Code::kOutOfMemory
                    : loses_device(e)              ? Code::kDeviceLost
                                                   : Code::kDevice;
  int device = -1;
  static_cast<void>(cudaGetDevice(&device));
  return error(kind, call, " failed on device cuda:", device, ": ", cudaGetErrorName(e), " (",
               static_cast<int>(e), "), ", cudaGetErrorString(e));
}

Status device_count(int* count) {
  *count = 0;
  const cudaError_t e = cudaGetDeviceCount(count);
  if (e == cudaSuccess) return {};
  static_cast<void>(cudaGetLastError());
  return error(Code::kBackendUnavailable, "cudaGetDeviceCount: ", cudaGetErrorName(e), ", ",
               cudaGetErrorString(e));
}

Status device_properties(int device, DeviceProperties* p) {
  cudaDeviceProp found{};
  HALFTONE_TRY(runtime_status(cudaGetDeviceProperties(&found, device), "cudaGetDeviceProperties"));
  std::snprintf(p->name, sizeof p->name, "%s", found.name);
  p->sm = found.major * 10 + found.minor;
  p->multiprocessors = found.multiProcessorCount;
  p->total_bytes = found.totalGlobalMem;
  p->l2_bytes = static_cast<uint64_t>(found.l2CacheSize);
  p->shared_bytes = static_cast<int>(found.sharedMemPerBlockOptin);
  p->memory_bus_bits = found.memoryBusWidth;
  int pools = 0;
  // The clocks left cudaDeviceProp with CUDA 13.
  HALFTONE_TRY(attribute(cudaDevAttrClockRate, device, &p->clock_khz));
  HALFTONE_TRY(attribute(cudaDevAttrMemoryClockRate, device, &p->memory_clock_khz));
  HALFTONE_TRY(attribute(cudaDevAttrMemoryPoolsSupported, device, &pools));
  p->memory_pools = pools != 0;
  return {};
}

Status runtime_versions(int* runtime, int* driver) {
  HALFTONE_TRY(runtime_status(cudaRuntimeGetVersion(runtime), "cudaRuntimeGetVersion"));
  return runtime_status(cudaDriverGetVersion(driver), "cudaDriverGetVersion");
}

Status use_device(int device) { return runtime_status(cudaSetDevice(device), "cudaSetDevice"); }

Status memory_info(uint64_t* free_bytes, uint64_t* total_bytes) {
  size_t free = 0, total = 0;
  HALFTONE_TRY(runtime_status(cudaMemGetInfo(&free, &total), "cudaMemGetInfo"));
  *free_bytes = free;
  *total_bytes = total;
  return {};
}

Status device_synchronize() {
  return runtime_status(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
}

std::vector<Library> runtime_libraries() {
  const auto text = [](int version) { return concat(version / 1000, ".", version % 1000 / 10); };
  std::vector<Library> found;
  int runtime = 0, driver = 0;
  if (!runtime_versions(&runtime, &driver).ok()) return found;
  found.push_back({"cudart", text(runtime), ""});
  if (driver != 0) found.push_back({"driver", text(driver), ""});  // 0: there is none
  return found;
}

Status stream_create(Stream* stream) {
  cudaStream_t made = nullptr;
  // Non-blocking: it does not wait for the legacy default stream of other users of the process.
  HALFTONE_TRY(runtime_status(cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking),
                              "cudaStreamCreateWithFlags"));
  *stream = made;
  return {};
}
Status stream_synchronize(Stream stream) {
  return runtime_status(cudaStreamSynchronize(cu(stream)), "cudaStreamSynchronize");
}
void stream_destroy(Stream stream) { static_cast<void>(cudaStreamDestroy(cu(stream))); }

Status pool_create(int device, Pool* pool) {
  cudaMemPoolProps props{};
  props.allocType = cudaMemAllocationTypePinned;
  props.location.type = cudaMemLocationTypeDevice;
  props.location.id = device;
  cudaMemPool_t made = nullptr;
  HALFTONE_TRY(runtime_status(cudaMemPoolCreate(&made, &props), "cudaMemPoolCreate"));
  // The default, 0, gives all memory back to the system at each synchronization.
  uint64_t keep = UINT64_MAX;
  Status kept =
      runtime_status(cudaMemPoolSetAttribute(made, cudaMemPoolAttrReleaseThreshold, &keep),
                     "cudaMemPoolSetAttribute");
  if (!kept.ok()) {
    static_cast<void>(cudaMemPoolDestroy(made));
    return kept;
  }
  *pool = made;
  return {};
}
Status pool_trim(Pool pool, uint64_t keep_bytes) {
  return runtime_status(cudaMemPoolTrimTo(static_cast<cudaMemPool_t>(pool), keep_bytes),
                        "cudaMemPoolTrimTo");
}
Status pool_stats(Pool pool, PoolStats* s) {
  const auto get = [&](cudaMemPoolAttr which, uint64_t* value) {
    return runtime_status(cudaMemPoolGetAttribute(static_cast<cudaMemPool_t>(pool), which, value),
                          "cudaMemPoolGetAttribute");
  };
  HALFTONE_TRY(get(cudaMemPoolAttrReservedMemCurrent, &s->reserved));
  HALFTONE_TRY(get(cudaMemPoolAttrReservedMemHigh, &s->reserved_peak));
  HALFTONE_TRY(get(cudaMemPoolAttrUsedMemCurrent, &s->used));
  return get(cudaMemPoolAttrUsedMemHigh, &s->used_peak);
}
void pool_destroy(Pool pool) {
  static_cast<void>(cudaMemPoolDestroy(static_cast<cudaMemPool_t>(pool)));
}

Status malloc_async(size_t bytes, Pool pool, Stream stream, void** data) {
  if (!pool) return runtime_status(cudaMalloc(data, bytes), "cudaMalloc");
  return runtime_status(
      cudaMallocFromPoolAsync(data, bytes, static_cast<cudaMemPool_t>(pool), cu(stream)),
      "cudaMallocFromPoolAsync");
}
Status free_async(void* data, Pool pool, Stream stream) {
  if (!pool) return runtime_status(cudaFree(data), "cudaFree");
  return runtime_status(cudaFreeAsync(data, cu(stream)), "cudaFreeAsync");
}

Status host_malloc(size_t bytes, void** data) {
  return runtime_status(cudaHostAlloc(data, bytes, cudaHostAllocPortable), "cudaHostAlloc");
}
void host_free(void* data) { static_cast<void>(cudaFreeHost(data)); }

Status copy_async(void* to, const void* from, size_t bytes, Copy kind, Stream stream) {
  const cudaMemcpyKind kinds[] = {cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost,
                                  cudaMemcpyDeviceToDevice};
  return runtime_status(cudaMemcpyAsync(to, from, bytes, kinds[static_cast<int>(kind)], cu(stream)),
                        "cudaMemcpyAsync");
}
Status fill_async(void* to, int byte, size_t bytes, Stream stream) {
  return runtime_status(cudaMemsetAsync(to, byte, bytes, cu(stream)), "cudaMemsetAsync");
}

Status event_create(bool timing, Event* out) {
  cudaEvent_t made = nullptr;
  const unsigned flags = cudaEventBlockingSync | (timing ? 0u : cudaEventDisableTiming);
  HALFTONE_TRY(runtime_status(cudaEventCreateWithFlags(&made, flags), "cudaEventCreateWithFlags"));
  *out = made;
  return {};
}
Status event_record(Event e, Stream stream) {
  return runtime_status(cudaEventRecord(event(e), cu(stream)), "cudaEventRecord");
}
Status event_synchronize(Event e) {
  return runtime_status(cudaEventSynchronize(event(e)), "cudaEventSynchronize");
}
Status event_query(Event e, bool* reached) {
  const cudaError_t answer = cudaEventQuery(event(e));
  *reached = answer == cudaSuccess;
  if (answer != cudaErrorNotReady) return runtime_status(answer, "cudaEventQuery");
  static_cast<void>(cudaGetLastError());  // the next launch would find it
  return {};
}
Status stream_wait_event(Stream stream, Event e) {
  return runtime_status(cudaStreamWaitEvent(cu(stream), event(e), 0), "cudaStreamWaitEvent");
}
Status event_elapsed(Event first, Event last, float* milliseconds) {
  return runtime_status(cudaEventElapsedTime(milliseconds, event(first), event(last)),
                        "cudaEventElapsedTime");
}
void event_destroy(Event e) { static_cast<void>(cudaEventDestroy(event(e))); }

Status capture_begin(Stream stream) {
  return runtime_status(cudaStreamBeginCapture(cu(stream), cudaStreamCaptureModeThreadLocal),
                        "cudaStreamBeginCapture");
}
Status capture_end(Stream stream, Graph* graph) {
  cudaGraph_t recorded = nullptr;
  HALFTONE_TRY(runtime_status(cudaStreamEndCapture(cu(stream), &recorded), "cudaStreamEndCapture"));
  cudaGraphExec_t ready = nullptr;
  const cudaError_t e = cudaGraphInstantiate(&ready, recorded, 0);
  static_cast<void>(cudaGraphDestroy(recorded));
  HALFTONE_TRY(runtime_status(e, "cudaGraphInstantiate"));
  *graph = ready;
  return {};
}
Status graph_launch(Graph graph, Stream stream) {
  return runtime_status(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), cu(stream)),
                        "cudaGraphLaunch");
}
void graph_destroy(Graph graph) {
  static_cast<void>(cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph)));
}

}  // namespace halftone::vendor
