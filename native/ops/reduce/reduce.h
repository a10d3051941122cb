// Reductions over axes: rows of one table.
//
// Types: y has the dtype of x. 16-bit floats and float32 are accumulated in float32 and rounded
// once, float64 in float64, integers in int64 (uint64 in uint64), wrapping; an integer result that
// does not fit wraps. The mean of integers is truncated.
//
// Order of the sums and products, independent of shape, threads and instruction set: the n terms of
// a result are taken in index order in chunks of 1024. Term i of a chunk is added to lane i % 16,
// the 16 lanes are folded by halves (lane k with lane k + 8, then 4, 2, 1); the results of the
// chunks are the terms of the next round, until one is left.
#pragma once
#include "core/schema.h"
#include "ops/reduce/reduce_combine.h"

namespace halftone {

/// The name of the type in which integers are accumulated.
constexpr const char* integer_accumulator(DType t) { return t == DType::kU64 ? "uint64" : "int64"; }

constexpr bool is_extremum(ReduceKind k) { return k == ReduceKind::kMax || k == ReduceKind::kMin; }

/// The type of the running sum. 'float16' (float16 tensors only): one rounding to float16 after
/// each term, in index order, starting from the first term's sum with 0 (product with 1);
/// reduceSumSquare by fused multiply-adds; the mean is that sum divided and rounded once more.
enum class Accumulate : int32_t { kDefault = -1, kFloat32 = 0, kFloat16 = 1 };
template <>
struct EnumNames<Accumulate> {
  static constexpr const char* kName = "Accumulate";
  static constexpr const char* kDoc = "The type in which a reduction of 16-bit floats adds.";
  static constexpr const char* kValues[] = {"float32", "float16"};
};

struct ReduceParams {
  IntList axes;
  bool keepDims = false;
  Accumulate accumulate = Accumulate::kDefault;
  template <class V>
  void fields(V&& v) {
    v("axes", axes, {.doc = "axes to reduce, negative ones from the end; empty: all"});
    v("keepDims", keepDims, {.doc = "keep reduced axes with size 1"});
    v("accumulate", accumulate,
      {.doc =
           "type of the running sum; default float32 (float64 for float64, int64 for integers)"});
  }
};

/// Extrema are exact: they have nothing to accumulate.
struct ExtremumParams {
  IntList axes;
  bool keepDims = false;
  template <class V>
  void fields(V&& v) {
    v("axes", axes, {.doc = "axes to reduce, negative ones from the end; empty: all"});
    v("keepDims", keepDims, {.doc = "keep reduced axes with size 1"});
  }
};

/// Which axes of a tensor of `rank` are reduced.
inline Status reduced_axes(const IntList& axes, int32_t rank, bool reduced[kMaxRank]) {
  for (int i = 0; i < rank; ++i) reduced[i] = axes.count == 0;
  for (int i = 0; i < axes.count; ++i) {
    int32_t axis;
    HALFTONE_TRY(normalize_axis(axes[i], rank, "axes", &axis));
    if (reduced[axis]) return param_error("axes must be different, got ", axes.shape());
    reduced[axis] = true;
  }
  return {};
}

// Type, public name, kind, documentation.
// clang-format off
#define HALFTONE_REDUCE_TABLE(ROW)                                                                                    \
  ROW(ReduceSum, "reduceSum", kSum, "Sum over axes; 0 over nothing. ONNX ReduceSum-13.")                              \
  ROW(ReduceMean, "reduceMean", kMean, "Mean over axes: the sum divided by the number of terms; NaN over nothing. ONNX ReduceMean-18.") \
  ROW(ReduceSumSquare, "reduceSumSquare", kSumSquare, "Sum of squares over axes; 0 over nothing. ONNX ReduceSumSquare-18.") \
  ROW(ReduceProd, "reduceProd", kProd, "Product over axes; 1 over nothing. ONNX ReduceProd-18.")                      \
  ROW(ReduceMax, "reduceMax", kMax, "Greatest element over axes; NaN if any is NaN, +0 above -0; over nothing -Infinity or the smallest integer. ONNX ReduceMax-20.") \
  ROW(ReduceMin, "reduceMin", kMin, "Smallest element over axes; NaN if any is NaN, -0 below +0; over nothing Infinity or the largest integer. ONNX ReduceMin-20.")
// clang-format on

template <class Row>
struct Reduce {
  static constexpr const char* kName = Row::kName;
  static constexpr const char* kDoc = Row::kDoc;
  static constexpr Port kInputs[1] = {{.name = "x", .doc = "any shape, a float or an integer"}};
  static constexpr const char* kOutputs[1] = {"y"};
  using Params = std::conditional_t<is_extremum(Row::kKind), ExtremumParams, ReduceParams>;

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    const TensorDesc& x = in[0];
    if (!is_float(x.dtype) && !is_integer(x.dtype))
      return dtype_error("x must be a float or an integer, got ", name(x.dtype));
    bool reduced[kMaxRank];
    HALFTONE_TRY(reduced_axes(p.axes, x.shape.rank, reduced));
    if constexpr (!is_extremum(Row::kKind)) {
      if (p.accumulate == Accumulate::kFloat16 && x.dtype != DType::kF16)
        return unsupported("accumulate 'float16' is offered for float16 only, got x of ",
                           name(x.dtype), "; nearest: leave accumulate out");
      if (p.accumulate == Accumulate::kFloat32 && compute_is_not_float32(x.dtype))
        return unsupported(
            "accumulate 'float32' is offered for float32, float16 and bfloat16, got x of ",
            name(x.dtype), "; nearest: leave accumulate out");
    }
    TensorDesc y{x.dtype, {}};
    int64_t terms = 1;
    for (int i = 0; i < x.shape.rank; ++i) {
      if (reduced[i]) terms *= x.shape[i];
      if (!reduced[i])
        y.shape.push_back(x.shape[i]);
      else if (p.keepDims)
        y.shape.push_back(1);
    }
    if (Row::kKind == ReduceKind::kMean && is_integer(x.dtype) && terms == 0)
      return shape_error("the mean of integers must have one term or more, got x ", x.shape);
    out.push_back(y);
    return {};
  }

 private:
  static constexpr bool compute_is_not_float32(DType t) {
    return is_integer(t) || t == DType::kF64;
  }
};

#define HALFTONE_REDUCE_ROW(Type, name, kind, doc)        \
  struct Type##Row {                                      \
    static constexpr const char* kName = name;            \
    static constexpr const char* kDoc = doc;              \
    static constexpr ReduceKind kKind = ReduceKind::kind; \
  };                                                      \
  using Type = Reduce<Type##Row>;
HALFTONE_REDUCE_TABLE(HALFTONE_REDUCE_ROW)
#undef HALFTONE_REDUCE_ROW

}  // namespace halftone
