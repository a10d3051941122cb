// A recorded piece of work that can be done again on new values: where the backend has graphs as
// one launch, else call by call.
#pragma once
#include "core/stream.h"
#include "core/tape.h"

namespace halftone {

class Graph {
 public:
  /// A tape on `stream`, with its own copies of `inputs`, which the recorded work is to use.
  static Status begin(const std::shared_ptr<Stream>& stream, const std::vector<Tensor>& inputs,
                      std::shared_ptr<Tape>* out);

  /// The graph of what was recorded, which gives `outputs`.
  Graph(std::shared_ptr<Tape> tape, std::vector<Tensor> outputs);
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  const std::shared_ptr<Stream>& stream() const { return tape_->stream; }
  const std::vector<Tensor>& inputs() const { return tape_->inputs; }
  size_t steps() const { return tape_->steps.size(); }
  /// Bytes that the recorded tensors keep: all of them until the first replay, which lets those
  /// that only the graph has, and that are not needed at the same time, lie in the same memory.
  int64_t bytes() const;
  /// Whether the last replay was one launch of a graph of the backend.
  bool launched() const;

  /// Calls done when the recorded work has run for the first time: with its first failure.
  void recorded(std::function<void(Status)> done);

  /// Enqueues the work with `inputs` (as many as recorded, of their shapes and dtypes and on this
  /// device; none: those of the last time), and returns its outputs: copies, or with `copy` false
  /// the graph's own, which the next replay changes.
  Status replay(const std::vector<const Tensor*>& inputs, bool copy, std::vector<Tensor>* outputs);

 private:
  Status check(const std::vector<const Tensor*>& inputs) const;

  /// The backend's graph, of the stream's thread.
  struct Native;
  static Status run(const Tape& tape, Native& native, bool* launched);
  static Status record(const Tape& tape, Native& native);
  static void share_memory(const Tape& tape, Native& native);

  std::shared_ptr<Tape> tape_;
  std::vector<Tensor> outputs_;
  std::shared_ptr<Native> native_;
};

}  // namespace halftone
