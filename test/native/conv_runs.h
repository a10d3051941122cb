// Runs of the convolutions' kernels: the plain loops and whatever is fastest.
#pragma once
#include "conv_cases.h"
#include "ops/conv2d/conv_plain.h"

namespace halftone::test {

inline HostTensor run_plain(const ConvCase& t, Wanted wanted, const HostTensor& a,
                            const HostTensor& b, Compute compute) {
  ConvGeometry g;
  static_cast<void>(conv_geometry(t.options, t.x(), t.filter(), &g));  // the cases are valid
  HostTensor out(is_float(a.dtype) ? a.dtype : DType::kS32, shape_of(t, wanted));
  ConvCall call;
  call.a = a.bytes.data();
  call.a_type = a.dtype;
  call.b = b.bytes.data();
  call.b_type = b.dtype;
  call.out = out.bytes.data();
  call.out_type = out.dtype;
  call.compute = compute;
  if (out.shape.elements() == 0) return out;
  if (wanted == Wanted::kOutput) conv2d_plain(g, call, 0, t.n * t.k * t.out[0]);
  if (wanted == Wanted::kInput) conv2d_backward_input_plain(g, call, 0, t.n * t.c * t.h);
  if (wanted == Wanted::kFilter)
    conv2d_backward_filter_plain(g, call, 0, t.k * (t.c / t.options.groups) * t.r);
  return out;
}

inline RunResult run_fast(const ConvCase& t, Wanted wanted, HostTensor& a, HostTensor& b,
                          Compute compute) {
  const auto with = [&](auto params) {
    static_cast<ConvOptions&>(params) = t.options;
    params.compute = compute;
    return params;
  };
  if (wanted == Wanted::kOutput) return run_op<Conv2d>(with(Conv2d::Params()), {&a, &b, nullptr});
  if (wanted == Wanted::kInput) {
    Conv2dBackwardInput::Params params = with(Conv2dBackwardInput::Params());
    params.inputSize = {t.h, t.w};
    return run_op<Conv2dBackwardInput>(params, {&a, &b});
  }
  Conv2dBackwardFilter::Params params = with(Conv2dBackwardFilter::Params());
  params.filterSize = {t.r, t.s};
  return run_op<Conv2dBackwardFilter>(params, {&a, &b});
}

struct Kind {
  DType a, b;
  Compute compute;
};
inline constexpr Kind kKinds[] = {
    {DType::kF32, DType::kF32, Compute::kFloat32}, {DType::kF32, DType::kF32, Compute::kTf32},
    {DType::kF16, DType::kF16, Compute::kFloat32}, {DType::kBF16, DType::kBF16, Compute::kFloat32},
    {DType::kF16, DType::kF16, Compute::kFloat16}, {DType::kS8, DType::kU8, Compute::kInt32},
    {DType::kU8, DType::kU8, Compute::kInt32}};

}  // namespace halftone::test
