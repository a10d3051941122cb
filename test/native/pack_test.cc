// Packing of matrices into panels: every instruction set level against the layout that gemm.h
// states.
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "core/status.h"
#include "each_isa.h"
#include "ops/gemm/pack_isa.h"

using namespace halftone;
using namespace halftone::test;

TEST(packing_gives_the_same_panels_at_every_level) {
  std::mt19937 rng(3);
  std::vector<uint32_t> data(1 << 16);
  for (uint32_t& x : data)
    x = rng() % 8 ? static_cast<uint32_t>(rng()) : static_cast<uint32_t>(rng()) | 0x7f800000u;
  for (const PackFrom how : {PackFrom::kF32, PackFrom::kTf32, PackFrom::kF16, PackFrom::kBF16,
                             PackFrom::kS8, PackFrom::kU8})
    for (const int64_t width : {1, 4, 6, 8, 12, 16, 32, 64})
      for (const int64_t count : {int64_t{1}, width / 2, width - 1, width})
        for (const int64_t kc : {1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 100}) {
          if (count < 1) continue;
          const PackPanel panel{reinterpret_cast<const char*>(data.data()) + 4 * (kc % 3),
                                131,
                                count,
                                width,
                                kc,
                                how,
                                kc % 2 ? 3 : 0};
          for (const bool by_lines : {true, false}) {
            std::vector<uint32_t> expected, got(static_cast<size_t>(width * (kc + 1) + 16));
            for_each_isa([&](Isa isa) {
              std::fill(got.begin(), got.end(), 0xabababab);
              (by_lines ? HALFTONE_ISA_PICK(pack_lines) : HALFTONE_ISA_PICK(pack_steps))(
                  panel, got.data());
              if (isa == Isa::kBaseline) expected = got;
              if (got != expected)
                check::fail(__FILE__, __LINE__,
                            concat("kind ", static_cast<int>(how), " width ", width, " count ",
                                   count, " kc ", kc, by_lines ? " lines " : " steps ", name(isa)));
            });
          }
        }
}

// The panel that gemm.h describes, element by element; with the test above this holds for every
// level.
TEST(packing_places_each_element) {
  const std::vector<float> rows = {1, 2, 3, 4, 5, 6};  // two lines of three
  const std::vector<int8_t> bytes = {1, 2, 3, -4, -5, -6};
  for_each_isa([&](Isa) {
    std::vector<float> lines(12, 9.0f), steps(12, 9.0f);
    HALFTONE_ISA_PICK(pack_lines)({rows.data(), 3, 2, 4, 3, PackFrom::kF32, 0}, lines.data());
    CHECK(lines == (std::vector<float>{1, 4, 0, 0, 2, 5, 0, 0, 3, 6, 0, 0}));
    HALFTONE_ISA_PICK(pack_steps)({rows.data(), 3, 3, 4, 2, PackFrom::kF32, 0}, steps.data());
    CHECK(steps == (std::vector<float>{1, 2, 3, 0, 4, 5, 6, 0, 9, 9, 9, 9}));
    std::vector<int16_t> pairs(12, 9);
    HALFTONE_ISA_PICK(pack_lines)({bytes.data(), 3, 2, 3, 3, PackFrom::kS8, 1}, pairs.data());
    CHECK(pairs == (std::vector<int16_t>{0, 1, -5, -6, 0, 0, 2, 0, -7, 0, 0, 0}));
    pairs.assign(12, 9);
    HALFTONE_ISA_PICK(pack_steps)({bytes.data(), 2, 2, 2, 3, PackFrom::kS8, 0}, pairs.data());
    CHECK(pairs == (std::vector<int16_t>{1, 3, 2, -4, -5, 0, -6, 0, 9, 9, 9, 9}));
  });
}

TEST(tf32_rounds_ties_away) {
  const float tie = 1 + 0x1p-11f;  // half-way between 1 and 1 + 2^-10
  const std::vector<float> in = {
      tie,          -tie, std::nextafter(tie, 0.0f), INFINITY, std::bit_cast<float>(0x7fffffffu),
      0x1.fffp+127f};
  for_each_isa([&](Isa) {
    std::vector<float> out(6);
    HALFTONE_ISA_PICK(pack_steps)({in.data(), 6, 6, 6, 1, PackFrom::kTf32, 0}, out.data());
    CHECK_EQ(out[0], 1 + 0x1p-10f);
    CHECK_EQ(out[1], -1 - 0x1p-10f);
    CHECK_EQ(out[2], 1.0f);
    CHECK_EQ(out[3], INFINITY);
    CHECK(std::isnan(out[4]));
    CHECK_EQ(out[5], INFINITY);
  });
}
