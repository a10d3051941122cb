// Walks a tensor in runs that share one scale, or in runs with one scale per element, whichever is
// longer.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/kernel.h"
#include "ops/quantize/codes.h"

namespace halftone {

/// When the axis is the last or nearly so, runs of one channel are too short for a vector loop.
/// Then the numbers of a period of channels * inner elements (several periods when that is short
/// too) are laid out element by element.
class ChannelWalk {
 public:
  explicit ChannelWalk(ChannelLayout layout) : layout_(layout) {
    if (layout.block > 0) return;
    if (layout.channels == 1) layout_ = {1, 1, layout.outer * layout.inner};
    if (layout_.channels == 1 || layout_.inner >= kShortRun) return;
    const int64_t period = layout_.channels * layout_.inner;
    if (period == 0) return;
    period_ = period * std::max<int64_t>(1, kLeastPeriod / period);
  }

  /// True: the `at` of each run indexes expand()ed numbers, one per element. False: it is the
  /// channel of all.
  bool per_element() const { return layout_.block > 0 ? layout_.inner > 1 : period_ != 0; }

  /// values[channel], converted to U, as run() wants to see them.
  template <class U, class T>
  std::vector<U> expand(const T* values) const {
    std::vector<U> out(static_cast<size_t>(numbers()));
    for (size_t i = 0; i < out.size(); ++i) {
      const int64_t at = static_cast<int64_t>(i);
      const bool repeats = per_element() && layout_.block == 0;
      out[i] = static_cast<U>(values[repeats ? at / layout_.inner % layout_.channels : at]);
    }
    return out;
  }

  /// Zero points of any code dtype as run() wants to see them; zeros when the input is absent.
  std::vector<int32_t> zero_points(const KernelContext& context, int port) const {
    if (!context.has(port)) return std::vector<int32_t>(static_cast<size_t>(numbers()), 0);
    return dispatch(code_storage(context.in(port).dtype), [&](auto tag) -> std::vector<int32_t> {
      using T = typename decltype(tag)::type;
      if constexpr (std::is_integral_v<T>) return expand<int32_t>(context.in(port).as<T>());
      return {};
    });
  }

  /// Calls body(begin, count, at) for consecutive runs of [first, last).
  template <class F>
  void run(int64_t first, int64_t last, F&& body) const {
    if (layout_.block > 0) return run_blocks(first, last, body);
    const int64_t length = per_element() ? period_ : layout_.inner;
    while (first < last) {
      const int64_t within = first % length, count = std::min(last - first, length - within);
      body(first, count, per_element() ? within : first / length % layout_.channels);
      first += count;
    }
  }

 private:
  /// How many numbers expand() gives.
  int64_t numbers() const {
    if (layout_.block > 0) return layout_.outer * layout_.blocks() * layout_.inner;
    return per_element() ? period_ : layout_.channels;
  }

  /// Along the last axis a block is a run with one scale; else each row has one scale per element.
  template <class F>
  void run_blocks(int64_t first, int64_t last, F&& body) const {
    while (first < last) {
      const int64_t row = first / layout_.inner, channel = row % layout_.channels;
      const int64_t length = layout_.inner > 1 ? layout_.inner - first % layout_.inner
                                               : std::min(layout_.block - channel % layout_.block,
                                                          layout_.channels - channel);
      const int64_t count = std::min(last - first, length);
      body(first, count, layout_.scale_of(first));
      first += count;
    }
  }

  static constexpr int64_t kShortRun = 64, kLeastPeriod = 512;
  ChannelLayout layout_;
  int64_t period_ = 0;
};

}  // namespace halftone
