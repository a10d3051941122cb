// What a stream does: operators, copies between host and device, and waits.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "core/narrow.h"
#include "core/stream.h"
#include "core/tape.h"

namespace halftone {
namespace {

halftone_tensor describe(DType dtype, const Shape& shape, void* data) {
  halftone_tensor out{};
  out.data = data;
  out.dtype = static_cast<int32_t>(dtype);
  out.rank = shape.rank;
  std::memcpy(out.dims, shape.dims, sizeof out.dims);
  return out;
}

halftone_tensor absent() {
  halftone_tensor out{};
  out.rank = -1;
  return out;
}

bool widens(const Tensor& tensor, bool widen) {
  return widen && (tensor.dtype == DType::kF16 || tensor.dtype == DType::kBF16 ||
                   is_narrow_float(tensor.dtype));
}

void widen_to(const Tensor& tensor, const void* raw, void* to) {
  const int64_t n = tensor.shape.elements();
  if (tensor.dtype == DType::kF16)
    convert(static_cast<const f16*>(raw), static_cast<float*>(to), n);
  else if (is_stored(tensor.dtype))
    std::transform(static_cast<const uint8_t*>(raw), static_cast<const uint8_t*>(raw) + n,
                   static_cast<float*>(to),
                   [&table = narrow_table(tensor.dtype)](uint8_t code) { return table[code]; });
  else
    convert(static_cast<const bf16*>(raw), static_cast<float*>(to), n);
}

size_t bytes_of(const Tensor& tensor) {
  return static_cast<size_t>(tensor.shape.elements() * size_of(tensor.dtype));
}

}  // namespace

// ---- order between streams ----

void Stream::after(const Storage& storage, Events* events) {
  Stream& owner = storage.stream();
  if (&owner == this) return;
  uint64_t& seen = seen_[owner.id_];
  if (storage.sequence() <= seen) return;
  // The event comes after all that the owner was given so far.
  auto event = std::make_shared<Event>(owner.backend_, owner.device_);
  seen = owner.enqueue([&owner, event](bool aborted) {
    if (aborted)
      event->fail(closing_status());
    else
      event->record(owner.handle_, false);
  });
  events->push_back(std::move(event));
}

Status Stream::hold(const Events& events) {
  for (const auto& event : events) HALFTONE_TRY(event->hold(*backend_, handle_));
  return {};
}

// Storages that a graph writes anew: its stream goes on after what was enqueued here.
void Stream::join_back(const std::vector<Tensor>& inputs) {
  std::vector<Stream*> joined;
  for (const Tensor& t : inputs) {
    if (!t.storage || !t.storage->is_rewritten()) continue;
    Stream& owner = t.storage->stream();
    if (&owner == this || std::find(joined.begin(), joined.end(), &owner) != joined.end()) continue;
    joined.push_back(&owner);
    owner.wait(record(false));
  }
}

void Stream::keep_for(const std::vector<Tensor>& tensors) {
  if (backend_->host_memory()) return;  // what was called is done
  for (const Tensor& t : tensors)
    if (t.storage && &t.storage->stream() != this) t.storage->used_by(shared_from_this());
}

// What is to be told to others goes by the second thread where there is one, in order.
void Stream::finish(std::function<void()> task) {
  if (backend_->host_memory())
    task();
  else
    waiter_.push(std::move(task));
}

// ---- operators ----

Status Stream::run(const RegisteredOp& op, const void* params,
                   const std::vector<const Tensor*>& inputs, std::vector<Tensor>* outputs,
                   Tape* tape) {
  HALFTONE_TRY(state_.lost());
  const OpSchema& schema = op.schema;

  std::vector<TensorDesc> descs(inputs.size());
  std::vector<const TensorDesc*> desc_pointers(inputs.size(), nullptr);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i]) continue;
    descs[i] = inputs[i]->desc();
    desc_pointers[i] = &descs[i];
  }
  Outputs out_descs;
  HALFTONE_TRY(schema.infer(params, Inputs(desc_pointers), out_descs));

  std::vector<Tensor> held(inputs.size());
  std::vector<bool> given(inputs.size(), false);
  std::vector<halftone_tensor> in_abi(inputs.size(), absent()), out_abi;
  for (size_t i = 0; i < inputs.size(); ++i) {
    given[i] = inputs[i] != nullptr;
    if (!given[i]) continue;
    held[i] = *inputs[i];
    in_abi[i] = describe(held[i].dtype, held[i].shape, nullptr);
  }
  for (const TensorDesc& d : out_descs) {
    Status size = check_size(d.shape, d.dtype);
    if (size.ok()) size = check_memory(static_cast<size_t>(d.shape.elements() * size_of(d.dtype)));
    if (!size.ok()) {
      size.message = concat(schema.name, ": ", size.message);
      return size;
    }
    out_abi.push_back(describe(d.dtype, d.shape, nullptr));
  }
  const halftone_call call{schema.name.c_str(),
                           params,
                           schema.params_size,
                           in_abi.data(),
                           static_cast<int32_t>(in_abi.size()),
                           out_abi.data(),
                           static_cast<int32_t>(out_abi.size()),
                           &cancelled_};
  halftone_status status{};
  HALFTONE_TRY(to_status(backend_->api->supports(device_, &call, &status), status));

  outputs->clear();
  for (const TensorDesc& d : out_descs)
    outputs->push_back(
        {std::make_shared<Storage>(shared_from_this(),
                                   static_cast<size_t>(d.shape.elements() * size_of(d.dtype)),
                                   tape ? tape->rewritten : nullptr),
         d.dtype, d.shape});
  std::vector<std::byte> param_bytes(schema.params_size);
  std::memcpy(param_bytes.data(), params, schema.params_size);
  if (tape) tape->steps.push_back({&op, param_bytes, held, given, *outputs});
  Events events;
  bool rewritten = false;
  for (size_t i = 0; i < held.size(); ++i) {
    if (!given[i]) continue;
    after(*held[i].storage, &events);
    rewritten |= held[i].storage->is_rewritten();
  }
  const std::vector<Tensor> shared = rewritten ? held : std::vector<Tensor>();
  const uint64_t number =
      enqueue([this, &op, param_bytes = std::move(param_bytes), held = std::move(held),
               given = std::move(given), events = std::move(events), out = *outputs](bool aborted) {
        Status outcome = aborted ? closing_status() : state_.lost();
        if (outcome.ok()) outcome = hold(events);
        if (outcome.ok()) outcome = run_now(op, param_bytes.data(), held, given, out);
        keep_for(held);
        // A kernel that was cut short has left its output unfinished.
        if (outcome.ok() && cancelled_.load()) outcome = closing_status();
        note(outcome);
        for (const Tensor& t : out) t.storage->settle(outcome);
      });
  for (const Tensor& t : *outputs) t.storage->set_sequence(number);
  join_back(shared);
  return {};
}

Status Stream::run_now(const RegisteredOp& op, const void* params,
                       const std::vector<Tensor>& inputs, const std::vector<bool>& given,
                       const std::vector<Tensor>& outputs) {
  for (size_t i = 0; i < inputs.size(); ++i)
    if (given[i] && !inputs[i].storage->outcome().ok()) return inputs[i].storage->outcome();
  for (const Tensor& t : outputs) {
    Status allocated = t.storage->allocate();
    if (!allocated.ok()) {
      allocated.message = concat(op.schema.name, ": ", allocated.message);
      return allocated;
    }
  }
  halftone_provenance provenance{};
  HALFTONE_TRY(call(op, params, inputs, given, outputs, &provenance));
  for (const Tensor& t : outputs) t.storage->provenance = provenance;
  return {};
}

Status Stream::call(const RegisteredOp& op, const void* params, const std::vector<Tensor>& inputs,
                    const std::vector<bool>& given, const std::vector<Tensor>& outputs,
                    halftone_provenance* provenance) {
  std::vector<halftone_tensor> in_abi, out_abi;
  for (size_t i = 0; i < inputs.size(); ++i)
    in_abi.push_back(given[i]
                         ? describe(inputs[i].dtype, inputs[i].shape, inputs[i].storage->data())
                         : absent());
  for (const Tensor& t : outputs) out_abi.push_back(describe(t.dtype, t.shape, t.storage->data()));
  const halftone_call call{op.schema.name.c_str(),
                           params,
                           op.schema.params_size,
                           in_abi.data(),
                           static_cast<int32_t>(in_abi.size()),
                           out_abi.data(),
                           static_cast<int32_t>(out_abi.size()),
                           &cancelled_};
  halftone_status status{};
  return to_status(backend_->api->run(handle_, &call, provenance, &status), status);
}

// ---- copies ----

Status Stream::upload(DType dtype, const Shape& shape, const void* data, Tensor* out) {
  HALFTONE_TRY(state_.lost());
  HALFTONE_TRY(check_size(shape, dtype));
  const size_t bytes = static_cast<size_t>(shape.elements() * size_of(dtype));
  HALFTONE_TRY(check_memory(bytes));
  *out = {std::make_shared<Storage>(shared_from_this(), bytes), dtype, shape};
  Storage& storage = *out->storage;
  if (backend_->host_memory() || bytes == 0) {
    HALFTONE_TRY(storage.allocate());
    if (bytes) std::memcpy(storage.data(), data, bytes);
    storage.settle({});
    return {};
  }
  std::shared_ptr<void> staged(std::malloc(bytes), std::free);
  if (!staged)
    return error(Code::kOutOfMemory, "no host memory for ", bytes, " bytes to copy to ",
                 device_name_);
  std::memcpy(staged.get(), data, bytes);
  storage.set_sequence(enqueue([this, target = out->storage, staged](bool aborted) {
    Status outcome = aborted ? closing_status() : state_.lost();
    if (outcome.ok()) outcome = target->allocate();
    if (outcome.ok()) {
      halftone_status status{};
      outcome = to_status(
          backend_->api->copy_in(handle_, target->data(), staged.get(), target->bytes(), &status),
          status);
    }
    note(outcome);
    target->settle(std::move(outcome));
  }));
  return {};
}

size_t Stream::read_bytes(const Tensor& tensor, bool widen) {
  return static_cast<size_t>(tensor.shape.elements() * (widens(tensor, widen)
                                                            ? int64_t{sizeof(float)}
                                                            : size_of(tensor.dtype)));
}

void Stream::read(const Tensor& tensor, bool widen, void* to, std::function<void(Status)> done) {
  enqueue([this, held = Tensor(tensor), widen, to, done = std::move(done)](bool aborted) mutable {
    Status status = aborted ? closing_status() : held.storage->outcome();
    if (!backend_->host_memory() && status.ok() && bytes_of(held) != 0)
      return read_now(held, widen, to, std::move(done));
    if (status.ok() && bytes_of(held) != 0) {
      if (widens(held, widen))
        widen_to(held, held.storage->data(), to);
      else
        std::memcpy(to, held.storage->data(), bytes_of(held));
    }
    held = {};  // whoever is told that the data is there finds the memory given back
    finish([done = std::move(done), status = std::move(status)] { done(status); });
  });
}

// From a device: begun here, ended by the second thread.
void Stream::read_now(const Tensor& tensor, bool widen, void* to,
                      std::function<void(Status)> done) {
  halftone_status text{};
  void* ticket = nullptr;
  const Storage& storage = *tensor.storage;
  Status begun = state_.lost();
  if (begun.ok())
    begun = to_status(backend_->api->copy_out_begin(handle_, storage.data(), bytes_of(tensor),
                                                    storage.is_rewritten(), &ticket, &text),
                      text);
  note(begun);
  finish([this, begun, ticket, held = Tensor(tensor), widen, to, done = std::move(done)]() mutable {
    Status status = begun;
    if (status.ok()) {
      // Where the environment is ending nobody wants the bytes any more.
      const bool wanted = !cancelled_.load();
      const bool wider = widens(held, widen);
      std::unique_ptr<void, decltype(&std::free)> staged(
          wanted && wider ? std::malloc(bytes_of(held)) : nullptr, &std::free);
      void* host = wider ? staged.get() : to;
      halftone_status text{};
      status = to_status(backend_->api->copy_out_end(ticket, wanted ? host : nullptr, &text), text);
      note(status);
      if (status.ok() && !wanted) status = closing_status();
      if (status.ok() && !host)
        status = error(Code::kOutOfMemory, "no host memory for ", bytes_of(held),
                       " bytes read from ", device_name_);
      if (status.ok() && wider) widen_to(held, host, to);
    }
    held = {};
    done(std::move(status));
  });
}

void Stream::settled(const Tensor& tensor, std::function<void(Status)> done) {
  enqueue([this, held = Tensor(tensor), done = std::move(done)](bool) mutable {
    finish([held = std::move(held), done = std::move(done)] { done(held.storage->outcome()); });
  });
}

// ---- waiting ----

void Stream::sync(std::function<void(Status)> done) {
  enqueue([this, done = std::move(done)](bool aborted) {
    // A retired stream that has come to its end has nothing left to wait for.
    if (aborted && cancelled_) return finish([done] { done(closing_status()); });
    // A copy of nothing: it also brings what kernels have found wrong.
    void* ticket = nullptr;
    Status begun;
    if (!backend_->host_memory() && !aborted) {
      halftone_status text{};
      begun =
          to_status(backend_->api->copy_out_begin(handle_, nullptr, 0, 1, &ticket, &text), text);
    }
    Status first;
    {
      std::lock_guard lock(mutex_);
      first = std::exchange(first_failure_, {});
    }
    finish([this, begun, ticket, first, done] {
      halftone_status text{};
      const Status waited =
          ticket ? to_status(backend_->api->copy_out_end(ticket, nullptr, &text), text) : begun;
      if (waited.code == Code::kDeviceLost) state_.lose(waited);
      done(first.ok() ? waited : first);
    });
  });
}

std::shared_ptr<Event> Stream::record(bool timing) {
  auto event = std::make_shared<Event>(backend_, device_);
  enqueue([this, event, timing](bool aborted) {
    Status outcome = aborted ? closing_status() : state_.lost();
    if (outcome.ok())
      event->record(handle_, timing);
    else
      event->fail(std::move(outcome));
  });
  return event;
}

void Stream::wait(std::shared_ptr<Event> event) {
  enqueue([this, event = std::move(event)](bool aborted) {
    if (!aborted) note(event->hold(*backend_, handle_));
  });
}

void Stream::reached(std::shared_ptr<Event> event, std::function<void(Status)> done) {
  enqueue([this, event = std::move(event), done = std::move(done)](bool aborted) {
    finish([this, event, aborted, done] {
      Status status = aborted ? closing_status() : event->wait();
      if (status.code == Code::kDeviceLost) state_.lose(status);
      done(std::move(status));
    });
  });
}

}  // namespace halftone
