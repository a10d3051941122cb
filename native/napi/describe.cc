#include "napi/describe.h"

#include <cmath>
#include <cstddef>
#include <vector>

#include "core/backend.h"
#include "core/cpu_features.h"
#include "core/peak.h"
#include "core/registry.h"
#include "napi/errors.h"
#include "napi/params.h"

namespace halftone::js {
namespace {

const char* kind_name(FieldKind kind) {
  switch (kind) {
    case FieldKind::kBool:
      return "bool";
    case FieldKind::kInt:
      return "int";
    case FieldKind::kDouble:
      return "number";
    case FieldKind::kEnum:
      return "enum";
    case FieldKind::kIntList:
      return "ints";
    case FieldKind::kMaybeInt:
      return "int?";
    case FieldKind::kDType:
      return "dtype";
    case FieldKind::kMaybeDType:
      return "dtype?";
    case FieldKind::kPadding:
      return "padding";
  }
  return "";
}

template <class Items, class F>
Napi::Array to_array(Napi::Env env, const Items& items, F&& convert) {
  auto out = Napi::Array::New(env);
  for (const auto& item : items) out[out.Length()] = convert(item);
  return out;
}

Napi::Object describe_field(Napi::Env env, const Field& field, const void* defaults) {
  auto out = Napi::Object::New(env);
  out["name"] = Napi::String::New(env, field.name);
  out["kind"] = Napi::String::New(env, kind_name(field.kind));
  out["doc"] = Napi::String::New(env, field.info.doc);
  out["required"] = Napi::Boolean::New(env, field.info.required);
  out["nullable"] = Napi::Boolean::New(env, field.nullable || field.kind == FieldKind::kMaybeInt ||
                                                field.kind == FieldKind::kMaybeDType);
  if (!field.info.required) out["default"] = default_value(env, field, defaults);
  if (std::isfinite(field.info.min)) out["min"] = Napi::Number::New(env, field.info.min);
  if (std::isfinite(field.info.max)) out["max"] = Napi::Number::New(env, field.info.max);
  if (field.kind == FieldKind::kIntList) out["count"] = Napi::Number::New(env, field.info.count);
  if (field.kind == FieldKind::kEnum) {
    out["enumName"] = Napi::String::New(env, field.enum_name);
    out["enumDoc"] = Napi::String::New(env, field.enum_doc);
    out["values"] =
        to_array(env, field.enum_values, [&](const char* v) { return Napi::String::New(env, v); });
  }
  return out;
}

// describeOps() -> the schema of every op, in the order of ops.def.
Napi::Value describe_ops(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return to_array(env, all_ops(), [&](const RegisteredOp& op) {
    const OpSchema& schema = op.schema;
    std::vector<std::max_align_t> defaults(schema.params_size / sizeof(std::max_align_t) + 1);
    schema.init_params(defaults.data());
    auto out = Napi::Object::New(env);
    out["name"] = Napi::String::New(env, schema.name);
    out["doc"] = Napi::String::New(env, schema.doc);
    out["inputs"] = to_array(env, schema.inputs, [&](const Port& port) {
      auto p = Napi::Object::New(env);
      p["name"] = Napi::String::New(env, port.name);
      p["doc"] = Napi::String::New(env, port.doc);
      p["optional"] = Napi::Boolean::New(env, port.optional);
      p["variadic"] = Napi::Boolean::New(env, port.variadic);
      return p;
    });
    out["outputs"] =
        to_array(env, schema.outputs, [&](const char* o) { return Napi::String::New(env, o); });
    out["params"] = to_array(env, schema.fields, [&](const Field& f) {
      return describe_field(env, f, defaults.data());
    });
    out["hash"] = Napi::String::New(env, concat(std::hex, schema.hash));
    return out;
  });
}

// backends() -> what is loaded, with its devices, and every module that was refused.
Napi::Value list_backends(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto out = Napi::Object::New(env);
  out["loaded"] = to_array(env, backends(), [&](const Backend* backend) {
    auto b = Napi::Object::New(env);
    b["name"] = Napi::String::New(env, backend->name);
    b["version"] = Napi::String::New(env, backend->api->version);
    if (backend->path.empty())
      b["path"] = env.Null();
    else
      b["path"] = Napi::String::New(env, backend->path);
    auto devices = Napi::Array::New(env);
    for (int i = 0; i < backend->api->device_count(); ++i) {
      halftone_device_info device{};
      halftone_status status{};
      auto d = Napi::Object::New(env);
      d["device"] = Napi::String::New(env, i == 0 ? backend->name : concat(backend->name, ":", i));
      if (const int32_t code = backend->api->device_info(i, &device, &status); code != 0) {
        d["error"] = Napi::String::New(env, status.message);
      } else {
        d["name"] = Napi::String::New(env, device.name);
        d["detail"] = Napi::String::New(env, device.detail);
        d["totalBytes"] = Napi::Number::New(env, static_cast<double>(device.total_bytes));
        d["freeBytes"] = Napi::Number::New(env, static_cast<double>(device.free_bytes));
      }
      devices[static_cast<uint32_t>(i)] = d;
    }
    b["devices"] = devices;
    auto libraries = Napi::Array::New(env);
    halftone_library library{};
    for (int32_t i = 0; backend->api->library(i, &library) == 0; ++i, library = {}) {
      auto l = Napi::Object::New(env);
      const auto text = [&](const char* key, const char* value) {
        if (value[0])
          l[key] = Napi::String::New(env, value);
        else
          l[key] = env.Null();
      };
      text("name", library.name);
      text("version", library.version);
      text("path", library.path);
      libraries[libraries.Length()] = l;
    }
    b["libraries"] = libraries;
    return b;
  });
  std::vector<LoadAttempt> refused;
  for (const LoadAttempt& attempt : load_attempts())
    if (!attempt.reason.empty()) refused.push_back(attempt);
  out["refused"] = to_array(env, refused, [&](const LoadAttempt& attempt) {
    auto a = Napi::Object::New(env);
    a["path"] = Napi::String::New(env, attempt.path);
    a["reason"] = Napi::String::New(env, attempt.reason);
    return a;
  });
  return out;
}

Napi::Value cpu(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto out = Napi::Object::New(env);
  out["isa"] = Napi::String::New(env, name(cpu_isa()));
  out["bestIsa"] = Napi::String::New(env, name(best_cpu_isa()));
  out["threads"] = Napi::Number::New(env, ThreadPool::global().size());
  auto features = Napi::Object::New(env);
  for (const CpuFeature& f : cpu_features())
    features[f.name] = Napi::Boolean::New(env, f.available);
  out["features"] = features;
  if (const char* unknown = unknown_cpu_isa_request())
    out["unknownIsaRequest"] = Napi::String::New(env, unknown);
  return out;
}

// peak(device, kind, seconds) -> what the device can do at most per second, for benchmarks. Blocks.
Napi::Value peak(const Napi::CallbackInfo& info) {
  static constexpr std::pair<const char*, PeakKind> kKinds[] = {{"copy", PeakKind::kCopy},
                                                                {"fma-float32", PeakKind::kFmaF32},
                                                                {"fma-float16", PeakKind::kFmaF16},
                                                                {"dot4-int8", PeakKind::kDot4S8}};
  const Backend* backend = nullptr;
  int device = 0;
  check(parse_device(info[0].ToString().Utf8Value(), &backend, &device));
  const std::string wanted = info[1].ToString();
  const double seconds = info[2].ToNumber();
  if (!(seconds > 0 && seconds <= 10))
    throw StatusError(param_error("peak: seconds must lie in (0, 10], got ", seconds));
  for (const auto& [name, kind] : kKinds) {
    if (name != wanted) continue;
    double per_second = 0;
    check(measure_peak(*backend, device, kind, seconds, &per_second));
    return Napi::Number::New(info.Env(), per_second);
  }
  throw StatusError(param_error("peak: there is no kind ", wanted));
}

}  // namespace

void export_describe_functions(Napi::Env env, Napi::Object exports) {
  exports["describeOps"] = Napi::Function::New<guarded<describe_ops>>(env, "describeOps");
  exports["backends"] = Napi::Function::New<guarded<list_backends>>(env, "backends");
  exports["peak"] = Napi::Function::New<guarded<peak>>(env, "peak");
  exports["cpu"] = Napi::Function::New<guarded<cpu>>(env, "cpu");
}

}  // namespace halftone::js
