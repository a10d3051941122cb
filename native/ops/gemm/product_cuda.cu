#include <algorithm>
#include <cstdio>

#include "device/device.h"
#include "ops/gemm/blas_cuda.h"
#include "ops/gemm/product_cuda.h"
#include "ops/gemm/product_steps.h"
#include "ops/gemm_int8/gemm_s8_dp4a.h"

namespace halftone {
namespace {

using vendor::BlasCompute;
using vendor::BlasEpilogue;

/// One call computes no more matrices than the third dimension of a grid has blocks.
constexpr int64_t kMostMatrices = 65535;

/// Rows or columns up to which our own kernels take products of 8-bit integers: they need no
/// packing and no padding, and both are bound by reading the larger operand (gemm_s8_dp4a.h).
constexpr int64_t kSkinny = 14;

BlasEpilogue epilogue_of(FinishActivation activation, bool bias) {
  switch (activation) {
    case FinishActivation::kRelu:
      return bias ? BlasEpilogue::kReluBias : BlasEpilogue::kRelu;
    case FinishActivation::kGeluTanh:
      return bias ? BlasEpilogue::kGeluBias : BlasEpilogue::kGelu;
    default:
      return bias ? BlasEpilogue::kBias : BlasEpilogue::kNone;
  }
}

/// Whether a factor is 0 once it has the type in which it is applied.
bool is_zero(const CudaProduct& p, double factor) {
  if (p.compute == Compute::kFloat16) return to_float(to_f16(factor)) == 0;
  return static_cast<float>(factor) == 0;
}

/// `p` without a c that is not read.
CudaProduct reduced(CudaProduct p) {
  if (is_zero(p, p.beta)) p.c = nullptr;
  return p;
}

/// Whether c is what the library's epilogue calls a bias: one value for each column, as it is.
bool is_bias(const CudaProduct& p) {
  if (!p.c || p.bias || p.beta != 1 || p.compute == Compute::kInt32) return false;
  const Shape& c = p.c->shape;
  return c.rank > 0 && c[c.rank - 1] == p.product.n && c.elements() == p.product.n;
}

class Runner {
 public:
  Runner(DeviceContext& context, const CudaProduct& p)
      : context_(context),
        p_(reduced(p)),
        arithmetic_(arithmetic_of(p)),
        // With one B for all, the rows of all matrices A are rows of one.
        batches_(product_batches(p.product, !p.trans_a)) {}

  Status run() {
    if (p_.y.elements() == 0) return made_here("empty");
    if (batches_.k == 0) {
      HALFTONE_TRY(each([&](int64_t, int64_t, int64_t y, int64_t count) {
        return enqueue_finish(context_, p_, batches_, {{}, y, count, {}});
      }));
      return made_here("fill");
    }
    return p_.compute == Compute::kInt32 ? run_bytes() : run_floats();
  }

 private:
  template <class F>
  Status each(F&& f) {
    return each_call(batches_, kMostMatrices, f);
  }
  /// Whether operands are used from other places than the first.
  bool moves() const { return !batches_.outer.empty() || batches_.strided.size > kMostMatrices; }
  Status scratch(int64_t bytes, void** data) {
    scratch_bytes_ += static_cast<uint64_t>(bytes);
    return context_.scratch(static_cast<size_t>(bytes), data);
  }
  vendor::BlasMatmul problem_of(const Sizes& size, const Stored& a, const Stored& b,
                                const Target& y, const BatchAxis& axis) const {
    vendor::BlasMatmul problem = describe(arithmetic_, size, a, b, y, axis, moves());
    problem.workspace_limit = blas_workspace_limit(context_);
    return problem;
  }
  vendor::BlasOperands operands_of(double alpha, double beta) const {
    vendor::BlasOperands operands;
    operands.alpha = vendor::blas_scalar(arithmetic_.scale, alpha);
    operands.beta = vendor::blas_scalar(arithmetic_.scale, beta);
    return operands;
  }

  /// For float16 sums the pedantic arithmetic, which has no tensor cores, comes second.
  Status find(vendor::BlasMatmul* problem, const vendor::BlasOperands& operands, bool* found) {
    HALFTONE_TRY(find_blas(context_, *problem, operands, found, &algorithm_));
    if (*found || problem->compute != BlasCompute::k16F) return {};
    problem->compute = BlasCompute::k16FPedantic;
    return find_blas(context_, *problem, operands, found, &algorithm_);
  }

  // ---- floats ----

  Status run_floats() {
    const Stored a{p_.a.data, p_.a.dtype, p_.trans_a ? batches_.m : batches_.k,
                   batches_.m * batches_.k, !p_.trans_a};
    const Stored b{p_.b.data, p_.b.dtype, p_.trans_b ? batches_.k : batches_.n,
                   batches_.k * batches_.n, p_.trans_b};
    const Sizes size{batches_.m, batches_.n, batches_.k};
    bool found = false;
    // The library may leave out A and B when alpha is 0, but 0 * NaN is NaN.
    if (is_zero(p_, p_.alpha)) {
      HALFTONE_TRY(sums_then_finish(size, a, b, &found));
    } else {
      if (is_bias(p_)) HALFTONE_TRY(direct(size, a, b, nullptr, p_.c, &found));
      if (!found) HALFTONE_TRY(direct(size, a, b, p_.c, p_.bias, &found));
      // Where the library lacks nothing but the activation, or has another one.
      if (!found && p_.activation != FinishActivation::kNone)
        HALFTONE_TRY(sums_then_finish(size, a, b, &found));
    }
    if (!found && p_.compute != Compute::kDefault) {  // float64 is never too badly aligned
      const Sizes even{padded(size.m), padded(size.n), padded(size.k)};
      Stored even_a, even_b;
      HALFTONE_TRY(pack_a(&even_a));
      HALFTONE_TRY(pack_b(&even_b));
      HALFTONE_TRY(sums_then_finish(even, even_a, even_b, &found));
    }
    if (found) return {};
    return unsupported("cuBLASLt has no algorithm for ", name(p_.a.dtype), " with ",
                       p_.compute == Compute::kDefault ? "float64" : name(p_.compute),
                       " sums on this device (sm_", context_.properties().sm,
                       "); device 'cpu' has");
  }

  /// The library writes y.
  Status direct(const Sizes& size, const Stored& a, const Stored& b, const TensorView* c,
                const TensorView* bias, bool* found) {
    const Target y{p_.y.data, p_.y.dtype, size.n, size.m * size.n};
    BatchAxis axis = batches_.strided;
    axis.size = std::min(axis.size, kMostMatrices);
    vendor::BlasMatmul problem = problem_of(size, a, b, y, axis);
    problem.epilogue = epilogue_of(p_.activation, bias);
    vendor::BlasOperands operands = operands_of(p_.alpha, c ? p_.beta : 0);
    if (bias) {
      problem.bias_type = bias->dtype;
      problem.bias_align = vendor::alignment_of(bias->data);
      operands.bias = bias->data;
    }
    // A c of y's shape is C; any other is brought to the place of y first.
    const bool whole = c && c->shape == p_.product.out;
    if (whole) problem.c.align = alignment(c->data, moves() ? y.stride : 0, y.type);
    const auto place = [&](int64_t a_at, int64_t b_at, int64_t y_at) {
      operands.a = at(b.data, b_at * b.stride, b.type);
      operands.b = at(a.data, a_at * a.stride, a.type);
      operands.d = at(y.data, y_at * y.stride, y.type);
      operands.c =
          whole ? at(static_cast<const void*>(c->data), y_at * y.stride, y.type) : operands.d;
    };
    place(0, 0, 0);
    HALFTONE_TRY(find(&problem, operands, found));
    if (!*found) return {};
    if (c && !whole) HALFTONE_TRY(enqueue_broadcast(context_, *c, p_.y));
    const vendor::BlasAlgorithm algorithm = algorithm_;
    HALFTONE_TRY(each([&](int64_t a_at, int64_t b_at, int64_t y_at, int64_t count) -> Status {
      place(a_at, b_at, y_at);
      if (count == problem.batch) return run_blas(context_, problem, algorithm, operands);
      // What is left of a batch that is larger than one call takes.
      vendor::BlasMatmul rest = problem;
      rest.batch = static_cast<int32_t>(count);
      bool any = false;
      HALFTONE_TRY(find_blas(context_, rest, operands, &any, &algorithm_));
      if (!any) return error(Code::kInternal, "cuBLASLt has no algorithm for the rest of a batch");
      return run_blas(context_, rest, algorithm_, operands);
    }));
    return made_by_library(algorithm, p_.activation == FinishActivation::kRelu       ? "_relu"
                                      : p_.activation == FinishActivation::kGeluTanh ? "_gelu"
                                                                                     : "");
  }

  /// Sums in memory of their own, from which our kernel makes y.
  Status sums_then_finish(const Sizes& size, const Stored& a, const Stored& b, bool* found,
                          const ZeroPoints& zeros = {}) {
    const DType type = p_.compute == Compute::kInt32     ? DType::kS32
                       : p_.compute == Compute::kFloat16 ? DType::kF16
                                                         : DType::kF32;
    Target sums{nullptr, type, size.n, size.m * size.n};
    const int64_t most = std::min(batches_.strided.size, kMostMatrices);
    HALFTONE_TRY(scratch(most * sums.stride * size_of(type), &sums.data));
    vendor::BlasOperands operands = operands_of(1, 0);
    operands.c = operands.d = sums.data;
    *found = true;
    HALFTONE_TRY(each([&](int64_t a_at, int64_t b_at, int64_t y_at, int64_t count) -> Status {
      if (!*found) return {};
      BatchAxis axis = batches_.strided;  // but the sums lie side by side
      axis.size = count;
      axis.y = 1;
      vendor::BlasMatmul problem = problem_of(size, a, b, sums, axis);
      operands.a = at(b.data, b_at * b.stride, b.type);
      operands.b = at(a.data, a_at * a.stride, a.type);
      HALFTONE_TRY(find(&problem, operands, found));
      if (!*found) return {};
      HALFTONE_TRY(run_blas(context_, problem, algorithm_, operands));
      FinishCall call{sums, y_at, count, zeros};
      if (zeros.a_sums) call.zeros.a_sums += a_at * size.m;
      if (zeros.b_sums) call.zeros.b_sums += b_at * size.n;
      return enqueue_finish(context_, p_, batches_, call);
    }));
    return *found ? made_by_library(algorithm_) : Status{};
  }

  // ---- 8-bit integers ----

  Status run_bytes() {
    const bool skinny = std::min(batches_.m, batches_.n) <= kSkinny;
    if (p_.bytes == ByteEngine::kDp4a || (p_.bytes == ByteEngine::kAuto && skinny)) return dp4a();

    // Tensor cores take int8 whose k lie side by side, in multiples of 16.
    const Sizes size{padded(batches_.m), padded(batches_.n), padded(batches_.k)};
    Stored a{p_.a.data, DType::kS8, size.k, size.m * size.k, true};
    Stored b{p_.b.data, DType::kS8, size.k, size.n * size.k, true};
    if (!ready(p_.a, !p_.trans_a, batches_.m)) HALFTONE_TRY(pack_a(&a));
    if (!ready(p_.b, p_.trans_b, batches_.n)) HALFTONE_TRY(pack_b(&b));
    // uint8 less 128 is int8: x - zero = (x - 128) - (zero - 128).
    const int32_t za = p_.a_zero - (p_.a.dtype == DType::kU8 ? 128 : 0);
    const int32_t zb = p_.b_zero - (p_.b.dtype == DType::kU8 ? 128 : 0);
    ZeroPoints zeros;
    zeros.za = static_cast<uint32_t>(za);
    zeros.zb = static_cast<uint32_t>(zb);
    zeros.a_stride = batches_.strided.a * size.m;
    zeros.b_stride = batches_.strided.b * size.n;
    if (zb != 0) HALFTONE_TRY(line_sums(a, size.m * matrices_a(), &zeros.a_sums));
    if (za != 0) HALFTONE_TRY(line_sums(b, size.n * matrices_b(), &zeros.b_sums));

    const bool plain = za == 0 && zb == 0 && p_.alpha == 1 && !p_.c && p_.y.dtype == DType::kS32 &&
                       size.m == batches_.m && size.n == batches_.n && device::aligned16(p_.y.data);
    bool found = false;
    HALFTONE_TRY(plain ? direct(size, a, b, nullptr, nullptr, &found)
                       : sums_then_finish(size, a, b, &found, zeros));
    if (found) return {};
    if (p_.bytes == ByteEngine::kAuto) return dp4a();
    return unsupported("cuBLASLt has no int8 algorithm for tensor cores on this device (sm_",
                       context_.properties().sm, "); kernel 'dp4a' gives the same int32");
  }

  Status dp4a() {
    const bool plain = p_.alpha == 1 && !p_.c && p_.y.dtype == DType::kS32;
    GemmS8 call;
    call.a = p_.a.data;
    call.b = p_.b.data;
    call.y = p_.y.as<int32_t>();
    call.a_type = p_.a.dtype;
    call.b_type = p_.b.dtype;
    call.product = p_.product;
    call.trans_a = p_.trans_a;
    call.trans_b = p_.trans_b;
    call.a_zero = p_.a_zero;
    call.b_zero = p_.b_zero;
    void* sums = nullptr;
    if (!plain) {
      HALFTONE_TRY(scratch(p_.y.elements() * 4, &sums));
      call.y = static_cast<int32_t*>(sums);
    }
    GemmS8Report report;
    HALFTONE_TRY(gemm_s8_dp4a(context_, call, &report));
    if (!plain) {
      const int64_t matrix = batches_.m * batches_.n;
      HALFTONE_TRY(each([&](int64_t, int64_t, int64_t y, int64_t count) {
        const Target from{at(sums, y * matrix, DType::kS32), DType::kS32, batches_.n,
                          batches_.strided.y * matrix};
        return enqueue_finish(context_, p_, batches_, {from, y, count, {}});
      }));
    }
    return made_here(report.kernel, report.workspace_bytes);
  }

  /// Whether tensor cores can read an operand where it lies.
  bool ready(const TensorView& t, bool by_lines, int64_t lines) const {
    return t.dtype == DType::kS8 && by_lines && lines % kTile == 0 && batches_.k % kTile == 0 &&
           device::aligned16(t.data);
  }

  // ---- operands for tensor cores ----

  /// Matrices of an operand; rows of A may be those of several.
  int64_t matrices_a() const { return p_.product.a_batch.elements() * p_.product.m / batches_.m; }
  int64_t matrices_b() const { return p_.product.b_batch.elements(); }
  Status pack_a(Stored* out) {
    return pack({&p_.a, matrices_a(), batches_.m, batches_.k, !p_.trans_a, nullptr}, out);
  }
  Status pack_b(Stored* out) {
    return pack({&p_.b, matrices_b(), batches_.n, batches_.k, p_.trans_b, nullptr}, out);
  }
  Status pack(PackCall call, Stored* out) {
    const int64_t k = padded(call.k), matrix = padded(call.lines) * k;
    const DType type = call.tensor->dtype == DType::kU8 ? DType::kS8 : call.tensor->dtype;
    HALFTONE_TRY(scratch(call.matrices * matrix * size_of(type), &call.out));
    *out = {call.out, type, k, matrix, true};
    return enqueue_pack(context_, call);
  }
  Status line_sums(const Stored& t, int64_t lines, const int32_t** sums) {
    void* data = nullptr;
    HALFTONE_TRY(scratch(lines * 4, &data));
    *sums = static_cast<const int32_t*>(data);
    return enqueue_line_sums(context_, t.data, lines, t.ld, static_cast<int32_t*>(data));
  }

  // ---- what ran ----

  Status report(const char* kernel, DeviceContext::Made made) {
    char text[96], storage[24];
    std::snprintf(text, sizeof text, "%s_%s", p_.op, kernel);
    std::snprintf(storage, sizeof storage, p_.a.dtype == p_.b.dtype ? "%s" : "%s, %s",
                  name(p_.a.dtype), name(p_.b.dtype));
    made.kernel = text;
    made.storage = storage;
    made.multiply = p_.compute == Compute::kDefault ? "float64" : name(p_.compute);
    made.accumulate = p_.compute == Compute::kTf32 ? "float32" : made.multiply;
    made.workspace_bytes += scratch_bytes_;
    context_.made_by(made);
    return {};
  }
  Status made_here(const char* kernel, uint64_t workspace_bytes = 0) {
    DeviceContext::Made made{};
    made.workspace_bytes = workspace_bytes;
    return report(kernel, made);
  }
  /// `fused`: what the library does beside the sums.
  Status made_by_library(const vendor::BlasAlgorithm& a, const char* fused = "") {
    char kernel[80];
    std::snprintf(kernel, sizeof kernel, "cublasLt_algo%d_tile%u_stages%u_split%d%s", a.id, a.tile,
                  a.stages, a.split_k, fused);
    DeviceContext::Made made{};
    made.library = "cublasLt";
    made.version = vendor::blas_version();
    made.tensor_cores = (a.impl & vendor::kImplTensorOps) != 0;
    made.workspace_bytes = a.workspace_bytes;
    return report(kernel, made);
  }

  DeviceContext& context_;
  const CudaProduct p_;
  const Arithmetic arithmetic_;
  const ProductBatches batches_;
  vendor::BlasAlgorithm algorithm_;  // found last
  uint64_t scratch_bytes_ = 0;
};

}  // namespace

Status product_supports(const CudaProduct& p, const vendor::DeviceProperties& device) {
  const Product& s = p.product;
  if (std::max({s.m, s.n, s.k}) > INT32_MAX - kTile)
    return unsupported("sizes beyond 2^31 are not offered on CUDA, got m ", s.m, ", n ", s.n,
                       " and k ", s.k, "; device 'cpu' has no such limit");
  if (device.sm >= 80) return {};
  if (p.compute == Compute::kTf32)
    return unsupported("compute 'tf32' needs compute capability 8.0, this device is sm_", device.sm,
                       "; compute 'float32' is offered");
  if (p.a.dtype == DType::kBF16)
    return unsupported("products of bfloat16 need compute capability 8.0, this device is sm_",
                       device.sm, "; float16 is offered, and bfloat16 on device 'cpu'");
  return {};
}

Status run_cuda_product(DeviceContext& context, const CudaProduct& p) {
  return Runner(context, p).run();
}

}  // namespace halftone
