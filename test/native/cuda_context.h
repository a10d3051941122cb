// A running call on the emulated device without the module around it: for functions that take a
// DeviceContext, with settings and pointers that a test chooses.
#pragma once
#include <cstdlib>
#include <memory>
#include <unordered_map>
#include <vector>

#include "backends/emu/control.h"
#include "device/context.h"

namespace halftone::test {

/// What a stream keeps from call to call.
struct TestStream {
  vendor::Stream handle = nullptr;
  vendor::DeviceProperties properties;
  CudaSettings settings;
  std::unordered_map<const void*, std::shared_ptr<void>> attached;

  explicit TestStream(int sm = 90) {
    emu::control().checks_pointers = false;  // TestContext has memory of the host
    static_cast<void>(vendor::stream_create(&handle));
    properties.sm = sm;
    properties.multiprocessors = 2;
  }
  TestStream(const TestStream&) = delete;
  TestStream& operator=(const TestStream&) = delete;
  ~TestStream() { vendor::stream_destroy(handle); }
};

class TestContext final : public DeviceContext {
 public:
  TestContext(TestStream& stream, std::span<const TensorView> in, std::span<const TensorView> out,
              halftone_provenance& provenance)
      : DeviceContext({in, out, stream.properties}, 0, stream.handle, stream.settings, provenance),
        stream_(stream) {}

  Status scratch(size_t bytes, void** data) override {
    *data = std::aligned_alloc(256, (bytes + 256) / 256 * 256);
    blocks_.emplace_back(*data, std::free);
    scratch_bytes += bytes;
    return {};
  }
  Status attached(const void* key, const Make& make, void** object) override {
    auto& slot = stream_.attached[key];
    if (!slot) HALFTONE_TRY(make(&slot));
    *object = slot.get();
    return {};
  }
  size_t scratch_bytes = 0;

 private:
  TestStream& stream_;
  std::vector<std::unique_ptr<void, decltype(&std::free)>> blocks_;
};

}  // namespace halftone::test
