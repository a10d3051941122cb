#include "ops/gemm/product_cpu.h"
#include "ops/linear/linear.h"
#include "ops/unary/unary_isa.h"

namespace halftone {
namespace {

template <class T>
float widen(T x) {
  if constexpr (std::is_same_v<T, float>)
    return x;
  else
    return to_float(x);
}

/// The rows of y: sums plus bias, activated, in float32; or with each step rounded to float16.
template <class T>
class LinearStore final : public GemmStore<float> {
 public:
  LinearStore(T* out, int64_t n, const T* bias, LinearActivation activation, bool half)
      : out_(out),
        n_(n),
        bias_(bias),
        activation_(activation),
        half_(half),
        gelu_(HALFTONE_ISA_PICK(gelu_f32)) {}

  void store(int64_t, int64_t row, int64_t col, int64_t rows, int64_t cols, float* sums,
             int64_t ld) const override {
    constexpr int64_t kChunk = 64;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t first = 0; first < cols; first += kChunk)
        finish(sums + r * ld + first, (row + r) * n_ + col + first, col + first,
               std::min(kChunk, cols - first));
  }

 private:
  void finish(float* y, int64_t to, int64_t column, int64_t count) const {
    if (bias_)
      for (int64_t j = 0; j < count; ++j) y[j] += widen(bias_[column + j]);
    // A float32 sum of two float16 rounds to float16 like the exact sum, because 24 >= 2 * 11 + 2.
    if (half_ && bias_ && activation_ == LinearActivation::kGeluTanh)
      for (int64_t j = 0; j < count; ++j) y[j] = to_float(to_f16(y[j]));
    if (activation_ == LinearActivation::kRelu)
      for (int64_t j = 0; j < count; ++j) y[j] = y[j] <= 0 ? 0.0f : y[j];  // a NaN stays one
    if (activation_ == LinearActivation::kGeluTanh) {
      float x[64];
      std::copy_n(y, count, x);
      gelu_(true, x, y, count);
    }
    if constexpr (std::is_same_v<T, float>)
      std::copy_n(y, count, out_ + to);
    else
      convert(y, out_ + to, count);
  }

  T* out_;
  int64_t n_;
  const T* bias_;
  LinearActivation activation_;
  bool half_;
  void (*gelu_)(bool, const float*, float*, int64_t);
};

Status linear_cpu(const Linear::Params& params, const KernelContext& context) {
  const TensorView &x = context.in(0), &w = context.in(1), &y = context.out();
  ProductCall call{x, w, {}, false, !params.transW};
  TensorDesc descs[3] = {{x.dtype, x.shape}, {w.dtype, w.shape}, {}};
  const TensorDesc* inputs[3] = {&descs[0], &descs[1], nullptr};
  if (context.has(2)) {
    descs[2] = {context.in(2).dtype, context.in(2).shape};
    inputs[2] = &descs[2];
  }
  DType out;
  HALFTONE_TRY(Linear::resolve(params, Inputs(inputs), &call.product, &call.compute, &out));

  const auto run = [&]<class T>(TypeTag<T>) {
    const T* bias = context.has(2) ? context.in(2).as<const T>() : nullptr;
    return run_product(context, call,
                       LinearStore<T>(y.as<T>(), call.product.n, bias, params.activation,
                                      call.compute == Compute::kFloat16));
  };
  const GemmReport report = out == DType::kF32   ? run(TypeTag<float>{})
                            : out == DType::kF16 ? run(TypeTag<f16>{})
                                                 : run(TypeTag<bf16>{});
  product_made_by(context, "linear", call, report);
  return {};
}

}  // namespace

std::vector<CpuOp> linear_cpu_ops() { return {cpu_op<Linear, linear_cpu>()}; }

}  // namespace halftone
