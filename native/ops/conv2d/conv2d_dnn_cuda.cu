// Convolutions by cuDNN: how a call becomes a ConvSpec, which plans are tried, and what is done
// around them.
//
// cuDNN's engines take filters as [k, r, s, c] with NHWC images and [k, c, r, s] with NCHW ones;
// others are copied first. Bias, residual and activation are fused where an engine does it with the
// roundings of the operator; else they follow in a kernel of our own. A float32 result of 16-bit
// inputs is made by an engine that writes float32 or, where there is none, from inputs
// widened to float32: products of 16-bit floats are exact in float32, so the arithmetic is the
// same.
#include <cstring>

#include "ops/conv2d/conv2d_cuda.h"
#include "ops/conv2d/conv2d_plans.h"

namespace halftone {
namespace {

using vendor::ConvDirection;
using vendor::ConvPointers;
using vendor::ConvSpec;
using vendor::DnnTensor;

FilterLayout library_filter(const ConvOptions& o) {
  return o.layout == Layout::kNHWC ? FilterLayout::kOHWI : FilterLayout::kOIHW;
}

DnnTensor describe(DType type, const Shape& shape, AxisOrder axes) {
  const Strides4 s = make_strides(shape, axes);
  DnnTensor t;
  t.dtype = type;
  const int64_t dims[4] = {shape[axes.n], shape[axes.c], shape[axes.h], shape[axes.w]};
  const int64_t strides[4] = {s.n, s.c, s.h, s.w};
  std::memcpy(t.dims, dims, sizeof dims);
  std::memcpy(t.strides, strides, sizeof strides);
  return t;
}

// What the pointer is aligned to, 16 at the most.
int64_t alignment_of(const void* p) {
  const auto bits = reinterpret_cast<uintptr_t>(p);
  return bits % 16 == 0 ? 16 : static_cast<int64_t>(bits & (~bits + 1));
}

/// One attempt: the tensors as the library gets them, and how.
class Attempt {
 public:
  Attempt(const ConvTask& task, DeviceContext& context, ConvMade* made)
      : t_(task), context_(context), made_(made) {
    const ConvOptions& o = t_.options;
    spec_.direction = static_cast<ConvDirection>(t_.result);
    const AxisOrder image = axis_order(o.layout), filter = axis_order(library_filter(o));
    spec_.x = describe(t_.call.a_type, x_shape(o, t_.g), image);
    spec_.y = describe(t_.call.a_type, y_shape(o, t_.g), image);
    const Shape w =
        make_shape(filter, t_.g.out_channels, t_.g.group_in, t_.g.h.kernel, t_.g.w.kernel);
    spec_.w = describe(t_.call.a_type, w, filter);
    const WindowAxis* axes[2] = {&t_.g.h, &t_.g.w};
    for (int i = 0; i < 2; ++i) {
      spec_.stride[i] = axes[i]->stride;
      spec_.dilation[i] = axes[i]->dilation;
      spec_.before[i] = axes[i]->before;
      // Padding that no window reaches would only make the library's output larger than y.
      const int64_t reach =
          (axes[i]->out - 1) * axes[i]->stride + (axes[i]->kernel - 1) * axes[i]->dilation + 1;
      spec_.after[i] = std::max<int64_t>(reach - axes[i]->in - axes[i]->before, 0);
    }
    spec_.accumulate = t_.call.compute == Compute::kFloat16 ? DType::kF16 : DType::kF32;
    has_bias_ = t_.call.bias != nullptr;
    relu_ = t_.call.activation == Activation::kRelu;
  }

  /// Tries the ways to the result, fastest first.
  Status run() {
    if (t_.result == ConvResult::kOutput && (has_bias_ || relu_ || t_.call.residual)) {
      if (can_fuse()) HALFTONE_TRY(fused());
      if (made_->done) return repaired();
      HALFTONE_TRY(then_finished());
      return made_->done ? repaired() : Status{};
    }
    if (t_.call.out_type == t_.call.a_type)
      HALFTONE_TRY(directly(t_.call.out));
    else
      HALFTONE_TRY(wide(static_cast<float*>(t_.call.out)));
    return made_->done ? repaired() : Status{};
  }

 private:
  // Engines add the residual before the bias. In float32 that is one order of the terms as good as
  // any other; float16 sums round after the bias, too. Without a bias they add zeros, which makes
  // +0 of a result of -0, as the activation does.
  bool can_fuse() const {
    if (t_.call.out_type != t_.call.a_type || (has_bias_ && t_.call.bias_type != t_.call.out_type))
      return false;
    if (has_bias_ && alignment_of(t_.call.bias) < 16) return false;
    if (!t_.call.residual) return true;
    const bool rounds_twice = has_bias_ && t_.call.compute == Compute::kFloat16;
    return !rounds_twice && (has_bias_ || relu_) && alignment_of(t_.call.residual) == 16;
  }

  // Bias, residual and activation in the library. Engines want a bias: an absent one is of zeros.
  Status fused() {
    ConvSpec spec = spec_;
    spec.bias = true;
    spec.residual = t_.call.residual != nullptr;
    spec.relu = relu_;
    spec.bias_type = t_.call.out_type;
    const void* bias = t_.call.bias;
    if (!has_bias_) {
      void* zeros = nullptr;
      const size_t bytes = static_cast<size_t>(t_.g.out_channels * size_of(t_.call.out_type));
      HALFTONE_TRY(context_.scratch(bytes, &zeros));
      HALFTONE_TRY(vendor::fill_async(zeros, 0, bytes, context_.stream()));
      bias = zeros;
    }
    return execute(spec, t_.call.compute, t_.call.a, t_.call.b, bias, t_.call.out);
  }

  // Sums by the library, then bias, residual and activation by us.
  Status then_finished() {
    const bool half = t_.call.compute == Compute::kFloat16;
    const bool same = t_.call.out_type == t_.call.a_type;
    const bool adds = has_bias_ || t_.call.residual;
    if (half || (same && (!adds || t_.call.out_type == DType::kF32))) {
      // Float16 sums are rounded before anything is added, and an activation commutes with
      // rounding.
      HALFTONE_TRY(directly(t_.call.out));
      return made_->done ? conv2d_finish_sums(t_, context_, t_.call.out, t_.call.out_type)
                         : Status{};
    }
    void* sums = t_.call.out;
    if (t_.call.out_type != DType::kF32) {
      const size_t bytes = static_cast<size_t>(t_.out_shape().elements()) * sizeof(float);
      HALFTONE_TRY(context_.scratch(bytes, &sums));
      made_->workspace_bytes += bytes;
    }
    HALFTONE_TRY(wide(static_cast<float*>(sums)));
    return made_->done ? conv2d_finish_sums(t_, context_, sums, DType::kF32) : Status{};
  }

  Status directly(void* out) {
    return execute(spec_, t_.call.compute, t_.call.a, t_.call.b, nullptr, out);
  }

  // Float32 results of 16-bit inputs.
  Status wide(float* out) {
    if (t_.call.a_type == DType::kF32) return directly(out);
    ConvSpec spec = spec_;
    result_of(&spec)->dtype = DType::kF32;
    HALFTONE_TRY(execute(spec, t_.call.compute, t_.call.a, t_.call.b, nullptr, out));
    if (made_->done) return {};
    spec.x.dtype = spec.w.dtype = spec.y.dtype = DType::kF32;
    // Whether there is a plan is known before anything is widened.
    Candidate candidate;
    HALFTONE_TRY(find(spec, t_.call.compute, &candidate));
    if (!candidate.plan) return {};
    void *a = nullptr, *b = nullptr;
    HALFTONE_TRY(widened(t_.a_shape(), t_.call.a, &a));
    HALFTONE_TRY(widened(t_.b_shape(), t_.call.b, &b));
    return execute(spec, t_.call.compute, a, b, nullptr, out);
  }

  Status widened(const Shape& shape, const void* from, void** to) {
    const size_t bytes = static_cast<size_t>(shape.elements()) * sizeof(float);
    HALFTONE_TRY(context_.scratch(bytes, to));
    made_->workspace_bytes += bytes;
    const AxisOrder same{0, 1, 2, 3};
    return conv2d_move(context_, shape, same, t_.call.a_type, from, same, DType::kF32, *to);
  }

  DnnTensor* result_of(ConvSpec* spec) const {
    return t_.result == ConvResult::kOutput  ? &spec->y
           : t_.result == ConvResult::kInput ? &spec->x
                                             : &spec->w;
  }

  struct Candidate {
    ConvPlans* plans = nullptr;
    const vendor::ChosenPlan* plan = nullptr;
  };
  Status find(const ConvSpec& spec, Compute compute, Candidate* out) {
    HALFTONE_TRY(ConvPlans::of_stream(context_, &out->plans));
    return out->plans->find(context_, spec, compute, &out->plan);
  }

  // Runs `spec` on a and b, whose filter (if one is) lies as the caller's does.
  Status execute(ConvSpec spec, Compute compute, const void* a, const void* b, const void* bias,
                 void* out) {
    const bool moves = t_.options.filterLayout != library_filter(t_.options);
    const bool filter_out = t_.result == ConvResult::kFilter;
    // The copies that a filter needs are aligned to 256 bytes.
    spec.x.alignment = alignment_of(t_.result == ConvResult::kInput ? out : a);
    spec.y.alignment = alignment_of(t_.result == ConvResult::kOutput  ? out
                                    : t_.result == ConvResult::kInput ? a
                                                                      : b);
    spec.w.alignment = moves ? 16 : alignment_of(filter_out ? out : b);
    Candidate candidate;
    HALFTONE_TRY(find(spec, compute, &candidate));
    if (!candidate.plan) return {};

    void* filter = const_cast<void*>(filter_out ? out : b);
    const AxisOrder caller = axis_order(t_.options.filterLayout),
                    library = axis_order(library_filter(t_.options));
    if (moves) {
      const size_t bytes = static_cast<size_t>(spec.w.dims[0] * spec.w.dims[1] * spec.w.dims[2] *
                                               spec.w.dims[3] * size_of(spec.w.dtype));
      HALFTONE_TRY(context_.scratch(bytes, &filter));
      made_->workspace_bytes += bytes;
      if (!filter_out)
        HALFTONE_TRY(conv2d_move(context_, t_.b_shape(), caller, spec.w.dtype, b, library,
                                 spec.w.dtype, filter));
    }
    ConvPointers p;
    p.w = filter;
    p.x = t_.result == ConvResult::kInput ? out : const_cast<void*>(a);
    p.y = t_.result == ConvResult::kOutput  ? out
          : t_.result == ConvResult::kInput ? const_cast<void*>(a)
                                            : const_cast<void*>(b);
    p.bias = const_cast<void*>(bias);
    if (spec.residual) p.residual = const_cast<void*>(t_.call.residual);
    const vendor::ChosenPlan* plan = nullptr;
    HALFTONE_TRY(candidate.plans->execute(context_, spec, compute, p, &plan));
    if (moves && filter_out) {
      const Shape w =
          make_shape(library, t_.g.out_channels, t_.g.group_in, t_.g.h.kernel, t_.g.w.kernel);
      HALFTONE_TRY(
          conv2d_move(context_, w, library, spec.w.dtype, filter, caller, spec.w.dtype, out));
    }
    constexpr const char* kNames[] = {"conv2d", "conv2d_backward_input", "conv2d_backward_filter"};
    made_->kernel = concat(
        kNames[static_cast<int>(t_.result)], t_.options.layout == Layout::kNHWC ? "_nhwc" : "_nchw",
        "_engine", plan->engine.id, spec.bias && has_bias_ ? "_bias" : "",
        spec.residual ? "_residual" : "", spec.relu ? "_relu" : "",
        plan->engine.numerical & vendor::kNondeterministic ? "_nondeterministic" : "");
    const int64_t version = vendor::dnn_version();
    made_->library = "cudnn";
    made_->version = concat(version / 10000, ".", version / 100 % 100, ".", version % 100);
    made_->tensor_cores = (plan->engine.numerical & vendor::kTensorCore) != 0;
    made_->workspace_bytes += static_cast<uint64_t>(plan->workspace);
    made_->done = true;
    return {};
  }

  // The library multiplies padding as zeros, and the gradient of the input where no window is.
  Status repaired() {
    const ConvGeometry& g = t_.g;
    const bool full = g.h.all_full() && g.w.all_full();
    const bool one = g.taps() == 1 && g.h.stride == 1 && g.w.stride == 1;
    if (full && (t_.result != ConvResult::kInput || one)) return {};
    return conv2d_repair(t_, context_, false);
  }

  const ConvTask& t_;
  DeviceContext& context_;
  ConvMade* made_;
  ConvSpec spec_;
  bool has_bias_ = false, relu_ = false;
};

// cuDNN counts elements with 32 bits in places.
bool fits(const Shape& s) { return s.elements() <= kMaxInt; }

}  // namespace

Status conv2d_by_dnn(const ConvTask& task, DeviceContext& context, ConvMade* made) {
  if (!fits(task.a_shape()) || !fits(task.b_shape()) || !fits(task.out_shape())) return {};
  return Attempt(task, context, made).run();
}

}  // namespace halftone
