#include "napi/tensor_handle.h"

#include <condition_variable>
#include <memory>
#include <mutex>

#include "napi/env.h"
#include "napi/errors.h"
#include "napi/params.h"

namespace halftone::js {
namespace {

constexpr napi_type_tag kTag = {0x9d4f5a1e7c0b4e21u, 0xb7a3c6d82f0e4415u};

struct Handle {
  Tensor tensor;
  std::string device;     // known when the tensor is disposed, too
  int64_t accounted = 0;  // bytes that V8 was told of

  void release(napi_env env) {
    tensor.storage.reset();
    int64_t now = 0;
    if (accounted) napi_adjust_external_memory(env, -accounted, &now);
    accounted = 0;
  }
};

Handle& handle_of(Napi::Env env, napi_value value, const char* who) {
  napi_valuetype type = napi_undefined;
  bool tagged = false;
  check(env, napi_typeof(env, value, &type));
  if (type == napi_object) check(env, napi_check_object_type_tag(env, value, &kTag, &tagged));
  if (!tagged) throw StatusError(param_error(who, ": a tensor was expected"));
  void* data = nullptr;
  check(env, napi_unwrap(env, value, &data));
  return *static_cast<Handle*>(data);
}

// The memory of the ArrayBuffer that a read fills. JavaScript makes it, because V8 aborts the
// process where native code asks for more than there is; and not native code, because memory from
// outside V8 cannot be transferred.
void* target_of(Napi::Env env, napi_value buffer, size_t size) {
  void* data = nullptr;
  size_t given = 0;
  bool is = false;
  check(env, napi_is_arraybuffer(env, buffer, &is));
  if (is) check(env, napi_get_arraybuffer_info(env, buffer, &data, &given));
  if (!is || given != size)
    throw StatusError(error(Code::kInternal, "read: an ArrayBuffer of ", size,
                            " bytes was expected, got ", given));
  return data;
}

// Blocks the calling thread until the stream's thread has answered.
class Latch {
 public:
  void open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    condition_.notify_one();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    condition_.wait(lock, [&] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool open_ = false;
};

napi_value provenance_object(Napi::Env env, const Tensor& tensor) {
  const Stream& stream = tensor.storage->stream();
  const halftone_provenance& p = tensor.storage->provenance;
  auto out = Napi::Object::New(env);
  auto text = [&](const char* key, const char* s) {
    if (s[0])
      out[key] = Napi::String::New(env, s);
    else
      out[key] = env.Null();
  };
  out["backend"] = Napi::String::New(env, stream.backend().name);
  out["device"] = Napi::String::New(env, stream.device_name());
  text("library", p.library);
  text("version", p.version);
  text("kernel", p.kernel);
  text("storage", p.storage);
  text("multiply", p.multiply);
  text("accumulate", p.accumulate);
  out["tensorCores"] = Napi::Boolean::New(env, p.tensor_cores != 0);
  out["workspaceBytes"] = Napi::Number::New(env, static_cast<double>(p.workspace_bytes));
  return out;
}

// describe(handle) -> {dtype, shape, device}, of a disposed tensor too
Napi::Value describe(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto& [tensor, device, accounted] = handle_of(env, info[0], "describe");
  auto shape = Napi::Array::New(env, static_cast<size_t>(tensor.shape.rank));
  for (int i = 0; i < tensor.shape.rank; ++i)
    shape[static_cast<uint32_t>(i)] = Napi::Number::New(env, static_cast<double>(tensor.shape[i]));
  auto out = Napi::Object::New(env);
  out["dtype"] = Napi::String::New(env, name(tensor.dtype));
  out["shape"] = shape;
  out["device"] = Napi::String::New(env, device);
  return out;
}

Napi::Value dispose(const Napi::CallbackInfo& info) {
  handle_of(info.Env(), info[0], "dispose").release(info.Env());
  return info.Env().Undefined();
}

Napi::Value reshape(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Tensor tensor = tensor_of(env, info[0], "reshape");  // a getter in the shape may dispose it
  const Shape shape = read_shape(env, info[1], "reshape");
  check(check_size(shape, tensor.dtype));
  if (shape.elements() != tensor.shape.elements())
    throw StatusError(
        shape_error("reshape: the new shape must have as many elements as the old, got ", shape,
                    " for ", tensor.shape));
  return make_handle(env, {tensor.storage, tensor.dtype, shape});
}

// read(handle, widen, into: ArrayBuffer) -> Promise<ArrayBuffer>
Napi::Value read(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Tensor& tensor = tensor_of(env, info[0], "data");
  const bool widen = info[1].ToBoolean();
  void* target = target_of(env, info[2], Stream::read_bytes(tensor, widen));
  auto deferred = std::make_shared<Napi::Promise::Deferred>(env);
  EnvData& data = EnvData::of(env);
  const uint64_t pin = data.pin(info[2]);
  auto completions = data.completions;
  completions->begin();
  tensor.storage->stream().read(tensor, widen, target, [deferred, completions, pin](Status status) {
    completions->post([deferred, pin, status](Napi::Env env) {
      const Napi::Value buffer = EnvData::of(env).unpin(pin);
      if (!status.ok()) return deferred->Reject(to_error(env, status));
      deferred->Resolve(buffer);
    });
  });
  return deferred->Promise();
}

Napi::Value read_sync(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Tensor& tensor = tensor_of(env, info[0], "dataSync");
  const bool widen = info[1].ToBoolean();
  void* target = target_of(env, info[2], Stream::read_bytes(tensor, widen));
  Status status;
  Latch latch;
  tensor.storage->stream().read(tensor, widen, target, [&](Status outcome) {
    status = std::move(outcome);
    latch.open();
  });
  latch.wait();
  check(status);
  return info[2];
}

// How a tensor was made is known once its op has run: explain() waits for that with a promise,
// explainSync() by blocking.
Napi::Value explain(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Tensor tensor = tensor_of(env, info[0], "explain");
  auto deferred = std::make_shared<Napi::Promise::Deferred>(env);
  auto completions = EnvData::of(env).completions;
  completions->begin();
  tensor.storage->stream().settled(tensor, [deferred, completions, tensor](Status status) {
    completions->post([deferred, tensor, status](Napi::Env env) {
      if (!status.ok()) return deferred->Reject(to_error(env, status));
      deferred->Resolve(provenance_object(env, tensor));
    });
  });
  return deferred->Promise();
}

Napi::Value explain_sync(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Tensor& tensor = tensor_of(env, info[0], "explain");
  if (!tensor.storage->settled()) {
    Latch latch;
    tensor.storage->stream().settled(tensor, [&](Status) { latch.open(); });
    latch.wait();
  }
  check(tensor.storage->outcome());
  return Napi::Value(env, provenance_object(env, tensor));
}

}  // namespace

Napi::Object make_handle(Napi::Env env, Tensor tensor) {
  auto object = Napi::Object::New(env);
  auto handle = std::make_unique<Handle>();
  // Of any device: the collector must know that small objects hold much, or it comes too late.
  handle->accounted = static_cast<int64_t>(tensor.storage->bytes());
  handle->device = tensor.storage->stream().device_name();
  handle->tensor = std::move(tensor);
  check(env, napi_wrap(
                 env, object, handle.get(),
                 [](napi_env e, void* data, void*) {
                   std::unique_ptr<Handle> owned(static_cast<Handle*>(data));
                   owned->release(e);
                 },
                 nullptr, nullptr));
  const Handle* kept = handle.release();
  check(env, napi_type_tag_object(env, object, &kTag));
  int64_t now = 0;
  if (kept->accounted) check(env, napi_adjust_external_memory(env, kept->accounted, &now));
  return object;
}

const Tensor& tensor_of(Napi::Env env, napi_value value, const char* who) {
  const Handle& handle = handle_of(env, value, who);
  if (!handle.tensor.storage)
    throw StatusError(error(Code::kDisposed, who, ": the tensor ", handle.tensor.shape, " of ",
                            name(handle.tensor.dtype), " was disposed"));
  return handle.tensor;
}

void export_tensor_functions(Napi::Env env, Napi::Object exports) {
  exports["describe"] = Napi::Function::New<guarded<describe>>(env, "describe");
  exports["dispose"] = Napi::Function::New<guarded<dispose>>(env, "dispose");
  exports["reshape"] = Napi::Function::New<guarded<reshape>>(env, "reshape");
  exports["read"] = Napi::Function::New<guarded<read>>(env, "read");
  exports["readSync"] = Napi::Function::New<guarded<read_sync>>(env, "readSync");
  exports["explain"] = Napi::Function::New<guarded<explain>>(env, "explain");
  exports["explainSync"] = Napi::Function::New<guarded<explain_sync>>(env, "explainSync");
}

}  // namespace halftone::js
