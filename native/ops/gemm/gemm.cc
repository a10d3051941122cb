#include "ops/gemm/gemm.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <new>
#include <string_view>

#include "ops/gemm/gemm_isa.h"

namespace halftone {
namespace {

using gemm_detail::Kernels;

struct AlignedDelete {
  void operator()(std::byte* p) const { ::operator delete(p, std::align_val_t{64}); }
};

constexpr int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

/// Rows and columns of the tiles that threads take. Large tiles repack less, small ones keep all
/// threads busy; the values do not depend on it.
struct Tiles {
  int64_t rows, cols, down, across;

  Tiles(const GemmSize& s, int64_t mr, int64_t nr, int threads) {
    // A tile of sums takes 576 KiB, its panels of A and of B 384 KiB each: together they stay in
    // the second level cache of a server's core (2 MiB).
    constexpr int64_t kMost = 384;
    rows = std::min(round_up(s.m, mr), round_up(kMost - mr + 1, mr));
    cols = std::min(round_up(s.n, nr), kMost / nr * nr);
    // A thread costs some microseconds to wake: a tile below this many products is not worth
    // splitting.
    constexpr int64_t kLeastWork = int64_t{1} << 20;
    const int64_t wanted = threads > 1 ? int64_t{3} * threads : 1;
    for (;;) {
      count(s);
      if (s.batch * down * across >= wanted || rows * cols * std::max<int64_t>(s.k, 1) < kLeastWork)
        break;
      if (rows >= cols && rows > mr)
        rows = round_up(rows / 2, mr);
      else if (cols > nr)
        cols = round_up(cols / 2, nr);
      else
        break;
    }
    // Tiles of nearly equal size: the last one is not a sliver.
    rows = round_up((s.m + down - 1) / down, mr);
    cols = round_up((s.n + across - 1) / across, nr);
    count(s);
  }

 private:
  void count(const GemmSize& s) {
    down = (s.m + rows - 1) / rows;
    across = (s.n + cols - 1) / cols;
  }
};

/// All three engines: tiles, blocks of k, panels; the kernels differ. In: what operands pack; Sum:
/// what the store gets.
template <class In, class Sum>
GemmReport run(const KernelContext& context, const GemmSize& size, const GemmOperand<In>& a,
               const GemmOperand<In>& b, const GemmStore<Sum>& c, const Kernels<In, Sum>& kernels) {
  GemmReport report;
  std::snprintf(report.kernel, sizeof report.kernel, "%s", kernels.name);
  if (size.batch <= 0 || size.m <= 0 || size.n <= 0) return report;

  const int64_t mr = kernels.mr, nr = kernels.nr;
  const Tiles tiles(size, mr, nr, context.threads());
  const int64_t per_batch = tiles.down * tiles.across, all = size.batch * per_batch;
  const int64_t workers = std::min<int64_t>(context.threads(), all);

  const int64_t block_k = round_up(std::min(std::max<int64_t>(size.k, 1), kGemmBlockK), 2);
  const int64_t sum_bytes = tiles.rows * tiles.cols * int64_t{sizeof(Sum)};
  const int64_t a_bytes = round_up(tiles.rows * block_k * int64_t{sizeof(In)}, 64);
  const int64_t b_bytes = round_up(tiles.cols * block_k * int64_t{sizeof(In)}, 64);
  const int64_t bytes = round_up(sum_bytes, 64) + a_bytes + b_bytes;
  report.workspace_bytes = static_cast<uint64_t>(bytes * workers);
  std::unique_ptr<std::byte, AlignedDelete> workspace(
      static_cast<std::byte*>(::operator new(report.workspace_bytes, std::align_val_t{64})));

  std::atomic<int64_t> next{0};
  context.parallel_for(workers, 1, [&](int64_t worker, int64_t) {
    std::byte* const memory = workspace.get() + worker * bytes;
    Sum* const sums = reinterpret_cast<Sum*>(memory);
    In* const a_panels = reinterpret_cast<In*>(memory + round_up(sum_bytes, 64));
    In* const b_panels = reinterpret_cast<In*>(memory + round_up(sum_bytes, 64) + a_bytes);
    for (int64_t t;
         (t = next.fetch_add(1, std::memory_order_relaxed)) < all && !context.cancelled();) {
      const int64_t batch = t / per_batch, row = t % per_batch % tiles.down * tiles.rows;
      const int64_t col = t % per_batch / tiles.down * tiles.cols;
      const int64_t rows = std::min(tiles.rows, size.m - row),
                    cols = std::min(tiles.cols, size.n - col);
      const int64_t ld = round_up(cols, nr);
      if (size.k <= 0) std::fill_n(sums, round_up(rows, mr) * ld, Sum{0});

      for (int64_t k0 = 0; k0 < size.k; k0 += kGemmBlockK) {
        const int64_t kc = std::min(kGemmBlockK, size.k - k0), stored = round_up(kc, 2);
        for (int64_t j = 0; j < cols; j += nr) {
          In* panel = b_panels + j * stored;
          b.pack({batch, col + j, std::min(nr, cols - j), nr, k0, kc}, panel);
          if (kernels.prepare_b) kernels.prepare_b(panel, kc);
        }
        for (int64_t i = 0; i < rows; i += mr) {
          In* panel = a_panels + i * stored;
          a.pack({batch, row + i, std::min(mr, rows - i), mr, k0, kc}, panel);
          if (kernels.prepare_a) kernels.prepare_a(panel, kc);
        }
        for (int64_t j = 0; j < cols; j += nr)
          for (int64_t i = 0; i < rows; i += mr)
            kernels.tile(a_panels + i * stored, b_panels + j * stored, kc, k0 == 0,
                         std::min(mr, rows - i), std::min(nr, cols - j), sums + i * ld + j, ld);
      }
      c.store(batch, row, col, rows, cols, sums, ld);
    }
  });
  return report;
}

bool has_cpu_feature(std::string_view name) {
  for (const CpuFeature& feature : cpu_features())
    if (name == feature.name) return feature.available;
  return false;
}

}  // namespace

GemmReport gemm_f32(const KernelContext& context, const GemmSize& size, const GemmOperand<float>& a,
                    const GemmOperand<float>& b, const GemmStore<float>& c) {
  return run(context, size, a, b, c, *HALFTONE_ISA_PICK(gemm_f32_kernels)());
}

GemmReport gemm_f16(const KernelContext& context, const GemmSize& size, const GemmOperand<float>& a,
                    const GemmOperand<float>& b, const GemmStore<float>& c) {
  return run(context, size, a, b, c, *HALFTONE_ISA_PICK(gemm_f16_kernels)());
}

GemmReport gemm_s8(const KernelContext& context, const GemmSize& size,
                   const GemmOperand<int16_t>& a, const GemmOperand<int16_t>& b,
                   const GemmStore<int32_t>& c) {
  static const bool vnni = has_cpu_feature("avx512vnni");
  return run(context, size, a, b, c, *HALFTONE_ISA_PICK(gemm_s8_kernels)(vnni));
}

}  // namespace halftone
