// Elementwise kernels whose numbers (scales, zero points, ranges) differ along one axis: one kernel
// for all of them, with the operator as a function object.
#pragma once
#include <algorithm>
#include <cstdint>

#include "device/device.h"
#include "device/divide.h"
#include "device/elementwise.h"

namespace halftone::device {

/// A tensor seen as [outer, channels, inner]: element i belongs to channel i / inner % channels.
struct ChannelMap {
  int64_t channels = 1;
  int64_t inner = 1;
  Divisor by_inner, by_channels;
};

inline ChannelMap channel_map(int64_t channels, int64_t inner) {
  return {channels, inner, divisor_of(std::max<int64_t>(inner, 1)),
          divisor_of(std::max<int64_t>(channels, 1))};
}

/// Elements per step of a thread: 16 bytes of the wider type, so that neighbouring threads touch
/// neighbouring memory on both sides.
template <class In, class Out>
inline constexpr int kChannelPack =
    16 / static_cast<int>(sizeof(In) > sizeof(Out) ? sizeof(In) : sizeof(Out));

/// The numbers of a channel that several elements share: f.run(channel), which may prepare more
/// than f.channel(channel), where there is one.
template <class F>
__device__ typename F::Channel run_numbers(const F& f, int64_t channel) {
  if constexpr (requires { f.run(channel); })
    return f.run(channel);
  else
    return f.channel(channel);
}

/// f of each element of a pack of one channel, or f.pack() of all where there is one.
template <class F, class In, class Out, int kPack>
__device__ void map_pack(const F& f, const typename F::Channel& numbers,
                         const Pack<In, kPack>& from, Pack<Out, kPack>* to) {
  if constexpr (requires { f.pack(numbers, from, to); })
    f.pack(numbers, from, to);
  else
    for (int j = 0; j < kPack; ++j) to->v[j] = f(numbers, from.v[j]);
}

/// How many blocks of map_channels have to fit on a multiprocessor: F::kResident, or one. sm_75 has
/// room for no more than four.
template <class F>
constexpr int resident_blocks() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
  constexpr int kMost = 4;
#else
  constexpr int kMost = 6;
#endif
  if constexpr (requires { F::kResident; })
    return F::kResident < kMost ? F::kResident : kMost;
  else
    return 1;
}

/// y[i] = f(f.channel(channel of i), x[i]) for n elements. With `packs`, x and y are aligned to 16
/// bytes. F has a type Channel, what it holds of one channel, and is copied to the device: pointers
/// in it are the device's.
template <class F, class In, class Out>
__global__ void __launch_bounds__(kElementwiseThreads, resident_blocks<F>())
    map_channels(F f, const In* x, Out* y, int64_t n, ChannelMap map, bool packs) {
  constexpr int kPack = kChannelPack<In, Out>;
  using Channel = typename F::Channel;
  const int64_t thread = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  const int64_t whole = packs ? n / kPack : 0;
  Channel numbers = run_numbers(f, 0);
  for (int64_t i = thread; i < whole; i += threads) {
    const Pack<In, kPack> from = reinterpret_cast<const Pack<In, kPack>*>(x)[i];
    Pack<Out, kPack> to;
    bool alike = true;  // one channel for all of the pack
    if (map.channels > 1) {
      const int64_t first = i * kPack, run = quotient(map.by_inner, first);
      int64_t channel = run - quotient(map.by_channels, run) * map.channels;
      const int64_t ahead = map.inner - (first - run * map.inner);  // in this run of one channel
      alike = ahead >= kPack;
      if (alike) {
        numbers = run_numbers(f, channel);
      } else {
        const int length = static_cast<int>(map.inner < kPack ? map.inner : kPack);
        int left = static_cast<int>(ahead);
        numbers = f.channel(channel);
        for (int j = 0; j < kPack; ++j) {
          if (left == 0) {
            if (++channel == map.channels) channel = 0;
            numbers = f.channel(channel);
            left = length;
          }
          --left;
          to.v[j] = f(numbers, from.v[j]);
        }
      }
    }
    if (alike) map_pack(f, numbers, from, &to);
    reinterpret_cast<Pack<Out, kPack>*>(y)[i] = to;
  }
  for (int64_t i = whole * kPack + thread; i < n; i += threads) {
    if (map.channels > 1) {
      const int64_t run = quotient(map.by_inner, i);
      numbers = f.channel(run - quotient(map.by_channels, run) * map.channels);
    }
    y[i] = f(numbers, x[i]);
  }
}

/// Enqueues map_channels over n > 0 elements.
template <class F, class In, class Out>
Status launch_channels(const char* name, const vendor::DeviceProperties& properties,
                       vendor::Stream stream, const F& f, const In* x, Out* y, int64_t n,
                       const ChannelMap& map) {
  return launch(name, map_channels<F, In, Out>,
                elementwise_grid(properties, n, kChannelPack<In, Out>), kElementwiseThreads, 0,
                stream, f, x, y, n, map, aligned16(x) && aligned16(y));
}

}  // namespace halftone::device
