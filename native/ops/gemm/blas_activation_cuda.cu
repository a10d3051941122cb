#include <cmath>

#include "ops/gemm/blas_activation.h"

namespace halftone {
namespace {

using vendor::BlasEpilogue;
using vendor::BlasMatmul;
using vendor::BlasMatrix;

constexpr int64_t kSide = 32, kElements = kSide * kSide;

/// Element i of what is multiplied by the matrix of ones on the diagonal: in [-8, 8), exact in
/// every type, bfloat16 and tf32 too.
float value(int64_t i) { return static_cast<float>(i % 256 - 128) / 16; }
/// The last column is not a number, so that all sums of it are not.
bool is_nan(int64_t column) { return column == kSide - 1; }

std::vector<char> bytes_of(DType type, const std::vector<float>& values) {
  std::vector<char> bytes(values.size() * static_cast<size_t>(size_of(type)));
  for (size_t i = 0; i < values.size(); ++i)
    if (type == DType::kF16)
      reinterpret_cast<f16*>(bytes.data())[i] = to_f16(values[i]);
    else if (type == DType::kBF16)
      reinterpret_cast<bf16*>(bytes.data())[i] = to_bf16(values[i]);
    else
      reinterpret_cast<float*>(bytes.data())[i] = values[i];
  return bytes;
}

double read(DType type, const std::vector<char>& bytes, int64_t i) {
  if (type == DType::kF16) return to_float(reinterpret_cast<const f16*>(bytes.data())[i]);
  if (type == DType::kBF16) return to_float(reinterpret_cast<const bf16*>(bytes.data())[i]);
  return reinterpret_cast<const float*>(bytes.data())[i];
}

/// 2^-(fraction bits + 1): the largest relative error of one rounding.
double unit(DType type) {
  return type == DType::kF16 ? 0x1p-11 : type == DType::kBF16 ? 0x1p-8 : 0x1p-24;
}

bool is_relu(BlasEpilogue e) { return (static_cast<int32_t>(e) & 2) != 0; }

double activated(BlasEpilogue e, double x) {
  if (is_relu(e)) return x > 0 ? x : 0;
  return x / (1 + std::exp(-1.59576912160573071176 * (x + 0.044715 * x * x * x)));
}

/// Of 0.5 x (1 + tanh(u)): 1 + tanh(u) is off by a few units of the arithmetic, which counts |x| /
/// 2 times, and the result is rounded once. tanh by the instruction of 2^-11 is far off, but for
/// float16 arithmetic.
bool near(const BlasMatmul& p, double x, double got) {
  const double want = activated(p.epilogue, x);
  if (is_relu(p.epilogue)) return got == want;
  return std::abs(got - want) <=
         unit(p.d.type) * std::abs(want) + 4 * unit(p.scale) * std::abs(x) + 0x1p-25;
}

/// The small product: columns of values times ones on the diagonal.
BlasMatmul small(BlasMatmul p) {
  p.m = p.n = p.k = kSide;
  p.batch = 1;
  for (BlasMatrix* x : {&p.a, &p.b, &p.c, &p.d}) {
    x->ld = kSide;
    x->batch_stride = 0;
    x->align = 256;
  }
  p.bias_align = 256;
  return p;
}

Status upload(DeviceContext& context, const std::vector<char>& bytes, void** data) {
  HALFTONE_TRY(context.scratch(bytes.size(), data));
  return vendor::copy_async(*data, bytes.data(), bytes.size(), vendor::Copy::kHostToDevice,
                            context.stream());
}

Status run(DeviceContext& context, vendor::Blas* blas, const BlasMatmul& p,
           const vendor::BlasAlgorithm& how, const std::vector<char> (&host)[3],
           std::vector<char>* out) {
  void *a = nullptr, *b = nullptr, *bias = nullptr;
  HALFTONE_TRY(upload(context, host[0], &a));
  HALFTONE_TRY(upload(context, host[1], &b));
  HALFTONE_TRY(upload(context, host[2], &bias));
  vendor::BlasOperands o;
  o.alpha = vendor::blas_scalar(p.scale, 1);
  o.beta = vendor::blas_scalar(p.scale, 0);
  o.a = a;
  o.b = b;
  HALFTONE_TRY(context.scratch(out->size(), &o.d));
  o.c = o.d;
  if (vendor::has_bias(p.epilogue)) o.bias = bias;
  o.workspace_bytes = static_cast<size_t>(how.workspace_bytes);
  if (o.workspace_bytes > 0) HALFTONE_TRY(context.scratch(o.workspace_bytes, &o.workspace));
  HALFTONE_TRY(vendor::blas_run(blas, p, how, o, context.stream()));
  return vendor::copy_async(out->data(), o.d, out->size(), vendor::Copy::kDeviceToHost,
                            context.stream());
}

Status try_out(DeviceContext& context, vendor::Blas* blas, const BlasMatmul& p, bool* holds) {
  *holds = false;
  std::vector<vendor::BlasAlgorithm> candidates;
  HALFTONE_TRY(vendor::blas_candidates(blas, p, 1, &candidates));
  if (candidates.empty()) return {};
  std::vector<float> ones(kElements), values(kElements);
  for (int64_t i = 0; i < kSide; ++i)
    for (int64_t j = 0; j < kSide; ++j) {
      ones[static_cast<size_t>(i * kSide + j)] = i == j ? 1.0f : 0.0f;
      const int64_t at = p.trans_b ? j + i * kSide : i + j * kSide;
      values[static_cast<size_t>(at)] = is_nan(j) ? NAN : value(i + j * kSide);
    }
  const std::vector<char> host[3] = {bytes_of(p.a.type, ones), bytes_of(p.b.type, values),
                                     bytes_of(p.bias_type, std::vector<float>(kSide))};
  std::vector<char> out(static_cast<size_t>(kElements * size_of(p.d.type)));
  const Status done = run(context, blas, p, candidates.front(), host, &out);
  // Also after a failure: copies from `host` may still be under way.
  HALFTONE_TRY(vendor::stream_synchronize(context.stream()));
  if (done.code == Code::kUnsupported) return {};
  HALFTONE_TRY(done);
  *holds = true;
  for (int64_t i = 0; i < kElements; ++i) {
    const double got = read(p.d.type, out, i);
    *holds = *holds && (is_nan(i / kSide) ? std::isnan(got) : near(p, value(i), got));
  }
  return {};
}

}  // namespace

bool has_activation(BlasEpilogue epilogue) {
  return epilogue != BlasEpilogue::kNone && epilogue != BlasEpilogue::kBias;
}

Status BlasActivations::holds(DeviceContext& context, vendor::Blas* blas, const BlasMatmul& problem,
                              bool* holds) {
  const BlasMatmul p = small(problem);
  std::vector<int64_t> key;
  for (const auto part : {static_cast<int64_t>(p.compute), static_cast<int64_t>(p.a.type),
                          static_cast<int64_t>(p.d.type), static_cast<int64_t>(p.epilogue),
                          static_cast<int64_t>(p.trans_a), static_cast<int64_t>(p.trans_b)})
    key.push_back(part);
  const auto known = verdicts_.find(key);
  if (known != verdicts_.end()) {
    *holds = known->second;
    return {};
  }
  *holds = false;
  if (context.capturing()) return {};  // nothing may wait for the stream
  HALFTONE_TRY(try_out(context, blas, p, holds));
  verdicts_[key] = *holds;
  return {};
}

}  // namespace halftone
