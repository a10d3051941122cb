#include <algorithm>

#include "device/elementwise.h"
#include "ops/dot4/dot4.h"
#include "ops/gemm_int8/gemm_int8_pack_kernel.cuh"
#include "ops/gemm_int8/gemm_int8_skinny_kernel.cuh"
#include "ops/gemm_int8/gemm_s8_dp4a.h"

namespace halftone {
namespace {

constexpr int64_t kSkinnyMost = 64;                // few lines; see gemm_s8_dp4a.h
constexpr int64_t kMostY = 65535, kMostZ = 65535;  // of a grid
constexpr int64_t kMostSteps = 1ll << 30;          // of k in one block: they are counted in an int

constexpr int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
constexpr int64_t round_up(int64_t a, int64_t b) { return divide_up(a, b) * b; }

/// One side of the product, as both kinds of kernels take it.
struct Side {
  GemmS8Operand operand;
  bool is_unsigned = false;
  bool lines = false;  // k side by side
  int64_t count = 0;   // of lines
  int64_t matrices = 1;
};

GemmS8Batches batches(const Shape& own, const Shape& all) {
  GemmS8Batches b;
  b.rank = all.rank;
  int64_t strides[kMaxRank] = {};
  broadcast_strides(own, all, strides);
  for (int i = 0; i < all.rank; ++i) {
    b.sizes[i] = all[i];
    b.strides[i] = strides[i];
  }
  return b;
}

/// What divides the address and the length of each row in memory.
int32_t widest(const Side& s, int64_t k) {
  uint64_t all = reinterpret_cast<uintptr_t>(s.operand.data) | static_cast<uint64_t>(s.operand.ld) |
                 static_cast<uint64_t>(s.lines ? k : s.count);
  if (s.matrices > 1) all |= static_cast<uint64_t>(s.operand.matrix);
  return all % 16 == 0 ? 16 : all % 4 == 0 ? 4 : 1;
}

Side side(const void* data, DType type, const Shape& own, const Shape& all, bool lines,
          int64_t count, int64_t k, int64_t ld, int32_t zero) {
  Side s;
  s.operand.data = static_cast<const uint8_t*>(data);
  s.operand.ld = ld ? ld : lines ? k : count;
  s.operand.matrix = (lines ? count : k) * s.operand.ld;
  s.operand.batches = batches(own, all);
  s.operand.zero = zero;
  s.is_unsigned = type == DType::kU8;
  s.lines = lines;
  s.count = count;
  s.matrices = own.elements();
  s.operand.vector = widest(s, k);
  return s;
}

/// Fills in the sums of the lines, which the other side's zero point meets.
Status add_line_sums(DeviceContext& context, Side& s, int64_t k, GemmS8Report* report) {
  const int64_t bytes = s.matrices * s.count * 4;
  void* sums = nullptr;
  HALFTONE_TRY(context.scratch(static_cast<size_t>(bytes), &sums));
  report->workspace_bytes += static_cast<uint64_t>(bytes);
  HALFTONE_TRY(vendor::fill_async(sums, 0, static_cast<size_t>(bytes), context.stream()));
  s.operand.line_sums = static_cast<const int32_t*>(sums);
  // Side by side, few blocks cover the lines: k is split so that the device has work.
  const int64_t split = s.lines ? k : std::max<int64_t>(64, round_up(divide_up(k, 65535), 4));
  const dim3 grid(device::blocks_for(s.count, s.lines ? 8 : 1024),
                  static_cast<unsigned>(divide_up(k, split)),
                  static_cast<unsigned>(std::min(s.matrices, kMostZ)));
  const auto kernel =
      s.is_unsigned ? (s.lines ? gemm_s8_line_sums<true, true> : gemm_s8_line_sums<true, false>)
                    : (s.lines ? gemm_s8_line_sums<false, true> : gemm_s8_line_sums<false, false>);
  return device::launch("gemm_s8_line_sums", kernel, grid, 256, 0, context.stream(), s.operand,
                        s.matrices, s.count, k, split, static_cast<int32_t*>(sums));
}

/// Replaces the operand by a copy whose k lie side by side, padded with zeros to a multiple of 16.
Status pack(DeviceContext& context, Side& s, int64_t k, GemmS8Report* report) {
  const int64_t ld = round_up(k, 16), bytes = s.matrices * s.count * ld;
  void* copy = nullptr;
  HALFTONE_TRY(context.scratch(static_cast<size_t>(bytes), &copy));
  report->workspace_bytes += static_cast<uint64_t>(bytes);
  const GemmS8Operand& x = s.operand;
  HALFTONE_TRY(device::launch(
      "gemm_s8_pack", gemm_s8_pack, device::elementwise_grid(context.properties(), bytes / 4, 1),
      256, 0, context.stream(), x.data, x.matrix, s.lines ? x.ld : 1, s.lines ? 1 : x.ld, s.count,
      k, s.matrices, static_cast<int32_t*>(copy), ld));
  s.operand.data = static_cast<const uint8_t*>(copy);
  s.operand.ld = ld;
  s.operand.matrix = s.count * ld;
  s.operand.vector = 16;
  s.lines = true;
  return {};
}

/// Into how many parts k goes when `blocks` blocks would do without: as many as the device has
/// places, but no shorter than `least`, below which a part's additions to y cost more than its
/// products.
int64_t parts_of_k(int64_t blocks, int64_t places, int64_t k, int64_t least) {
  const int64_t wanted = blocks >= places ? 1 : std::min(places / blocks, k / least);
  return std::clamp<int64_t>(wanted, divide_up(k, kMostSteps), 65535);
}

// ---- tiles ----

template <bool kAUnsigned, bool kBUnsigned>
auto tile_kernel(bool a_lines, bool b_lines) {
  return a_lines ? (b_lines ? gemm_s8_dp4a_tile128<kAUnsigned, kBUnsigned, true, true>
                            : gemm_s8_dp4a_tile128<kAUnsigned, kBUnsigned, true, false>)
                 : (b_lines ? gemm_s8_dp4a_tile128<kAUnsigned, kBUnsigned, false, true>
                            : gemm_s8_dp4a_tile128<kAUnsigned, kBUnsigned, false, false>);
}

Status run_tiles(DeviceContext& context, Side& a, Side& b, GemmS8Args args, int64_t batch,
                 GemmS8Report* report) {
  for (Side* s : {&a, &b})
    if (s->operand.vector < 4) HALFTONE_TRY(pack(context, *s, args.k, report));
  report->kernel = "gemm_s8_dp4a_tile128";
  const auto kernel = a.is_unsigned ? (b.is_unsigned ? tile_kernel<true, true>(a.lines, b.lines)
                                                     : tile_kernel<true, false>(a.lines, b.lines))
                                    : (b.is_unsigned ? tile_kernel<false, true>(a.lines, b.lines)
                                                     : tile_kernel<false, false>(a.lines, b.lines));
  args.a = a.operand;
  args.b = b.operand;
  const int64_t tiles = divide_up(args.m, device::kDp4aTile) * divide_up(args.n, device::kDp4aTile);
  // Two blocks to a multiprocessor (kernel's launch bounds). A part of 512 k is 16 stages of 32.
  const int64_t places = 2 * std::max(context.properties().multiprocessors, 1);
  const int64_t parts = parts_of_k(tiles * batch, places, args.k, 512);
  args.split = round_up(divide_up(args.k, parts), device::kDp4aSteps);
  const int64_t splits = divide_up(args.k, args.split);
  if (splits > 1) {
    args.add = true;
    report->kernel = "gemm_s8_dp4a_tile128_split_k";
    HALFTONE_TRY(vendor::fill_async(args.y, 0, static_cast<size_t>(batch * args.y_matrix * 4),
                                    context.stream()));
  }
  args.splits = static_cast<uint32_t>(splits);
  const int64_t rows = divide_up(args.m, device::kDp4aTile), most = kMostZ / splits;
  for (args.first_batch = 0; args.first_batch < batch; args.first_batch += most)
    for (args.first_column = 0; args.first_column < args.n;
         args.first_column += kMostY * device::kDp4aTile) {
      const int64_t columns = divide_up(args.n - args.first_column, device::kDp4aTile);
      const dim3 grid(static_cast<unsigned>(rows), static_cast<unsigned>(std::min(columns, kMostY)),
                      static_cast<unsigned>(std::min(batch - args.first_batch, most) * splits));
      HALFTONE_TRY(device::launch("gemm_s8_dp4a_tile128", kernel, grid, device::kDp4aThreads, 0,
                                  context.stream(), args));
    }
  return {};
}

// ---- few lines ----

template <bool kFewUnsigned, bool kManyUnsigned>
auto skinny_kernel(bool lines, bool four) {
  return lines ? (four ? gemm_s8_dp4a_skinny_lines<kFewUnsigned, kManyUnsigned, 4>
                       : gemm_s8_dp4a_skinny_lines<kFewUnsigned, kManyUnsigned, 16>)
               : (four ? gemm_s8_dp4a_skinny_steps<kFewUnsigned, kManyUnsigned, 4>
                       : gemm_s8_dp4a_skinny_steps<kFewUnsigned, kManyUnsigned, 16>);
}

Status run_skinny(DeviceContext& context, Side& few, Side& many, SkinnyArgs args, int64_t batch,
                  GemmS8Report* report) {
  const int64_t ones = few.operand.zero != 0;
  const bool four = few.count + ones <= 4;
  if (!few.lines || few.operand.vector < 16) HALFTONE_TRY(pack(context, few, args.k, report));
  if (!four && many.operand.vector < 4) HALFTONE_TRY(pack(context, many, args.k, report));
  report->kernel = many.lines ? "gemm_s8_dp4a_skinny_lines" : "gemm_s8_dp4a_skinny_steps";
  args.few = few.operand;
  args.many = many.operand;
  args.few_lines = few.count;
  args.many_lines = many.count;
  args.groups = divide_up(few.count, (four ? 4 : 16) - ones);

  // A lane takes 16 k at a time, so that a warp's 512 and more are shared by several.
  args.warps_k = args.k > 2048 ? 8 : args.k > 1024 ? 4 : args.k > 512 ? 2 : 1;
  const int64_t per_block = many.lines ? 8 / args.warps_k * kSkinnyLines : 128;
  const int64_t columns = divide_up(many.count, per_block);
  // Four blocks' worth of loads per multiprocessor keep the memory busy: 32 warps of 2 KiB each are
  // three times the 22 KiB that 4.8 TB/s and 600 ns have under way. A part of k gives each warp of
  // its block four loads or more.
  const int64_t places = 4 * std::max(context.properties().multiprocessors, 1);
  const int64_t least = many.lines ? 512 * 4 * args.warps_k : 16 * 8 * 4;
  const int64_t parts = parts_of_k(columns * args.groups * batch, places, args.k, least);
  args.split = round_up(divide_up(args.k, parts), 16);
  const int64_t splits = divide_up(args.k, args.split);
  if (splits > 1) {
    args.add = true;
    HALFTONE_TRY(vendor::fill_async(args.y, 0, static_cast<size_t>(batch * args.y_matrix * 4),
                                    context.stream()));
  }
  const auto kernel = few.is_unsigned
                          ? (many.is_unsigned ? skinny_kernel<true, true>(many.lines, four)
                                              : skinny_kernel<true, false>(many.lines, four))
                          : (many.is_unsigned ? skinny_kernel<false, true>(many.lines, four)
                                              : skinny_kernel<false, false>(many.lines, four));
  const int64_t at_once = kMostZ / args.groups;
  for (; args.first_batch < batch; args.first_batch += at_once) {
    const int64_t now = std::min(batch - args.first_batch, at_once);
    const dim3 grid(static_cast<unsigned>(columns), static_cast<unsigned>(splits),
                    static_cast<unsigned>(now * args.groups));
    HALFTONE_TRY(
        device::launch("gemm_s8_dp4a_skinny", kernel, grid, 256, 0, context.stream(), args));
  }
  return {};
}

}  // namespace

Status gemm_s8_dp4a(DeviceContext& context, const GemmS8& call, GemmS8Report* report) {
  Product p = call.product;
  const int64_t elements = p.batch.elements() * p.m * p.n;
  if (elements == 0) return {};
  if (p.k == 0)
    return vendor::fill_async(call.y, 0, static_cast<size_t>(elements) * 4, context.stream());
  // One B for all: the rows of all batches are the rows of one matrix.
  const bool dense = call.lda == 0 || call.lda == p.k;
  if (p.b_batch.elements() == 1 && p.a_batch == p.batch && !call.trans_a && dense) {
    p.m *= p.batch.elements();
    p.batch = p.a_batch = p.b_batch = {};
  }
  Side a =
      side(call.a, call.a_type, p.a_batch, p.batch, !call.trans_a, p.m, p.k, call.lda, call.a_zero);
  Side b =
      side(call.b, call.b_type, p.b_batch, p.batch, call.trans_b, p.n, p.k, call.ldb, call.b_zero);
  const int64_t batch = p.batch.elements();
  if (std::min(p.m, p.n) <= kSkinnyMost) {
    const bool rows = p.m <= p.n;
    Side &few = rows ? a : b, &many = rows ? b : a;
    // The sums of the many are made while they are read.
    if (many.operand.zero != 0) HALFTONE_TRY(add_line_sums(context, few, p.k, report));
    SkinnyArgs args;
    args.k = p.k;
    args.y = call.y;
    args.y_matrix = p.m * p.n;
    args.ld_few = rows ? p.n : 1;
    args.ld_many = rows ? 1 : p.n;
    return run_skinny(context, few, many, args, batch, report);
  }
  if (b.operand.zero != 0) HALFTONE_TRY(add_line_sums(context, a, p.k, report));
  if (a.operand.zero != 0) HALFTONE_TRY(add_line_sums(context, b, p.k, report));
  GemmS8Args args;
  args.m = p.m;
  args.n = p.n;
  args.k = p.k;
  args.y = call.y;
  args.y_matrix = p.m * p.n;
  args.ld_row = p.n;
  return run_tiles(context, a, b, args, batch, report);
}

}  // namespace halftone
