// The table of functions that core/backend.cc loads. HALFTONE_BACKEND_NAME is "cuda", or "emu" for
// the same sources on the host.
#include <cstdio>
#include <exception>
#include <new>

#include "backends/cuda/registry.h"
#include "backends/cuda/stream.h"
#include "backends/cuda/views.h"
#include "core/version.h"

#ifndef HALFTONE_BACKEND_NAME
#define HALFTONE_BACKEND_NAME "cuda"
#endif

namespace halftone::cuda {
namespace {

int32_t fail(halftone_status* status, const Status& why) {
  status->code = static_cast<int32_t>(why.code);
  std::snprintf(status->message, sizeof status->message, "%s", why.message.c_str());
  return status->code;
}

/// No exception leaves the module.
template <class F>
int32_t guarded(halftone_status* status, F&& body) {
  try {
    const Status outcome = body();
    return outcome.ok() ? 0 : fail(status, outcome);
  } catch (const std::bad_alloc&) {
    return fail(status,
                error(Code::kOutOfMemory, "no host memory for the work of the CUDA backend"));
  } catch (const std::exception& e) {
    return fail(status, error(Code::kInternal, e.what()));
  }
}

CudaStream& as_stream(void* stream) { return *static_cast<CudaStream*>(stream); }

Status with_op(const char* op, const Status& s) {
  return s.ok() ? s : Status{s.code, concat(op, ": ", s.message)};
}

int32_t count() { return device_count(nullptr); }

int32_t device_info(int32_t index, halftone_device_info* info, halftone_status* status) {
  return guarded(status, [&]() -> Status {
    // Without any device, the caller learns why.
    Status why;
    if (device_count(&why) == 0)
      return why.ok() ? error(Code::kBackendUnavailable, "there is no CUDA device") : why;
    const Device* found = nullptr;
    HALFTONE_TRY(device(index, &found));
    HALFTONE_TRY(vendor::use_device(index));
    const vendor::DeviceProperties& p = found->properties;
    std::snprintf(info->name, sizeof info->name, "%.120s", p.name);
    std::snprintf(info->detail, sizeof info->detail, "sm_%d, %d multiprocessors", p.sm,
                  p.multiprocessors);
    info->total_bytes = p.total_bytes;
    uint64_t total = 0;
    return vendor::memory_info(&info->free_bytes, &total);
  });
}

uint64_t op_hash(const char* op) {
  const RegisteredCudaOp* found = find_op(op);
  return found ? found->schema.hash : 0;
}

int32_t stream_create(int32_t index, void** stream, halftone_status* status) {
  return guarded(status, [&]() -> Status {
    std::unique_ptr<CudaStream> made;
    HALFTONE_TRY(CudaStream::create(index, &made));
    *stream = made.release();
    return {};
  });
}
void stream_destroy(void* stream) { delete static_cast<CudaStream*>(stream); }

/// Runs body with the stream's device set for this thread.
template <class F>
int32_t on_stream(void* stream, halftone_status* status, F&& body) {
  return guarded(status, [&]() -> Status {
    HALFTONE_TRY(as_stream(stream).use());
    return body(as_stream(stream));
  });
}

int32_t stream_sync(void* stream, halftone_status* status) {
  return on_stream(stream, status, [](CudaStream& s) { return s.synchronize(); });
}
int32_t alloc(void* stream, size_t bytes, void** data, halftone_status* status) {
  return on_stream(stream, status, [&](CudaStream& s) { return s.alloc(bytes, data); });
}
void release(void* stream, void* data, size_t) {
  CudaStream& s = as_stream(stream);
  if (s.use().ok()) s.free(data);
}
int32_t copy_in(void* stream, void* to, const void* from, size_t bytes, halftone_status* status) {
  return on_stream(stream, status, [&](CudaStream& s) { return s.copy_in(to, from, bytes); });
}
int32_t copy_out(void* stream, void* to, const void* from, size_t bytes, halftone_status* status) {
  return on_stream(stream, status, [&](CudaStream& s) { return s.copy_out(to, from, bytes); });
}

int32_t supports(int32_t index, const halftone_call* call, halftone_status* status) {
  return guarded(status, [&]() -> Status {
    const RegisteredCudaOp* found = find_op(call->op);
    if (!found)
      return unsupported(call->op, ": the " HALFTONE_BACKEND_NAME
                                   " backend has no kernel for it; device 'cpu' has");
    if (!found->op.supports) return {};
    const Device* on = nullptr;
    HALFTONE_TRY(device(index, &on));
    const CallViews views(*call);
    return with_op(call->op,
                   found->op.supports(call->params, {views.in, views.out, on->properties}));
  });
}

int32_t run(void* stream, const halftone_call* call, halftone_provenance* provenance,
            halftone_status* status) {
  return on_stream(stream, status,
                   [&](CudaStream& s) { return with_op(call->op, s.run(*call, provenance)); });
}

uint64_t cached_bytes(int32_t index) {
  const Device* found = nullptr;
  vendor::PoolStats stats;
  if (!device(index, &found).ok() || !found->pool || !vendor::pool_stats(found->pool, &stats).ok())
    return 0;
  return stats.reserved - stats.used;
}
void trim(int32_t index) {
  const Device* found = nullptr;
  if (device(index, &found).ok() && found->pool)
    static_cast<void>(vendor::pool_trim(found->pool, 0));
}

}  // namespace
}  // namespace halftone::cuda

extern "C" __attribute__((visibility("default"))) const halftone_backend* halftone_backend_get(
    void) {
  using namespace halftone::cuda;
  static const halftone_backend backend = {HALFTONE_ABI_VERSION,
                                           HALFTONE_BACKEND_NAME,
                                           halftone::kVersion,
                                           0,
                                           count,
                                           device_info,
                                           op_hash,
                                           stream_create,
                                           stream_destroy,
                                           stream_sync,
                                           alloc,
                                           release,
                                           copy_in,
                                           copy_out,
                                           supports,
                                           run,
                                           cached_bytes,
                                           trim};
  return &backend;
}
