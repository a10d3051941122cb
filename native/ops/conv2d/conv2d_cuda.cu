// conv2d and its gradients on CUDA: what is done where. Float convolutions go to cuDNN when one of
// its engines has the arithmetic that is asked for, else to kernels of our own; integers always to
// those.
#include "ops/conv2d/conv2d_cuda.h"
#include "ops/conv2d/conv2d_dp4a.h"

namespace halftone {
namespace {

template <class Op>
struct Traits;
template <>
struct Traits<Conv2d> {
  static constexpr ConvResult kResult = ConvResult::kOutput;
  static Activation activation(const Conv2d::Params& p) { return p.activation; }
};
template <>
struct Traits<Conv2dBackwardInput> {
  static constexpr ConvResult kResult = ConvResult::kInput;
  static Activation activation(const Conv2dBackwardInput::Params&) { return Activation::kNone; }
};
template <>
struct Traits<Conv2dBackwardFilter> {
  static constexpr ConvResult kResult = ConvResult::kFilter;
  static Activation activation(const Conv2dBackwardFilter::Params&) { return Activation::kNone; }
};

// infer() hands nothing over: shapes and dtypes are resolved again.
template <class Op>
Status resolve(const typename Op::Params& params, std::span<const TensorView> in, ConvTask* task) {
  TensorDesc descs[4];
  const TensorDesc* given[4] = {};
  for (size_t i = 0; i < in.size() && i < 4; ++i)
    if (in[i].shape.rank >= 0) {
      descs[i] = {in[i].dtype, in[i].shape};
      given[i] = &descs[i];
    }
  ConvTypes types;
  HALFTONE_TRY(Op::resolve(params, Inputs(given), &task->g, &types));
  task->result = Traits<Op>::kResult;
  task->options = params;
  ConvCall& call = task->call;
  call.a = in[0].data;
  call.a_type = in[0].dtype;
  call.b = in[1].data;
  call.b_type = in[1].dtype;
  if (given[2]) {
    call.bias = in[2].data;
    call.bias_type = in[2].dtype;
  }
  if (given[3]) call.residual = in[3].data;
  call.out_type = types.out;
  call.compute = types.compute;
  call.activation = Traits<Op>::activation(params);
  return {};
}

template <class Op>
Status supports(const typename Op::Params& params, const CudaCall& call) {
  ConvTask task;
  HALFTONE_TRY(resolve<Op>(params, call.in, &task));
  if (task.call.compute == Compute::kTf32 && call.device.sm < 80)
    return unsupported("compute 'tf32' needs compute capability 8.0, and ", call.device.name,
                       " has ", call.device.sm / 10, ".", call.device.sm % 10,
                       "; nearest: compute 'float32'");
  return {};
}

// Below 32 output channels of a group most of a tile would be empty.
bool fills_tiles(const ConvTask& t) {
  return t.result == ConvResult::kOutput && t.call.compute == Compute::kFloat16 &&
         t.g.group_out >= 32;
}

Status compute(const ConvTask& task, DeviceContext& context, ConvMade* made) {
  // Sums of nothing are no convolution to a library.
  const bool empty_sums = task.a_shape().elements() == 0 || task.b_shape().elements() == 0;
  if (task.call.compute == Compute::kInt32 && !empty_sums) {
    ConvDp4aReport report;
    const Status status = conv2d_dp4a(context, task.g, task.options, task.call, &report);
    if (status.code == Code::kUnsupported) return conv2d_by_definition(task, context, made);
    made->kernel = report.kernel;
    made->workspace_bytes = report.workspace_bytes;
    return status;
  }
  if (!empty_sums) {
    HALFTONE_TRY(conv2d_by_dnn(task, context, made));
    if (made->done) return {};
    *made = {};
    if (fills_tiles(task)) return conv2d_by_tiles(task, context, made);
  }
  return conv2d_by_definition(task, context, made);
}

template <class Op>
Status run(const typename Op::Params& params, DeviceContext& context) {
  ConvTask task;
  TensorView views[4];
  for (int i = 0; i < 4; ++i) {
    if (context.has(i))
      views[i] = context.in(i);
    else
      views[i].shape.rank = -1;
  }
  HALFTONE_TRY(resolve<Op>(params, views, &task));
  task.call.out = context.out().data;
  const bool empty = context.out().elements() == 0;
  ConvMade made;
  if (!empty) HALFTONE_TRY(compute(task, context, &made));
  const Compute c = task.call.compute;
  context.made_by({.kernel = empty ? "conv2d_empty" : made.kernel.c_str(),
                   .storage = name(task.call.a_type),
                   .multiply = name(c),
                   .accumulate = c == Compute::kTf32 ? "float32" : name(c),
                   .library = made.library,
                   .version = made.version.empty() ? nullptr : made.version.c_str(),
                   .tensor_cores = made.tensor_cores,
                   .workspace_bytes = made.workspace_bytes});
  return {};
}

template <class Op>
CudaOp op() {
  return cuda_op<Op, run<Op>, supports<Op>>();
}

}  // namespace

std::vector<CudaOp> conv2d_cuda_ops() {
  return {op<Conv2d>(), op<Conv2dBackwardInput>(), op<Conv2dBackwardFilter>()};
}

}  // namespace halftone
