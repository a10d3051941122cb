// Streams, storage, the thread pool and the loader, without JavaScript. Also what the thread
// sanitizer looks at.
#include <sys/resource.h>

#include <cstdlib>
#include <future>
#include <numeric>

#include "check.h"
#include "core/backend.h"
#include "core/stream.h"
#include "ops/unary/unary.h"
#include "run_op.h"

using namespace halftone;

namespace {

const RegisteredOp& relu() { return *find_op("relu"); }

std::shared_ptr<Stream> open(const char* device) {
  const Backend* backend = nullptr;
  int index = 0;
  std::shared_ptr<Stream> stream;
  CHECK_OK(parse_device(device, &backend, &index));
  CHECK_OK(Stream::create(backend, index, &stream));
  return stream;
}

std::pair<Status, std::vector<float>> read(Stream& stream, const Tensor& t) {
  std::vector<float> values(Stream::read_bytes(t, false) / sizeof(float));
  std::promise<Status> promise;
  stream.read(t, false, values.data(),
              [&](Status status) { promise.set_value(std::move(status)); });
  Status status = promise.get_future().get();
  return {std::move(status), std::move(values)};
}

Tensor upload(Stream& stream, const std::vector<float>& values) {
  Tensor t;
  CHECK_OK(
      stream.upload(DType::kF32, Shape{static_cast<int64_t>(values.size())}, values.data(), &t));
  return t;
}

Status run_relu(Stream& stream, const Tensor& x, Tensor* y) {
  const NoParams params;
  std::vector<Tensor> out;
  HALFTONE_TRY(stream.run(relu(), &params, {&x}, &out));
  *y = out[0];
  return {};
}

const Backend* fake() {
  const Backend* backend = nullptr;
  CHECK_OK(load_backend(HALFTONE_TEST_MODULE_DIR "/halftone_fake.so", &backend));
  return backend;
}

}  // namespace

TEST(thread_pool_runs_every_piece_once) {
  const std::atomic<bool> cancelled{false};
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (int64_t pieces : {0, 1, 2, 3, 100, 1000}) {
      std::vector<std::atomic<int>> count(static_cast<size_t>(pieces));
      pool.run(pieces, cancelled, [&](int64_t i) { ++count[static_cast<size_t>(i)]; });
      for (auto& c : count) CHECK_EQ(c.load(), 1);
    }
  }
}

TEST(thread_pool_serves_several_callers_and_nested_calls) {
  const std::atomic<bool> cancelled{false};
  ThreadPool pool(3);
  std::atomic<int64_t> sum{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&] {
      for (int k = 0; k < 20; ++k)
        pool.run(10, cancelled,
                 [&](int64_t i) { pool.run(3, cancelled, [&](int64_t j) { sum += i * 3 + j; }); });
    });
  for (auto& t : callers) t.join();
  CHECK_EQ(sum.load(), int64_t{4 * 20} * (29 * 30 / 2));
}

TEST(thread_pool_passes_exceptions_to_the_caller) {
  const std::atomic<bool> cancelled{false};
  ThreadPool pool(3);
  bool caught = false;
  try {
    pool.run(100, cancelled, [&](int64_t i) {
      if (i == 50) throw std::bad_alloc();
    });
  } catch (const std::bad_alloc&) {
    caught = true;
  }
  CHECK(caught);
  std::atomic<int> after{0};
  pool.run(10, cancelled, [&](int64_t) { ++after; });
  CHECK_EQ(after.load(), 10);
}

// Sanitizers need more address space than this leaves.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(thread_pool_works_with_fewer_threads_when_there_are_no_more) {
  rlimit old{}, tight{};
  CHECK_EQ(getrlimit(RLIMIT_AS, &old), 0);
  tight = old;
  tight.rlim_cur = rlim_t{1} << 30;  // the stacks of 1024 threads need more
  CHECK_EQ(setrlimit(RLIMIT_AS, &tight), 0);
  {
    ThreadPool pool(1024);
    CHECK_EQ(setrlimit(RLIMIT_AS, &old), 0);
    CHECK(pool.size() < 1024);
    const std::atomic<bool> cancelled{false};
    std::atomic<int> ran{0};
    pool.run(100, cancelled, [&](int64_t) { ++ran; });
    CHECK_EQ(ran.load(), 100);
  }
}
#endif

TEST(thread_pool_drops_pieces_once_cancelled) {
  std::atomic<bool> cancelled{false};
  ThreadPool pool(2);
  std::atomic<int> ran{0};
  pool.run(1000, cancelled, [&](int64_t) {
    ++ran;
    cancelled = true;
  });
  CHECK(ran.load() >= 1);
  CHECK(ran.load() <= 4);
}

TEST(ops_run_in_order_on_both_kinds_of_memory) {
  fake();
  for (const char* device : {"cpu", "fake", "fake:1"}) {
    auto stream = open(device);
    {
      Tensor t = upload(*stream, {-1, 2, -3, 4});
      for (int i = 0; i < 50; ++i) {
        Tensor next;
        CHECK_OK(run_relu(*stream, t, &next));
        t = next;
      }
      const auto [status, values] = read(*stream, t);
      CHECK_OK(status);
      CHECK(values == (std::vector<float>{0, 2, 0, 4}));
      CHECK_EQ(std::string(stream->device_name()), std::string(device));
    }
    std::promise<void> done;
    stream->sync([&](Status s) {
      CHECK_OK(s);
      done.set_value();
    });
    done.get_future().get();
    stream->close();
    const MemoryStats& m = stream->memory();
    CHECK_EQ(m.tensors.load(), 0);
    CHECK_EQ(m.live_bytes.load(), 0);
    CHECK(m.peak_bytes > 0);
  }
}

TEST(a_failed_op_fails_what_depends_on_it_and_nothing_else) {
  fake();
  auto stream = open("fake");
  Tensor bad = upload(*stream, {1001, 1}), good = upload(*stream, {-5, 5}), y, z, w;
  CHECK_OK(run_relu(*stream, bad, &y));
  CHECK_OK(run_relu(*stream, y, &z));
  CHECK_OK(run_relu(*stream, good, &w));
  CHECK(read(*stream, z).first.code == Code::kDevice);
  CHECK_EQ(read(*stream, z).first.message, std::string("relu: fake kernel failed"));
  CHECK_OK(read(*stream, w).first);
  stream->close();
}

TEST(a_lost_device_refuses_all_later_work) {
  fake();
  auto stream = open("fake:1");
  Tensor bad = upload(*stream, {1002}), y, z;
  CHECK_OK(run_relu(*stream, bad, &y));
  CHECK(read(*stream, y).first.code == Code::kDeviceLost);
  CHECK(run_relu(*stream, bad, &z).code == Code::kDeviceLost);
  float one = 1;
  CHECK(stream->upload(DType::kF32, Shape{1}, &one, &z).code == Code::kDeviceLost);
  stream->close();
}

TEST(memory_that_is_not_there_is_an_error) {
  fake();
  auto stream = open("fake");
  std::vector<float> half_of_it(120000, 1.0f);  // 480 kB of the fake device's 1 MiB
  Tensor x = upload(*stream, half_of_it), y, z;
  CHECK_OK(run_relu(*stream, x, &y));
  CHECK_OK(run_relu(*stream, x, &z));  // the third does not fit, which shows when it runs
  CHECK_OK(read(*stream, y).first);
  CHECK(read(*stream, z).first.code == Code::kOutOfMemory);
  std::vector<float> too_large(300000);
  Tensor t;
  CHECK(stream->upload(DType::kF32, Shape{300000}, too_large.data(), &t).code ==
        Code::kOutOfMemory);
  stream->close();
}

TEST(closing_settles_everything) {
  fake();
  auto stream = open("fake");
  Tensor slow = upload(*stream, {1004, -1}), t = slow;
  std::vector<Tensor> all;
  for (int i = 0; i < 20; ++i) {
    Tensor y;
    CHECK_OK(run_relu(*stream, slow, &y));
    all.push_back(y);
  }
  std::atomic<int> answered{0};
  float into[2];
  for (const Tensor& y : all) stream->read(y, false, into, [&](Status) { ++answered; });
  stream->close();
  CHECK_EQ(answered.load(), 20);
  CHECK(all.back().storage->settled());
  CHECK(all.back().storage->outcome().code == Code::kAborted);
  Tensor y;
  CHECK_OK(run_relu(*stream, slow, &y));  // accepted, and given up at once
  CHECK(y.storage->outcome().code == Code::kAborted);
}

TEST(modules_that_do_not_fit_are_refused_with_the_reason) {
  const Backend* backend = nullptr;
  auto refused = [&](const std::string& path, const char* reason) {
    const Status status = load_backend(path, &backend);
    CHECK(status.code == Code::kBackendUnavailable);
    if (status.message.find(reason) == std::string::npos)
      check::fail(__FILE__, __LINE__,
                  "reason \"" + std::string(reason) + "\" not in: " + status.message);
    CHECK(!load_attempts().empty() && load_attempts().back().path == path);
  };
  refused("/nonexistent/halftone_x.so", "No such file");
  refused(HALFTONE_TEST_MODULE_DIR "/halftone_fake_abi.so",
          concat("ABI version 999, this Halftone has version ", HALFTONE_ABI_VERSION).c_str());
  refused(HALFTONE_TEST_MODULE_DIR "/halftone_fake_schema.so", "another schema of op relu");
  refused("libm.so.6", "does not export halftone_backend_get");
}

TEST(devices_that_do_not_exist_are_named) {
  fake();
  const Backend* backend = nullptr;
  int index = 0;
  CHECK(parse_device("cuda", &backend, &index).code == Code::kBackendUnavailable);
  CHECK(parse_device("cpu:1", &backend, &index).code == Code::kBackendUnavailable);
  CHECK(parse_device("fake:2", &backend, &index).code == Code::kBackendUnavailable);
  for (const char* text : {"cpu:", "cpu:x", "cpu:-1", "cpu:1x", "cpu:99999999999"})
    CHECK(parse_device(text, &backend, &index).code == Code::kParam);
  CHECK_OK(parse_device("fake:1", &backend, &index));
  CHECK_EQ(index, 1);
}
