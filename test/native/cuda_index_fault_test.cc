// When an index that a kernel found out of range is told: by the next read or sync of its stream,
// once, also where the calls are recorded.
#include "core/graph.h"
#include "device_streams.h"
#include "ops/gather/gather.h"

using namespace halftone;
using namespace halftone::test;

namespace {

Tensor indices(Stream& stream, const std::vector<int64_t>& values) {
  Tensor t;
  CHECK_OK(
      stream.upload(DType::kS64, Shape{static_cast<int64_t>(values.size())}, values.data(), &t));
  return t;
}

Tensor gather(Stream& stream, const Tensor& x, const Tensor& at, Tape* tape = nullptr) {
  const Gather::Params params;
  std::vector<Tensor> out;
  CHECK_OK(stream.run(*find_op("gather"), &params, {&x, &at}, &out, tape));
  return out[0];
}

std::string told(int64_t index, int64_t position) {
  return concat("gather: indices must lie in [-3, 2] for axis 0 of x [3], got ", index,
                " at flat position ", position);
}

}  // namespace

TEST(the_next_read_tells_and_those_behind_it_do_not) {
  const Setup setup{.delay_us = 100};
  auto stream = setup.open();
  {
    const Tensor x = upload(*stream, {1, 2, 3});
    const Tensor good = gather(*stream, x, indices(*stream, {2, 0}));
    CHECK_OK(read(*stream, good).first);
    const Tensor bad = gather(*stream, x, indices(*stream, {0, 7}));
    gather(*stream, x, indices(*stream, {-9, 8}));  // the first call is told
    const Status first = read(*stream, bad).first;
    CHECK(first.code == Code::kParam);
    CHECK_EQ(first.message, told(7, 1));
    CHECK_OK(read(*stream, good).first);
    // A sync tells the first failure since the last one, as of any operator.
    CHECK_EQ(sync(*stream).message, told(7, 1));
    CHECK_OK(sync(*stream));
    gather(*stream, x, indices(*stream, {1, 1, 3}));
    CHECK_EQ(sync(*stream).message, told(3, 2));
    CHECK_OK(sync(*stream));
    CHECK(read(*stream, gather(*stream, x, indices(*stream, {2}))).second == std::vector<float>{3});
  }
  stream->close();
  stream = nullptr;
  CHECK_EQ(setup.info().used, uint64_t{0});
}

TEST(streams_tell_their_own) {
  const Setup setup{.delay_us = 100};
  auto stream = setup.open(), other = setup.open();
  {
    const Tensor x = upload(*stream, {1, 2, 3});
    gather(*stream, x, indices(*stream, {4}));
    CHECK_OK(read(*other, gather(*other, x, indices(*other, {1}))).first);
    CHECK_OK(sync(*other));
    CHECK_EQ(sync(*stream).message, told(4, 0));
  }
  stream->close();
  other->close();
}

TEST(a_long_read_tells_too) {
  const Setup setup;
  auto stream = setup.open();
  {
    const Tensor x = upload(*stream, {1, 2, 3});
    const Tensor large = upload(*stream, std::vector<float>(5 << 20, 1.0f));  // 20 MiB
    gather(*stream, x, indices(*stream, {3}));
    CHECK_EQ(read(*stream, large).first.message, told(3, 0));
    CHECK(read(*stream, large).second == std::vector<float>(5 << 20, 1.0f));
  }
  stream->close();
}

TEST(replays_tell) {
  const Setup setup{.delay_us = 100};
  auto stream = setup.open();
  {
    const Tensor x = upload(*stream, {1, 2, 3}), zeros = indices(*stream, {0, 0});
    std::shared_ptr<Tape> tape;
    CHECK_OK(Graph::begin(stream, {zeros}, &tape));
    const Tensor y = gather(*stream, x, tape->inputs[0], tape.get());
    Graph graph(tape, {y});
    const auto replay = [&](const std::vector<int64_t>& values) {
      const Tensor at = indices(*stream, values);
      std::vector<Tensor> out;
      CHECK_OK(graph.replay({&at}, true, &out));
      return read(*stream, out[0]);
    };
    for (int i = 0; i < 3; ++i) {
      CHECK(replay({2, -3}).second == (std::vector<float>{3, 1}));
      CHECK(graph.launched());
      CHECK_EQ(replay({1, 5 + i}).first.message, told(5 + i, 1));
    }
    CHECK(replay({0, 1}).second == (std::vector<float>{1, 2}));
    CHECK_EQ(sync(*stream).message, told(5, 1));
  }
  stream->close();
  stream = nullptr;
  CHECK_EQ(setup.info().used, uint64_t{0});
}
