#include "core/graph.h"

#include <algorithm>
#include <set>
#include <unordered_map>

namespace halftone {

struct Graph::Native {
  void* graph = nullptr;
  bool refused = false;  // the backend could not record it
  std::atomic<bool> launched{false};
  bool planned = false;                 // whether memory is shared, where it can be
  std::atomic<int64_t> saved_bytes{0};  // by that
};

namespace {

Status copy(Stream& stream, void* handle, const Storage& to, const Storage& from) {
  if (from.bytes() == 0 || to.data() == from.data()) return {};
  halftone_status status{};
  return to_status(
      stream.backend().api->copy(handle, to.data(), from.data(), from.bytes(), &status), status);
}

/// A storage of the tape, from the call that makes it to the last one that reads it.
struct Lifetime {
  const std::shared_ptr<Storage>* storage = nullptr;
  size_t first = 0, last = 0;
  long holders = 0;  // in the tape
  size_t offset = 0;

  size_t bytes() const { return (*storage)->bytes(); }
  size_t end() const { return offset + bytes(); }
  bool meets(const Lifetime& o) const { return first <= o.last && o.first <= last; }
  bool may_move() const { return storage->use_count() == holders && (*storage)->may_move(); }
};

std::vector<Lifetime> lifetimes(const Tape& tape) {
  std::unordered_map<const Storage*, size_t> place;
  std::vector<Lifetime> all;
  for (size_t i = 0; i < tape.steps.size(); ++i) {
    for (const Tensor& t : tape.steps[i].outputs)
      if (place.emplace(t.storage.get(), all.size()).second) all.push_back({&t.storage, i, i});
    for (const std::vector<Tensor>* tensors : {&tape.steps[i].inputs, &tape.steps[i].outputs})
      for (const Tensor& t : *tensors)
        if (const auto found = place.find(t.storage.get()); found != place.end()) {
          all[found->second].last = i;
          ++all[found->second].holders;
        }
  }
  return all;
}

// What a kernel may count on: the alignment of cudaMalloc.
constexpr size_t kArenaAlignment = 256;

/// Places them so that those that meet do not overlap, the largest first, each at the lowest place
/// that is free while it is needed ("greedy by size", Pisarchyk and Lee 2020). Returns the bytes of
/// all together.
size_t place_all(std::vector<Lifetime>& all) {
  std::stable_sort(all.begin(), all.end(),
                   [](const Lifetime& a, const Lifetime& b) { return a.bytes() > b.bytes(); });
  std::vector<const Lifetime*> placed;  // by offset
  size_t end = 0;
  for (Lifetime& one : all) {
    for (const Lifetime* other : placed) {
      if (!one.meets(*other)) continue;
      if (one.end() <= other->offset) break;
      const size_t after = (other->end() + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
      one.offset = std::max(one.offset, after);
    }
    const auto by_offset = [](const Lifetime* a, const Lifetime* b) {
      return a->offset < b->offset;
    };
    placed.insert(std::upper_bound(placed.begin(), placed.end(), &one, by_offset), &one);
    end = std::max(end, one.end());
  }
  return end;
}

std::vector<Tensor> values(const std::vector<const Tensor*>& pointers) {
  std::vector<Tensor> out;
  for (const Tensor* t : pointers) out.push_back(*t);
  return out;
}

}  // namespace

Status Graph::begin(const std::shared_ptr<Stream>& stream, const std::vector<Tensor>& inputs,
                    std::shared_ptr<Tape>* out) {
  HALFTONE_TRY(stream->state_.lost());
  auto tape = std::make_shared<Tape>(stream);
  for (const Tensor& from : inputs) {
    if (!from.storage->stream().same_device(*stream))
      return param_error("capture: an input is on ", from.storage->stream().device_name(),
                         ", the graph on ", stream->device_name());
    Tensor to{std::make_shared<Storage>(stream, from.storage->bytes(), tape->rewritten), from.dtype,
              from.shape};
    Stream::Events events;
    stream->after(*from.storage, &events);
    Stream& s = *stream;
    to.storage->set_sequence(s.enqueue([&s, from, to, events = std::move(events)](bool aborted) {
      Status outcome = aborted ? closing_status() : s.state_.lost();
      if (outcome.ok()) outcome = s.hold(events);
      if (outcome.ok()) outcome = from.storage->outcome();
      if (outcome.ok()) outcome = to.storage->allocate();
      if (outcome.ok()) outcome = copy(s, s.handle_, *to.storage, *from.storage);
      s.keep_for({from});
      s.note(outcome);
      to.storage->settle(std::move(outcome));
    }));
    s.join_back({from});
    tape->inputs.push_back(std::move(to));
  }
  *out = std::move(tape);
  return {};
}

Graph::Graph(std::shared_ptr<Tape> tape, std::vector<Tensor> outputs)
    : tape_(std::move(tape)), outputs_(std::move(outputs)), native_(std::make_shared<Native>()) {}

Graph::~Graph() {
  Stream& s = *tape_->stream;
  // After the replays that are in the queue.
  s.enqueue([&s, native = native_](bool aborted) {
    if (!native->graph) return;
    if (!aborted) return s.backend_->api->graph_destroy(s.handle_, native->graph);
    std::lock_guard lock(s.mutex_);
    s.graphs_.push_back(native->graph);
  });
}

int64_t Graph::bytes() const {
  std::set<const Storage*> seen;
  int64_t bytes = 0;
  const auto add = [&](const Tensor& t) {
    if (t.storage && t.storage->rewritten() == tape_->rewritten &&
        seen.insert(t.storage.get()).second)
      bytes += static_cast<int64_t>(t.storage->bytes());
  };
  for (const Tensor& t : tape_->inputs) add(t);
  for (const Tape::Step& step : tape_->steps)
    for (const Tensor& t : step.outputs) add(t);
  return bytes - native_->saved_bytes;
}

bool Graph::launched() const { return native_->launched; }

void Graph::recorded(std::function<void(Status)> done) {
  Stream& s = *tape_->stream;
  s.enqueue([&s, tape = tape_, done = std::move(done)](bool aborted) {
    Status first = aborted ? closing_status() : Status{};
    for (const Tensor& t : tape->inputs)
      if (first.ok()) first = t.storage->outcome();
    for (const Tape::Step& step : tape->steps)
      for (const Tensor& t : step.outputs)
        if (first.ok()) first = t.storage->outcome();
    s.finish([first, done] { done(first); });
  });
}

Status Graph::check(const std::vector<const Tensor*>& inputs) const {
  if (inputs.empty()) return {};
  if (inputs.size() != tape_->inputs.size())
    return param_error("replay: the graph has ", tape_->inputs.size(), " inputs, got ",
                       inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor &own = tape_->inputs[i], &given = *inputs[i];
    if (given.dtype != own.dtype)
      return dtype_error("replay: input ", i, " must have the dtype ", name(own.dtype),
                         " as when it was captured, got ", name(given.dtype));
    if (!(given.shape == own.shape))
      return shape_error("replay: input ", i, " must have the shape ", own.shape,
                         " as when it was captured, got ", given.shape);
    const Stream& its = given.storage->stream();
    if (!its.same_device(*tape_->stream))
      return param_error("replay: input ", i, " must be on ", tape_->stream->device_name(),
                         " as the graph, got ", its.device_name());
  }
  return {};
}

Status Graph::replay(const std::vector<const Tensor*>& inputs, bool copies,
                     std::vector<Tensor>* outputs) {
  HALFTONE_TRY(tape_->stream->state_.lost());
  HALFTONE_TRY(check(inputs));
  const std::shared_ptr<Stream>& stream = tape_->stream;
  Stream::Events events;
  const std::vector<Tensor> from = values(inputs);
  for (const Tensor& t : from) stream->after(*t.storage, &events);
  outputs->clear();
  for (const Tensor& own : outputs_) {
    stream->after(*own.storage, &events);
    const bool constant = own.storage->rewritten() != tape_->rewritten;
    Tensor t = own;
    if (copies)
      t.storage = std::make_shared<Storage>(stream, own.storage->bytes());
    else if (!constant)
      t.storage = std::make_shared<Storage>(own.storage);
    outputs->push_back(std::move(t));
  }
  const uint64_t number =
      stream->enqueue([tape = tape_, native = native_, own = outputs_, from, copies,
                       events = std::move(events), out = *outputs](bool aborted) {
        Stream& s = *tape->stream;
        Status outcome = aborted ? closing_status() : s.state_.lost();
        if (outcome.ok()) outcome = s.hold(events);
        for (const std::vector<Tensor>* used : {&from, &own})
          for (const Tensor& t : *used)
            if (outcome.ok()) outcome = t.storage->outcome();
        for (size_t i = 0; i < from.size() && outcome.ok(); ++i)
          outcome = copy(s, s.handle_, *tape->inputs[i].storage, *from[i].storage);
        s.keep_for(from);
        bool launched = false;
        if (outcome.ok()) outcome = run(*tape, *native, &launched);
        native->launched = launched;
        for (size_t i = 0; i < out.size() && copies; ++i) {
          if (outcome.ok()) outcome = out[i].storage->allocate();
          if (outcome.ok()) outcome = copy(s, s.handle_, *out[i].storage, *own[i].storage);
        }
        s.keep_for(own);
        if (outcome.ok() && s.cancelled_.load()) outcome = closing_status();
        s.note(outcome);
        for (size_t i = 0; i < out.size(); ++i) {
          if (out[i].storage == own[i].storage) continue;  // a constant
          out[i].storage->provenance = own[i].storage->provenance;
          out[i].storage->settle(outcome);
        }
      });
  tape_->rewritten->store(number);
  for (size_t i = 0; i < outputs->size(); ++i)
    if ((*outputs)[i].storage != outputs_[i].storage) (*outputs)[i].storage->set_sequence(number);
  stream->join_back(from);
  return {};
}

// Where the backend cannot record the calls (a library that does what a recording must not), they
// are made one by one: slower, with the same results.
Status Graph::run(const Tape& tape, Native& native, bool* launched) {
  Stream& s = *tape.stream;
  const halftone_backend& api = *s.backend_->api;
  if (tape.steps.empty()) return {};
  share_memory(tape, native);
  if (api.graphs && !native.graph && !native.refused) {
    Status status = record(tape, native);
    // The second time, the module knows how much workspace the calls ask for.
    if (!status.ok() && status.code != Code::kDeviceLost) status = record(tape, native);
    if (status.code == Code::kDeviceLost) return status;
    native.refused = !status.ok();
  }
  if (native.graph) {
    *launched = true;
    halftone_status status{};
    return to_status(api.graph_launch(s.handle_, native.graph, &status), status);
  }
  for (const Tape::Step& step : tape.steps) {
    halftone_provenance made{};
    HALFTONE_TRY(
        s.call(*step.op, step.params.data(), step.inputs, step.given, step.outputs, &made));
  }
  return {};
}

// Before the backend records the addresses. While the calls were made for the first time each
// result had memory of its own.
void Graph::share_memory(const Tape& tape, Native& native) {
  if (std::exchange(native.planned, true)) return;
  std::vector<Lifetime> all = lifetimes(tape);
  std::erase_if(all, [](const Lifetime& one) { return !one.may_move(); });
  int64_t before = 0;
  for (const Lifetime& one : all) before += static_cast<int64_t>(one.bytes());
  const size_t bytes = place_all(all);
  if (static_cast<int64_t>(bytes) >= before) return;
  auto arena = std::make_shared<Storage>(tape.stream, bytes, tape.rewritten);
  // Where there is no room for one more piece, things stay as they are.
  if (!arena->allocate().ok()) return;
  arena->settle({});
  for (const Lifetime& one : all) (*one.storage)->move_into(arena, one.offset);
  native.saved_bytes = before - static_cast<int64_t>(bytes);
}

Status Graph::record(const Tape& tape, Native& native) {
  Stream& s = *tape.stream;
  const halftone_backend& api = *s.backend_->api;
  halftone_status text{};
  HALFTONE_TRY(to_status(api.capture_begin(s.handle_, &text), text));
  Status called;
  for (const Tape::Step& step : tape.steps) {
    halftone_provenance made{};
    if (called.ok())
      called = s.call(*step.op, step.params.data(), step.inputs, step.given, step.outputs, &made);
  }
  const Status ended = to_status(api.capture_end(s.handle_, &native.graph, &text), text);
  if (called.ok()) return ended;
  if (ended.ok()) api.graph_destroy(s.handle_, native.graph);
  native.graph = nullptr;
  return called;
}

}  // namespace halftone
