// The unary functions on the emulated device against the CPU. There the device calls the same C
// library, and all else is the same source: bit for bit.
#include "cuda_compare.h"
#include "interesting.h"
#include "ops/unary/unary.h"

using namespace halftone;
using namespace halftone::test;

namespace {

// Every function at the interesting numbers of every dtype that it takes; lengths around a pack.
template <class Op, class... P>
void check_function(Domain domain, const P&... params) {
  for (const auto& d : kDTypes) {
    if (is_stored(d.dtype) || !check_domain(domain, d.dtype).ok()) continue;
    dispatch(d.dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      const std::vector<T> values = interesting<T>();
      for (const size_t n : {values.size(), size_t{0}, size_t{1}, size_t{15}, size_t{17}}) {
        HostTensor x(Shape{static_cast<int64_t>(n)},
                     std::vector<T>(values.begin(), values.begin() + static_cast<int64_t>(n)));
        const auto run = [&](const typename Op::Params& p) {
          const RunResult r = same_as_cpu<Op>(concat(d.name, " [", n, "]"), p, {&x});
          CHECK_EQ(std::string(r.provenance.storage), d.name);
          CHECK_EQ(std::string(r.provenance.multiply), name(compute_dtype(d.dtype)));
        };
        if constexpr (sizeof...(P) == 0)
          run({});
        else
          (run(params), ...);
      }
    });
  }
}

}  // namespace

TEST(rows_of_the_table) {
#define HALFTONE_UNARY_ROW(Type, name, domain, doc, body) check_function<Type>(Domain::domain);
  HALFTONE_UNARY_TABLE(HALFTONE_UNARY_ROW)
#undef HALFTONE_UNARY_ROW
}

TEST(gelu_and_clip) {
  check_function<Gelu>(Domain::kFloat, Gelu::Params{.approximate = GeluApproximation::kNone},
                       Gelu::Params{.approximate = GeluApproximation::kTanh});
  check_function<Clip>(Domain::kNumber, Clip::Params{}, Clip::Params{.min = -1.5, .max = 100.3},
                       Clip::Params{.min = 6, .max = 2});
}
