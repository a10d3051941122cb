// The binding: generic over the registry. No op is named in this folder.
#include <napi.h>

#include <cstring>
#include <vector>

#include "core/library.h"
#include "core/registry.h"
#include "core/supports.h"
#include "core/version.h"
#include "napi/describe.h"
#include "napi/env.h"
#include "napi/errors.h"
#include "napi/params.h"
#include "napi/stream_handle.h"
#include "napi/tensor_handle.h"

namespace halftone::js {
namespace {

const RegisteredOp& op_of(const Napi::Value& value) {
  const std::string name = value.ToString();
  const RegisteredOp* op = find_op(name);
  if (!op) throw StatusError(param_error("there is no op named ", name));
  return *op;
}

void check_count(const OpSchema& schema, uint32_t count) {
  const Arity a = arity(schema);
  if (static_cast<int64_t>(count) >= a.least && static_cast<int64_t>(count) <= a.most) return;
  throw StatusError(param_error(schema.name, ": must have ", a.least == a.most ? "" : "at least ",
                                a.least, a.least == 1 ? " input" : " inputs", ", got ", count));
}

const char* port_name(const OpSchema& schema, uint32_t i) {
  return schema.inputs[std::min<size_t>(i, schema.inputs.size() - 1)].name;
}

bool is_nullish(napi_env env, napi_value v) {
  napi_valuetype type = napi_undefined;
  return napi_typeof(env, v, &type) == napi_ok && (type == napi_undefined || type == napi_null);
}

void check_given(const OpSchema& schema, uint32_t i) {
  if (schema.inputs[std::min<size_t>(i, schema.inputs.size() - 1)].optional) return;
  throw StatusError(param_error(schema.name, ": input ", port_name(schema, i), " must be given"));
}

// run(op, inputs: (handle | null)[], options, device?, stream?, tape?) -> handle[]
// All inputs live on one device, which runs the op; without inputs, `device` says where. It runs on
// the stream where that is of this device, else on the device's first; with a tape on that of the
// tape, where it is recorded.
Napi::Value run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const RegisteredOp& op = op_of(info[0]);
  const auto list = info[1].As<Napi::Array>();
  const uint32_t count = list.Length();
  check_count(op.schema, count);

  // Held here: reading the options may run JavaScript (a getter), which may dispose the inputs.
  std::vector<Tensor> held(count);
  std::vector<const Tensor*> inputs(count, nullptr);
  const Stream* where = nullptr;
  uint32_t first = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const Napi::Value value = list[i];
    if (is_nullish(env, value)) {
      check_given(op.schema, i);
      continue;
    }
    held[i] = tensor_of(env, value, op.schema.name.c_str());
    inputs[i] = &held[i];
    const Stream& its = inputs[i]->storage->stream();
    if (!where) {
      where = &its;
      first = i;
    } else if (!where->same_device(its)) {
      throw StatusError(param_error(op.schema.name, ": all inputs must be on one device, got ",
                                    port_name(op.schema, first), " on ", where->device_name(),
                                    " and ", port_name(op.schema, i), " on ", its.device_name()));
    }
  }
  std::shared_ptr<Stream> of_device;
  if (where)
    check(EnvData::of(env).stream(where->backend(), where->device(), &of_device));
  else
    of_device = first_stream(env, info[3]);
  std::shared_ptr<Tape> tape;
  const std::shared_ptr<Stream> stream =
      stream_for(env, op.schema.name.c_str(), std::move(of_device), info[4], info[5], &tape);

  std::vector<std::max_align_t> params(op.schema.params_size / sizeof(std::max_align_t) + 1);
  op.schema.init_params(params.data());
  read_params(env, info[2], op.schema, params.data());
  std::vector<Tensor> outputs;
  check(stream->run(op, params.data(), inputs, &outputs, tape.get()));
  auto handles = Napi::Array::New(env, outputs.size());
  for (uint32_t i = 0; i < outputs.size(); ++i)
    handles[i] = make_handle(env, std::move(outputs[i]));
  return handles;
}

/// The arguments (op, descs: ({dtype, shape} | null)[], options) of infer() and supports().
struct DescribedCall {
  const RegisteredOp& op;
  std::vector<TensorDesc> descs;
  std::vector<const TensorDesc*> inputs;
  std::vector<std::max_align_t> params;

  explicit DescribedCall(const Napi::CallbackInfo& info) : op(op_of(info[0])) {
    const Napi::Env env = info.Env();
    const OpSchema& schema = op.schema;
    const auto list = info[1].As<Napi::Array>();
    const uint32_t count = list.Length();
    check_count(schema, count);
    descs.resize(count);
    inputs.assign(count, nullptr);
    for (uint32_t i = 0; i < count; ++i) {
      const Napi::Value value = list[i];
      if (is_nullish(env, value)) {
        check_given(schema, i);
        continue;
      }
      const auto object = value.As<Napi::Object>();
      const std::string dtype = object.Get("dtype").ToString();
      if (!parse_dtype(dtype, &descs[i].dtype))
        throw StatusError(dtype_error(schema.name, ": \"", dtype, "\" is no dtype"));
      descs[i].shape = read_shape(env, object.Get("shape"), schema.name.c_str());
      inputs[i] = &descs[i];
    }
    params.resize(schema.params_size / sizeof(std::max_align_t) + 1);
    schema.init_params(params.data());
    read_params(env, info[2], schema, params.data());
  }
};

// supports(op, descs, options, device) -> null when run() would take the call on that device; the
// message of kUnsupported, which says what is nearest, when not. All else is thrown.
Napi::Value supports_call(const Napi::CallbackInfo& info) {
  const DescribedCall call(info);
  const Backend* backend = nullptr;
  int device = 0;
  check(parse_device(info[3].ToString().Utf8Value(), &backend, &device));
  Outputs outputs;
  Status status = supports(*backend, device, call.op, call.params.data(), call.inputs, &outputs);
  if (status.ok()) return info.Env().Null();
  if (status.code != Code::kUnsupported) throw StatusError(std::move(status));
  return Napi::String::New(info.Env(), status.message);
}

// infer(op, descs, options) -> {dtype, shape}[]: what run() would return, without running.
Napi::Value infer(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const DescribedCall call(info);
  const OpSchema& schema = call.op.schema;
  Outputs outputs;
  check(schema.infer(call.params.data(), Inputs(call.inputs), outputs));
  auto out = Napi::Array::New(env, outputs.size());
  for (uint32_t i = 0; i < outputs.size(); ++i) {
    check(check_size(outputs[i].shape, outputs[i].dtype));
    auto object = Napi::Object::New(env);
    object["dtype"] = Napi::String::New(env, name(outputs[i].dtype));
    auto shape = Napi::Array::New(env, static_cast<size_t>(outputs[i].shape.rank));
    for (int d = 0; d < outputs[i].shape.rank; ++d)
      shape[static_cast<uint32_t>(d)] =
          Napi::Number::New(env, static_cast<double>(outputs[i].shape[d]));
    object["shape"] = shape;
    out[i] = object;
  }
  return out;
}

// The bytes of a typed array, DataView or ArrayBuffer. A detached or shrunk buffer has fewer than
// its view says: then 0.
std::pair<const void*, size_t> bytes_of(Napi::Env env, napi_value value) {
  bool is = false;
  void* data = nullptr;
  size_t length = 0;
  check(env, napi_is_typedarray(env, value, &is));
  if (is) {
    napi_typedarray_type type;
    napi_value buffer;
    size_t offset = 0;
    check(env, napi_get_typedarray_info(env, value, &type, &length, &data, &buffer, &offset));
    static constexpr size_t kSizes[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
    const size_t index = static_cast<size_t>(type);
    if (index >= std::size(kSizes))
      throw StatusError(param_error("tensor: this kind of typed array cannot be read"));
    return {data, data ? length * kSizes[index] : 0};
  }
  check(env, napi_is_arraybuffer(env, value, &is));
  if (!is) throw StatusError(param_error("tensor: data must be a typed array or an ArrayBuffer"));
  check(env, napi_get_arraybuffer_info(env, value, &data, &length));
  return {data, length};
}

// fromData(dtype, shape, bytes: TypedArray, device?, stream?) -> handle
Napi::Value from_data(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  DType dtype = DType::kF32;
  const std::string dtype_name = info[0].ToString();
  if (!parse_dtype(dtype_name, &dtype))
    throw StatusError(dtype_error("tensor: \"", dtype_name, "\" is no dtype"));
  const Shape shape = read_shape(env, info[1], "tensor");
  check(check_size(shape, dtype));
  const auto [data, size] = bytes_of(env, info[2]);
  const auto expected = static_cast<size_t>(shape.elements() * size_of(dtype));
  if (size != expected)
    throw StatusError(shape_error("tensor: shape ", shape, " of ", dtype_name, " needs ", expected,
                                  " bytes of data, got ", size));
  const std::shared_ptr<Stream> stream =
      stream_for(env, "tensor", first_stream(env, info[3]), info[4], env.Undefined(), nullptr);
  Tensor tensor;
  check(stream->upload(dtype, shape, data, &tensor));
  return make_handle(env, std::move(tensor));
}

// sync(device) -> Promise<void>: everything enqueued so far on the device, on any stream of this
// environment, has run. The first failure of an operator since the last time rejects it.
Napi::Value sync(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  EnvData& data = EnvData::of(env);
  std::shared_ptr<Stream> first;
  check(data.stream(info[0].ToString().Utf8Value(), &first));
  struct Shared {
    std::mutex mutex;
    size_t missing;
    Status failure;
  };
  const auto streams = data.streams_on(*first);
  auto shared = std::make_shared<Shared>();
  shared->missing = streams.size();
  return promise(env, [&](std::function<void(Status)> done) {
    for (const auto& stream : streams)
      stream->sync([shared, done](Status status) {
        std::unique_lock lock(shared->mutex);
        if (shared->failure.ok()) shared->failure = std::move(status);
        if (--shared->missing > 0) return;
        lock.unlock();
        done(std::move(shared->failure));
      });
  });
}

Napi::Value number(Napi::Env env, double value) { return Napi::Number::New(env, value); }

halftone_memory_info memory_of(const Backend& backend, int device) {
  halftone_memory_info info{};
  halftone_status status{};
  if (const int32_t code = backend.api->memory_info(device, &info, &status); code != 0)
    throw StatusError(to_status(code, status));
  return info;
}

// memory() -> one entry per device that this environment has used
Napi::Value memory(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto out = Napi::Array::New(env);
  for (const auto& [key, stream] : EnvData::of(env).devices()) {
    const MemoryStats& m = stream->memory();
    halftone_memory_info device{};  // of a lost device nothing is known
    halftone_status unknown{};
    static_cast<void>(stream->backend().api->memory_info(stream->device(), &device, &unknown));
    auto entry = Napi::Object::New(env);
    entry["device"] = Napi::String::New(env, stream->device_name());
    entry["tensors"] = number(env, static_cast<double>(m.tensors.load()));
    entry["live"] = number(env, static_cast<double>(m.live_bytes.load()));
    entry["allocated"] = number(env, static_cast<double>(m.allocated_bytes.load()));
    entry["peak"] = number(env, static_cast<double>(m.peak_bytes.load()));
    entry["cached"] = number(env, static_cast<double>(device.reserved - device.used));
    out[out.Length()] = entry;
  }
  return out;
}

// deviceMemory(device) -> what the whole process holds on it
Napi::Value device_memory(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Backend* backend = nullptr;
  int device = 0;
  check(parse_device(info[0].ToString().Utf8Value(), &backend, &device));
  const halftone_memory_info m = memory_of(*backend, device);
  auto out = Napi::Object::New(env);
  const auto set = [&](const char* key, uint64_t bytes) {
    out[key] = number(env, static_cast<double>(bytes));
  };
  set("used", m.used);
  set("usedPeak", m.used_peak);
  set("reserved", m.reserved);
  set("reservedPeak", m.reserved_peak);
  set("free", m.free_bytes);
  set("total", m.total_bytes);
  set("staging", m.staging);
  if (m.limit)
    set("limit", m.limit);
  else
    out["limit"] = env.Null();
  return out;
}

// configure(device, key, value)
Napi::Value configure(const Napi::CallbackInfo& info) {
  const Backend* backend = nullptr;
  int device = 0;
  check(parse_device(info[0].ToString().Utf8Value(), &backend, &device));
  halftone_status status{};
  const int32_t code = backend->api->configure(device, info[1].ToString().Utf8Value().c_str(),
                                               info[2].ToString().Utf8Value().c_str(), &status);
  check(to_status(code, status));
  return info.Env().Undefined();
}

Napi::Value trim(const Napi::CallbackInfo& info) {
  for (const auto& [key, stream] : EnvData::of(info.Env()).devices())
    stream->backend().api->trim(stream->device());
  return info.Env().Undefined();
}

Napi::Value load_backend_module(const Napi::CallbackInfo& info) {
  const Backend* backend = nullptr;
  check(load_backend(info[0].ToString().Utf8Value(), &backend));
  return Napi::String::New(info.Env(), backend->name);
}

// openLibrary(file, request) -> {path, version}
Napi::Value open_shared_library(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto options = info[1].As<Napi::Object>();
  LibraryRequest request;
  request.file = info[0].ToString();
  const auto checks = options.Get("checks").As<Napi::Array>();
  for (uint32_t i = 0; i < checks.Length(); ++i) {
    const auto check = checks.Get(i).As<Napi::Object>();
    request.checks.push_back({check.Get("function").ToString(), check.Get("pair").ToBoolean(),
                              check.Get("least").ToNumber().Int64Value(),
                              check.Get("below").ToNumber().Int64Value()});
  }
  request.only_loaded = options.Get("onlyLoaded").ToBoolean();
  LibraryFound found;
  check(open_library(request, &found));
  auto out = Napi::Object::New(env);
  out["path"] = Napi::String::New(env, found.path);
  out["version"] = Napi::Number::New(env, static_cast<double>(found.version));
  return out;
}

Napi::Value initialize(const Napi::CallbackInfo& info) {
  EnvData::of(info.Env()).create_error = Napi::Persistent(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

}  // namespace

Napi::Object init(Napi::Env env, Napi::Object exports) {
  auto* data = new EnvData(env);
  env.SetInstanceData(data);
  // Runs before the environment's objects are finalized: no stream thread is left that could call
  // into it.
  env.AddCleanupHook([data] { data->close(); });

  exports["version"] = Napi::String::New(env, kVersion);
  exports["initialize"] = Napi::Function::New<guarded<initialize>>(env, "initialize");
  exports["run"] = Napi::Function::New<guarded<run>>(env, "run");
  exports["supports"] = Napi::Function::New<guarded<supports_call>>(env, "supports");
  exports["infer"] = Napi::Function::New<guarded<infer>>(env, "infer");
  exports["fromData"] = Napi::Function::New<guarded<from_data>>(env, "fromData");
  exports["sync"] = Napi::Function::New<guarded<sync>>(env, "sync");
  exports["memory"] = Napi::Function::New<guarded<memory>>(env, "memory");
  exports["deviceMemory"] = Napi::Function::New<guarded<device_memory>>(env, "deviceMemory");
  exports["configure"] = Napi::Function::New<guarded<configure>>(env, "configure");
  exports["trim"] = Napi::Function::New<guarded<trim>>(env, "trim");
  exports["loadBackend"] = Napi::Function::New<guarded<load_backend_module>>(env, "loadBackend");
  exports["openLibrary"] = Napi::Function::New<guarded<open_shared_library>>(env, "openLibrary");
  export_tensor_functions(env, exports);
  export_stream_functions(env, exports);
  export_describe_functions(env, exports);
  return exports;
}

}  // namespace halftone::js

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  return halftone::js::init(env, exports);
}
NODE_API_MODULE(halftone, Init)
