#include "device/context.h"
#include "ops/softmax/softmax.h"
#include "ops/softmax/softmax_kernel.cuh"

namespace halftone {
namespace {

/// Shared memory of a block without opting in to more; rows that fit are read once.
constexpr int64_t kCacheBytes = 47 * 1024;  // 1 KiB for the sums of the warps
/// Rows of up to so many elements take a warp at the most: eight of them, in float32, 32 KiB.
constexpr int64_t kWarpRow = 1024;

unsigned power_of_two_at_least(int64_t n, unsigned most) {
  unsigned p = 1;
  while (p < n && p < most) p *= 2;
  return p;
}

template <class T>
Status rows(DeviceContext& context, int64_t count, int64_t n) {
  using C = ComputeType<T>;
  const T* x = context.in(0).as<T>();
  T* y = context.out().as<T>();
  const bool packs = n % device::kPerPack<T> == 0 && device::aligned16(x) && device::aligned16(y);
  const int64_t steps = packs ? n / device::kPerPack<T> : n;
  const bool one_warp = n * static_cast<int64_t>(sizeof(C)) <= kWarpRow * 4;
  const unsigned lanes = one_warp ? power_of_two_at_least(steps, 32) : kSoftmaxThreads;
  const int64_t per_block = kSoftmaxThreads / lanes, stride = (n + 3) / 4 * 4;
  const int64_t bytes = per_block * stride * static_cast<int64_t>(sizeof(C));
  const bool cached = bytes <= kCacheBytes;
  if ((count + per_block - 1) / per_block > 0x7fffffff)
    return unsupported("softmax of ", count, " rows is too large for one launch");
  return device::launch("softmax_rows", cached ? softmax_rows<T, true> : softmax_rows<T, false>,
                        device::blocks_for(count, per_block), kSoftmaxThreads,
                        cached ? static_cast<size_t>(bytes) : 0, context.stream(), x, y, count, n,
                        stride, lanes, packs);
}

template <class T>
Status columns(DeviceContext& context, int64_t outer, int64_t n, int64_t count) {
  const unsigned lanes = power_of_two_at_least(count, 32);
  const int64_t blocks = outer * ((count + lanes - 1) / lanes);
  if (blocks > 0x7fffffff)
    return unsupported("softmax of ", outer, " x ", count, " columns is too large for one launch");
  return device::launch("softmax_columns", softmax_columns<T>, static_cast<unsigned>(blocks),
                        kSoftmaxThreads, 0, context.stream(), context.in(0).as<T>(),
                        context.out().as<T>(), n, count, lanes);
}

Status softmax_cuda(const Softmax::Params& p, DeviceContext& context) {
  const TensorView& x = context.in(0);
  int32_t axis;
  HALFTONE_TRY(normalize_axis(p.axis, x.shape.rank, "axis", &axis));
  int64_t outer = 1, inner = 1;
  for (int i = 0; i < axis; ++i) outer *= x.shape[i];
  for (int i = axis + 1; i < x.shape.rank; ++i) inner *= x.shape[i];
  const int64_t n = x.shape[axis];
  const std::string kernel =
      concat("softmax_", info(x.dtype).short_name, inner == 1 ? "_rows" : "_columns");
  const char* arithmetic = x.dtype == DType::kF64 ? "float64" : "float32";
  context.made_by({kernel.c_str(), name(x.dtype), arithmetic, arithmetic});
  if (x.elements() == 0) return {};
  const auto run = [&](auto tag) {
    using T = typename decltype(tag)::type;
    return inner == 1 ? rows<T>(context, outer, n) : columns<T>(context, outer, n, inner);
  };
  switch (x.dtype) {
    case DType::kF16:
      return run(TypeTag<f16>{});
    case DType::kBF16:
      return run(TypeTag<bf16>{});
    case DType::kF64:
      return run(TypeTag<double>{});
    default:
      return run(TypeTag<float>{});
  }
}

}  // namespace

std::vector<CudaOp> softmax_cuda_ops() { return {cuda_op<Softmax, softmax_cuda>()}; }

}  // namespace halftone
