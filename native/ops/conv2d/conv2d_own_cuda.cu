#include <algorithm>

#include "device/elementwise.h"
#include "ops/conv2d/conv2d_cuda.h"
#include "ops/conv2d/conv2d_move_kernel.cuh"

namespace halftone {
namespace {

ConvFinish finish_of(const ConvTask& t) {
  return {t.call.bias, t.call.bias_type, t.call.activation == Activation::kRelu, t.call.residual};
}

AxisOrder result_axes(const ConvTask& t) {
  return t.result == ConvResult::kFilter ? axis_order(t.options.filterLayout)
                                         : axis_order(t.options.layout);
}

ResultAxes describe_result(const ConvTask& t) {
  ResultAxes r;
  r.axes = result_axes(t);
  const Shape shape = t.out_shape();
  for (int i = 0; i < 4; ++i) r.sizes[i] = shape[i];
  r.total = shape.elements();
  return r;
}

unsigned grid_for(const DeviceContext& context, int64_t n) {
  return device::elementwise_grid(context.properties(), n, 1);
}

// Calls f<Sums, A, B, Out>() for the types of a float convolution.
template <class F>
Status with_types(const ConvCall& c, F&& f) {
  if (c.compute == Compute::kTf32) return f.template operator()<DirectTf32, float, float, float>();
  if (c.compute == Compute::kFloat16) return f.template operator()<DirectF16, f16, f16, f16>();
  const bool wide = c.out_type == DType::kF32;
  if (c.a_type == DType::kF32) return f.template operator()<DirectF32, float, float, float>();
  if (c.a_type == DType::kF16)
    return wide ? f.template operator()<DirectF32, f16, f16, float>()
                : f.template operator()<DirectF32, f16, f16, f16>();
  return wide ? f.template operator()<DirectF32, bf16, bf16, float>()
              : f.template operator()<DirectF32, bf16, bf16, bf16>();
}

// The same for integers, whose gradients infer() refuses.
template <class F>
Status with_integers(const ConvCall& c, F&& f) {
  const bool a = c.a_type == DType::kS8, b = c.b_type == DType::kS8;
  if (a && b) return f.template operator()<int8_t, int8_t>();
  if (a) return f.template operator()<int8_t, uint8_t>();
  if (b) return f.template operator()<uint8_t, int8_t>();
  return f.template operator()<uint8_t, uint8_t>();
}

Status launch_direct_integers(const ConvTask& t, DeviceContext& context, const char* name) {
  const ResultAxes result = describe_result(t);
  return with_integers(t.call, [&]<class A, class B>() -> Status {
    return device::launch(name, conv2d_direct<DirectS32, A, B, int32_t, Repair::kAll>,
                          grid_for(context, result.total), kDirectThreads, 0, context.stream(), t.g,
                          result, static_cast<const A*>(t.call.a), static_cast<const B*>(t.call.b),
                          finish_of(t), static_cast<int32_t*>(t.call.out), nullptr);
  });
}

template <Repair kWhich>
Status launch_direct(const ConvTask& t, DeviceContext& context, const char* name, const int* gate) {
  const ResultAxes result = describe_result(t);
  if (result.total == 0) return {};
  const unsigned grid = grid_for(context, result.total);
  return with_types(t.call, [&]<class S, class A, class B, class Out>() -> Status {
    const A* a = static_cast<const A*>(t.call.a);
    const B* b = static_cast<const B*>(t.call.b);
    Out* out = static_cast<Out*>(t.call.out);
    switch (t.result) {
      case ConvResult::kOutput:
        return device::launch(name, conv2d_direct<S, A, B, Out, kWhich>, grid, kDirectThreads, 0,
                              context.stream(), t.g, result, a, b, finish_of(t), out, gate);
      case ConvResult::kInput:
        return device::launch(name, conv2d_backward_input_direct<S, A, B, Out, kWhich>, grid,
                              kDirectThreads, 0, context.stream(), t.g, result, a, b, out, gate);
      case ConvResult::kFilter:
        break;
    }
    return device::launch(name, conv2d_backward_filter_direct<S, A, B, Out, kWhich>, grid,
                          kDirectThreads, 0, context.stream(), t.g, result, a, b, out, gate);
  });
}

// 1 where the filter has an infinity or a NaN: without one, zeros of the padding leave no trace.
Status find_nonfinite(DeviceContext& context, const void* data, DType type, int64_t n, int** flag) {
  void* memory = nullptr;
  HALFTONE_TRY(context.scratch(sizeof(int), &memory));
  *flag = static_cast<int*>(memory);
  HALFTONE_TRY(vendor::fill_async(memory, 0, sizeof(int), context.stream()));
  const auto launch = [&]<class T>(T) {
    return device::launch("conv2d_find_nonfinite", conv2d_find_nonfinite<T>,
                          device::elementwise_grid(context.properties(), n, 8), 256, 0,
                          context.stream(), static_cast<const T*>(data), n, *flag);
  };
  if (type == DType::kF16) return launch(f16{});
  if (type == DType::kBF16) return launch(bf16{});
  return launch(0.0f);
}

}  // namespace

Shape ConvTask::a_shape() const {
  return result == ConvResult::kInput ? y_shape(options, g) : x_shape(options, g);
}
Shape ConvTask::b_shape() const {
  return result == ConvResult::kFilter ? y_shape(options, g) : w_shape(options, g);
}
Shape ConvTask::out_shape() const {
  if (result == ConvResult::kOutput) return y_shape(options, g);
  return result == ConvResult::kInput ? x_shape(options, g) : w_shape(options, g);
}

Status conv2d_by_definition(const ConvTask& t, DeviceContext& context, ConvMade* made) {
  constexpr const char* kNames[] = {"conv2d_direct", "conv2d_backward_input_direct",
                                    "conv2d_backward_filter_direct"};
  const char* name = kNames[static_cast<int>(t.result)];
  if (t.call.compute == Compute::kInt32)
    HALFTONE_TRY(launch_direct_integers(t, context, name));
  else
    HALFTONE_TRY(launch_direct<Repair::kAll>(t, context, name, nullptr));
  made->kernel = concat(name, "_", info(t.call.a_type).short_name,
                        t.options.layout == Layout::kNHWC ? "_nhwc" : "_nchw");
  made->done = true;
  return {};
}

Status conv2d_repair(const ConvTask& t, DeviceContext& context, bool zeros_too) {
  const bool relu = t.call.activation == Activation::kRelu;
  // The activation makes +0 of both zeros.
  if (zeros_too && !relu)
    return launch_direct<Repair::kNanOrZero>(t, context, "conv2d_repair", nullptr);
  if (t.result == ConvResult::kFilter)  // dy meets padding there; dw is small
    return launch_direct<Repair::kNan>(t, context, "conv2d_repair", nullptr);
  int* flag = nullptr;
  HALFTONE_TRY(find_nonfinite(context, t.call.b, t.call.b_type, t.b_shape().elements(), &flag));
  return launch_direct<Repair::kNan>(t, context, "conv2d_repair", flag);
}

Status conv2d_move(DeviceContext& context, const Shape& from_shape, AxisOrder from_axes,
                   DType from_type, const void* from, AxisOrder to_axes, DType to_type, void* to) {
  const Strides4 step = make_strides(from_shape, from_axes);
  Move4 m;
  const auto set = [&](int to_axis, int from_axis, int64_t s) {
    m.sizes[to_axis] = device::divisor_of(std::max<int64_t>(from_shape[from_axis], 1));
    m.steps[to_axis] = s;
  };
  set(to_axes.n, from_axes.n, step.n);
  set(to_axes.c, from_axes.c, step.c);
  set(to_axes.h, from_axes.h, step.h);
  set(to_axes.w, from_axes.w, step.w);
  m.total = from_shape.elements();
  if (m.total == 0) return {};
  const auto launch = [&]<class From, class To>(From, To) {
    return device::launch("conv2d_move", conv2d_move<From, To>, grid_for(context, m.total), 256, 0,
                          context.stream(), m, static_cast<const From*>(from),
                          static_cast<To*>(to));
  };
  if (from_type == to_type)
    return size_of(from_type) == 4 ? launch(0.0f, 0.0f) : launch(f16{}, f16{});
  return from_type == DType::kF16 ? launch(f16{}, 0.0f) : launch(bf16{}, 0.0f);
}

Status conv2d_finish_sums(const ConvTask& t, DeviceContext& context, const void* sums,
                          DType sums_type) {
  const int64_t total = t.out_shape().elements();
  const int64_t inner = t.options.layout == Layout::kNHWC ? 1 : t.g.pixels();
  if (total == 0) return {};
  const auto launch = [&]<class From, class Y>(From, Y) {
    return device::launch("conv2d_finish", conv2d_finish<From, Y>, grid_for(context, total), 256, 0,
                          context.stream(), static_cast<const From*>(sums), finish_of(t),
                          device::divisor_of(t.g.out_channels), device::divisor_of(inner), total,
                          static_cast<Y*>(t.call.out));
  };
  if (sums_type == DType::kF16) return launch(f16{}, f16{});
  if (sums_type == DType::kBF16) return launch(bf16{}, bf16{});
  if (t.call.out_type == DType::kF16) return launch(0.0f, f16{});
  if (t.call.out_type == DType::kBF16) return launch(0.0f, bf16{});
  return launch(0.0f, 0.0f);
}

}  // namespace halftone
