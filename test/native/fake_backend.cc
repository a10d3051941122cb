// A backend module for tests: device memory of its own that the host must not touch, two devices,
// one op (relu on float32), and failures on demand. What it is told to do is written in the first
// element of the input:
//
//   1001  the op fails with a device error        1003  the op finds no memory
//   1002  the device is lost                       1004  the op takes 200 ms
//
// Built as it is, with another ABI version, with another schema (FAKE_ABI_VERSION,
// FAKE_SCHEMA_SALT), and under the name "cuda" (FAKE_NAME): where HALFTONE_TEST_FAKE says so, that
// one crashes or hangs as a broken driver would when it is first asked, has no device, or loses it.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "core/backend_abi.h"
#include "ops/unary/unary.h"

#ifndef FAKE_ABI_VERSION
#define FAKE_ABI_VERSION HALFTONE_ABI_VERSION
#endif
#ifndef FAKE_SCHEMA_SALT
#define FAKE_SCHEMA_SALT 0
#endif

#ifndef FAKE_NAME
#define FAKE_NAME "fake"
#endif

namespace {

using halftone::Code;

constexpr size_t kDeviceBytes = 1 << 20;
constexpr uintptr_t kDeviceBit = uintptr_t{1}
                                 << 62;  // set in device pointers: the host that uses one crashes

std::atomic<size_t> used_bytes{0};

int32_t fail(halftone_status* status, Code code, const char* message) {
  status->code = static_cast<int32_t>(code);
  std::snprintf(status->message, sizeof status->message, "%s", message);
  return status->code;
}

void* to_device(void* host) {
  return reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(host) | kDeviceBit);
}
template <class T>
T* to_host(T* device) {
  return reinterpret_cast<T*>(reinterpret_cast<uintptr_t>(device) & ~kDeviceBit);
}

bool told_to(const char* what) {
  const char* told = std::getenv("HALFTONE_TEST_FAKE");
  return told && std::strcmp(told, what) == 0;
}

int32_t device_count() {
  if (told_to("crash")) {
    std::fprintf(stderr, "fake driver: cannot go on\n");
    std::abort();
  }
  while (told_to("hang")) std::this_thread::sleep_for(std::chrono::seconds(1));
  return told_to("no device") ? 0 : 2;
}

int32_t device_info(int32_t device, halftone_device_info* info, halftone_status* status) {
  if (told_to("no device"))
    return fail(status, Code::kBackendUnavailable, "the fake has no device");
  std::snprintf(info->name, sizeof info->name, "Fake device %d", device);
  std::snprintf(info->detail, sizeof info->detail, "for tests");
  info->total_bytes = kDeviceBytes;
  info->free_bytes = kDeviceBytes - used_bytes;
  return 0;
}

uint64_t op_hash(const char* op) {
  static const halftone::OpSchema relu = halftone::make_schema<halftone::Relu>();
  return relu.name == op ? relu.hash + FAKE_SCHEMA_SALT : 0;
}

int32_t stream_create(int32_t device, void** stream, halftone_status*) {
  *stream = new int(device);
  return 0;
}
void stream_destroy(void* stream) { delete static_cast<int*>(stream); }
int32_t stream_sync(void*, halftone_status*) { return 0; }

int32_t alloc(void*, size_t bytes, void** data, halftone_status* status) {
  if (used_bytes + bytes > kDeviceBytes)
    return fail(status, Code::kOutOfMemory, "the fake device is full");
  used_bytes += bytes;
  *data = to_device(std::aligned_alloc(64, (bytes + 63) / 64 * 64));
  return 0;
}
void release(void*, void* data, size_t bytes) {
  used_bytes -= bytes;
  std::free(to_host(data));
}
int32_t copy_in(void*, void* to, const void* from, size_t bytes, halftone_status*) {
  std::memcpy(to_host(to), from, bytes);
  return 0;
}
int32_t copy(void*, void* to, const void* from, size_t bytes, halftone_status*) {
  std::memcpy(to_host(to), to_host(from), bytes);
  return 0;
}
int32_t copy_out_begin(void*, const void* from, size_t bytes, int32_t, void** ticket,
                       halftone_status*) {
  const char* bytes_now = static_cast<const char*>(to_host(from));
  *ticket = new std::string(bytes_now, bytes_now + bytes);
  return 0;
}
int32_t copy_out_end(void* ticket, void* to, halftone_status*) {
  const std::unique_ptr<std::string> bytes(static_cast<std::string*>(ticket));
  if (to) std::memcpy(to, bytes->data(), bytes->size());
  return 0;
}

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

int32_t library(int32_t index, halftone_library* out) {
  if (index != 0) return 1;
  std::snprintf(out->name, sizeof out->name, "fakelib");
  std::snprintf(out->version, sizeof out->version, "4.5");
  std::snprintf(out->path, sizeof out->path, "/nowhere/libfake.so");
  return 0;
}
int32_t configure(int32_t, const char* key, const char*, halftone_status* status) {
  const std::string text = std::string("the fake backend has no setting ") + key;
  return fail(status, Code::kParam, text.c_str());
}
int32_t memory_info(int32_t, halftone_memory_info* info, halftone_status*) {
  info->used = info->reserved = used_bytes;
  info->total_bytes = kDeviceBytes;
  info->free_bytes = kDeviceBytes - used_bytes;
  return 0;
}
int32_t peak(int32_t, int32_t, double, double*, halftone_status* status) {
  return fail(status, Code::kUnsupported, "the fake backend has no peaks");
}

int32_t supports(int32_t, const halftone_call* call, halftone_status* status) {
  if (told_to("lost device"))
    return fail(status, Code::kDeviceLost, "fake_kernel failed: cudaErrorIllegalAddress (700)");
  if (std::strcmp(call->op, "relu") != 0) {
    const std::string text = std::string(call->op) + ": the fake backend has relu only";
    return fail(status, Code::kUnsupported, text.c_str());
  }
  if (call->inputs[0].dtype != static_cast<int32_t>(halftone::DType::kF32))
    return fail(status, Code::kUnsupported, "relu: the fake backend has float32 only");
  return 0;
}

int32_t run(void*, const halftone_call* call, halftone_provenance* made, halftone_status* status) {
  int64_t n = 1;
  for (int i = 0; i < call->inputs[0].rank; ++i) n *= call->inputs[0].dims[i];
  const float* x = static_cast<const float*>(to_host(call->inputs[0].data));
  float* y = static_cast<float*>(to_host(call->outputs[0].data));
  if (n > 0 && x[0] == 1001) return fail(status, Code::kDevice, "relu: fake kernel failed");
  if (n > 0 && x[0] == 1002)
    return fail(status, Code::kDeviceLost, "relu: the fake device fell off the bus");
  if (n > 0 && x[0] == 1003)
    return fail(status, Code::kOutOfMemory, "relu: no workspace on the fake device");
  if (n > 0 && x[0] == 1004) std::this_thread::sleep_for(std::chrono::milliseconds(200));
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] > 0 ? x[i] : 0;
  std::snprintf(made->library, sizeof made->library, "fake");
  std::snprintf(made->version, sizeof made->version, "1.2.3");
  std::snprintf(made->kernel, sizeof made->kernel, "relu_f32_fake");
  std::snprintf(made->storage, sizeof made->storage, "float32");
  std::snprintf(made->multiply, sizeof made->multiply, "float32");
  std::snprintf(made->accumulate, sizeof made->accumulate, "float32");
  made->tensor_cores = 1;
  made->workspace_bytes = 4096;
  return 0;
}

void trim(int32_t) {}

}  // namespace

extern "C" __attribute__((visibility("default"))) const halftone_backend* halftone_backend_get(
    void) {
  static const halftone_backend backend = {.abi_version = FAKE_ABI_VERSION,
                                           .name = FAKE_NAME,
                                           .version = "1.2.3",
                                           .host_memory = 0,
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
                                           .free = release,
                                           .copy_in = copy_in,
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
