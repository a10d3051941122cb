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

// run(op, inputs: (handle | null)[], options, device?) -> handle[]
// All inputs live on one device, which runs the op; without inputs, `device` says where.
Napi::Value run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const RegisteredOp& op = op_of(info[0]);
  const auto list = info[1].As<Napi::Array>();
  const uint32_t count = list.Length();
  check_count(op.schema, count);

  // Held here: reading the options may run JavaScript (a getter), which may dispose the inputs.
  std::vector<Tensor> held(count);
  std::vector<const Tensor*> inputs(count, nullptr);
  std::shared_ptr<Stream> stream;
  uint32_t first = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const Napi::Value value = list[i];
    if (is_nullish(env, value)) {
      check_given(op.schema, i);
      continue;
    }
    held[i] = tensor_of(env, value, op.schema.name.c_str());
    inputs[i] = &held[i];
    const auto& its = inputs[i]->storage->shared_stream();
    if (!stream) {
      stream = its;
      first = i;
    } else if (!stream->same_device(*its)) {
      throw StatusError(param_error(op.schema.name, ": all inputs must be on one device, got ",
                                    port_name(op.schema, first), " on ", stream->device_name(),
                                    " and ", port_name(op.schema, i), " on ", its->device_name()));
    }
  }
  if (!stream)
    check(EnvData::of(env).stream(info[3].IsUndefined() ? "cpu" : info[3].ToString().Utf8Value(),
                                  &stream));

  std::vector<std::max_align_t> params(op.schema.params_size / sizeof(std::max_align_t) + 1);
  op.schema.init_params(params.data());
  read_params(env, info[2], op.schema, params.data());
  std::vector<Tensor> outputs;
  check(stream->run(op, params.data(), inputs, &outputs));
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

// fromData(dtype, shape, bytes: TypedArray, device?) -> handle
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
  std::shared_ptr<Stream> stream;
  check(EnvData::of(env).stream(info[3].IsUndefined() ? "cpu" : info[3].ToString().Utf8Value(),
                                &stream));
  Tensor tensor;
  check(stream->upload(dtype, shape, data, &tensor));
  return make_handle(env, std::move(tensor));
}

// sync(device?) -> Promise<void>: everything enqueued so far on the device (all devices when not
// given) has run.
Napi::Value sync(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  EnvData& data = EnvData::of(env);
  std::shared_ptr<Stream> stream;
  check(data.stream(info[0].ToString().Utf8Value(), &stream));
  auto deferred = std::make_shared<Napi::Promise::Deferred>(env);
  auto completions = data.completions;
  completions->begin();
  stream->sync([deferred, completions](Status status) {
    completions->post([deferred, status](Napi::Env env) {
      if (!status.ok()) return deferred->Reject(to_error(env, status));
      deferred->Resolve(env.Undefined());
    });
  });
  return deferred->Promise();
}

// memory() -> one entry per device that this environment has used
Napi::Value memory(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto out = Napi::Array::New(env);
  for (const auto& [key, stream] : EnvData::of(env).streams()) {
    const MemoryStats m = stream->memory();
    halftone_memory_info device{};
    halftone_status unknown{};
    static_cast<void>(stream->backend().api->memory_info(stream->device(), &device, &unknown));
    auto entry = Napi::Object::New(env);
    auto number = [&](const char* name, int64_t n) {
      entry[name] = Napi::Number::New(env, static_cast<double>(n));
    };
    entry["device"] = Napi::String::New(env, stream->device_name());
    number("tensors", m.tensors);
    number("live", m.live_bytes);
    number("allocated", m.allocated_bytes);
    number("peak", m.peak_bytes);
    number("cached", static_cast<int64_t>(device.reserved - device.used));
    out[out.Length()] = entry;
  }
  return out;
}

Napi::Value trim(const Napi::CallbackInfo& info) {
  for (const auto& [key, stream] : EnvData::of(info.Env()).streams())
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
  exports["trim"] = Napi::Function::New<guarded<trim>>(env, "trim");
  exports["loadBackend"] = Napi::Function::New<guarded<load_backend_module>>(env, "loadBackend");
  exports["openLibrary"] = Napi::Function::New<guarded<open_shared_library>>(env, "openLibrary");
  export_tensor_functions(env, exports);
  export_describe_functions(env, exports);
  return exports;
}

}  // namespace halftone::js

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  return halftone::js::init(env, exports);
}
NODE_API_MODULE(halftone, Init)
