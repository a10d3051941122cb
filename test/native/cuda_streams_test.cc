// Streams of the run time over the CUDA backend's own streams, memory and copies, on an emulated
// device that does its work on threads of its own: order, memory, events, lost devices.
#include <chrono>
#include <cstring>
#include <future>
#include <random>

#include "backends/cuda/memory.h"
#include "backends/emu/control.h"
#include "check.h"
#include "device_streams.h"
#include "thinned.h"

using namespace halftone;
using namespace halftone::test;

// A stream's thread that launches kernels has 256 fibers under ThreadSanitizer, of a megabyte each.
constexpr int kLess = cases(1, 12);

TEST(work_of_one_stream_is_in_order_and_reads_answer_in_order) {
  const Setup setup{.delay_us = 50};
  auto stream = setup.open();
  std::vector<int> answered;
  std::vector<std::vector<float>> got(50, std::vector<float>(3));
  std::promise<void> last;
  {
    Tensor t = upload(*stream, {1, -2, 3});
    for (int i = 0; i < 50; ++i) {
      t = add(*stream, t, t);
      stream->read(t, false, got[static_cast<size_t>(i)].data(), [&answered, &last, i](Status s) {
        CHECK_OK(s);
        answered.push_back(i);
        if (i == 49) last.set_value();
      });
    }
  }
  last.get_future().get();
  for (int i = 0; i < 50; ++i) {
    CHECK_EQ(answered[static_cast<size_t>(i)], i);
    CHECK_EQ(got[static_cast<size_t>(i)][2], 3 * std::ldexp(1.0f, i + 1));
  }
  CHECK_OK(sync(*stream));
  CHECK_EQ(stream->memory().tensors.load(), 0);
  stream->close();
  CHECK_EQ(setup.info().used, uint64_t{0});
}

TEST(long_copies_arrive_whole) {
  const Setup setup;
  auto stream = setup.open();
  // Longer than the largest buffer, and not a multiple of a piece.
  std::vector<float> values((size_t{21} << 20) / 4 + 77);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 65521);
  const Tensor t = upload(*stream, values);
  const auto [status, back] = read(*stream, t);
  CHECK_OK(status);
  CHECK(back == values);
  CHECK(setup.info().staging >= 2 * (uint64_t{4} << 20));
  stream->close();
}

// The device is slow, so that a missing wait shows as a wrong value, and a block that is given back
// too early as a use after free.
TEST(tensors_may_be_used_on_any_stream) {
  const Setup setup{.delay_us = 200};
  auto a = setup.open(), b = setup.open(), c = setup.open();
  for (int round = 0; round < 24 / kLess; ++round) {
    const float n = static_cast<float>(round);
    Tensor x = upload(*a, {n, -n});
    Tensor y = add(*b, x, x);
    x = {};
    Tensor z = add(*c, y, y);
    y = {};
    const Tensor w = add(*a, z, z);
    z = {};
    const auto [status, values] = read(*a, w);
    CHECK_OK(status);
    CHECK(values == (std::vector<float>{8 * n, -8 * n}));
  }
  for (auto* s : {&a, &b, &c}) CHECK_OK(sync(**s));
  for (auto* s : {&a, &b, &c}) (*s)->close();
  a = b = c = nullptr;
  CHECK_EQ(setup.info().used, uint64_t{0});
}

TEST(random_work_on_many_streams_gives_what_one_would) {
  const Setup setup{.delay_us = 20};
  std::mt19937 random(7);
  std::vector<std::shared_ptr<Stream>> streams;
  for (int i = 0; i < 6; ++i) streams.push_back(setup.open());
  const auto any = [&](size_t n) {
    return std::uniform_int_distribution<size_t>(0, n - 1)(random);
  };
  struct Known {
    Tensor tensor;
    float value;
  };
  std::vector<Known> known;
  for (int i = 0; i < 8; ++i)
    known.push_back({upload(*streams[any(6)], std::vector<float>(100, static_cast<float>(i))),
                     static_cast<float>(i)});
  for (int i = 0; i < 600 / kLess; ++i) {
    const Known p = known[any(known.size())], q = known[any(known.size())];
    const float sum = p.value + q.value;
    Known made{add(*streams[any(6)], p.tensor, q.tensor), sum};
    // Stays exact in float32.
    if (sum > 1e6f) made = {upload(*streams[any(6)], std::vector<float>(100, 1.0f)), 1.0f};
    known[any(known.size())] = made;
  }
  for (Known& k : known) {
    const auto [status, values] = read(k.tensor.storage->stream(), k.tensor);
    CHECK_OK(status);
    CHECK(values == std::vector<float>(100, k.value));
  }
  known.clear();
  for (auto& s : streams) CHECK_OK(sync(*s));
  for (auto& s : streams) s->close();
  streams.clear();
  CHECK_EQ(setup.info().used, uint64_t{0});
}

TEST(a_failure_crosses_streams) {
  const Setup setup;
  auto a = setup.open(), b = setup.open();
  emu::control().fail_mallocs = 2;  // the module tries twice
  const Tensor x = upload(*a, {1});
  CHECK(read(*a, x).first.code == Code::kOutOfMemory);
  const Tensor y = add(*b, x, x);
  CHECK(read(*b, y).first.code == Code::kOutOfMemory);
  CHECK_OK(read(*b, upload(*b, {1})).first);
  a->close();
  b->close();
}

TEST(memory_in_the_wrong_pieces_is_given_back_and_taken_again) {
  const Setup setup{.device_bytes = 1 << 20};
  auto stream = setup.open();
  // Blocks of many sizes, each given back: the pool keeps them all until the device is full.
  for (size_t n = 1; n <= 100; ++n)
    CHECK_OK(read(*stream, upload(*stream, std::vector<float>(n * 1024 / 4))).first);
  CHECK(setup.info().reserved <= uint64_t{1} << 20);
  // More than one of the pieces: only after a trim.
  const Tensor large = upload(*stream, std::vector<float>((1 << 20) / 4 - 256));
  CHECK_OK(read(*stream, large).first);
  const Tensor more = upload(*stream, std::vector<float>(1024));
  const Status refused = read(*stream, more).first;
  CHECK(refused.code == Code::kOutOfMemory);
  CHECK_EQ(refused.message,
           std::string("no memory for 4096 bytes on device emu:0: 1024 bytes free, 1047552 bytes "
                       "live in tensors, 1047552 reserved"));
  stream->close();
}

TEST(memory_that_another_stream_still_reads_is_waited_for) {
  const Setup setup{.device_bytes = 1 << 20, .delay_us = 2000};
  auto a = setup.open(), b = setup.open();
  Tensor x = upload(*a, std::vector<float>(100000, 1.0f)), y = add(*b, x, x);
  x = {};
  y = {};
  // Fits only when both are gone; a must wait for b.
  const Tensor z = upload(*a, std::vector<float>(200000, 2.0f));
  const auto [status, values] = read(*a, z);
  CHECK_OK(status);
  CHECK(values == std::vector<float>(200000, 2.0f));
  a->close();
  b->close();
}

// The other stream's thread has not come to the work that holds the memory when it is asked for.
TEST(memory_that_other_streams_will_use_is_waited_for) {
  const Setup setup{.device_bytes = 1 << 20, .delay_us = 100};
  auto a = setup.open(), b = setup.open(), c = setup.open();
  const std::vector<float> half(100000, 1.0f), most(200000, 2.0f);
  for (int round = 0; round < 4; ++round) {
    const Tensor small = upload(*b, {1, 2, 3});
    Tensor x = upload(*c, half);
    CHECK_OK(read(*c, x).first);  // else most might be there before it
    for (int i = 0; i < 60 / kLess; ++i) add(*b, small, small);
    Tensor y = add(*b, x, x);  // of b, with memory of c
    std::vector<float> back(y.shape.elements());
    std::promise<Status> told;
    b->read(y, false, back.data(), [&](Status s) { told.set_value(std::move(s)); });
    x = {};
    y = {};
    const Tensor z = upload(*a, most);
    const auto [status, values] = read(*a, z);
    CHECK_OK(status);
    CHECK(values == most);
    CHECK_OK(told.get_future().get());
    CHECK(back == std::vector<float>(100000, 2.0f));
  }
  for (auto* s : {&a, &b, &c}) (*s)->close();
}

// What is in the queue of another stream behind the question for memory may need its answer.
TEST(who_waits_for_memory_does_not_wait_for_later_work) {
  const Setup setup{.device_bytes = 1 << 20};
  auto a = setup.open(), b = setup.open();
  for (int round = 0; round < 20 / kLess; ++round) {
    const Tensor kept = upload(*a, std::vector<float>(100000, 1.0f));
    CHECK_OK(read(*a, kept).first);
    // b is in the middle of waiting for a when a asks, or has it still before it.
    const auto first = a->record(false);
    const Tensor refused = upload(*a, std::vector<float>(200000, 2.0f));
    const auto later = a->record(false);
    b->wait(first);
    b->wait(later);
    const Tensor on_b = upload(*b, {1, 2});
    CHECK(read(*a, refused).first.code == Code::kOutOfMemory);
    CHECK_OK(read(*b, on_b).first);
  }
  // Two that wait at the same time.
  const Tensor kept = upload(*a, std::vector<float>(100000, 1.0f));
  const Tensor p = upload(*a, std::vector<float>(200000)),
               q = upload(*b, std::vector<float>(200000));
  CHECK(read(*a, p).first.code == Code::kOutOfMemory);
  CHECK(read(*b, q).first.code == Code::kOutOfMemory);
  a->close();
  b->close();
}

TEST(a_limit_holds_and_can_be_changed) {
  const Setup setup;
  auto stream = setup.open();
  halftone_status text{};
  const halftone_backend& api = *setup.backend.api;
  CHECK_EQ(api.configure(0, "memory-limit", "8000", &text), 0);
  CHECK_EQ(setup.info().limit, uint64_t{8000});
  const Tensor fits = upload(*stream, std::vector<float>(1500)), not_ = upload(*stream, {1, 2, 3});
  CHECK_OK(read(*stream, fits).first);
  CHECK_OK(read(*stream, not_).first);
  const Status refused = read(*stream, upload(*stream, std::vector<float>(600))).first;
  CHECK(refused.code == Code::kOutOfMemory);
  CHECK(refused.message.find("with a limit of 8000 bytes") != std::string::npos);
  for (const char* bad : {"", "-1", "1e6", "many"})
    CHECK_EQ(api.configure(0, "memory-limit", bad, &text), static_cast<int32_t>(Code::kParam));
  CHECK_EQ(api.configure(0, "no-such", "1", &text), static_cast<int32_t>(Code::kParam));
  CHECK_EQ(api.configure(0, "memory-limit", "0", &text), 0);
  CHECK_OK(read(*stream, upload(*stream, std::vector<float>(600))).first);
  stream->close();
}

TEST(a_device_that_refuses_a_pool_does_without) {
  emu::control().refuses_pools = true;
  cuda::Memory memory(0, "emu:0");
  CHECK_OK(memory.open(true));
  emu::control().refuses_pools = false;
  void* data = nullptr;
  CHECK_OK(memory.alloc(nullptr, 1000, &data));
  memory.free(nullptr, data, 1000);
  halftone_memory_info info{};
  CHECK_OK(memory.info(&info));
  CHECK_EQ(info.reserved, uint64_t{1024});  // kept for the next request
  memory.trim();
}

// A device's memory is made at its first use: that of device 1 is here.
TEST(without_pools_freed_blocks_are_reused_and_given_back_when_needed) {
  const Setup setup{.device_bytes = 1 << 20, .device = 1, .pools = false};
  auto stream = setup.open();
  for (int i = 0; i < 20; ++i)
    CHECK_OK(read(*stream, upload(*stream, std::vector<float>(10000, 1.0f))).first);
  const uint64_t kept = setup.info().reserved;
  CHECK(kept >= 40000 && kept <= 100000);
  CHECK_OK(read(*stream, upload(*stream, std::vector<float>(250000, 1.0f))).first);
  setup.backend.api->trim(1);
  CHECK_OK(sync(*stream));
  stream->close();
  stream = nullptr;
  CHECK_EQ(setup.info().reserved, uint64_t{0});
  halftone_status text{};  // of all devices
  CHECK_EQ(setup.backend.api->configure(-1, "memory-limit", "4096", &text), 0);
  CHECK_EQ(setup.info().limit, uint64_t{4096});
  CHECK_EQ(setup.backend.api->configure(-1, "memory-limit", "0", &text), 0);
}

TEST(events_are_reached_in_order_and_take_time) {
  const Setup setup{.delay_us = 3000};
  auto stream = setup.open(), other = setup.open();
  const auto first = stream->record(true);
  const Tensor x = upload(*stream, {1});
  const Tensor y = add(*stream, x, x);
  const auto last = stream->record(true);
  CHECK(!last->reached());
  double ms = 0;
  CHECK(Event::elapsed(*first, *last, &ms).code == Code::kParam);
  other->wait(last);
  CHECK_OK(sync(*other));
  CHECK(first->reached());
  CHECK(last->reached());
  CHECK_OK(Event::elapsed(*first, *last, &ms));
  CHECK(ms >= 3);  // at least one piece of work lies between
  double back = 0;
  CHECK_OK(Event::elapsed(*last, *first, &back));
  CHECK_EQ(back, -ms);
  std::promise<Status> waited;
  stream->reached(stream->record(true), [&](Status s) { waited.set_value(std::move(s)); });
  CHECK_OK(waited.get_future().get());
  stream->close();
  other->close();
  CHECK(stream->record(true)->reached());  // and failed: nobody waits for ever
  CHECK(Event::elapsed(*first, *stream->record(true), &ms).code == Code::kAborted);
}

TEST(a_lost_device_answers_everybody_and_refuses_all_later_work) {
  const Setup setup{.delay_us = 500};
  auto a = setup.open(), b = setup.open();
  std::atomic<int> answered{0}, lost{0};
  float into[40][2];
  Tensor t = upload(*a, {1, 2});
  CHECK_OK(sync(*a));
  emu::control().lose_after = 10;
  for (int i = 0; i < 40; ++i) {
    std::vector<Tensor> out;
    Stream& s = i % 2 ? *a : *b;
    if (try_add(s, t, t, &t).ok())
      s.read(t, false, into[i], [&](Status status) {
        ++answered;
        lost += status.code == Code::kDeviceLost;
      });
    else
      ++answered, ++lost;
  }
  const Status synced = sync(*a);
  CHECK(synced.code == Code::kDeviceLost);
  a->close();
  b->close();
  CHECK_EQ(answered.load(), 40);
  CHECK(lost.load() > 0);
  CHECK(try_add(*a, t, t, &t).code == Code::kDeviceLost);
  float one = 1;
  CHECK(b->upload(DType::kF32, Shape{1}, &one, &t).code == Code::kDeviceLost);
  std::shared_ptr<Stream> later;
  const Status refused = Stream::create(&setup.backend, 0, &later);
  CHECK(refused.code == Code::kDeviceLost);
  CHECK(refused.message.find("cudaErrorIllegalAddress") != std::string::npos);
}

TEST(closing_in_mid_work_settles_everything_and_leaves_nothing) {
  for (int round = 0; round < 5; ++round) {
    const Setup setup{.delay_us = 300};
    auto a = setup.open(), b = setup.open();
    std::atomic<int> answered{0};
    std::vector<std::vector<float>> into(30, std::vector<float>(2000));
    {
      Tensor x = upload(*a, std::vector<float>(2000, 1.0f));
      for (int i = 0; i < 30; ++i) {
        x = add(i % 2 ? *a : *b, x, x);
        x.storage->stream().read(x, false, into[static_cast<size_t>(i)].data(),
                                 [&](Status) { ++answered; });
      }
    }
    if (round % 2) std::this_thread::sleep_for(std::chrono::milliseconds(2 * round));
    a->begin_close();
    b->begin_close();
    b->close();
    a->close();
    CHECK_EQ(answered.load(), 30);
    a = b = nullptr;
    CHECK_EQ(setup.info().used, uint64_t{0});
  }
}

TEST(a_retired_stream_lives_as_long_as_its_tensors) {
  const Setup setup;
  auto stream = setup.open(), user = setup.open();
  Tensor t = upload(*stream, {1, 2});
  stream->retire();
  CHECK(read(*stream, t).second == (std::vector<float>{1, 2}));
  const Tensor sum = add(*user, t, t);
  CHECK(!stream->finished());
  t = {};
  for (int i = 0; i < 2000 && !stream->finished(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(stream->finished());
  CHECK(read(*user, sum).second == (std::vector<float>{2, 4}));
  stream->close();
  user->close();
}

TEST(hundreds_of_streams) {
  const Setup setup;
  std::vector<std::shared_ptr<Stream>> streams;
  std::vector<Tensor> tensors;
  constexpr int kStreams = cases(300, 8);
  for (int i = 0; i < kStreams; ++i) {
    streams.push_back(setup.open());
    const Tensor x = upload(*streams.back(), {static_cast<float>(i)});
    tensors.push_back(i == 0 ? x : add(*streams.back(), x, tensors.back()));
  }
  CHECK_EQ(read(*streams.back(), tensors.back()).second[0], kStreams * (kStreams - 1) / 2.0f);
  for (auto& s : streams) s->begin_close();
  for (auto& s : streams) s->close();
}
