// The built-in backend: runs the ops' CPU kernels on the process's thread pool.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <new>

#include "backends/cpu/allocator.h"
#include "core/backend.h"
#include "core/peak.h"
#include "core/registry.h"
#include "core/version.h"

namespace halftone {
namespace {

int32_t fail(halftone_status* status, Code code, const std::string& message) {
  status->code = static_cast<int32_t>(code);
  std::snprintf(status->message, sizeof status->message, "%s", message.c_str());
  return status->code;
}

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.rfind("model name", 0) == 0)
      if (const size_t colon = line.find(": "); colon != std::string::npos)
        return line.substr(colon + 2);
  return "CPU";
}

uint64_t free_bytes() {
  return static_cast<uint64_t>(sysconf(_SC_AVPHYS_PAGES)) *
         static_cast<uint64_t>(sysconf(_SC_PAGE_SIZE));
}

int32_t device_count() { return 1; }

int32_t device_info(int32_t, halftone_device_info* out, halftone_status*) {
  static const std::string* model = new std::string(cpu_name());
  std::snprintf(out->name, sizeof out->name, "%s", model->c_str());
  std::snprintf(out->detail, sizeof out->detail, "%d threads", ThreadPool::global().size());
  out->total_bytes = cpu::memory_limit();
  out->free_bytes = free_bytes();
  return 0;
}

uint64_t op_hash(const char* op) {
  const RegisteredOp* found = find_op(op);
  return found ? found->schema.hash : 0;
}

// A stream needs no state here: its thread runs the kernels itself.
int32_t stream_create(int32_t, void** stream, halftone_status*) {
  *stream = nullptr;
  return 0;
}
void stream_destroy(void*) {}
int32_t stream_sync(void*, halftone_status*) { return 0; }

// An event is a moment: a stream's work is done when its thread comes to record one.
using Moment = std::chrono::steady_clock::time_point;

int32_t event_record(void*, int32_t, void** event, halftone_status*) {
  *event = new Moment(std::chrono::steady_clock::now());
  return 0;
}
int32_t event_wait(void*, halftone_status*) { return 0; }
int32_t event_query(void*, int32_t* reached, halftone_status*) {
  *reached = 1;
  return 0;
}
int32_t event_elapsed(void* first, void* last, double* milliseconds, halftone_status*) {
  const auto between = *static_cast<Moment*>(last) - *static_cast<Moment*>(first);
  *milliseconds = std::chrono::duration<double, std::milli>(between).count();
  return 0;
}
void event_destroy(void* event) { delete static_cast<Moment*>(event); }
int32_t stream_wait(void*, void*, halftone_status*) { return 0; }

int32_t alloc(void*, size_t bytes, void** data, halftone_status* status) {
  *data = cpu::allocate(bytes);
  if (*data) return 0;
  const uint64_t used = cpu::used_bytes(), limit = cpu::limit();
  return fail(
      status, Code::kOutOfMemory,
      concat("no memory for ", bytes, " bytes on device cpu: ", free_bytes(), " bytes free, ", used,
             " bytes live in tensors, ", used + cpu::cached_bytes(), " reserved",
             limit ? concat(", with a limit of ", limit, " bytes") : std::string()));
}
void free(void*, void* data, size_t bytes) { cpu::release(data, bytes); }

int32_t copy(void*, void* to, const void* from, size_t bytes, halftone_status*) {
  std::memcpy(to, from, bytes);
  return 0;
}

struct Ticket {
  const void* from;
  size_t bytes;
};
int32_t copy_out_begin(void*, const void* from, size_t bytes, int32_t, void** ticket,
                       halftone_status*) {
  *ticket = new Ticket{from, bytes};
  return 0;
}
int32_t copy_out_end(void* ticket, void* to, halftone_status*) {
  const std::unique_ptr<Ticket> t(static_cast<Ticket*>(ticket));
  if (to) std::memcpy(to, t->from, t->bytes);
  return 0;
}

int32_t memory_info(int32_t, halftone_memory_info* info, halftone_status*) {
  info->used = cpu::used_bytes();
  info->used_peak = cpu::used_peak();
  info->reserved = info->used + cpu::cached_bytes();
  info->reserved_peak = std::max(info->used_peak, info->reserved);
  info->limit = cpu::limit();
  info->free_bytes = free_bytes();
  info->total_bytes = cpu::memory_limit();
  return 0;
}

int32_t configure(int32_t, const char* key, const char* value, halftone_status* status) {
  if (std::strcmp(key, "memory-limit") != 0)
    return fail(status, Code::kParam, concat("the cpu backend has no setting \"", key, "\""));
  uint64_t bytes = 0;
  const char* last = value + std::strlen(value);
  const auto [end, failed] = std::from_chars(value, last, bytes);
  if (failed != std::errc() || end != last || value == last)
    return fail(status, Code::kParam,
                concat("memory-limit must be a number of bytes, got \"", value, "\""));
  cpu::set_limit(bytes);
  return 0;
}

int32_t library(int32_t, halftone_library*) { return 1; }

// Both take their own time: about 0.1 s.
int32_t peak(int32_t, int32_t kind, double, double* per_second, halftone_status* status) {
  if (kind == static_cast<int32_t>(PeakKind::kCopy))
    *per_second = 2 * peak_copy(int64_t{256} << 20);
  else if (kind == static_cast<int32_t>(PeakKind::kFmaF32))
    *per_second = peak_fma(ThreadPool::global().size());
  else
    return fail(status, Code::kUnsupported,
                "peak: the CPU backend measures copies and float32 FMAs");
  return 0;
}

int32_t supports(int32_t, const halftone_call* call, halftone_status* status) {
  const RegisteredOp* op = find_op(call->op);
  if (!op) return fail(status, Code::kUnsupported, concat("the CPU backend has no op ", call->op));
  if (!op->cpu_supports) return 0;
  const Status refused = op->cpu_supports(call->params);
  return refused.ok() ? 0 : fail(status, refused.code, concat(call->op, ": ", refused.message));
}

TensorView view(const halftone_tensor& t) {
  TensorView v;
  v.data = t.data;
  v.dtype = static_cast<DType>(t.dtype);
  v.shape.rank = t.rank;
  std::memcpy(v.shape.dims, t.dims, sizeof v.shape.dims);
  return v;
}

int32_t run(void*, const halftone_call* call, halftone_provenance* provenance,
            halftone_status* status) {
  const RegisteredOp* op = find_op(call->op);
  if (!op) return fail(status, Code::kUnsupported, concat("the CPU backend has no op ", call->op));
  Status outcome;
  try {
    std::vector<TensorView> in, out;
    for (int i = 0; i < call->input_count; ++i) in.push_back(view(call->inputs[i]));
    for (int i = 0; i < call->output_count; ++i) out.push_back(view(call->outputs[i]));
    const auto& cancelled = *static_cast<const std::atomic<bool>*>(call->cancelled);
    outcome = op->run_cpu(call->params,
                          KernelContext(in, out, ThreadPool::global(), cancelled, *provenance));
  } catch (const std::bad_alloc&) {
    outcome = error(Code::kOutOfMemory, "no memory for the kernel's workspace on device cpu");
  } catch (const std::exception& e) {
    outcome = error(Code::kInternal, e.what());
  }
  if (outcome.ok()) return 0;
  return fail(status, outcome.code, concat(call->op, ": ", outcome.message));
}

void trim(int32_t) { cpu::trim(); }

}  // namespace

const halftone_backend* cpu_backend() {
  static const halftone_backend backend = {.abi_version = HALFTONE_ABI_VERSION,
                                           .name = "cpu",
                                           .version = kVersion,
                                           .host_memory = 1,
                                           .graphs = 0,
                                           .device_count = device_count,
                                           .device_info = device_info,
                                           .library = library,
                                           .configure = configure,
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
                                           .free = free,
                                           .copy_in = copy,
                                           .copy = copy,
                                           .copy_out_begin = copy_out_begin,
                                           .copy_out_end = copy_out_end,
                                           .supports = supports,
                                           .run = run,
                                           .capture_begin = nullptr,
                                           .capture_end = nullptr,
                                           .graph_launch = nullptr,
                                           .graph_destroy = nullptr,
                                           .memory_info = memory_info,
                                           .trim = trim,
                                           .peak = peak};
  return &backend;
}

}  // namespace halftone
