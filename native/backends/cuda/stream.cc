#include "backends/cuda/stream.h"

#include <algorithm>
#include <cstring>

#include "backends/cuda/registry.h"
#include "backends/cuda/views.h"
#include "core/version.h"

namespace halftone {

void DeviceContext::made_by(const Made& made) const {
  // Six texts for each call: as formats they would cost as much as the launch of a small kernel.
  const auto copy = [](auto& to, const char* from) {
    const size_t length = strnlen(from, sizeof to - 1);
    std::memcpy(to, from, length);
    to[length] = '\0';
  };
  copy(provenance_.library, made.library);
  copy(provenance_.version, made.version ? made.version : kVersion);
  copy(provenance_.kernel, made.kernel);
  copy(provenance_.storage, made.storage);
  copy(provenance_.multiply, made.multiply);
  copy(provenance_.accumulate, made.accumulate);
  provenance_.tensor_cores = made.tensor_cores;
  provenance_.workspace_bytes = made.workspace_bytes;
}

namespace cuda {
namespace {

class RunningCall final : public DeviceContext {
 public:
  RunningCall(CudaStream& stream, const CudaCall& call,
              std::shared_ptr<const CudaSettings> settings, halftone_provenance& provenance)
      : DeviceContext(call, stream.device().index, stream.handle(), *settings, provenance),
        owner_(stream),
        settings_(std::move(settings)) {}
  ~RunningCall() override {
    for (const auto& [data, bytes] : scratch_) owner_.free(data, bytes);
    owner_.end_call();
  }

  bool capturing() const override { return owner_.capturing(); }
  Status scratch(size_t bytes, void** data) override {
    bool owned = false;
    const size_t taken = std::max<size_t>(bytes, 1);
    HALFTONE_TRY(owner_.scratch(taken, data, &owned));
    if (owned) scratch_.emplace_back(*data, taken);
    return {};
  }
  Status attached(const void* key, const Make& make, void** object) override {
    return owner_.attached(key, make, object);
  }
  void keep(std::shared_ptr<const void> object) override { owner_.keep(std::move(object)); }
  Status note_indices(IndexSite* site) override { return owner_.note_indices(site); }

 private:
  CudaStream& owner_;
  std::shared_ptr<const CudaSettings> settings_;
  std::vector<std::pair<void*, size_t>> scratch_;
};

/// The alignment that DeviceContext::scratch promises.
size_t aligned(size_t bytes) { return (bytes + 255) / 256 * 256; }

/// Bytes on their way to the device before copy_in waits: enough that the transfer never stops.
constexpr size_t kMostInFlight = 4 * kStagingChunk;

}  // namespace

Status CudaStream::create(int index, std::unique_ptr<CudaStream>* out) {
  const Device* found = nullptr;
  HALFTONE_TRY(cuda::device(index, &found));
  std::unique_ptr<CudaStream> made(new CudaStream(found));
  HALFTONE_TRY(vendor::stream_create(&made->handle_));
  *out = std::move(made);
  return {};
}

CudaStream::~CudaStream() {
  if (!handle_) return;
  // A lost device fails every call; there is nothing left to give back then.
  const bool alive = use().ok() && synchronize().ok();
  if (alive) {
    // The libraries' handles wait for the whole device when they are destroyed, as cudnnDestroy
    // says of itself, which would spoil what other streams record.
    std::unique_lock alone(device_->memory->capturing());
    attached_.clear();
  }
  reclaim(0);
  arena_.reset();
  if (fault_) free(fault_, sizeof *fault_);
  if (alive) device_->memory->forget(handle_);
  if (copy_stream_) vendor::stream_destroy(copy_stream_);
  vendor::stream_destroy(handle_);
}

// ---- copies ----

Status CudaStream::copy_in(void* to, const void* from_host, size_t bytes) {
  for (size_t at = 0; at < bytes;) {
    const size_t piece = std::min(bytes - at, kStagingChunk);
    reclaim(kMostInFlight - piece);
    InFlight copy;
    HALFTONE_TRY(take_staging(piece, &copy.buffer));
    std::memcpy(copy.buffer.data, static_cast<const char*>(from_host) + at, piece);
    Status status = vendor::copy_async(static_cast<char*>(to) + at, copy.buffer.data, piece,
                                       vendor::Copy::kHostToDevice, handle_);
    Event* event = nullptr;
    if (status.ok()) status = record(false, &event);
    copy.event.reset(event);
    in_flight_bytes_ += copy.buffer.bytes;
    in_flight_.push_back(std::move(copy));
    HALFTONE_TRY(status);
    at += piece;
  }
  return {};
}

// Takes back the buffers of finished copies, and waits for the oldest until at most `most` bytes
// are under way.
void CudaStream::reclaim(size_t most) {
  while (!in_flight_.empty()) {
    const InFlight& oldest = in_flight_.front();
    bool reached = true;  // also where its event was not recorded: the device is lost
    if (oldest.event && (!oldest.event->query(&reached).ok() || !reached)) {
      if (in_flight_bytes_ <= most) return;
      static_cast<void>(oldest.event->wait());
    }
    in_flight_bytes_ -= oldest.buffer.bytes;
    give_staging(oldest.buffer);
    in_flight_.pop_front();
  }
}

Status CudaStream::copy_to(const StagingBuffer& to, const void* from, size_t bytes) {
  return vendor::copy_async(to.data, from, bytes, vendor::Copy::kDeviceToHost, handle_);
}

// Whatever fails, the ticket holds the buffers that were taken.
Status CudaStream::begin_copies(const void* from, Ticket* ticket) {
  if (!ticket->from && ticket->bytes > 0) {
    HALFTONE_TRY(take_staging(ticket->bytes, &ticket->buffer));
    HALFTONE_TRY(copy_to(ticket->buffer, from, ticket->bytes));
  }
  if (may_have_noted_) {
    HALFTONE_TRY(take_staging(sizeof *fault_, &ticket->fault));
    HALFTONE_TRY(copy_to(ticket->fault, fault_, sizeof *fault_));
    HALFTONE_TRY(vendor::fill_async(fault_, 0, sizeof *fault_, handle_));
    may_have_noted_ = false;
  }
  Event* event = nullptr;
  HALFTONE_TRY(record(false, &event));
  ticket->event.reset(event);
  return {};
}

Status CudaStream::copy_out_begin(const void* from, size_t bytes, bool ordered, Ticket** out) {
  auto ticket = std::make_unique<Ticket>();
  ticket->stream = this;
  ticket->bytes = bytes;
  if (!ordered && bytes > kStagingMost) ticket->from = from;
  if (Status status = begin_copies(from, ticket.get()); !status.ok()) {
    // Copies may be under way; when they cannot be waited for, their buffers are lost with the
    // device.
    if (synchronize().ok())
      for (const StagingBuffer* buffer : {&ticket->buffer, &ticket->fault}) give_staging(*buffer);
    return status;
  }
  *out = ticket.release();
  return {};
}

Status CudaStream::copy_out_end(std::unique_ptr<Ticket> ticket, void* to_host) {
  Status status = ticket->event->wait();
  if (status.ok() && to_host) {
    if (ticket->from)
      status = long_copy_out(*ticket, to_host);
    else if (ticket->bytes > 0)
      std::memcpy(to_host, ticket->buffer.data, ticket->bytes);
  }
  if (status.ok() && ticket->fault.data) {
    IndexFault fault;
    std::memcpy(&fault, ticket->fault.data, sizeof fault);
    status = status_of(fault);
  }
  for (const StagingBuffer* buffer : {&ticket->buffer, &ticket->fault}) give_staging(*buffer);
  return status;
}

// By a stream of its own, so that later work does not wait for it: while one piece is copied out of
// its buffer, the next arrives in the other.
Status CudaStream::long_copy_out(const Ticket& ticket, void* to_host) {
  HALFTONE_TRY(use());
  std::lock_guard lock(copy_mutex_);
  if (!copy_stream_) HALFTONE_TRY(vendor::stream_create(&copy_stream_));
  HALFTONE_TRY(vendor::stream_wait_event(copy_stream_, ticket.event->handle()));
  struct Piece {
    StagingBuffer buffer;
    std::unique_ptr<Event> event;
    size_t at = 0, bytes = 0;
  } pieces[2];
  const auto fetch = [&](Piece& piece, size_t at) -> Status {
    piece.at = at;
    piece.bytes = std::min(ticket.bytes - at, kStagingChunk);
    HALFTONE_TRY(vendor::copy_async(piece.buffer.data, static_cast<const char*>(ticket.from) + at,
                                    piece.bytes, vendor::Copy::kDeviceToHost, copy_stream_));
    Event* event = nullptr;
    HALFTONE_TRY(Event::record(device_->index, copy_stream_, false, &event));
    piece.event.reset(event);
    return {};
  };
  Status status;
  for (Piece& piece : pieces)
    if (status.ok()) status = take_staging(kStagingChunk, &piece.buffer);
  size_t begun = 0;
  for (Piece& piece : pieces)
    if (status.ok() && begun < ticket.bytes) {
      status = fetch(piece, begun);
      begun += piece.bytes;
    }
  for (size_t done = 0, turn = 0; status.ok() && done < ticket.bytes; ++turn) {
    Piece& piece = pieces[turn % 2];
    status = piece.event->wait();
    if (!status.ok()) break;
    std::memcpy(static_cast<char*>(to_host) + piece.at, piece.buffer.data, piece.bytes);
    done += piece.bytes;
    if (begun < ticket.bytes) {
      status = fetch(piece, begun);
      begun += piece.bytes;
    }
  }
  // After a failure a copy may still be under way.
  if (!status.ok()) static_cast<void>(vendor::stream_synchronize(copy_stream_));
  for (Piece& piece : pieces) give_staging(piece.buffer);
  return status;
}

// ---- calls ----

Status CudaStream::attached(const void* key, const DeviceContext::Make& make, void** object) {
  auto& slot = attached_[key];
  if (!slot) {
    // As in the destructor. A call that is recorded has run before, and made what it needs.
    std::unique_lock alone(device_->memory->capturing(), std::defer_lock);
    if (!capturing_) alone.lock();
    HALFTONE_TRY(make(&slot));
  }
  *object = slot.get();
  return {};
}

Status CudaStream::run(const halftone_call& call, halftone_provenance* provenance) {
  const RegisteredCudaOp* found = find_op(call.op);
  if (!found) return unsupported("the CUDA backend has no kernel for it; device 'cpu' has");
  const CallViews views(call);
  RunningCall running(*this, {views.in, views.out, device_->properties}, settings(), *provenance);
  return found->op.run(call.params, running);
}

Status CudaStream::scratch(size_t bytes, void** data, bool* owned) {
  const size_t offset = call_scratch_;
  call_scratch_ += aligned(bytes);
  scratch_peak_ = std::max(scratch_peak_, call_scratch_);
  *owned = !capturing_;
  if (!capturing_) return alloc(bytes, data);
  if (!arena_ || call_scratch_ > arena_->bytes)
    return error(Code::kInternal, "a call asks for more workspace than when it last ran");
  recording_->arena = arena_;
  *data = static_cast<char*>(arena_->data) + offset;
  return {};
}

void CudaStream::end_call() { call_scratch_ = 0; }

void CudaStream::keep(std::shared_ptr<const void> object) {
  if (capturing_) recording_->kept.push_back(std::move(object));
}

// The record is there when a call is recorded, as it ran before.
Status CudaStream::note_indices(IndexSite* site) {
  if (!fault_) {
    void* memory = nullptr;
    HALFTONE_TRY(alloc(sizeof(IndexFault), &memory));
    fault_ = static_cast<IndexFault*>(memory);
    HALFTONE_TRY(vendor::fill_async(fault_, 0, sizeof *fault_, handle_));
  }
  site->fault = fault_;
  site->call = ++noting_calls_;
  (capturing_ ? recording_->notes_indices : may_have_noted_) = true;
  return {};
}

// ---- graphs ----

// What a call asks for while it is recorded is known from its earlier runs. Where one asks for
// more, the recording fails, and the next has that much.
Status CudaStream::capture_begin() {
  if (scratch_peak_ > (arena_ ? arena_->bytes : 0)) {
    auto larger = std::make_shared<Arena>();
    larger->owner = this;
    HALFTONE_TRY(alloc(scratch_peak_, &larger->data));
    larger->bytes = scratch_peak_;
    arena_ = std::move(larger);  // that of earlier graphs stays with them
  }
  recording_ = std::make_unique<RecordedGraph>();
  device_->memory->capturing().lock_shared();
  capturing_ = true;
  Status status = vendor::capture_begin(handle_);
  if (status.ok()) return status;
  capturing_ = false;
  device_->memory->capturing().unlock_shared();
  destroy(recording_.release());
  return status;
}

Status CudaStream::capture_end(RecordedGraph** out) {
  if (!capturing_) return error(Code::kInternal, "nothing is being recorded");
  const Status status = vendor::capture_end(handle_, &recording_->graph);
  capturing_ = false;
  device_->memory->capturing().unlock_shared();
  if (!status.ok()) {
    destroy(recording_.release());
    return status;
  }
  *out = recording_.release();
  return {};
}

Status CudaStream::launch(const RecordedGraph& graph) {
  may_have_noted_ = may_have_noted_ || graph.notes_indices;
  return vendor::graph_launch(graph.graph, handle_);
}

void CudaStream::destroy(RecordedGraph* graph) {
  const std::unique_ptr<RecordedGraph> owned(graph);
  if (!graph->graph) return;
  // The runtime does not say that a graph may be destroyed while it runs. On a lost device these
  // fail, and nothing runs.
  static_cast<void>(use());
  static_cast<void>(synchronize());
  vendor::graph_destroy(graph->graph);
}

Arena::~Arena() {
  if (data) owner->free(data, bytes);
}

}  // namespace cuda
}  // namespace halftone
