// A fake of cuBLASLt for machines without a GPU: it computes on the host what the vendor's
// documentation promises (cuBLAS 13.1, section 3.4.17), and refuses what the vendor refuses. So a
// wrong transpose, leading dimension, stride, type or alignment shows.
//
// Where the vendor leaves something open, the fake picks the nastier answer: unless impl_mask and
// reduction_mask forbid it, float16 sums are first offered with a float32 accumulator, and split
// sums with parts rounded to the type of D.
#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>

#include "backends/emu/fake_blas.h"
#include "device/device.h"

namespace halftone::vendor {

struct Blas {
  int unused = 0;
};

namespace {

std::mutex record_mutex;
FakeBlasRecord record;
uint64_t missing = 0;
bool missing_pedantic = false;
std::atomic<FakeBlasFlaws> flaws{};

// ---- what exists -------------------------------------------------------------------------------

/// One row of the vendor's table: types of A and B, of C and D, and of the bias; scale and compute.
struct Row {
  BlasCompute compute;
  DType scale, ab, cd;
  bool epilogue;
};
constexpr Row kRows[] = {
    {BlasCompute::k16F, DType::kF16, DType::kF16, DType::kF16, true},
    {BlasCompute::k16FPedantic, DType::kF16, DType::kF16, DType::kF16, true},
    {BlasCompute::k32F, DType::kF32, DType::kF16, DType::kF16, true},
    {BlasCompute::k32F, DType::kF32, DType::kF16, DType::kF32, true},
    {BlasCompute::k32F, DType::kF32, DType::kBF16, DType::kBF16, true},
    {BlasCompute::k32F, DType::kF32, DType::kBF16, DType::kF32, true},
    {BlasCompute::k32F, DType::kF32, DType::kF32, DType::kF32, true},
    {BlasCompute::k32F, DType::kF32, DType::kS8, DType::kF32, false},
    {BlasCompute::kFastTf32, DType::kF32, DType::kF32, DType::kF32, true},
    {BlasCompute::k32I, DType::kS32, DType::kS8, DType::kS32, false},
    {BlasCompute::k64F, DType::kF64, DType::kF64, DType::kF64, false},
};

bool in_table(const BlasMatmul& p) {
  return std::any_of(std::begin(kRows), std::end(kRows), [&](const Row& row) {
    const bool plain = p.epilogue == BlasEpilogue::kNone;
    return row.compute == p.compute && row.scale == p.scale && row.ab == p.a.type &&
           row.ab == p.b.type && row.cd == p.c.type && row.cd == p.d.type &&
           (plain || row.epilogue) && (!has_bias(p.epilogue) || p.bias_type == row.cd);
  });
}

Status invalid(const char* call, const char* why) {
  return error(Code::kInternal, call, " failed: CUBLAS_STATUS_INVALID_VALUE (", why, ")");
}

int64_t rows_of_a(const BlasMatmul& p) { return p.trans_a ? p.k : p.m; }
int64_t rows_of_b(const BlasMatmul& p) { return p.trans_b ? p.n : p.k; }
int64_t cols_of_a(const BlasMatmul& p) { return p.trans_a ? p.m : p.k; }
int64_t cols_of_b(const BlasMatmul& p) { return p.trans_b ? p.k : p.n; }

/// What makes a description nonsense rather than unsupported.
Status check(const char* call, const BlasMatmul& p) {
  if (p.m < 1 || p.n < 1 || p.k < 1 || p.batch < 1) return invalid(call, "a size below 1");
  if (p.a.ld < rows_of_a(p) || p.b.ld < rows_of_b(p) || p.c.ld < p.m || p.d.ld < p.m)
    return invalid(call, "a leading dimension below the number of rows");
  if (p.c.ld != p.d.ld || p.c.batch_stride != p.d.batch_stride)
    return invalid(call, "C and D differ in layout");
  if (p.batch > 1 && p.d.batch_stride < p.d.ld * (p.n - 1) + p.m)
    return invalid(call, "the matrices D of a batch overlap");
  for (const BlasMatrix* x : {&p.a, &p.b, &p.c, &p.d}) {
    if (x->batch_stride < 0) return invalid(call, "a negative stride");
    if (x->align < 1 || x->align > 256 || (x->align & (x->align - 1)) != 0)
      return invalid(call, "an alignment that is no power of two up to 256");
  }
  return {};
}

bool aligned(const BlasMatrix& x, int64_t bytes, int32_t batch) {
  const int64_t size = size_of(x.type);
  return x.align >= bytes && x.ld * size % bytes == 0 &&
         (batch == 1 || x.batch_stride * size % bytes == 0);
}

/// What the vendor answers with "not supported".
bool offered(const BlasMatmul& p) {
  if (!in_table(p)) return false;
  if (std::max({p.m, p.n, p.k}) > INT32_MAX) return false;
  for (const BlasMatrix* x : {&p.a, &p.b, &p.c, &p.d})
    if (x->align < size_of(x->type)) return false;
  if (p.a.type != DType::kS8) return true;
  const bool fours = aligned(p.a, 4, p.batch) && aligned(p.b, 4, p.batch) &&
                     aligned(p.c, 16, p.batch) && aligned(p.d, 16, p.batch);
  return fours && p.trans_a && !p.trans_b && p.m % 4 == 0 && p.k % 4 == 0;
}

// ---- algorithms --------------------------------------------------------------------------------

struct Algorithm {
  int32_t id;
  uint64_t impl;
  int32_t split_k = 1;
  uint32_t reduction = 0;
};

std::vector<Algorithm> algorithms(const BlasMatmul& p) {
  const bool sixteen = aligned(p.a, 16, p.batch) && aligned(p.b, 16, p.batch) &&
                       aligned(p.c, 16, p.batch) && aligned(p.d, 16, p.batch);
  const uint64_t input = p.a.type == DType::kF16    ? kImplInput16F
                         : p.a.type == DType::kBF16 ? kImplInput16BF
                                                    : kImplInput32F;
  std::vector<Algorithm> all;
  switch (p.compute) {
    case BlasCompute::k16F:
      all = {{101, kImplHmma | kImplAccumulator32F | kImplInput16F}};
      if (sixteen) all.push_back({102, kImplHmma | kImplAccumulator16F | kImplInput16F});
      all.push_back({103, kImplFma | kImplAccumulator16F | kImplInput16F});
      break;
    case BlasCompute::k16FPedantic:
      all = {{104, kImplFma | kImplAccumulator16F | kImplInput16F}};
      if (missing_pedantic) all.clear();
      break;
    case BlasCompute::k32F:
      if (p.a.type == DType::kF32) {
        all = {{120, kImplFma | kImplAccumulator32F | input, 2, kReduceComputeType},
               {121, kImplFma | kImplAccumulator32F | input}};
        break;
      }
      all = {{110, kImplHmma | kImplAccumulator32F | input, 4, kReduceOutputType},
             {111, kImplHmma | kImplAccumulator32F | input, 3, kReduceInplace},
             {112, kImplHmma | kImplAccumulator32F | input, 2, kReduceComputeType},
             {113, kImplHmma | kImplAccumulator32F | input},
             {114, kImplFma | kImplAccumulator32F | kImplInput32F}};
      break;
    case BlasCompute::kFastTf32:
      if (sixteen) all = {{130, kImplHmma | kImplAccumulator32F | kImplInputTf32}};
      all.push_back({131, kImplFma | kImplAccumulator32F | kImplInput32F});
      break;
    case BlasCompute::k64F:
      all = {{140, kImplDmma | kImplAccumulator64F | kImplInput64F},
             {141, kImplFma | kImplAccumulator64F | kImplInput64F}};
      break;
    case BlasCompute::k32I:
      all = {{150, kImplImma | kImplAccumulator32I | kImplInput8I}};
      break;
  }
  return all;
}

uint64_t workspace(const BlasMatmul& p, const Algorithm& a) {
  if (a.split_k == 1 || a.reduction == kReduceInplace) return 0;
  return static_cast<uint64_t>(a.split_k) * static_cast<uint64_t>(p.m * p.n) *
         static_cast<uint64_t>(p.batch) * 4;
}

// ---- operands
// ------------------------------------------------------------------------------------

/// Bytes from the first to behind the last element.
int64_t extent(const BlasMatrix& x, int64_t rows, int64_t cols, int32_t batch) {
  return ((batch - 1) * x.batch_stride + (cols - 1) * x.ld + rows) * size_of(x.type);
}

bool overlap(const void* a, int64_t a_bytes, const void* b, int64_t b_bytes) {
  const auto x = reinterpret_cast<uintptr_t>(a), y = reinterpret_cast<uintptr_t>(b);
  return x < y + static_cast<uintptr_t>(b_bytes) && y < x + static_cast<uintptr_t>(a_bytes);
}

Status check_operands(const BlasMatmul& p, const BlasAlgorithm& algorithm, const BlasOperands& o) {
  const bool read_c = !fake_blas_zero(p.scale, o.beta);
  if (!o.a || !o.b || !o.d || (read_c && !o.c) || (has_bias(p.epilogue) && !o.bias))
    return invalid("cublasLtMatmul", "a null pointer");
  if (o.workspace_bytes < algorithm.workspace_bytes || (o.workspace_bytes && !o.workspace))
    return invalid("cublasLtMatmul", "the workspace is too small");
  if (o.workspace_bytes && alignment_of(o.workspace) < 256)
    return invalid("cublasLtMatmul", "the workspace is not aligned to 256 bytes");
  if (alignment_of(o.a) < p.a.align || alignment_of(o.b) < p.b.align ||
      (read_c && alignment_of(o.c) < p.c.align) || alignment_of(o.d) < p.d.align ||
      (has_bias(p.epilogue) && alignment_of(o.bias) < p.bias_align))
    return error(Code::kDevice, "cublasLtMatmul: misaligned address");
  const int64_t d_bytes = extent(p.d, p.m, p.n, p.batch);
  if (overlap(o.d, d_bytes, o.a, extent(p.a, rows_of_a(p), cols_of_a(p), p.batch)) ||
      overlap(o.d, d_bytes, o.b, extent(p.b, rows_of_b(p), cols_of_b(p), p.batch)) ||
      (read_c && o.c != o.d && overlap(o.d, d_bytes, o.c, d_bytes)))
    return invalid("cublasLtMatmul", "D overlaps another matrix");
  // Nothing says that IMMA kernels take other factors in int32.
  if (p.compute == BlasCompute::k32I &&
      (o.alpha.as<int32_t>() != 1 || static_cast<uint32_t>(o.beta.as<int32_t>()) > 1))
    return error(Code::kUnsupported, "cublasLtMatmul failed: CUBLAS_STATUS_NOT_SUPPORTED");
  return {};
}

}  // namespace

FakeBlasRecord fake_blas_record() {
  const std::lock_guard lock(record_mutex);
  return record;
}

void fake_blas_reset() {
  const std::lock_guard lock(record_mutex);
  record = {};
  missing = 0;
  missing_pedantic = false;
  flaws = FakeBlasFlaws{};
}

void fake_blas_flawed(FakeBlasFlaws which) { flaws = which; }
FakeBlasFlaws fake_blas_flaws() { return flaws; }

void fake_blas_without(uint64_t impl_flags, bool pedantic) {
  const std::lock_guard lock(record_mutex);
  missing = impl_flags;
  missing_pedantic = pedantic;
}

Status blas_create(Blas** out) {
  *out = new Blas;
  return {};
}
// The real handles wait for the whole device when they are destroyed.
void blas_destroy(Blas* blas) {
  if (blas) static_cast<void>(device_synchronize());
  delete blas;
}
const char* blas_version() { return "13.1.1-fake"; }

Status blas_candidates(Blas*, const BlasMatmul& problem, int most,
                       std::vector<BlasAlgorithm>* candidates) {
  candidates->clear();
  if (most < 1) return invalid("cublasLtMatmulAlgoGetHeuristic", "no algorithm was asked for");
  HALFTONE_TRY(check("cublasLtMatmulAlgoGetHeuristic", problem));
  const std::lock_guard lock(record_mutex);
  ++record.searches;
  if (!offered(problem)) return {};
  const bool pedantic = problem.compute == BlasCompute::k16FPedantic;
  for (const Algorithm& a : algorithms(problem)) {
    if (static_cast<int>(candidates->size()) == most) break;
    const bool reducible = a.split_k == 1 || (a.reduction & problem.reduction_mask) != 0;
    if ((a.impl & ~problem.impl_mask) != 0 || ((a.impl & missing) != 0 && !pedantic) ||
        !reducible || workspace(problem, a) > problem.workspace_limit)
      continue;
    BlasAlgorithm out;
    out.opaque[0] = BlasMatmulHash()(problem);
    out.workspace_bytes = workspace(problem, a);
    out.id = a.id;
    out.split_k = a.split_k;
    out.reduction = a.reduction;
    out.impl = a.impl;
    candidates->push_back(out);
  }
  return {};
}

Status blas_run(Blas*, const BlasMatmul& problem, const BlasAlgorithm& algorithm,
                const BlasOperands& operands, void* stream) {
  HALFTONE_TRY(check("cublasLtMatmul", problem));
  if (algorithm.opaque[0] != BlasMatmulHash()(problem))
    return invalid("cublasLtMatmul", "the algorithm was chosen for another problem");
  HALFTONE_TRY(check_operands(problem, algorithm, operands));
  const BlasOperands& o = operands;
  HALFTONE_TRY(emu::on_device(stream, "cublasLtMatmul", {o.a, o.b, o.c, o.d, o.bias, o.workspace}));
  HALFTONE_TRY(emu::submit(stream, [=]() -> Status {
    fake_blas_multiply(problem, algorithm, operands);
    return {};
  }));
  const std::lock_guard lock(record_mutex);
  ++record.runs;
  record.problem = problem;
  record.algorithm = algorithm;
  record.alpha = operands.alpha;
  record.beta = operands.beta;
  return {};
}

}  // namespace halftone::vendor
