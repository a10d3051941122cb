#include <algorithm>

#include "ops/gemm/product_kernel.cuh"
#include "ops/gemm/product_steps.h"

namespace halftone {
namespace {

dim3 row_block(int64_t n) {
  unsigned columns = 1;
  while (columns < 256 && columns < n) columns *= 2;
  return {columns, 256 / columns};
}
unsigned row_grid(const DeviceContext& context, int64_t rows, const dim3& block) {
  const int64_t most = static_cast<int64_t>(std::max(context.properties().multiprocessors, 1)) * 16;
  return static_cast<unsigned>(std::clamp<int64_t>((rows + block.y - 1) / block.y, 1, most));
}

BroadcastRows broadcast_of(const TensorView& c, const Shape& out) {
  BroadcastRows rows;
  int64_t strides[kMaxRank] = {};
  broadcast_strides(c.shape, out, strides);
  rows.rank = out.rank - 1;
  for (int i = 0; i < rows.rank; ++i) {
    rows.sizes[i] = out[i];
    rows.strides[i] = strides[i];
  }
  rows.column = strides[out.rank - 1];
  return rows;
}

template <class Sum, class T, class Scale>
Status finish_as(DeviceContext& context, const CudaProduct& p, const ProductBatches& batches,
                 const FinishCall& from) {
  FinishRows<Sum, T, Scale> call;
  call.sums = static_cast<const Sum*>(from.sums.data);
  call.sums_ld = from.sums.ld;
  call.sums_stride = from.sums.stride;
  const int64_t matrix = batches.m * batches.n;
  call.y = p.y.as<T>() + from.y_at * matrix;
  call.batch = from.count;
  call.m = batches.m;
  call.n = batches.n;
  call.y_stride = batches.strided.y * matrix;
  if constexpr (std::is_same_v<Scale, f16>) {
    call.alpha = to_f16(p.alpha);
    call.beta = to_f16(p.beta);
  } else {
    call.alpha = static_cast<Scale>(p.alpha);
    call.beta = static_cast<Scale>(p.beta);
  }
  if (p.c) {
    call.c = p.c->as<const T>();
    call.c_at = broadcast_of(*p.c, p.product.out);
    call.c_row0 = from.y_at * batches.m;
  }
  if (p.bias) call.bias = p.bias->as<const T>();
  call.activation = p.activation;
  const ZeroPoints& zeros = from.zeros;
  call.a_sums = zeros.a_sums;
  call.b_sums = zeros.b_sums;
  call.a_sums_stride = zeros.a_stride;
  call.b_sums_stride = zeros.b_stride;
  call.za = zeros.za;
  call.zb = zeros.zb;
  call.k_za_zb = static_cast<uint32_t>(batches.k) * zeros.za * zeros.zb;
  const dim3 block = row_block(batches.n);
  return device::launch("finish_rows", finish_rows<Sum, T, Scale>,
                        row_grid(context, from.count * batches.m, block), block, 0,
                        context.stream(), call);
}

}  // namespace

Status enqueue_pack(DeviceContext& context, const PackCall& call) {
  const TensorView& t = *call.tensor;
  const int64_t lines = padded(call.lines), k = padded(call.k);
  const int64_t tiles = call.matrices * ((k + kPackTileK - 1) / kPackTileK) *
                        ((lines + kPackTileLines - 1) / kPackTileLines);
  if (tiles > INT32_MAX) return unsupported("an operand of more than 2^31 tiles to pack");
  const auto enqueue = [&]<class T>(T flip) {
    const PackLines<T> p{t.as<const T>(), static_cast<T*>(call.out),
                         call.lines,      call.k,
                         lines,           k,
                         call.by_lines,   flip};
    return device::launch("pack_lines", pack_lines<T>, static_cast<unsigned>(tiles), 256, 0,
                          context.stream(), p);
  };
  switch (size_of(t.dtype)) {
    case 1:
      return enqueue(static_cast<uint8_t>(t.dtype == DType::kU8 ? 0x80 : 0));
    case 2:
      return enqueue(uint16_t{0});
    default:
      return enqueue(uint32_t{0});
  }
}

Status enqueue_line_sums(DeviceContext& context, const void* bytes, int64_t lines, int64_t k,
                         int32_t* sums) {
  if ((lines + 7) / 8 > INT32_MAX) return unsupported("an operand of more than 2^34 lines");
  return device::launch("line_sums_s8", line_sums_s8, device::blocks_for(lines, 8), 256, 0,
                        context.stream(), static_cast<const int8_t*>(bytes), lines, k, sums);
}

Status enqueue_broadcast(DeviceContext& context, const TensorView& c, const TensorView& y) {
  const int64_t n = y.shape[y.shape.rank - 1], rows = y.elements() / n;
  const dim3 block = row_block(n);
  const BroadcastRows c_at = broadcast_of(c, y.shape);
  const auto enqueue = [&]<class T>(TypeTag<T>) {
    return device::launch("broadcast_rows", broadcast_rows<T>, row_grid(context, rows, block),
                          block, 0, context.stream(), c.as<const T>(), c_at, y.as<T>(), rows, n);
  };
  return size_of(y.dtype) == 2 ? enqueue(TypeTag<uint16_t>{}) : enqueue(TypeTag<uint32_t>{});
}

Status enqueue_finish(DeviceContext& context, const CudaProduct& p, const ProductBatches& batches,
                      const FinishCall& call) {
  const DType y = p.y.dtype;
  if (p.compute == Compute::kFloat16) return finish_as<f16, f16, f16>(context, p, batches, call);
  if (p.compute == Compute::kInt32)
    return y == DType::kS32 ? finish_as<int32_t, int32_t, int32_t>(context, p, batches, call)
                            : finish_as<int32_t, float, float>(context, p, batches, call);
  if (y == DType::kF16) return finish_as<float, f16, float>(context, p, batches, call);
  if (y == DType::kBF16) return finish_as<float, bf16, float>(context, p, batches, call);
  if (y == DType::kF32) return finish_as<float, float, float>(context, p, batches, call);
  // float64 has no factors, no addend and nothing to round: only sums of no terms come here.
  return vendor::fill_async(at(p.y.data, call.y_at * batches.m * batches.n, y), 0,
                            static_cast<size_t>(call.count * batches.m * batches.n) * 8,
                            context.stream());
}

}  // namespace halftone
