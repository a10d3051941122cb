// Rules of the CUDA runtime and of cuDNN that the emulation holds callers to, as a device would.
#include <thread>

#include "backends/emu/control.h"
#include "check.h"
#include "core/graph.h"
#include "device/device.h"
#include "device_streams.h"
#include "ops/conv2d/conv2d.h"
#include "vendor/dnn.h"

using namespace halftone;
using namespace halftone::test;

namespace {

__global__ void nothing() {}
__global__ void store(int* to, int value) { *to = value; }

bool says(const Status& status, const char* what) {
  return !status.ok() && status.message.find(what) != std::string::npos;
}

/// The thread's device 0 and no delay; a stream on it.
struct OneStream {
  vendor::Stream handle = nullptr;
  OneStream() {
    CHECK_OK(vendor::use_device(0));
    CHECK_OK(vendor::stream_create(&handle));
  }
  ~OneStream() {
    CHECK_OK(vendor::use_device(0));
    vendor::stream_destroy(handle);
  }
};

}  // namespace

TEST(shared_memory_is_that_of_the_device) {
  emu::Control& c = emu::control();
  const int was = c.sm;
  const OneStream stream;
  const struct {
    int sm;
    size_t most;
  } devices[] = {{75, 65536},  {80, 166912},  {86, 101376}, {89, 101376},
                 {90, 232448}, {100, 232448}, {120, 101376}};
  for (const auto& [sm, most] : devices) {
    c.sm = sm;
    vendor::DeviceProperties properties;
    CHECK_OK(vendor::device_properties(0, &properties));
    CHECK_EQ(static_cast<size_t>(properties.shared_bytes), most);
    CHECK_OK(device::launch("nothing", nothing, 1, 32, most, stream.handle));
    CHECK(says(device::launch("nothing", nothing, 1, 32, most + 1, stream.handle),
               "cudaErrorInvalidValue"));
  }
  c.sm = was;
}

TEST(work_is_given_on_the_device_of_its_stream) {
  const OneStream stream;
  vendor::Event event = nullptr;
  CHECK_OK(vendor::event_create(false, &event));
  CHECK_OK(vendor::use_device(1));
  CHECK(says(device::launch("nothing", nothing, 1, 32, 0, stream.handle),
             "cudaErrorInvalidResourceHandle"));
  CHECK(says(vendor::event_record(event, stream.handle), "cudaErrorInvalidResourceHandle"));
  CHECK_OK(vendor::use_device(0));
  CHECK_OK(device::launch("nothing", nothing, 1, 32, 0, stream.handle));
  CHECK_OK(vendor::event_record(event, stream.handle));
  vendor::event_destroy(event);
}

TEST(memory_of_the_host_is_none_of_the_device) {
  const OneStream stream;
  void* memory = nullptr;
  CHECK_OK(vendor::malloc_async(64, nullptr, stream.handle, &memory));
  int* on_device = static_cast<int*>(memory);
  int on_host = 0;
  CHECK_OK(device::launch("store", store, 1, 1, 0, stream.handle, on_device, 5));
  CHECK(says(device::launch("store", store, 1, 1, 0, stream.handle, &on_host, 5),
             "cudaErrorIllegalAddress"));
  CHECK(says(vendor::fill_async(&on_host, 0, 4, stream.handle), "cudaErrorIllegalAddress"));
  CHECK(
      says(vendor::copy_async(&on_host, on_device, 4, vendor::Copy::kDeviceToDevice, stream.handle),
           "cudaErrorIllegalAddress"));
  CHECK_OK(vendor::copy_async(&on_host, on_device, 4, vendor::Copy::kDeviceToHost, stream.handle));
  CHECK_OK(vendor::stream_synchronize(stream.handle));
  CHECK_EQ(on_host, 5);
  CHECK_OK(vendor::free_async(memory, nullptr, stream.handle));
  CHECK(says(device::launch("store", store, 1, 1, 0, stream.handle, on_device, 5),
             "cudaErrorIllegalAddress"));
}

TEST(a_call_that_must_not_be_captured_costs_the_capture) {
  const OneStream stream, other;
  vendor::Event event = nullptr;
  CHECK_OK(vendor::event_create(false, &event));
  const std::function<Status()> calls[] = {
      [&] { return vendor::stream_synchronize(stream.handle); },
      [&] { return vendor::device_synchronize(); },
      [&] { return vendor::event_synchronize(event); },
      [&] {
        bool reached = false;
        return vendor::event_query(event, &reached);
      },
      [&] {
        void* data = nullptr;
        return vendor::host_malloc(64, &data);
      },
      [&] {
        void* data = nullptr;
        return vendor::malloc_async(64, nullptr, other.handle, &data);
      },
      [&] { return vendor::capture_begin(other.handle); }};
  vendor::Graph graph = nullptr;
  for (const auto& call : calls) {
    CHECK_OK(vendor::capture_begin(stream.handle));
    CHECK(says(call(), "cudaErrorStreamCaptureUnsupported"));
    CHECK(says(vendor::capture_end(stream.handle, &graph), "cudaErrorStreamCaptureInvalidated"));
  }
  // Other threads' calls do not matter to it.
  CHECK_OK(vendor::capture_begin(stream.handle));
  std::thread([&] {
    bool reached = false;
    CHECK_OK(vendor::event_query(event, &reached));
    CHECK(says(vendor::capture_end(stream.handle, &graph), "cudaErrorStreamCaptureWrongThread"));
  }).join();
  CHECK_OK(vendor::capture_end(stream.handle, &graph));
  vendor::graph_destroy(graph);
  // But for those that wait for the whole device.
  CHECK_OK(vendor::capture_begin(stream.handle));
  std::thread([] {
    CHECK(says(vendor::device_synchronize(), "cudaErrorStreamCaptureUnsupported"));
  }).join();
  CHECK(says(vendor::capture_end(stream.handle, &graph), "cudaErrorStreamCaptureInvalidated"));
  CHECK_OK(vendor::device_synchronize());
  vendor::event_destroy(event);
}

TEST(a_plan_outlives_the_graphs_that_run_its_kernels) {
  const OneStream stream;
  std::shared_ptr<vendor::DnnTarget> target;
  CHECK_OK(vendor::dnn_open(stream.handle, &target));
  vendor::ConvSpec spec;  // 1x1, one channel, one pixel
  for (vendor::DnnTensor* t : {&spec.x, &spec.w, &spec.y})
    *t = {DType::kF32, {1, 1, 1, 1}, {1, 1, 1, 1}, 16};
  std::shared_ptr<vendor::DnnConfig> config;
  std::shared_ptr<vendor::DnnPlan> plan;
  CHECK_OK(vendor::dnn_config_of_engine(*target, spec, 0, &config));
  CHECK_OK(vendor::dnn_finalize(*target, *config, &plan));
  emu::control().checks_pointers = false;
  alignas(16) float x[4] = {3}, w[4] = {5}, y[4] = {};
  vendor::Graph graph = nullptr;
  CHECK_OK(vendor::capture_begin(stream.handle));
  CHECK_OK(vendor::dnn_execute(*target, *plan, {x, w, y}, nullptr));
  CHECK_OK(vendor::capture_end(stream.handle, &graph));
  CHECK_OK(vendor::graph_launch(graph, stream.handle));
  CHECK_OK(vendor::stream_synchronize(stream.handle));
  CHECK_EQ(y[0], 15.0f);
  plan = nullptr;
  if (!emu::control().async) CHECK(says(vendor::graph_launch(graph, stream.handle), "plan"));
  vendor::graph_destroy(graph);
  emu::control().checks_pointers = true;
}

// The plans of a stream are forgotten when there are too many, those of graphs are not.
TEST(a_recorded_convolution_keeps_its_plan) {
  const Setup setup;
  auto stream = setup.open();
  {
    Conv2d::Params params;
    const auto conv = [&](const Tensor& x, const Tensor& w, Tape* tape = nullptr) {
      std::vector<Tensor> out;
      CHECK_OK(stream->run(*find_op("conv2d"), &params, {&x, &w}, &out, tape));
      return out[0];
    };
    const auto ones = [&](Shape shape) {
      const std::vector<float> values(static_cast<size_t>(shape.elements()), 1.0f);
      Tensor t;
      CHECK_OK(stream->upload(DType::kF32, shape, values.data(), &t));
      return t;
    };
    const Tensor w = ones({1, 1, 1, 1}), x = ones({1, 1, 2, 2});
    std::shared_ptr<Tape> tape;
    CHECK_OK(Graph::begin(stream, {x}, &tape));
    const Tensor y = conv(tape->inputs[0], w, tape.get());
    Graph graph(tape, {y});
    const auto replay = [&] {
      std::vector<Tensor> out;
      CHECK_OK(graph.replay({&x}, true, &out));
      return read(*stream, out[0]);
    };
    CHECK_OK(replay().first);
    for (int64_t i = 1; i <= 1001; ++i) conv(ones({1, 1, 1, i}), w);  // kMostPlans is 1000
    CHECK_OK(sync(*stream));
    const auto [status, values] = replay();
    CHECK_OK(status);
    CHECK(values == std::vector<float>(4, 1.0f));
    CHECK(graph.launched());
  }
  stream->close();
}
