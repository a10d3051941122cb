// The measured peaks are numbers that benchmarks can divide by.
#include "core/peak.h"

#include <cmath>

#include "check.h"

TEST(peaks_are_positive_and_finite) {
  const double fma = halftone::peak_fma(1), copy = halftone::peak_copy(1 << 20);
  CHECK(std::isfinite(fma) && fma > 1e8);  // any CPU does more than one operation per 10 ns
  CHECK(std::isfinite(copy) && copy > 1e7);
}
