// The chains whose rate is a device's peak: what they compute, and the rates on the emulated
// device.
#include <cmath>
#include <set>
#include <vector>

#include "backends/cuda/peak.h"
#include "backends/cuda/peak_kernel.cuh"
#include "backends/emu/control.h"
#include "check.h"

using namespace halftone;
using namespace halftone::cuda;

namespace {

// A chain as it is described: rounds * kPeakUnroll turns of one pair.
template <class Step>
void turn_pair(typename Step::Value& x, typename Step::Value& y, int64_t turns) {
  for (int64_t i = 0; i < turns; ++i) {
    x = Step::add(Step::turn(), y, x);
    y = Step::subtract(Step::turn(), x, y);
  }
}

template <class Step>
std::vector<uint32_t> launched(unsigned blocks, int64_t rounds) {
  std::vector<uint32_t> out(size_t{blocks} * kPeakThreads, 0xdeadbeef);
  const typename Step::Value turn = Step::turn();
  const Status status = device::launch("peak_chains", peak_chains<Step>, blocks, kPeakThreads, 0,
                                       nullptr, &turn, out.data(), rounds);
  CHECK(status.ok());
  return out;
}

template <class Step>
void check_chains() {
  const std::vector<uint32_t> three = launched<Step>(2, 3), four = launched<Step>(2, 4);
  size_t same = 0;
  for (uint32_t n = 0; n < three.size(); ++n) {
    uint32_t expected = 0;
    for (uint32_t i = 0; i < kPeakChains; ++i) {
      auto x = Step::start(n * 2 * kPeakChains + 2 * i),
           y = Step::start(n * 2 * kPeakChains + 2 * i + 1);
      turn_pair<Step>(x, y, 3 * kPeakUnroll);
      expected = (expected ^ Step::bits(x)) * 16777619u ^ Step::bits(y);
    }
    CHECK_EQ(three[n], expected);
    same += three[n] == four[n];
  }
  // A kernel that stopped early would show: another round is another result.
  CHECK(same < three.size() / 100);
}

}  // namespace

TEST(chains_of_float32) { check_chains<FmaF32>(); }
TEST(chains_of_float16_pairs) { check_chains<FmaF16x2>(); }
TEST(chains_of_dp4a) { check_chains<Dot4S8>(); }

TEST(an_instruction_is_what_it_counts) {
  CHECK_EQ(FmaF32::add(0.25f, 8, 1), 3.0f);
  CHECK_EQ(FmaF32::subtract(0.25f, 8, 1), -1.0f);
  const device::f16x2 eight{{0x4800}, {0x4900}}, one{{0x3c00}, {0x3c00}};              // 8 and 10
  CHECK_EQ(FmaF16x2::bits(FmaF16x2::add(FmaF16x2::turn(), eight, one)), 0x43004200u);  // 3, 3.5
  CHECK_EQ(FmaF16x2::bits(FmaF16x2::subtract(FmaF16x2::turn(), eight, one)), 0xbe00bc00u);
  CHECK_EQ(Dot4S8::add(Dot4S8::turn(), 0x01010101, 5), 5 + 127 + 3 - 5 - 127);
}

// Halves round to 2^-11 at each step; a turn that grew or died would end in infinities or zeros,
// whose rate is not that of ordinary numbers.
TEST(values_stay_ordinary_for_a_million_turns) {
  for (uint32_t n = 0; n < 16; ++n) {
    auto x = FmaF16x2::start(37 * n), y = FmaF16x2::start(91 * n + 5);
    float a = FmaF32::start(n), b = FmaF32::start(n + 50);
    for (int i = 0; i < 16; ++i) {
      turn_pair<FmaF16x2>(x, y, 1 << 12);
      turn_pair<FmaF32>(a, b, 1 << 16);
      for (const f16 half : {x.x, x.y, y.x, y.y}) {
        const float v = to_float(half);
        CHECK(std::isfinite(v) && std::fabs(v) < 64);
      }
      const float size = to_float(x.x) * to_float(x.x) + to_float(y.x) * to_float(y.x);
      CHECK(size > 0.01f);
      CHECK(std::isfinite(a) && a * a + b * b > 0.5f && a * a + b * b < 32);
    }
  }
}

TEST(peaks_of_the_emulated_device_are_rates) {
  for (const PeakKind kind :
       {PeakKind::kCopy, PeakKind::kFmaF32, PeakKind::kFmaF16, PeakKind::kDot4S8}) {
    double rate = 0;
    const Status status = peak(0, kind, 1e-3, &rate);
    CHECK(status.ok());
    CHECK(std::isfinite(rate) && rate > 1e6);
  }
}

TEST(what_cannot_be_measured_is_an_error) {
  double rate = 0;
  CHECK(peak(0, static_cast<PeakKind>(99), 1e-3, &rate).code == Code::kUnsupported);
  emu::control().fail_mallocs = 2;  // the module tries a second time, once it has trimmed
  CHECK(peak(0, PeakKind::kCopy, 1e-3, &rate).code == Code::kOutOfMemory);
  CHECK(peak(0, PeakKind::kCopy, 1e-3, &rate).ok());
}
