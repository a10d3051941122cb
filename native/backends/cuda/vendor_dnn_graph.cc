#include "backends/cuda/vendor_dnn_graph.h"

#include <utility>
#include <vector>

namespace halftone::vendor {

// The notes of dnn.h are cuDNN's numbers.
static_assert(kTensorCore == 1u << CUDNN_NUMERICAL_NOTE_TENSOR_CORE);
static_assert(kDownConvertInputs == 1u << CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS);
static_assert(kReducedPrecisionReduction == 1u << CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION);
static_assert(kFft == 1u << CUDNN_NUMERICAL_NOTE_FFT);
static_assert(kNondeterministic == 1u << CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC);
static_assert(kWinograd == 1u << CUDNN_NUMERICAL_NOTE_WINOGRAD);
static_assert(kWinograd4x4 == 1u << CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_4x4);
static_assert(kWinograd6x6 == 1u << CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6);
static_assert(kWinograd13x13 == 1u << CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13);
static_assert(kStrictNanPropagation == 1u << CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP);
static_assert(kRuntimeCompilation == 1u << CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION);

namespace {

Status data_type(DType t, cudnnDataType_t* out) {
  switch (t) {
    case DType::kF32:
      *out = CUDNN_DATA_FLOAT;
      return {};
    case DType::kF16:
      *out = CUDNN_DATA_HALF;
      return {};
    case DType::kBF16:
      *out = CUDNN_DATA_BFLOAT16;
      return {};
    default:
      return unsupported("cuDNN convolutions are offered for float types, got ", name(t));
  }
}

Status make_tensor(const DnnTensor& t, int64_t id, bool is_virtual, Descriptor* out) {
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  HALFTONE_TRY(data_type(t.dtype, &type));
  HALFTONE_TRY(out->create(CUDNN_BACKEND_TENSOR_DESCRIPTOR));
  HALFTONE_TRY(out->set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id));
  HALFTONE_TRY(out->set(CUDNN_ATTR_TENSOR_DATA_TYPE, type));
  HALFTONE_TRY(out->set(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, t.dims));
  HALFTONE_TRY(out->set(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, t.strides));
  HALFTONE_TRY(out->set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, t.alignment));
  HALFTONE_TRY(out->set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &is_virtual));
  return out->finalize();
}

Status make_convolution(const ConvSpec& spec, Descriptor* out) {
  cudnnDataType_t compute = CUDNN_DATA_FLOAT;
  HALFTONE_TRY(data_type(spec.accumulate, &compute));
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  HALFTONE_TRY(out->create(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR));
  HALFTONE_TRY(out->set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, compute));
  HALFTONE_TRY(out->set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode));
  HALFTONE_TRY(out->set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, int64_t{2}));
  HALFTONE_TRY(out->set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, spec.before));
  HALFTONE_TRY(out->set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, spec.after));
  HALFTONE_TRY(out->set(CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, spec.dilation));
  HALFTONE_TRY(out->set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, spec.stride));
  return out->finalize();
}

/// The attributes of the three convolution operations differ only in their names.
struct OperationNames {
  cudnnBackendDescriptorType_t type;
  cudnnBackendAttributeName_t convolution, x, w, y, alpha, beta;
};

constexpr OperationNames kOperations[] = {
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
};

/// One pointwise operation behind the convolution: x, or x and an addend, to y.
struct Step {
  cudnnPointwiseMode_t mode;
  const Descriptor* addend;  // nullptr: none
};

Status make_pointwise(const Step& step, const Descriptor& x, const Descriptor& y, ConvGraph* graph,
                      Descriptor* operation) {
  Descriptor& pointwise = graph->parts.emplace_back();
  HALFTONE_TRY(pointwise.create(CUDNN_BACKEND_POINTWISE_DESCRIPTOR));
  HALFTONE_TRY(pointwise.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &step.mode));
  // No engine takes another type here, whatever the convolution computes in.
  HALFTONE_TRY(pointwise.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT));
  // Not the default, though the only kind that cudnn_graph.h calls supported.
  const cudnnNanPropagation_t nan = CUDNN_PROPAGATE_NAN;
  if (step.mode == CUDNN_POINTWISE_RELU_FWD)
    HALFTONE_TRY(
        pointwise.set(CUDNN_ATTR_POINTWISE_NAN_PROPAGATION, CUDNN_TYPE_NAN_PROPOGATION, 1, &nan));
  HALFTONE_TRY(pointwise.finalize());
  HALFTONE_TRY(operation->create(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR));
  HALFTONE_TRY(operation->set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, pointwise));
  HALFTONE_TRY(operation->set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x));
  if (step.addend) HALFTONE_TRY(operation->set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *step.addend));
  HALFTONE_TRY(operation->set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y));
  return operation->finalize();
}

/// What follows the sum, in the only order that engines take.
Status make_steps(const ConvSpec& spec, ConvGraph* graph, std::vector<Step>* steps) {
  const auto add = [&](const DnnTensor& tensor, TensorId id) -> Status {
    Descriptor& addend = graph->parts.emplace_back();
    HALFTONE_TRY(make_tensor(tensor, id, false, &addend));
    steps->push_back({CUDNN_POINTWISE_ADD, &addend});
    return {};
  };
  if (spec.residual) HALFTONE_TRY(add(spec.y, kIdResidual));
  if (spec.bias) {
    const int64_t k = spec.y.dims[1];
    const int64_t step = spec.y.strides[1] == 1 ? k : 1;  // as y's layout has it: NHWC or NCHW
    HALFTONE_TRY(
        add({spec.bias_type, {1, k, 1, 1}, {k, 1, step, step}, spec.y.alignment}, kIdBias));
  }
  if (spec.relu) steps->push_back({CUDNN_POINTWISE_RELU_FWD, nullptr});
  return {};
}

}  // namespace

Status dnn_status(cudnnStatus_t status, const char* call) {
  if (status == CUDNN_STATUS_SUCCESS) return {};
  char detail[512] = "";
  cudnnGetLastErrorString(detail, sizeof detail);
  Code code = Code::kDevice;
  if (status == CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED ||
      status == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED)
    code = Code::kOutOfMemory;
  else if (CUDNN_STATUS_CATEGORY(status) == 3000)
    code = Code::kUnsupported;
  else if (CUDNN_STATUS_CATEGORY(status) == 1000)
    code = Code::kBackendUnavailable;
  const std::string_view name(call);
  return error(code, "cuDNN ", name.substr(0, name.find('(')), ": ", cudnnGetErrorString(status),
               detail[0] ? ": " : "", detail);
}

Descriptor::~Descriptor() {
  if (handle_) cudnnBackendDestroyDescriptor(handle_);
}

Status Descriptor::create(cudnnBackendDescriptorType_t type) {
  if (handle_) cudnnBackendDestroyDescriptor(handle_);
  handle_ = nullptr;
  HALFTONE_DNN(cudnnBackendCreateDescriptor(type, &handle_));
  return {};
}

Status Descriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                       int64_t count, const void* values) {
  HALFTONE_DNN(cudnnBackendSetAttribute(handle_, name, type, count, values));
  return {};
}

Status Descriptor::set(cudnnBackendAttributeName_t name, const Descriptor& value) {
  return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value.handle_);
}
Status Descriptor::set(cudnnBackendAttributeName_t name, cudnnDataType_t value) {
  return set(name, CUDNN_TYPE_DATA_TYPE, 1, &value);
}
Status Descriptor::set(cudnnBackendAttributeName_t name, int64_t value) {
  return set(name, CUDNN_TYPE_INT64, 1, &value);
}
Status Descriptor::set(cudnnBackendAttributeName_t name, float value) {
  return set(name, CUDNN_TYPE_FLOAT, 1, &value);
}

Status Descriptor::finalize() {
  HALFTONE_DNN(cudnnBackendFinalize(handle_));
  return {};
}

Status Descriptor::get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                       int64_t count, int64_t* got, void* values) const {
  HALFTONE_DNN(cudnnBackendGetAttribute(handle_, name, type, count, got, values));
  return {};
}

Status Descriptor::get(cudnnBackendAttributeName_t name, int64_t* value) const {
  int64_t got = 0;
  return get(name, CUDNN_TYPE_INT64, 1, &got, value);
}

Status build_graph(const ConvSpec& spec, cudnnHandle_t handle, ConvGraph* out) {
  const auto part = [&]() -> Descriptor& { return out->parts.emplace_back(); };
  Descriptor &x = part(), &w = part(), &y = part(), &convolution = part(), &operation = part();
  HALFTONE_TRY(make_tensor(spec.x, kIdX, false, &x));
  HALFTONE_TRY(make_tensor(spec.w, kIdW, false, &w));
  HALFTONE_TRY(make_tensor(spec.y, kIdY, false, &y));
  HALFTONE_TRY(make_convolution(spec, &convolution));
  std::vector<Step> steps;
  HALFTONE_TRY(make_steps(spec, out, &steps));

  // Tensors between operations exist in registers only: the sum in the type in which it was
  // accumulated, the others in that of the pointwise operations.
  const auto between = [&](size_t step, Descriptor* tensor) {
    DnnTensor t = spec.y;
    t.dtype = step == 0 ? spec.accumulate : DType::kF32;
    return make_tensor(t, kIdFirstVirtual + static_cast<int64_t>(step), true, tensor);
  };
  const Descriptor* last = &y;
  if (!steps.empty()) {
    Descriptor& sum = part();
    HALFTONE_TRY(between(0, &sum));
    last = &sum;
  }
  const OperationNames& names = kOperations[static_cast<int>(spec.direction)];
  HALFTONE_TRY(operation.create(names.type));
  HALFTONE_TRY(operation.set(names.convolution, convolution));
  HALFTONE_TRY(operation.set(names.x, x));
  HALFTONE_TRY(operation.set(names.w, w));
  HALFTONE_TRY(operation.set(names.y, *last));
  HALFTONE_TRY(operation.set(names.alpha, 1.0f));
  HALFTONE_TRY(operation.set(names.beta, 0.0f));
  HALFTONE_TRY(operation.finalize());

  std::vector<cudnnBackendDescriptor_t> operations = {operation.get()};
  for (size_t i = 0; i < steps.size(); ++i) {
    Descriptor &made = part(), &next = part();
    const bool ends = i + 1 == steps.size();
    if (!ends) HALFTONE_TRY(between(i + 1, &next));
    HALFTONE_TRY(make_pointwise(steps[i], *last, ends ? y : next, out, &made));
    operations.push_back(made.get());
    last = &next;
  }

  HALFTONE_TRY(out->graph.create(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR));
  if (handle)
    HALFTONE_TRY(out->graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle));
  HALFTONE_TRY(out->graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                              static_cast<int64_t>(operations.size()), operations.data()));
  return out->graph.finalize();
}

}  // namespace halftone::vendor
