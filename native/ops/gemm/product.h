// Shapes of matrix products: one rule for matmul, hgemm, gemmEx and gemmInt8.
#pragma once
#include <string>

#include "core/schema.h"

namespace halftone {

/// C[batch..., m, n] = op(A) * op(B), worked out from the shapes.
struct Product {
  int64_t m = 0, n = 0, k = 0;
  Shape batch, a_batch, b_batch;  // leading axes of C, A and B
  Shape out;
};

/// How leading axes go together. kBroadcast: NumPy. kStrided: equal, or none on one side (that
/// matrix serves all), which is what strided batches of cuBLAS can do.
enum class Batching { kBroadcast, kStrided };

namespace detail {

inline Shape leading(const Shape& s, int32_t rank) {
  Shape out;
  for (int i = 0; i < rank; ++i) out.push_back(s[i]);
  return out;
}

inline std::string transposed(const char* name, bool yes) {
  return concat(yes ? "the transposed " : "", name);
}

}  // namespace detail

/// Rank 1 (`vectors`): a is a row, b a column, and that axis is left out of the result, as in
/// numpy.matmul.
inline Status product_shapes(const Shape& a, const Shape& b, bool trans_a, bool trans_b,
                             Batching batching, bool vectors, Product* p) {
  const int least = vectors ? 1 : 2;
  if (a.rank < least) return shape_error("a must have ", least, " or more axes, got a ", a);
  if (b.rank < least) return shape_error("b must have ", least, " or more axes, got b ", b);
  if (a.rank == 1 && trans_a) return param_error("transA needs a matrix, got a ", a);
  if (b.rank == 1 && trans_b) return param_error("transB needs a matrix, got b ", b);
  const int a_k = trans_a ? a.rank - 2 : a.rank - 1,
            b_k = b.rank == 1 || trans_b ? b.rank - 1 : b.rank - 2;
  if (a[a_k] != b[b_k])
    return shape_error("a.shape[", a_k, "] must equal b.shape[", b_k, "], got a ", a, " and b ", b,
                       trans_a ? ", transA" : "", trans_b ? ", transB" : "");
  p->k = a[a_k];
  p->m = a.rank == 1 ? 1 : a[trans_a ? a.rank - 1 : a.rank - 2];
  p->n = b.rank == 1 ? 1 : b[trans_b ? b.rank - 2 : b.rank - 1];
  p->a_batch = detail::leading(a, a.rank == 1 ? 0 : a.rank - 2);
  p->b_batch = detail::leading(b, b.rank == 1 ? 0 : b.rank - 2);
  if (batching == Batching::kBroadcast) {
    if (!broadcast(p->a_batch, "a", p->b_batch, "b", &p->batch).ok())
      return shape_error(
          "the axes of a and b before the last two must be equal or 1, aligned at the last, got a ",
          a, " and b ", b);
  } else {
    if (p->a_batch.rank && p->b_batch.rank && !(p->a_batch == p->b_batch))
      return shape_error("a and b must have the same leading axes, or one of them none, got a ", a,
                         " and b ", b);
    p->batch = p->a_batch.rank ? p->a_batch : p->b_batch;
  }
  p->out = p->batch;
  if (a.rank > 1) p->out.push_back(p->m);
  if (b.rank > 1) p->out.push_back(p->n);
  return {};
}

/// A beta that was given without a c for it.
inline Status check_beta(const Inputs& in, double beta) {
  if (in.has(2) || beta == 1) return {};
  return param_error("beta must be left out when there is no c, got beta ", beta);
}

/// c of C = alpha * A * B + beta * c: has the result's dtype, and a shape that broadcasts to the
/// result's.
inline Status check_addend(const TensorDesc& c, DType out, const Shape& shape) {
  if (c.dtype != out)
    return dtype_error("c must have the result's dtype ", name(out), ", got ", name(c.dtype));
  Shape both;
  if (!broadcast(c.shape, "c", shape, "the result", &both).ok() || !(both == shape))
    return shape_error("c must broadcast to the result's shape ", shape, ", got c ", c.shape);
  return {};
}

}  // namespace halftone
