#include <cstring>

#include "core/kernel.h"
#include "ops/concat/concat.h"

namespace halftone {
namespace {

constexpr int64_t kBytesPerPiece = 256 * 1024;

Status concat_cpu(const Concat::Params& p, const KernelContext& context) {
  const TensorView& y = context.out();
  const std::string kernel = concat("concat_", info(y.dtype).short_name);
  context.made_by(kernel.c_str(), name(y.dtype), "none", "none");
  int32_t axis;
  HALFTONE_TRY(normalize_axis(p.axis, y.shape.rank, "axis", &axis));
  int64_t outer = 1, step = size_of(y.dtype);  // bytes of one index along the axis
  for (int k = 0; k < axis; ++k) outer *= y.shape[k];
  for (int k = axis + 1; k < y.shape.rank; ++k) step *= y.shape[k];
  const int64_t y_row = step * y.shape[axis];
  int64_t before = 0;
  for (int i = 0; i < context.inputs(); ++i) {
    const TensorView& x = context.in(i);
    const int64_t row = step * x.shape[axis];
    std::byte* to = y.as<std::byte>() + before;
    // Pieces of bytes, not of rows: rows may be a few bytes or all of it.
    context.parallel_for(outer * row, kBytesPerPiece, [&](int64_t first, int64_t last) {
      for (int64_t at = first; at < last;) {
        const int64_t n = std::min(row - at % row, last - at);
        std::memcpy(to + at / row * y_row + at % row, x.as<std::byte>() + at,
                    static_cast<size_t>(n));
        at += n;
      }
    });
    before += row;
  }
  return {};
}

}  // namespace

std::vector<CpuOp> concat_cpu_ops() { return {cpu_op<Concat, concat_cpu>()}; }

}  // namespace halftone
