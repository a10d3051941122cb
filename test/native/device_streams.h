// The run time's streams over the emulated CUDA backend, whose device works on its own threads.
#pragma once
#include <deque>
#include <future>
#include <memory>
#include <vector>

#include "backends/emu/control.h"
#include "check.h"
#include "core/stream.h"
#include "ops/binary/binary.h"

extern "C" const halftone_backend* halftone_backend_get(void);

namespace halftone::test {

/// A backend that no test has used: whether a device is lost is known by the backend's address.
inline const Backend& new_backend() {
  static std::deque<Backend> all;
  return all.emplace_back(Backend{halftone_backend_get(), "emu", ""});
}

/// A device that nobody has lost yet. One at a time.
struct Setup {
  uint64_t device_bytes = uint64_t{1} << 30;
  int delay_us = 0;
  int device = 0;
  bool pools = true;
  const Backend& backend = new_backend();

  std::shared_ptr<Stream> open() const {
    emu::Control& c = emu::control();
    c.device_bytes = device_bytes;
    c.memory_pools = pools;
    c.async = true;
    c.delay_us = delay_us;
    std::shared_ptr<Stream> stream;
    CHECK_OK(Stream::create(&backend, device, &stream));
    return stream;
  }
  halftone_memory_info info() const {
    halftone_memory_info info{};
    halftone_status status{};
    CHECK_EQ(backend.api->memory_info(device, &info, &status), 0);
    return info;
  }
  ~Setup() {
    emu::Control& c = emu::control();
    c.device_lost = false;
    c.lose_after = -1;
    c.fail_mallocs = 0;
    c.delay_us = 0;
    backend.api->trim(device);
  }
};

inline Tensor upload(Stream& stream, const std::vector<float>& values) {
  Tensor t;
  CHECK_OK(
      stream.upload(DType::kF32, Shape{static_cast<int64_t>(values.size())}, values.data(), &t));
  return t;
}

inline Status try_add(Stream& stream, const Tensor& a, const Tensor& b, Tensor* out,
                      Tape* tape = nullptr) {
  const NoParams params;
  std::vector<Tensor> outputs;
  HALFTONE_TRY(stream.run(*find_op("add"), &params, {&a, &b}, &outputs, tape));
  *out = outputs[0];
  return {};
}
inline Tensor add(Stream& stream, const Tensor& a, const Tensor& b, Tape* tape = nullptr) {
  Tensor out;
  CHECK_OK(try_add(stream, a, b, &out, tape));
  return out;
}

inline std::pair<Status, std::vector<float>> read(Stream& stream, const Tensor& t) {
  std::vector<float> values(Stream::read_bytes(t, true) / sizeof(float));
  std::promise<Status> promise;
  stream.read(t, true, values.data(), [&](Status s) { promise.set_value(std::move(s)); });
  Status status = promise.get_future().get();
  return {std::move(status), std::move(values)};
}

inline Status sync(Stream& stream) {
  std::promise<Status> promise;
  stream.sync([&](Status s) { promise.set_value(std::move(s)); });
  return promise.get_future().get();
}

}  // namespace halftone::test
