#include "core/kernel.h"
#include "ops/conv2d/conv2d.h"
#include "ops/conv2d/conv_fast.h"
#include "ops/conv2d/conv_plain.h"

namespace halftone {
namespace {

// infer() runs before the kernel, but hands nothing over: shapes and dtypes are resolved again.
template <class Op>
Status resolve(const typename Op::Params& params, const KernelContext& context, ConvGeometry* g,
               ConvCall* call) {
  TensorDesc descs[4];
  const TensorDesc* in[4] = {};
  for (int i = 0; i < context.inputs() && i < 4; ++i)
    if (context.has(i)) {
      descs[i] = {context.in(i).dtype, context.in(i).shape};
      in[i] = &descs[i];
    }
  ConvTypes types;
  HALFTONE_TRY(Op::resolve(params, Inputs(in), g, &types));
  call->a = context.in(0).data;
  call->a_type = context.in(0).dtype;
  call->b = context.in(1).data;
  call->b_type = context.in(1).dtype;
  if (context.has(2)) {
    call->bias = context.in(2).data;
    call->bias_type = context.in(2).dtype;
  }
  if (context.has(3)) call->residual = context.in(3).data;
  call->out = context.out().data;
  call->out_type = types.out;
  call->compute = types.compute;
  return {};
}

const char* multiply_type(const ConvCall& call) { return name(call.compute); }
const char* accumulate_type(const ConvCall& call) {
  return call.compute == Compute::kTf32 ? "float32" : multiply_type(call);
}

void said(const KernelContext& context, const char* kernel, const ConvCall& call,
          uint64_t workspace = 0) {
  context.made_by(kernel, name(call.a_type), multiply_type(call), accumulate_type(call), workspace);
}

Status conv2d_cpu(const Conv2d::Params& params, const KernelContext& context) {
  ConvGeometry g;
  ConvCall call;
  HALFTONE_TRY(resolve<Conv2d>(params, context, &g, &call));
  call.activation = params.activation;
  if (context.out().elements() == 0) {
    said(context, "conv2d_empty", call);
    return {};
  }
  const ConvReport report =
      conv2d_depthwise_offered(g, params, call) ? conv2d_depthwise(g, params, call, context)
      : conv2d_planes_offered(g, params, call)  ? conv2d_planes(g, params, call, context)
                                                : conv2d_product(g, params, call, context);
  said(context, report.kernel, call, report.workspace_bytes);
  return {};
}

Status conv2d_backward_input_cpu(const Conv2dBackwardInput::Params& params,
                                 const KernelContext& context) {
  ConvGeometry g;
  ConvCall call;
  HALFTONE_TRY(resolve<Conv2dBackwardInput>(params, context, &g, &call));
  if (context.out().elements() == 0) {
    said(context, "conv2d_backward_input_empty", call);
    return {};
  }
  const ConvReport report = conv2d_backward_input_product(g, params, call, context);
  said(context, report.kernel, call, report.workspace_bytes);
  return {};
}

Status conv2d_backward_filter_cpu(const Conv2dBackwardFilter::Params& params,
                                  const KernelContext& context) {
  ConvGeometry g;
  ConvCall call;
  HALFTONE_TRY(resolve<Conv2dBackwardFilter>(params, context, &g, &call));
  if (context.out().elements() == 0) {
    said(context, "conv2d_backward_filter_empty", call);
    return {};
  }
  const ConvReport report = conv2d_backward_filter_product(g, params, call, context);
  said(context, report.kernel, call, report.workspace_bytes);
  return {};
}

}  // namespace

std::vector<CpuOp> conv2d_cpu_ops() {
  return {cpu_op<Conv2d, conv2d_cpu>(), cpu_op<Conv2dBackwardInput, conv2d_backward_input_cpu>(),
          cpu_op<Conv2dBackwardFilter, conv2d_backward_filter_cpu>()};
}

}  // namespace halftone
