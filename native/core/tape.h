// What a stream ran while it was recorded, with all tensors of it: they keep their memory, so that
// the same calls can be made again on new values.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "core/registry.h"
#include "core/tensor.h"

namespace halftone {

struct Tape {
  struct Step {
    const RegisteredOp* op = nullptr;
    std::vector<std::byte> params;
    std::vector<Tensor> inputs;
    std::vector<bool> given;
    std::vector<Tensor> outputs;
  };

  explicit Tape(std::shared_ptr<Stream> on) : stream(std::move(on)) {}

  std::shared_ptr<Stream> stream;
  std::vector<Tensor> inputs;
  std::vector<Step> steps;
  /// Shared by all storages that a replay writes.
  Rewritten rewritten = std::make_shared<std::atomic<uint64_t>>(0);
};

}  // namespace halftone
