// The backend's side of one stream: the runtime's stream, and what belongs to it.
#pragma once
#include <deque>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "backends/cuda/device.h"
#include "backends/cuda/event.h"
#include "backends/cuda/staging.h"

namespace halftone::cuda {

class CudaStream;

/// Memory of a stream that the calls of recorded graphs use as workspaces.
struct Arena {
  CudaStream* owner = nullptr;
  void* data = nullptr;
  size_t bytes = 0;
  ~Arena();
};

/// A recorded run of a stream.
struct RecordedGraph {
  vendor::Graph graph = nullptr;
  std::shared_ptr<Arena> arena;  // nullptr: no call needs one
  std::vector<std::shared_ptr<const void>> kept;
  bool notes_indices = false;  // a call of it may note one that is out of range
};

/// Bytes on their way to the host.
struct Ticket {
  CudaStream* stream = nullptr;
  const void* from = nullptr;  // of a long copy, which is made at the end
  size_t bytes = 0;
  StagingBuffer buffer;  // of a short one, which is under way
  StagingBuffer fault;   // what was noted until then; no data: nothing can have been
  std::unique_ptr<Event> event;
};

class CudaStream {
 public:
  static Status create(int device, std::unique_ptr<CudaStream>* out);
  ~CudaStream();
  CudaStream(const CudaStream&) = delete;
  CudaStream& operator=(const CudaStream&) = delete;

  const Device& device() const { return *device_; }
  vendor::Stream handle() const { return handle_; }

  /// Makes this stream's device that of the calling thread.
  Status use() const { return vendor::use_device(device_->index); }
  Status alloc(size_t bytes, void** data) { return device_->memory->alloc(handle_, bytes, data); }
  void free(void* data, size_t bytes) { device_->memory->free(handle_, data, bytes); }
  Status synchronize() { return vendor::stream_synchronize(handle_); }
  Status record(bool timing, Event** event) {
    return Event::record(device_->index, handle_, timing, event);
  }

  Status copy_in(void* to, const void* from_host, size_t bytes);
  /// Also brings what kernels have noted (IndexFault) since the last time.
  Status copy_out_begin(const void* from, size_t bytes, bool ordered, Ticket** ticket);
  /// Any thread.
  Status copy_out_end(std::unique_ptr<Ticket> ticket, void* to_host);

  Status run(const halftone_call& call, halftone_provenance* provenance);

  bool capturing() const { return capturing_; }
  Status capture_begin();
  Status capture_end(RecordedGraph** graph);
  Status launch(const RecordedGraph& graph);
  void destroy(RecordedGraph* graph);

  // For a running call (DeviceContext).
  Status attached(const void* key, const DeviceContext::Make& make, void** object);
  /// Workspace of the call that runs: `*owned` tells that it is to be given back with free().
  Status scratch(size_t bytes, void** data, bool* owned);
  void end_call();
  void keep(std::shared_ptr<const void> object);
  Status note_indices(IndexSite* site);

 private:
  explicit CudaStream(const Device* device) : device_(device) {}
  Status copy_to(const StagingBuffer& to, const void* from, size_t bytes);
  Status begin_copies(const void* from, Ticket* ticket);
  Status long_copy_out(const Ticket& ticket, void* to_host);
  void reclaim(size_t most);

  struct InFlight {
    StagingBuffer buffer;
    std::unique_ptr<Event> event;
  };

  const Device* device_;
  vendor::Stream handle_ = nullptr;
  std::unordered_map<const void*, std::shared_ptr<void>> attached_;
  std::deque<InFlight> in_flight_;  // copies to the device, the oldest first
  size_t in_flight_bytes_ = 0;

  IndexFault* fault_ = nullptr;  // in the device's memory, from the first call on that may need it
  unsigned long long noting_calls_ = 0;
  bool may_have_noted_ = false;  // since it was last read

  std::mutex copy_mutex_;  // for long copies to the host, which other threads make
  vendor::Stream copy_stream_ = nullptr;

  // Workspaces are free again when a call returns, and graphs of one stream run one after the
  // other: all calls of all graphs share one block, as large as the most that one call has asked
  // for.
  bool capturing_ = false;
  size_t call_scratch_ = 0, scratch_peak_ = 0;
  std::shared_ptr<Arena> arena_;
  std::unique_ptr<RecordedGraph> recording_;
};

}  // namespace halftone::cuda
