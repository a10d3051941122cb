#include "ops/gemm/gemm.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <limits>
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

// A tile of sums takes at most 576 KiB, its panels of A and of B 384 KiB each: together they stay
// in the second level cache of a server's core (2 MiB).
constexpr int64_t kMost = 384;
constexpr int64_t kMostPanels = kMost / 8;  // no engine's panels of B are narrower

constexpr int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

/// Rows and columns of the tiles that threads take. Large tiles repack less, small ones keep all
/// threads busy; the values do not depend on it.
struct Tiles {
  int64_t rows = 0, cols = 0, down = 0, across = 0;
  int64_t useful = 1;  // threads

  Tiles(const GemmSize& s, int64_t mr, int64_t nr, int threads) {
    // What packing one element costs, in multiplications: from a profile of 1024^3 (AVX-512), where
    // packing takes an eighth of the time.
    constexpr double kPack = 24;
    // A thread takes some microseconds to wake, as long as one takes for so many products.
    constexpr double kLeastWork = 1 << 20;
    const double steps = static_cast<double>(std::max<int64_t>(s.k, 1));
    const double work =
        static_cast<double>(s.batch) * static_cast<double>(s.m) * steps * static_cast<double>(s.n);
    useful = work < kLeastWork ? 1 : threads;

    double best = std::numeric_limits<double>::infinity();
    for (int64_t d = (s.m + kMost - 1) / kMost; d > 0; d = more(d, s.m, mr, useful))
      for (int64_t a = (s.n + kMost - 1) / kMost; a > 0; a = more(a, s.n, nr, useful)) {
        const int64_t r = round_up((s.m + d - 1) / d, mr), c = round_up((s.n + a - 1) / a, nr);
        const int64_t turns = (s.batch * d * a + useful - 1) / useful;  // of the busiest thread
        const double cost = static_cast<double>(turns) *
                            (static_cast<double>(r * c) + kPack * static_cast<double>(r + c));
        if (cost >= best) continue;
        best = cost;
        rows = r;
        cols = c;
      }
    down = (s.m + rows - 1) / rows;
    across = (s.n + cols - 1) / cols;
  }

 private:
  /// The next number of pieces of `size` to try, 0 when there is none: up to four for each thread,
  /// not smaller than `least` each.
  static int64_t more(int64_t pieces, int64_t size, int64_t least, int64_t threads) {
    const int64_t next = pieces + std::max<int64_t>(1, pieces / 4);
    const int64_t begin = (size + kMost - 1) / kMost;
    return threads > 1 && next <= begin + 4 * threads && next * least < size + least ? next : 0;
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
  const int64_t workers = std::min(tiles.useful, all);

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
      // 16 rows are 8 and 8, not 12 and 4: the fewer rows a tile has, the more it waits for loads.
      const int64_t row_panels = (rows + mr - 1) / mr, step = (rows + row_panels - 1) / row_panels;
      GemmInPlace<In> places[kMostPanels];
      if (size.k <= 0) std::fill_n(sums, round_up(rows, mr) * ld, Sum{0});

      for (int64_t k0 = 0; k0 < size.k; k0 += kGemmBlockK) {
        const int64_t kc = std::min(kGemmBlockK, size.k - k0), stored = round_up(kc, 2);
        for (int64_t j = 0; j < cols; j += nr) {
          const GemmPanel part{batch, col + j, std::min(nr, cols - j), nr, k0, kc};
          GemmInPlace<In>& place = places[j / nr];
          if (kernels.tile_in_place) place = b.in_place(part, rows);
          if (place.base) continue;
          In* panel = b_panels + j * stored;
          b.pack(part, panel);
          if (kernels.prepare_b) kernels.prepare_b(panel, kc);
        }
        In* a_panel = a_panels;
        for (int64_t i = 0; i < rows; i += step, a_panel += mr * stored) {
          a.pack({batch, row + i, std::min(step, rows - i), mr, k0, kc}, a_panel);
          if (kernels.prepare_a) kernels.prepare_a(a_panel, kc);
        }
        for (int64_t j = 0; j < cols; j += nr) {
          const GemmInPlace<In>& place = places[j / nr];
          const int64_t width = std::min(nr, cols - j);
          a_panel = a_panels;
          for (int64_t i = 0; i < rows; i += step, a_panel += mr * stored) {
            const int64_t height = std::min(step, rows - i);
            Sum* const to = sums + i * ld + j;
            if (place.base)
              kernels.tile_in_place(a_panel, place.base, place.step, kc, k0 == 0, height, width, to,
                                    ld);
            else
              kernels.tile(a_panel, b_panels + j * stored, kc, k0 == 0, height, width, to, ld);
          }
        }
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
