#include "core/stream.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <system_error>

namespace halftone {

// ---- Storage
// ---------------------------------------------------------------------------------------------------------

Storage::Storage(std::shared_ptr<Stream> stream, size_t bytes)
    : stream_(std::move(stream)), bytes_(bytes) {
  stream_->tensors_.fetch_add(1, std::memory_order_relaxed);
  stream_->live_bytes_.fetch_add(static_cast<int64_t>(bytes_), std::memory_order_relaxed);
}

Storage::~Storage() {
  stream_->tensors_.fetch_sub(1, std::memory_order_relaxed);
  stream_->live_bytes_.fetch_sub(static_cast<int64_t>(bytes_), std::memory_order_relaxed);
  if (data_) stream_->release(data_, bytes_);
}

Status Storage::allocate() {
  if (bytes_ == 0) return {};
  halftone_status status{};
  const int32_t code = stream_->backend_->api->alloc(stream_->handle_, bytes_, &data_, &status);
  if (code != 0) {
    data_ = nullptr;
    return to_status(code, status);
  }
  const int64_t now = stream_->allocated_bytes_.fetch_add(static_cast<int64_t>(bytes_)) +
                      static_cast<int64_t>(bytes_);
  int64_t peak = stream_->peak_bytes_.load(std::memory_order_relaxed);
  while (now > peak && !stream_->peak_bytes_.compare_exchange_weak(peak, now)) {
  }
  return {};
}

void Storage::settle(Status outcome) {
  outcome_ = std::move(outcome);
  state_.store(kSettled, std::memory_order_release);
}

// ---- Stream
// ----------------------------------------------------------------------------------------------------------

namespace {

halftone_tensor to_abi(const Tensor& t, bool given) {
  halftone_tensor out{};
  if (!given) {
    out.rank = -1;
    return out;
  }
  out.data = t.storage->data();
  out.dtype = static_cast<int32_t>(t.dtype);
  out.rank = t.shape.rank;
  std::memcpy(out.dims, t.shape.dims, sizeof out.dims);
  return out;
}

bool widens(const Tensor& tensor, bool widen) {
  return widen && (tensor.dtype == DType::kF16 || tensor.dtype == DType::kBF16);
}

Status closing() {
  return error(Code::kAborted, "the work was given up because its thread is shutting down");
}

}  // namespace

Stream::Stream(const Backend* backend, int device)
    : backend_(backend),
      device_(device),
      device_name_(device == 0 ? backend->name : concat(backend->name, ":", device)) {}

Status Stream::create(const Backend* backend, int device, std::shared_ptr<Stream>* out) {
  std::shared_ptr<Stream> s(new Stream(backend, device));
  halftone_status status{};
  if (const int32_t code = backend->api->stream_create(device, &s->handle_, &status); code != 0)
    return to_status(code, status);
  halftone_device_info device_info{};
  if (const int32_t code = backend->api->device_info(device, &device_info, &status); code != 0)
    return to_status(code, status);
  s->device_bytes_ = device_info.total_bytes;
  try {
    s->thread_ = std::thread([s] { s->loop(); });  // alive until close()
  } catch (const std::system_error& e) {
    return error(Code::kDevice, "cannot start the thread of device ", s->device_name_, ": ",
                 e.what());
  }
  *out = std::move(s);
  return {};
}

Stream::~Stream() {
  close();
  if (handle_) {
    free_released();
    backend_->api->stream_destroy(handle_);
  }
}

void Stream::close() {
  cancelled_.store(true);
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  if (!thread_.joinable()) return;
  if (thread_.get_id() == std::this_thread::get_id())
    thread_.detach();  // the thread itself drops the last reference, having left loop()
  else
    thread_.join();
}

MemoryStats Stream::memory() const {
  return {tensors_.load(), live_bytes_.load(), allocated_bytes_.load(), peak_bytes_.load()};
}

void Stream::enqueue(Task task) {
  {
    std::lock_guard lock(mutex_);
    if (!closing_) {
      queue_.push_back(std::move(task));
      wake_.notify_one();
      return;
    }
  }
  task(true);
}

void Stream::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return closing_ || !queue_.empty() || !released_.empty(); });
    if (!queue_.empty()) {
      Task task = std::move(queue_.front());
      queue_.pop_front();
      const bool aborted = closing_;
      lock.unlock();
      free_released();
      task(aborted);
      task = nullptr;  // drops the task's tensors outside the lock
      lock.lock();
    } else if (closing_) {
      return;
    } else {
      lock.unlock();
      free_released();
      lock.lock();
    }
  }
}

void Stream::release(void* data, size_t bytes) {
  if (backend_->host_memory()) {
    backend_->api->free(handle_, data, bytes);
    allocated_bytes_.fetch_sub(static_cast<int64_t>(bytes));
    return;
  }
  {
    std::lock_guard lock(mutex_);
    released_.emplace_back(data, bytes);
  }
  wake_.notify_one();
}

void Stream::free_released() {
  std::vector<std::pair<void*, size_t>> batch;
  {
    std::lock_guard lock(mutex_);
    batch.swap(released_);
  }
  for (const auto& [data, bytes] : batch) {
    backend_->api->free(handle_, data, bytes);
    allocated_bytes_.fetch_sub(static_cast<int64_t>(bytes));
  }
}

Status Stream::lost() const {
  std::lock_guard lock(mutex_);
  return lost_;
}

void Stream::note(const Status& outcome) {
  if (outcome.ok()) return;
  std::lock_guard lock(mutex_);
  if (first_failure_.ok()) first_failure_ = outcome;
  if (outcome.code == Code::kDeviceLost && lost_.ok()) lost_ = outcome;
}

Status Stream::check_memory(size_t bytes) const {
  if (bytes <= device_bytes_) return {};
  return error(Code::kOutOfMemory, "a tensor of ", bytes,
               " bytes is larger than the memory of device ", device_name_, ", ", device_bytes_,
               " bytes");
}

Status Stream::run(const RegisteredOp& op, const void* params,
                   const std::vector<const Tensor*>& inputs, std::vector<Tensor>* outputs) {
  HALFTONE_TRY(lost());
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
  std::vector<halftone_tensor> in_abi(inputs.size()), out_abi;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i]) held[i] = *inputs[i];
    given[i] = inputs[i] != nullptr;
    in_abi[i].rank = -1;
    if (!given[i]) continue;
    in_abi[i].dtype = static_cast<int32_t>(held[i].dtype);
    in_abi[i].rank = held[i].shape.rank;
    std::memcpy(in_abi[i].dims, held[i].shape.dims, sizeof in_abi[i].dims);
  }
  for (const TensorDesc& d : out_descs) {
    Status size = check_size(d.shape, d.dtype);
    if (size.ok()) size = check_memory(static_cast<size_t>(d.shape.elements() * size_of(d.dtype)));
    if (!size.ok()) {
      size.message = concat(schema.name, ": ", size.message);
      return size;
    }
    halftone_tensor t{};
    t.dtype = static_cast<int32_t>(d.dtype);
    t.rank = d.shape.rank;
    std::memcpy(t.dims, d.shape.dims, sizeof t.dims);
    out_abi.push_back(t);
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
                                   static_cast<size_t>(d.shape.elements() * size_of(d.dtype))),
         d.dtype, d.shape});
  std::vector<std::byte> param_bytes(schema.params_size);
  std::memcpy(param_bytes.data(), params, schema.params_size);
  enqueue([this, &op, param_bytes = std::move(param_bytes), held = std::move(held),
           given = std::move(given), out = *outputs](bool aborted) {
    execute(op, param_bytes.data(), held, given, out, aborted);
  });
  return {};
}

void Stream::execute(const RegisteredOp& op, const void* params, const std::vector<Tensor>& inputs,
                     const std::vector<bool>& given, const std::vector<Tensor>& outputs,
                     bool aborted) {
  Status outcome = aborted ? closing() : run_now(op, params, inputs, given, outputs);
  // A kernel that was cut short has left its output unfinished.
  if (outcome.ok() && cancelled_.load()) outcome = closing();
  note(outcome);
  for (const Tensor& t : outputs) t.storage->settle(outcome);
}

Status Stream::run_now(const RegisteredOp& op, const void* params,
                       const std::vector<Tensor>& inputs, const std::vector<bool>& given,
                       const std::vector<Tensor>& outputs) {
  HALFTONE_TRY(lost());
  for (size_t i = 0; i < inputs.size(); ++i)
    if (given[i] && !inputs[i].storage->outcome().ok()) return inputs[i].storage->outcome();
  std::vector<halftone_tensor> in_abi, out_abi;
  for (size_t i = 0; i < inputs.size(); ++i) in_abi.push_back(to_abi(inputs[i], given[i]));
  for (const Tensor& t : outputs) {
    Status allocated = t.storage->allocate();
    if (!allocated.ok()) {
      allocated.message = concat(op.schema.name, ": ", allocated.message);
      return allocated;
    }
    out_abi.push_back(to_abi(t, true));
  }
  const halftone_call call{op.schema.name.c_str(),
                           params,
                           op.schema.params_size,
                           in_abi.data(),
                           static_cast<int32_t>(in_abi.size()),
                           out_abi.data(),
                           static_cast<int32_t>(out_abi.size()),
                           &cancelled_};
  halftone_status status{};
  halftone_provenance provenance{};
  HALFTONE_TRY(to_status(backend_->api->run(handle_, &call, &provenance, &status), status));
  for (const Tensor& t : outputs) t.storage->provenance = provenance;
  return {};
}

Status Stream::upload(DType dtype, const Shape& shape, const void* data, Tensor* out) {
  HALFTONE_TRY(lost());
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
  enqueue([this, target = out->storage, staged](bool aborted) {
    Status outcome = aborted ? closing() : target->allocate();
    if (outcome.ok()) {
      halftone_status status{};
      outcome = to_status(
          backend_->api->copy_in(handle_, target->data(), staged.get(), target->bytes(), &status),
          status);
    }
    note(outcome);
    target->settle(std::move(outcome));
  });
  return {};
}

size_t Stream::read_bytes(const Tensor& tensor, bool widen) {
  return static_cast<size_t>(tensor.shape.elements() * (widens(tensor, widen)
                                                            ? int64_t{sizeof(float)}
                                                            : size_of(tensor.dtype)));
}

void Stream::read(const Tensor& tensor, bool widen, void* to, std::function<void(Status)> done) {
  enqueue([this, held = Tensor(tensor), widen, to, done = std::move(done)](bool aborted) mutable {
    Status status = aborted ? closing() : read_now(held, widen, to);
    held = {};  // whoever is told that the data is there finds the memory given back
    done(std::move(status));
  });
}

Status Stream::read_now(const Tensor& tensor, bool widen, void* to) {
  const Storage& storage = *tensor.storage;
  if (!storage.outcome().ok()) return storage.outcome();
  const int64_t n = tensor.shape.elements();
  const size_t bytes = static_cast<size_t>(n * size_of(tensor.dtype));
  if (bytes == 0) return {};
  const bool to_float32 = widens(tensor, widen);
  const void* raw = storage.data();
  std::unique_ptr<void, decltype(&std::free)> staged(nullptr, &std::free);
  if (!backend_->host_memory()) {
    if (to_float32) staged.reset(std::malloc(bytes));
    void* host = to_float32 ? staged.get() : to;
    if (!host)
      return error(Code::kOutOfMemory, "no host memory for ", bytes, " bytes read from ",
                   device_name_);
    halftone_status status{};
    Status copied = to_status(backend_->api->copy_out(handle_, host, raw, bytes, &status), status);
    note(copied);
    HALFTONE_TRY(copied);
    raw = host;
  }
  if (to_float32 && tensor.dtype == DType::kF16)
    convert(static_cast<const f16*>(raw), static_cast<float*>(to), n);
  else if (to_float32)
    convert(static_cast<const bf16*>(raw), static_cast<float*>(to), n);
  else if (raw != to)
    std::memcpy(to, raw, bytes);
  return {};
}

void Stream::settled(const Tensor& tensor, std::function<void(Status)> done) {
  enqueue([tensor, done = std::move(done)](bool) { done(tensor.storage->outcome()); });
}

void Stream::sync(std::function<void(Status)> done) {
  enqueue([this, done = std::move(done)](bool aborted) {
    if (aborted) return done(closing());
    halftone_status status{};
    note(to_status(backend_->api->stream_sync(handle_, &status), status));
    Status first;
    {
      std::lock_guard lock(mutex_);
      first = std::exchange(first_failure_, {});
    }
    done(std::move(first));
  });
}

}  // namespace halftone
