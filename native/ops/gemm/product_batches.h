// The batches of a product as strides: how many calls of a library that knows one stride for each
// operand it takes.
#pragma once
#include <algorithm>
#include <vector>

#include "ops/gemm/product.h"

namespace halftone {

/// `size` products whose operands lie a, b, y matrices apart; 0: the same one.
struct BatchAxis {
  int64_t size = 1, a = 0, b = 0, y = 0;
};

struct ProductBatches {
  int64_t m = 0, n = 0, k = 0;
  BatchAxis strided;             // what one call computes
  std::vector<BatchAxis> outer;  // loops around it, outermost first
};

/// Leading axes of `product` with neighbours joined where both operands go on evenly. One matrix B
/// for consecutive matrices A that are stored by rows: their rows become one matrix (`fold`), of
/// not more than `most_rows` rows.
inline ProductBatches product_batches(const Product& product, bool fold,
                                      int64_t most_rows = INT32_MAX - 16) {
  ProductBatches out{product.m, product.n, product.k, {}, {}};
  int64_t a[kMaxRank] = {}, b[kMaxRank] = {};
  broadcast_strides(product.a_batch, product.batch, a);
  broadcast_strides(product.b_batch, product.batch, b);
  std::vector<BatchAxis> axes;  // innermost first
  int64_t y = 1;
  for (int i = product.batch.rank - 1; i >= 0; --i) {
    const int64_t size = product.batch[i];
    if (size == 1) continue;
    if (!axes.empty()) {
      BatchAxis& last = axes.back();
      if (a[i] == last.a * last.size && b[i] == last.b * last.size) {
        last.size *= size;
        y *= size;
        continue;
      }
    }
    axes.push_back({size, a[i], b[i], y});
    y *= size;
  }
  if (fold && !axes.empty() && axes.front().a == 1 && axes.front().b == 0 &&
      axes.front().size <= most_rows / std::max<int64_t>(out.m, 1)) {
    // y and a are counted in the larger matrices from here on. Strides of a further out are
    // multiples of this axis' size, or 0.
    const int64_t size = axes.front().size;
    out.m *= size;
    axes.erase(axes.begin());
    for (BatchAxis& x : axes) {
      x.a /= size;
      x.y /= size;
    }
  }
  if (axes.empty()) return out;
  const auto largest =
      std::max_element(axes.begin(), axes.end(),
                       [](const BatchAxis& p, const BatchAxis& q) { return p.size < q.size; });
  out.strided = *largest;
  axes.erase(largest);
  out.outer.assign(axes.rbegin(), axes.rend());
  return out;
}

/// Calls f(a, b, y, count) with the offsets in matrices and the number of products of each call;
/// at most `most` in one.
template <class F>
Status each_call(const ProductBatches& p, int64_t most, F&& f) {
  int64_t loops = 1;
  for (const BatchAxis& axis : p.outer) loops *= axis.size;
  for (int64_t i = 0; i < loops; ++i) {
    int64_t a = 0, b = 0, y = 0, rest = i;
    for (auto axis = p.outer.rbegin(); axis != p.outer.rend(); ++axis) {
      const int64_t at = rest % axis->size;
      rest /= axis->size;
      a += at * axis->a;
      b += at * axis->b;
      y += at * axis->y;
    }
    for (int64_t first = 0; first < p.strided.size; first += most)
      HALFTONE_TRY(f(a + first * p.strided.a, b + first * p.strided.b, y + first * p.strided.y,
                     std::min(most, p.strided.size - first)));
  }
  return {};
}

}  // namespace halftone
