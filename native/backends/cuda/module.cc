// The table of functions that core/backend.cc loads. HALFTONE_BACKEND_NAME is "cuda", or "emu" for
// the same sources on the host.
#include <cstdio>
#include <exception>
#include <new>

#include "backends/cuda/peak.h"
#include "backends/cuda/registry.h"
#include "backends/cuda/stream.h"
#include "backends/cuda/views.h"
#include "core/version.h"

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

Event& as_event(void* event) { return *static_cast<Event*>(event); }

int32_t event_record(void* stream, int32_t timing, void** event, halftone_status* status) {
  return on_stream(stream, status, [&](CudaStream& s) -> Status {
    Event* made = nullptr;
    HALFTONE_TRY(s.record(timing != 0, &made));
    *event = made;
    return {};
  });
}
int32_t event_wait(void* event, halftone_status* status) {
  return guarded(status, [&] { return as_event(event).wait(); });
}
int32_t event_query(void* event, int32_t* reached, halftone_status* status) {
  return guarded(status, [&]() -> Status {
    bool is = false;
    HALFTONE_TRY(as_event(event).query(&is));
    *reached = is;
    return {};
  });
}
int32_t event_elapsed(void* first, void* last, double* milliseconds, halftone_status* status) {
  return guarded(status, [&] { return as_event(last).since(as_event(first), milliseconds); });
}
void event_destroy(void* event) { delete static_cast<Event*>(event); }
int32_t stream_wait(void* stream, void* event, halftone_status* status) {
  return on_stream(stream, status, [&](CudaStream& s) {
    return vendor::stream_wait_event(s.handle(), as_event(event).handle());
  });
}

int32_t alloc(void* stream, size_t bytes, void** data, halftone_status* status) {
  return on_stream(stream, status, [&](CudaStream& s) { return s.alloc(bytes, data); });
}
void release(void* stream, void* data, size_t bytes) {
  CudaStream& s = as_stream(stream);
  static_cast<void>(s.use());
  s.free(data, bytes);
}
int32_t copy_in(void* stream, void* to, const void* from, size_t bytes, halftone_status* status) {
  return on_stream(stream, status, [&](CudaStream& s) { return s.copy_in(to, from, bytes); });
}
int32_t copy(void* stream, void* to, const void* from, size_t bytes, halftone_status* status) {
  return on_stream(stream, status, [&](CudaStream& s) {
    return vendor::copy_async(to, from, bytes, vendor::Copy::kDeviceToDevice, s.handle());
  });
}
int32_t copy_out_begin(void* stream, const void* from, size_t bytes, int32_t ordered, void** ticket,
                       halftone_status* status) {
  return on_stream(stream, status, [&](CudaStream& s) -> Status {
    Ticket* made = nullptr;
    HALFTONE_TRY(s.copy_out_begin(from, bytes, ordered != 0, &made));
    *ticket = made;
    return {};
  });
}
int32_t copy_out_end(void* ticket, void* to, halftone_status* status) {
  std::unique_ptr<Ticket> owned(static_cast<Ticket*>(ticket));
  return guarded(status, [&] {
    CudaStream& s = *owned->stream;
    return s.copy_out_end(std::move(owned), to);
  });
}

int32_t capture_begin(void* stream, halftone_status* status) {
  return on_stream(stream, status, [](CudaStream& s) { return s.capture_begin(); });
}
int32_t capture_end(void* stream, void** graph, halftone_status* status) {
  return on_stream(stream, status, [&](CudaStream& s) -> Status {
    RecordedGraph* made = nullptr;
    HALFTONE_TRY(s.capture_end(&made));
    *graph = made;
    return {};
  });
}
int32_t graph_launch(void* stream, void* graph, halftone_status* status) {
  return on_stream(stream, status,
                   [&](CudaStream& s) { return s.launch(*static_cast<RecordedGraph*>(graph)); });
}
void graph_destroy(void* stream, void* graph) {
  as_stream(stream).destroy(static_cast<RecordedGraph*>(graph));
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

int32_t memory_info(int32_t index, halftone_memory_info* info, halftone_status* status) {
  return guarded(status, [&]() -> Status {
    const Device* found = nullptr;
    HALFTONE_TRY(device(index, &found));
    info->staging = staging_bytes();
    return found->memory->info(info);
  });
}
void trim(int32_t index) {
  const Device* found = nullptr;
  if (device(index, &found).ok()) found->memory->trim();
}

int32_t set_option(int32_t index, const char* key, const char* value, halftone_status* status) {
  return guarded(status, [&] { return cuda::configure(index, key, value); });
}

int32_t measure(int32_t index, int32_t kind, double seconds, double* per_second,
                halftone_status* status) {
  return guarded(status,
                 [&] { return peak(index, static_cast<PeakKind>(kind), seconds, per_second); });
}

int32_t library(int32_t index, halftone_library* out) {
  static const auto* all = new std::vector<vendor::Library>(vendor::runtime_libraries());
  if (index < 0 || static_cast<size_t>(index) >= all->size()) return 1;
  const vendor::Library& found = (*all)[static_cast<size_t>(index)];
  std::snprintf(out->name, sizeof out->name, "%s", found.name.c_str());
  std::snprintf(out->version, sizeof out->version, "%s", found.version.c_str());
  std::snprintf(out->path, sizeof out->path, "%s", found.path.c_str());
  return 0;
}

}  // namespace
}  // namespace halftone::cuda

extern "C" __attribute__((visibility("default"))) const halftone_backend* halftone_backend_get(
    void) {
  using namespace halftone::cuda;
  static const halftone_backend backend = {.abi_version = HALFTONE_ABI_VERSION,
                                           .name = HALFTONE_BACKEND_NAME,
                                           .version = halftone::kVersion,
                                           .host_memory = 0,
                                           .graphs = 1,
                                           .device_count = count,
                                           .device_info = device_info,
                                           .library = library,
                                           .configure = set_option,
                                           .op_hash = op_hash,
                                           .stream_create = stream_create,
                                           .stream_destroy = stream_destroy,
                                           .stream_sync = stream_sync,
                                           .event_record = event_record,
                                           .event_wait = event_wait,
                                           .event_query = event_query,
                                           .event_elapsed = event_elapsed,
                                           .event_destroy = event_destroy,
                                           .stream_wait = stream_wait,
                                           .alloc = alloc,
                                           .free = release,
                                           .copy_in = copy_in,
                                           .copy = copy,
                                           .copy_out_begin = copy_out_begin,
                                           .copy_out_end = copy_out_end,
                                           .supports = supports,
                                           .run = run,
                                           .capture_begin = capture_begin,
                                           .capture_end = capture_end,
                                           .graph_launch = graph_launch,
                                           .graph_destroy = graph_destroy,
                                           .memory_info = memory_info,
                                           .trim = trim,
                                           .peak = measure};
  return &backend;
}
