// The built-in backend: runs the ops' CPU kernels on the process's thread pool.
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <new>

#include "backends/cpu/allocator.h"
#include "core/backend.h"
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

int32_t device_count() { return 1; }

int32_t device_info(int32_t, halftone_device_info* out, halftone_status*) {
  static const std::string* model = new std::string(cpu_name());
  std::snprintf(out->name, sizeof out->name, "%s", model->c_str());
  std::snprintf(out->detail, sizeof out->detail, "%d threads", ThreadPool::global().size());
  out->total_bytes = cpu::memory_limit();
  out->free_bytes = static_cast<uint64_t>(sysconf(_SC_AVPHYS_PAGES)) *
                    static_cast<uint64_t>(sysconf(_SC_PAGE_SIZE));
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

int32_t alloc(void*, size_t bytes, void** data, halftone_status* status) {
  *data = cpu::allocate(bytes);
  if (*data) return 0;
  return fail(status, Code::kOutOfMemory, concat("no memory for ", bytes, " bytes on device cpu"));
}
void free(void*, void* data, size_t bytes) { cpu::release(data, bytes); }

int32_t copy(void*, void* to, const void* from, size_t bytes, halftone_status*) {
  std::memcpy(to, from, bytes);
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

uint64_t cached(int32_t) { return cpu::cached_bytes(); }
void trim(int32_t) { cpu::trim(); }

}  // namespace

const halftone_backend* cpu_backend() {
  static const halftone_backend backend = {HALFTONE_ABI_VERSION,
                                           "cpu",
                                           kVersion,
                                           1,
                                           device_count,
                                           device_info,
                                           op_hash,
                                           stream_create,
                                           stream_destroy,
                                           stream_sync,
                                           alloc,
                                           free,
                                           copy,
                                           copy,
                                           supports,
                                           run,
                                           cached,
                                           trim};
  return &backend;
}

}  // namespace halftone
