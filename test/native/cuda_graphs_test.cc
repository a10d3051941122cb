// Recorded work on the emulated device: a replay gives what the calls would.
#include <chrono>
#include <cstring>
#include <thread>

#include "backends/cuda/stream.h"
#include "core/graph.h"
#include "device_streams.h"

using namespace halftone;
using namespace halftone::test;

namespace {

/// out = 4 x + c, as three calls, recorded with x = 0.
std::unique_ptr<Graph> recorded(const std::shared_ptr<Stream>& stream, const Tensor& c) {
  const Tensor zeros = upload(*stream, std::vector<float>(static_cast<size_t>(c.shape[0])));
  std::shared_ptr<Tape> tape;
  CHECK_OK(Graph::begin(stream, {zeros}, &tape));
  const Tensor twice = add(*stream, tape->inputs[0], tape->inputs[0], tape.get());
  const Tensor out = add(*stream, add(*stream, twice, twice, tape.get()), c, tape.get());
  return std::make_unique<Graph>(tape, std::vector<Tensor>{out});
}

Tensor replay(Graph& graph, const Tensor& x, bool copy = true) {
  std::vector<Tensor> out;
  CHECK_OK(graph.replay({&x}, copy, &out));
  return out[0];
}

Status ready(Graph& graph) {
  std::promise<Status> promise;
  graph.recorded([&](Status s) { promise.set_value(std::move(s)); });
  return promise.get_future().get();
}

}  // namespace

TEST(a_replay_gives_what_the_calls_would) {
  const Setup setup{.delay_us = 100};
  auto stream = setup.open();
  {
    const Tensor c = upload(*stream, {100, 200});
    const auto graph = recorded(stream, c);
    CHECK_OK(ready(*graph));
    CHECK_EQ(graph->steps(), size_t{3});
    CHECK_EQ(graph->bytes(), int64_t{4 * 8});  // the input and three results
    std::vector<Tensor> kept;
    for (int i = 0; i < 20; ++i) {
      const float n = static_cast<float>(i);
      kept.push_back(replay(*graph, upload(*stream, {n, -n})));
    }
    for (int i = 0; i < 20; ++i) {
      const float n = static_cast<float>(i);
      const auto [status, values] = read(*stream, kept[static_cast<size_t>(i)]);
      CHECK_OK(status);
      CHECK(values == (std::vector<float>{100 + 4 * n, 200 - 4 * n}));
    }
    CHECK(graph->launched());
    CHECK(std::strlen(kept[0].storage->provenance.kernel) > 0);
    std::vector<Tensor> again;  // without inputs: those of the last time
    CHECK_OK(graph->replay({}, true, &again));
    CHECK(read(*stream, again[0]).second == (std::vector<float>{176, 124}));
  }
  stream->close();
  stream = nullptr;
  CHECK_EQ(setup.info().used, uint64_t{0});
}

TEST(results_without_a_copy_are_those_of_their_time) {
  const Setup setup{.delay_us = 300};
  auto stream = setup.open(), other = setup.open();
  const auto graph = recorded(stream, upload(*stream, {1}));
  const Tensor first = replay(*graph, upload(*other, {10}), false);
  // Read by another stream before the next replay changes it: the replay waits.
  const Tensor sum = add(*other, first, first);
  float seen = 0;
  std::promise<Status> answered;
  stream->read(first, false, &seen, [&](Status s) { answered.set_value(std::move(s)); });
  const Tensor second = replay(*graph, upload(*other, {20}), false);
  CHECK_EQ(read(*other, sum).second[0], 82.0f);
  CHECK_OK(answered.get_future().get());
  CHECK_EQ(seen, 41.0f);
  const Tensor sum2 = add(*other, second, second);
  CHECK_EQ(read(*other, sum2).second[0], 162.0f);
  CHECK_EQ(first.storage->data(), second.storage->data());
  stream->close();
  other->close();
}

TEST(work_may_be_recorded_on_one_stream_and_use_tensors_of_others) {
  const Setup setup{.delay_us = 200};
  auto stream = setup.open(), other = setup.open();
  std::unique_ptr<Graph> graph;
  {
    const Tensor c = upload(*other, {5});
    graph = recorded(stream, c);
  }
  for (int i = 0; i < 10; ++i) {
    const Tensor out = replay(*graph, upload(*other, {static_cast<float>(i)}));
    CHECK_EQ(read(*other, add(*other, out, out)).second[0], static_cast<float>(8 * i + 10));
  }
  graph = nullptr;
  CHECK_OK(sync(*stream));
  CHECK_OK(sync(*other));
  stream->close();
  other->close();
  stream = other = nullptr;
  CHECK_EQ(setup.info().used, uint64_t{0});
}

TEST(inputs_and_constants_may_be_results) {
  const Setup setup;
  auto stream = setup.open(), other = setup.open();
  const Tensor c = upload(*other, {7}), zeros = upload(*stream, {0});
  std::shared_ptr<Tape> tape;
  CHECK_OK(Graph::begin(stream, {zeros}, &tape));
  Graph graph(tape, {tape->inputs[0], c});
  CHECK_OK(ready(graph));
  const Tensor x = upload(*other, {3});
  for (const bool copy : {true, false}) {
    std::vector<Tensor> out;
    CHECK_OK(graph.replay({&x}, copy, &out));
    CHECK_EQ(read(out[0].storage->stream(), out[0]).second[0], 3.0f);
    CHECK_EQ(read(out[1].storage->stream(), out[1]).second[0], 7.0f);
  }
  stream->close();
  other->close();
}

// add of two types first makes one of both, in a workspace.
TEST(calls_of_graphs_share_a_workspace_that_grows) {
  const Setup setup{.delay_us = 100};
  auto stream = setup.open();
  {
    std::vector<std::unique_ptr<Graph>> graphs;
    for (const int64_t n : {4, 3000, 100}) {
      const std::vector<int32_t> ones(static_cast<size_t>(n), 1);
      Tensor integers;
      CHECK_OK(stream->upload(DType::kS32, Shape{n}, ones.data(), &integers));
      const Tensor zeros = upload(*stream, std::vector<float>(static_cast<size_t>(n)));
      std::shared_ptr<Tape> tape;
      CHECK_OK(Graph::begin(stream, {zeros}, &tape));
      const Tensor once = add(*stream, tape->inputs[0], integers, tape.get());
      const Tensor twice = add(*stream, integers, once, tape.get());
      graphs.push_back(std::make_unique<Graph>(tape, std::vector<Tensor>{twice}));
      const Tensor x = upload(*stream, std::vector<float>(static_cast<size_t>(n), 5.0f));
      CHECK_OK(read(*stream, replay(*graphs.back(), x)).first);
    }
    for (const auto& graph : graphs) {
      const size_t n = static_cast<size_t>(graph->inputs()[0].shape[0]);
      const Tensor y = replay(*graph, upload(*stream, std::vector<float>(n, 7.0f)));
      CHECK(read(*stream, y).second == std::vector<float>(n, 9.0f));
      CHECK(graph->launched());
    }
  }
  stream->close();
  stream = nullptr;
  CHECK_EQ(setup.info().used, uint64_t{0});
}

TEST(inputs_that_differ_are_refused) {
  const Setup setup;
  auto stream = setup.open();
  const auto graph = recorded(stream, upload(*stream, {1, 2}));
  std::vector<Tensor> out;
  const Tensor longer = upload(*stream, {1, 2, 3}), x = upload(*stream, {1, 2});
  const Status shape = graph->replay({&longer}, true, &out);
  CHECK(shape.code == Code::kShape);
  CHECK_EQ(shape.message, std::string("replay: input 0 must have the shape [2] as when it was "
                                      "captured, got [3]"));
  const std::vector<int32_t> integers{1, 2};
  Tensor typed;
  CHECK_OK(stream->upload(DType::kS32, Shape{2}, integers.data(), &typed));
  CHECK(graph->replay({&typed}, true, &out).code == Code::kDtype);
  CHECK(graph->replay({&x, &x}, true, &out).code == Code::kParam);
  std::shared_ptr<Stream> elsewhere;
  CHECK_OK(Stream::create(find_backend("cpu"), 0, &elsewhere));
  const Tensor far = upload(*elsewhere, {1, 2});
  CHECK(graph->replay({&far}, true, &out).code == Code::kParam);
  elsewhere->close();
  stream->close();
}

TEST(a_failed_input_fails_that_replay_only) {
  const Setup setup;
  auto stream = setup.open();
  const auto graph = recorded(stream, upload(*stream, {1}));
  CHECK_OK(ready(*graph));
  emu::control().fail_mallocs = 2;
  const Tensor bad = upload(*stream, {1});
  CHECK(read(*stream, bad).first.code == Code::kOutOfMemory);
  const Tensor failed = replay(*graph, bad, false);
  CHECK(read(*stream, failed).first.code == Code::kOutOfMemory);
  CHECK_EQ(read(*stream, replay(*graph, upload(*stream, {2}))).second[0], 9.0f);
  stream->close();
}

TEST(a_lost_device_fails_replays) {
  const Setup setup;
  auto stream = setup.open();
  const auto graph = recorded(stream, upload(*stream, {1}));
  const Tensor x = upload(*stream, {1});
  CHECK_OK(read(*stream, replay(*graph, x)).first);
  emu::control().lose_after = 0;
  CHECK(read(*stream, replay(*graph, x)).first.code == Code::kDeviceLost);
  std::vector<Tensor> out;
  CHECK(graph->replay({&x}, true, &out).code == Code::kDeviceLost);
  stream->close();
}

TEST(closing_with_replays_in_the_queue) {
  const Setup setup{.delay_us = 200};
  auto stream = setup.open();
  {
    auto graph = recorded(stream, upload(*stream, {1}));
    const Tensor x = upload(*stream, {1});
    for (int i = 0; i < 20; ++i) replay(*graph, x, i % 2 == 0);
    stream->close();
    const Tensor late = replay(*graph, x);
    CHECK(late.storage->outcome().code == Code::kAborted);
  }
  stream = nullptr;
  CHECK_EQ(setup.info().used, uint64_t{0});
}

/// x, 2 x, 4 x, ... 32 x, recorded with x = 0; `kept`: 4 x, if wanted.
std::unique_ptr<Graph> doubled(const std::shared_ptr<Stream>& stream, int64_t n, Tensor* kept) {
  const Tensor zeros = upload(*stream, std::vector<float>(static_cast<size_t>(n)));
  std::shared_ptr<Tape> tape;
  CHECK_OK(Graph::begin(stream, {zeros}, &tape));
  Tensor t = tape->inputs[0];
  for (int i = 1; i <= 5; ++i) {
    t = add(*stream, t, t, tape.get());
    if (i == 2 && kept) *kept = t;
  }
  return std::make_unique<Graph>(tape, std::vector<Tensor>{t});
}

TEST(what_only_the_graph_has_takes_turns_in_memory) {
  for (const bool on_cpu : {false, true}) {
    for (const bool keeps : {false, true}) {
      const Setup setup;
      std::shared_ptr<Stream> stream;
      if (on_cpu)
        CHECK_OK(Stream::create(find_backend("cpu"), 0, &stream));
      else
        stream = setup.open();
      const int64_t n = 64, one = n * 4;  // a multiple of the alignment, 256
      Tensor kept;
      {
        const auto graph = doubled(stream, n, keeps ? &kept : nullptr);
        CHECK_OK(ready(*graph));
        CHECK_EQ(graph->bytes(), 6 * one);
        for (int i = 0; i < 3; ++i) {
          const float v = static_cast<float>(i + 1);
          const Tensor x = upload(*stream, std::vector<float>(static_cast<size_t>(n), v));
          const auto [status, values] = read(*stream, replay(*graph, x));
          CHECK_OK(status);
          CHECK_EQ(values[0], 32 * v);
          CHECK_EQ(values[static_cast<size_t>(n - 1)], 32 * v);
          if (keeps) CHECK_EQ(read(*stream, kept).second[0], 4 * v);
        }
        // The input, the result, what is kept outside, and the rest in two places. Of what is kept
        // neither neighbour is alive with another one of the rest.
        CHECK_EQ(graph->bytes(), (keeps ? 5 : 4) * one);
      }
      kept = {};
      CHECK_OK(sync(*stream));
      CHECK_EQ(stream->memory().live_bytes.load(), int64_t{0});
      CHECK_EQ(stream->memory().allocated_bytes.load(), int64_t{0});
      stream->close();
    }
  }
}

// Handles of libraries wait for the whole device when they are destroyed, and would spoil it.
TEST(a_stream_ends_beside_a_recording) {
  const Setup setup;
  setup.open()->close();
  std::unique_ptr<cuda::CudaStream> recorded, ended;
  CHECK_OK(cuda::CudaStream::create(0, &recorded));
  CHECK_OK(cuda::CudaStream::create(0, &ended));
  static const char key = 0;
  void* handle = nullptr;
  const auto make = [](std::shared_ptr<void>* made) -> Status {
    *made = std::shared_ptr<void>(new int, [](void* p) {
      CHECK_OK(vendor::device_synchronize());
      delete static_cast<int*>(p);
    });
    return {};
  };
  CHECK_OK(ended->attached(&key, make, &handle));
  CHECK_OK(recorded->capture_begin());
  std::thread other([&] { ended.reset(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  cuda::RecordedGraph* graph = nullptr;
  CHECK_OK(recorded->capture_end(&graph));
  other.join();
  if (graph) recorded->destroy(graph);
}

TEST(the_cpu_makes_the_calls_one_by_one) {
  std::shared_ptr<Stream> stream;
  CHECK_OK(Stream::create(find_backend("cpu"), 0, &stream));
  const auto graph = recorded(stream, upload(*stream, {100}));
  for (int i = 0; i < 5; ++i)
    CHECK_EQ(read(*stream, replay(*graph, upload(*stream, {static_cast<float>(i)}))).second[0],
             static_cast<float>(100 + 4 * i));
  CHECK(!graph->launched());
  stream->close();
}
