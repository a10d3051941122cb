// Runs a piece of a test once for each instruction set level that this CPU and build offer.
#pragma once
#include <cstdio>

#include "core/cpu_features.h"

namespace halftone::test {

/// body(isa) with cpu_isa() lowered to each level in turn, from baseline up; the bound before is
/// put back.
template <class F>
void for_each_isa(F&& body) {
  const Isa before = limit_cpu_isa(Isa::kBaseline);
  for (int i = 0; i <= static_cast<int>(best_cpu_isa()); ++i) {
    limit_cpu_isa(static_cast<Isa>(i));
    body(static_cast<Isa>(i));
  }
  limit_cpu_isa(before);
}

}  // namespace halftone::test
