// Operators whose host part reads a tensor when they are called, recorded into a graph: a replay on
// other values gives what a call would, to the bit, as one launch.
#include <cmath>

#include "core/graph.h"
#include "device_streams.h"
#include "ops/conv2d_int8/conv2d_int8.h"
#include "ops/quantize_v2/quantize_v2.h"
#include "ops/requantize/requantize.h"
#include "run_op.h"

using namespace halftone;
using namespace halftone::test;

namespace {

using Values = std::vector<HostTensor>;

uint32_t seed = 11;
uint32_t next() { return (seed = seed * 1664525u + 1013904223u) >> 16; }

template <class T>
HostTensor random(Shape shape, double low, double high) {
  HostTensor t(dtype_of<T>, shape);
  for (int64_t i = 0; i < shape.elements(); ++i)
    t.as<T>()[i] = static_cast<T>(low + (high - low) * next() / 65536);
  return t;
}

std::vector<const Tensor*> pointers(const std::vector<Tensor>& tensors) {
  std::vector<const Tensor*> out;
  for (const Tensor& t : tensors) out.push_back(&t);
  return out;
}

/// One call of Op, recorded.
template <class Op>
class Recorded {
 public:
  Recorded(const typename Op::Params& params, const Values& first)
      : params_(params), stream_(setup_.open()) {
    std::shared_ptr<Tape> tape;
    CHECK_OK(Graph::begin(stream_, uploaded(first), &tape));
    std::vector<Tensor> outputs;
    CHECK_OK(
        stream_->run(*find_op(Op::kName), &params_, pointers(tape->inputs), &outputs, tape.get()));
    graph_ = std::make_unique<Graph>(tape, outputs);
  }
  ~Recorded() {
    graph_ = nullptr;
    stream_->close();
  }

  /// The outputs of a replay.
  std::vector<std::vector<std::byte>> replay(const Values& inputs) {
    std::vector<Tensor> outputs;
    CHECK_OK(graph_->replay(pointers(uploaded(inputs)), true, &outputs));
    std::vector<std::vector<std::byte>> bytes;
    for (const Tensor& t : outputs) {
      std::vector<std::byte>& to = bytes.emplace_back(Stream::read_bytes(t, false));
      std::promise<Status> done;
      stream_->read(t, false, to.data(), [&](Status s) { done.set_value(std::move(s)); });
      CHECK_OK(done.get_future().get());
    }
    CHECK(graph_->launched());
    return bytes;
  }

  /// Replays are compared with the CPU's results.
  void check(Values inputs) {
    std::vector<HostTensor*> in;
    for (HostTensor& t : inputs) in.push_back(&t);
    RunResult want = run_op<Op>(params_, in);
    CHECK_OK(want.status);
    const auto got = replay(inputs);
    for (size_t k = 0; k < want.outputs.size(); ++k)
      if (got[k] != want.outputs[k].bytes)
        check::fail(Op::kName, 0, concat("output ", k, " of a replay is not the CPU's"));
  }

 private:
  std::vector<Tensor> uploaded(const Values& values) {
    std::vector<Tensor> out(values.size());
    for (size_t i = 0; i < values.size(); ++i)
      CHECK_OK(stream_->upload(values[i].dtype, values[i].shape, values[i].bytes.data(), &out[i]));
    return out;
  }

  typename Op::Params params_;
  Setup setup_{.delay_us = 50};
  std::shared_ptr<Stream> stream_;
  std::unique_ptr<Graph> graph_;
};

constexpr RequantizeVariant kVariants[] = {RequantizeVariant::kHalfEven,
                                           RequantizeVariant::kTfliteDouble,
                                           RequantizeVariant::kTosa, RequantizeVariant::kHalfAway};

}  // namespace

TEST(requantize_in_every_variant) {
  for (const RequantizeVariant variant : kVariants)
    for (const bool wide : {false, true}) {
      Requantize::Params p;
      p.variant = variant;
      p.axis = {1, 1};
      const auto values = [&] {
        return Values{random<int32_t>({5, 7}, -1e6, 1e6),
                      wide ? random<double>({7}, 0, 1e-3) : random<float>({7}, 0, 1e-3),
                      random<int8_t>({7}, -100, 100)};
      };
      Recorded<Requantize> recorded(p, values());
      for (int i = 0; i < 3; ++i) recorded.check(values());
    }
}

TEST(conv2d_int8_in_every_variant) {
  for (const RequantizeVariant variant : kVariants)
    for (const int64_t groups : {1, 6}) {
      Conv2dInt8::Params p;
      p.variant = variant;
      p.groups = groups;
      p.xZeroPoint = 3;
      p.yZeroPoint = -5;
      const auto values = [&] {
        return Values{random<int8_t>({1, 6, 5, 5}, -128, 127),
                      random<int8_t>({6, 6 / groups, 3, 3}, -128, 127), random<float>({6}, 0, 1e-3),
                      random<int32_t>({6}, -9e3, 9e3)};
      };
      Recorded<Conv2dInt8> recorded(p, values());
      for (int i = 0; i < 3; ++i) recorded.check(values());
    }
}

TEST(quantize_v2_in_every_mode) {
  struct Way {
    RangeMode mode;
    DType type;
    bool even, onednn;
  };
  for (const Way& way : {Way{RangeMode::kMinCombined, DType::kU8, false, false},
                         Way{RangeMode::kMinCombined, DType::kS32, false, false},
                         Way{RangeMode::kMinFirst, DType::kU8, false, false},
                         Way{RangeMode::kMinFirst, DType::kU8, false, true},
                         Way{RangeMode::kScaled, DType::kS8, false, false},
                         Way{RangeMode::kScaled, DType::kS8, true, true},
                         Way{RangeMode::kScaled, DType::kU16, true, false}})
    for (const bool per_channel : {false, true}) {
      if (per_channel && way.onednn) continue;  // oneDNN has one range
      QuantizeV2::Params p;
      p.mode = way.mode;
      p.dtype = way.type;
      if (way.even) p.roundMode = RangeRounding::kHalfToEven;
      p.onednn = way.onednn;
      if (per_channel) p.axis = {1, 0};
      const Shape range = per_channel ? Shape{3} : Shape{};
      const auto values = [&] {
        return Values{random<float>({3, 50}, -9, 9), random<float>(range, -7, -1),
                      random<float>(range, -1, 8)};
      };
      Recorded<QuantizeV2> recorded(p, values());
      for (int i = 0; i < 3; ++i) recorded.check(values());
    }
}

// What a call refuses, a replay cannot: docs/streams.md.
TEST(replays_refuse_no_values) {
  Requantize::Params p;
  p.variant = RequantizeVariant::kTosa;
  const auto values = [](float scale) {
    return Values{HostTensor({3}, std::vector<int32_t>{-1000, 7, 1000}),
                  HostTensor({}, std::vector<float>{scale}),
                  HostTensor({}, std::vector<int8_t>{9})};
  };
  Recorded<Requantize> recorded(p, values(0.5f));
  for (const float bad : {-1.0f, 0x1p29f, INFINITY, NAN}) {
    const std::vector<std::byte> zeros(3, std::byte{9});
    CHECK(recorded.replay(values(bad))[0] == zeros);
  }
  recorded.check(values(0.25f));

  QuantizeV2::Params q;
  q.mode = RangeMode::kScaled;
  const auto ranges = [](float min, float max) {
    return Values{HostTensor({2}, std::vector<float>{-1, 1}),
                  HostTensor({}, std::vector<float>{min}), HostTensor({}, std::vector<float>{max})};
  };
  Recorded<QuantizeV2> quantized(q, ranges(-1, 1));
  // At least 0 to 1/100 of the larger end.
  const auto reversed = quantized.replay(ranges(2, 1));
  float ends[2];
  std::memcpy(&ends[0], reversed[1].data(), sizeof(float));
  std::memcpy(&ends[1], reversed[2].data(), sizeof(float));
  CHECK(ends[0] < ends[1]);
  quantized.check(ranges(-3, 2));
}
