#include <algorithm>
#include <functional>

#include "backends/cuda/peak.h"
#include "backends/cuda/peak_kernel.cuh"
#include "backends/cuda/stream.h"

namespace halftone::cuda {
namespace {

constexpr int kRuns = 5;

struct TimingEvent {
  vendor::Event event = nullptr;
  ~TimingEvent() {
    if (event) vendor::event_destroy(event);
  }
};

struct Buffer {
  CudaStream& stream;
  size_t bytes;
  void* data = nullptr;
  ~Buffer() {
    if (data) stream.free(data, bytes);
  }
  Status take() { return stream.alloc(bytes, &data); }
};

/// One value, once all that the stream was given before is done.
template <class T>
Status read(CudaStream& stream, const void* from, T* to) {
  HALFTONE_TRY(
      vendor::copy_async(to, from, sizeof(T), vendor::Copy::kDeviceToHost, stream.handle()));
  return vendor::stream_synchronize(stream.handle());
}

using Work = std::function<Status(int64_t times)>;

/// The seconds that work(times) takes on the device.
Status timed(CudaStream& stream, const Work& work, int64_t times, double* seconds) {
  TimingEvent first, last;
  HALFTONE_TRY(vendor::event_create(true, &first.event));
  HALFTONE_TRY(vendor::event_create(true, &last.event));
  HALFTONE_TRY(vendor::event_record(first.event, stream.handle()));
  HALFTONE_TRY(work(times));
  HALFTONE_TRY(vendor::event_record(last.event, stream.handle()));
  HALFTONE_TRY(vendor::event_synchronize(last.event));
  float milliseconds = 0;
  HALFTONE_TRY(vendor::event_elapsed(first.event, last.event, &milliseconds));
  *seconds = static_cast<double>(milliseconds) / 1e3;
  return {};
}

/// How often per second `work` is done once: from the best of kRuns runs of about `goal` seconds.
Status best_rate(CudaStream& stream, const Work& work, double goal, double* per_second) {
  // Twice as often until the clock can tell; the first runs also warm up.
  int64_t times = 1;
  double seconds = 0;
  for (;;) {
    HALFTONE_TRY(timed(stream, work, times, &seconds));
    if (seconds >= goal / 8 || times >= int64_t{1} << 30) break;
    times *= 2;
  }
  if (seconds > 0)
    times = std::max<int64_t>(
        1, static_cast<int64_t>(std::min(1e9, static_cast<double>(times) * goal / seconds)));
  *per_second = 0;
  for (int run = 0; run < kRuns; ++run) {
    HALFTONE_TRY(timed(stream, work, times, &seconds));
    if (seconds > 0) *per_second = std::max(*per_second, static_cast<double>(times) / seconds);
  }
  if (*per_second == 0) return error(Code::kDevice, "peak: the events of the device show no time");
  return {};
}

Status copy_peak(CudaStream& stream, double seconds, double* per_second) {
  const vendor::DeviceProperties& p = stream.device().properties;
  const size_t bytes = static_cast<size_t>(
      std::min(std::max<uint64_t>(16 * p.l2_bytes, 1 << 20), p.total_bytes / 4));
  Buffer from{stream, bytes}, to{stream, bytes};
  HALFTONE_TRY(from.take());
  HALFTONE_TRY(to.take());
  HALFTONE_TRY(vendor::fill_async(from.data, 0x5a, bytes, stream.handle()));
  const Work work = [&](int64_t times) -> Status {
    for (int64_t i = 0; i < times; ++i)
      HALFTONE_TRY(vendor::copy_async(to.data, from.data, bytes, vendor::Copy::kDeviceToDevice,
                                      stream.handle()));
    return {};
  };
  double copies = 0;
  HALFTONE_TRY(best_rate(stream, work, seconds, &copies));
  uint8_t last = 0;
  HALFTONE_TRY(read(stream, static_cast<char*>(to.data) + (bytes - 1), &last));
  if (last != 0x5a) return error(Code::kDevice, "peak: the copied bytes differ");
  *per_second = copies * 2 * static_cast<double>(bytes);
  return {};
}

template <class Step>
Status chain_peak(CudaStream& stream, double seconds, double* per_second) {
  // One block to each multiprocessor: with all its shared memory, two do not fit on one.
  const vendor::DeviceProperties& p = stream.device().properties;
  const unsigned blocks = static_cast<unsigned>(std::max(p.multiprocessors, 1));
  const size_t shared_bytes = static_cast<size_t>(p.shared_bytes);
  const size_t threads = size_t{blocks} * kPeakThreads;
  Buffer turn{stream, sizeof(typename Step::Value)}, out{stream, threads * sizeof(uint32_t)};
  HALFTONE_TRY(turn.take());
  HALFTONE_TRY(out.take());
  const typename Step::Value factor = Step::turn();
  HALFTONE_TRY(vendor::copy_async(turn.data, &factor, sizeof factor, vendor::Copy::kHostToDevice,
                                  stream.handle()));
  const auto* in = static_cast<const typename Step::Value*>(turn.data);
  auto* words = static_cast<uint32_t*>(out.data);
  const Work work = [&](int64_t rounds) {
    return device::launch("peak_chains", peak_chains<Step>, blocks, kPeakThreads, shared_bytes,
                          stream.handle(), in, words, rounds);
  };

  constexpr int64_t kChecked = 3;  // rounds: 48 turns of each chain
  HALFTONE_TRY(work(kChecked));
  for (const size_t n : {size_t{0}, threads / 2 + 77, threads - 1}) {
    uint32_t got = 0;
    HALFTONE_TRY(read(stream, words + n, &got));
    const uint32_t expected = peak_thread<Step>(static_cast<uint32_t>(n), factor, kChecked);
    if (got != expected)
      return error(Code::kDevice, "peak: thread ", n, " computed ", got, ", expected ", expected);
  }
  double rounds = 0;
  HALFTONE_TRY(best_rate(stream, work, seconds, &rounds));
  *per_second =
      rounds * static_cast<double>(threads) * 2 * kPeakChains * kPeakUnroll * Step::kOperations;
  return {};
}

}  // namespace

Status peak(int device, PeakKind kind, double seconds, double* per_second) {
  std::unique_ptr<CudaStream> stream;
  HALFTONE_TRY(CudaStream::create(device, &stream));
  switch (kind) {
    case PeakKind::kCopy:
      return copy_peak(*stream, seconds, per_second);
    case PeakKind::kFmaF32:
      return chain_peak<FmaF32>(*stream, seconds, per_second);
    case PeakKind::kFmaF16:
      return chain_peak<FmaF16x2>(*stream, seconds, per_second);
    case PeakKind::kDot4S8:
      return chain_peak<Dot4S8>(*stream, seconds, per_second);
  }
  return unsupported("peak: there is no kind ", static_cast<int32_t>(kind));
}

}  // namespace halftone::cuda
