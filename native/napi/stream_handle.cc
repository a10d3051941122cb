#include "napi/stream_handle.h"

#include "napi/env.h"
#include "napi/errors.h"
#include "napi/tensor_handle.h"

namespace halftone::js {
namespace {

/// A stream that nobody refers to any more ends with its tensors.
struct StreamOwner {
  std::shared_ptr<Stream> stream;
  ~StreamOwner() {
    if (stream) stream->retire();
  }
};
struct EventOwner {
  std::shared_ptr<Event> event;
  std::shared_ptr<Stream> stream;
};
struct TapeOwner {
  std::shared_ptr<Tape> tape;
};
struct GraphOwner {
  std::unique_ptr<Graph> graph;
};

template <class T>
struct Kind;
template <>
struct Kind<StreamOwner> {
  static constexpr napi_type_tag kTag = {0x51c2a6f3b7e94d08u, 0x8f1d0c53e6a2b971u};
  static constexpr const char* kName = "a Stream";
};
template <>
struct Kind<EventOwner> {
  static constexpr napi_type_tag kTag = {0x6b0e95d17ac34f22u, 0x93f4d7081b5ce6a3u};
  static constexpr const char* kName = "an event";
};
template <>
struct Kind<TapeOwner> {
  static constexpr napi_type_tag kTag = {0x2fd86a41c9e70b35u, 0xa17e3c920f64bd58u};
  static constexpr const char* kName = "a capture";
};
template <>
struct Kind<GraphOwner> {
  static constexpr napi_type_tag kTag = {0x84a3f0c62d1b97e5u, 0xc65b1e7f09d8a243u};
  static constexpr const char* kName = "a captured graph";
};

template <class T>
Napi::Object wrap(Napi::Env env, std::unique_ptr<T> owner) {
  auto object = Napi::Object::New(env);
  check(env,
        napi_wrap(
            env, object, owner.get(),
            [](napi_env, void* data, void*) { delete static_cast<T*>(data); }, nullptr, nullptr));
  static_cast<void>(owner.release());
  check(env, napi_type_tag_object(env, object, &Kind<T>::kTag));
  return object;
}

template <class T>
T& unwrap(Napi::Env env, napi_value value, const char* who) {
  napi_valuetype type = napi_undefined;
  bool tagged = false;
  check(env, napi_typeof(env, value, &type));
  if (type == napi_object)
    check(env, napi_check_object_type_tag(env, value, &Kind<T>::kTag, &tagged));
  if (!tagged) throw StatusError(param_error(who, ": ", Kind<T>::kName, " was expected"));
  void* data = nullptr;
  check(env, napi_unwrap(env, value, &data));
  return *static_cast<T*>(data);
}

const std::shared_ptr<Stream>& stream_of(Napi::Env env, napi_value value, const char* who) {
  const auto& stream = unwrap<StreamOwner>(env, value, who).stream;
  if (!stream) throw StatusError(error(Code::kDisposed, who, ": the stream was disposed"));
  return stream;
}

Graph& graph_of(Napi::Env env, napi_value value, const char* who) {
  const auto& graph = unwrap<GraphOwner>(env, value, who).graph;
  if (!graph) throw StatusError(error(Code::kDisposed, who, ": the graph was disposed"));
  return *graph;
}

bool is_undefined(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  return napi_typeof(env, value, &type) == napi_ok && type == napi_undefined;
}

std::vector<Tensor> tensors_of(Napi::Env env, Napi::Value value, const char* who) {
  const auto list = value.As<Napi::Array>();
  std::vector<Tensor> out;
  for (uint32_t i = 0; i < list.Length(); ++i)
    out.push_back(tensor_of(env, Napi::Value(list[i]), who));
  return out;
}

Napi::Array handles(Napi::Env env, const std::vector<Tensor>& tensors) {
  auto out = Napi::Array::New(env, tensors.size());
  for (uint32_t i = 0; i < tensors.size(); ++i) out[i] = make_handle(env, tensors[i]);
  return out;
}

// streamCreate(device) -> handle {device}
Napi::Value stream_create(const Napi::CallbackInfo& info) {
  auto owner = std::make_unique<StreamOwner>();
  check(EnvData::of(info.Env()).open_stream(info[0].ToString().Utf8Value(), &owner->stream));
  const std::string device = owner->stream->device_name();
  auto handle = wrap(info.Env(), std::move(owner));
  handle["device"] = Napi::String::New(info.Env(), device);
  return handle;
}

Napi::Value stream_dispose(const Napi::CallbackInfo& info) {
  auto& owner = unwrap<StreamOwner>(info.Env(), info[0], "dispose");
  if (owner.stream) owner.stream->retire();
  owner.stream.reset();
  return info.Env().Undefined();
}

// streamSync(stream) -> Promise<void>
Napi::Value stream_sync(const Napi::CallbackInfo& info) {
  const auto stream = stream_of(info.Env(), info[0], "sync");
  return promise(info.Env(), [&](auto done) { stream->sync(std::move(done)); });
}

// streamRecord(stream) -> event
Napi::Value stream_record(const Napi::CallbackInfo& info) {
  auto owner = std::make_unique<EventOwner>();
  owner->stream = stream_of(info.Env(), info[0], "record");
  owner->event = owner->stream->record(true);
  return wrap(info.Env(), std::move(owner));
}

// streamWait(stream, event)
Napi::Value stream_wait(const Napi::CallbackInfo& info) {
  const auto& event = unwrap<EventOwner>(info.Env(), info[1], "wait");
  const auto& stream = stream_of(info.Env(), info[0], "wait");
  if (event.stream != stream) stream->wait(event.event);
  return info.Env().Undefined();
}

Napi::Value event_done(const Napi::CallbackInfo& info) {
  const bool done = unwrap<EventOwner>(info.Env(), info[0], "done").event->reached();
  return Napi::Boolean::New(info.Env(), done);
}

// eventWait(event) -> Promise<void>
Napi::Value event_wait(const Napi::CallbackInfo& info) {
  const auto& owner = unwrap<EventOwner>(info.Env(), info[0], "wait");
  return promise(info.Env(),
                 [&](auto done) { owner.stream->reached(owner.event, std::move(done)); });
}

// eventElapsed(first, last) -> milliseconds
Napi::Value event_elapsed(const Napi::CallbackInfo& info) {
  const auto& first = unwrap<EventOwner>(info.Env(), info[0], "elapsed");
  const auto& last = unwrap<EventOwner>(info.Env(), info[1], "elapsed");
  double milliseconds = 0;
  check(Event::elapsed(*first.event, *last.event, &milliseconds));
  return Napi::Number::New(info.Env(), milliseconds);
}

// tapeBegin(inputs: handle[], device, stream?) -> tape {inputs: handle[]}
Napi::Value tape_begin(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::vector<Tensor> inputs = tensors_of(env, info[0], "capture");
  const auto stream =
      stream_for(env, "capture", first_stream(env, info[1]), info[2], env.Undefined(), nullptr);
  auto owner = std::make_unique<TapeOwner>();
  check(Graph::begin(stream, inputs, &owner->tape));
  const auto tape = owner->tape;
  auto handle = wrap(env, std::move(owner));
  handle["inputs"] = handles(env, tape->inputs);
  return handle;
}

// graphCreate(tape, outputs: handle[]) -> graph; the tape takes no more work
Napi::Value graph_create(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto& tape = unwrap<TapeOwner>(env, info[0], "capture");
  std::vector<Tensor> outputs = tensors_of(env, info[1], "capture");
  if (!tape.tape) throw StatusError(error(Code::kDisposed, "capture: it has ended"));
  for (const Tensor& t : outputs)
    if (!t.storage->stream().same_device(*tape.tape->stream))
      throw StatusError(param_error("capture: a result is on ", t.storage->stream().device_name(),
                                    ", the graph on ", tape.tape->stream->device_name()));
  auto owner = std::make_unique<GraphOwner>();
  owner->graph = std::make_unique<Graph>(std::move(tape.tape), std::move(outputs));
  return wrap(env, std::move(owner));
}

// graphReady(graph) -> Promise<void>: the recorded work has run once
Napi::Value graph_ready(const Napi::CallbackInfo& info) {
  Graph& graph = graph_of(info.Env(), info[0], "capture");
  return promise(info.Env(), [&](auto done) { graph.recorded(std::move(done)); });
}

// graphReplay(graph, inputs: handle[], copy) -> handle[]
Napi::Value graph_replay(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::vector<Tensor> inputs = tensors_of(env, info[1], "replay");
  std::vector<const Tensor*> pointers;
  for (const Tensor& t : inputs) pointers.push_back(&t);
  std::vector<Tensor> outputs;
  check(graph_of(env, info[0], "replay").replay(pointers, info[2].ToBoolean(), &outputs));
  return handles(env, outputs);
}

// graphInfo(graph) -> {device, steps, bytes, launched}
Napi::Value graph_info(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Graph& graph = graph_of(env, info[0], "graph");
  auto out = Napi::Object::New(env);
  out["device"] = Napi::String::New(env, graph.stream()->device_name());
  out["steps"] = Napi::Number::New(env, static_cast<double>(graph.steps()));
  out["bytes"] = Napi::Number::New(env, static_cast<double>(graph.bytes()));
  out["launched"] = Napi::Boolean::New(env, graph.launched());
  return out;
}

Napi::Value graph_dispose(const Napi::CallbackInfo& info) {
  unwrap<GraphOwner>(info.Env(), info[0], "dispose").graph.reset();
  return info.Env().Undefined();
}

}  // namespace

Napi::Value promise(Napi::Env env,
                    const std::function<void(std::function<void(Status)> done)>& start) {
  auto deferred = std::make_shared<Napi::Promise::Deferred>(env);
  auto completions = EnvData::of(env).completions;
  completions->begin();
  start([deferred, completions](Status status) {
    completions->post([deferred, status](Napi::Env env) {
      if (!status.ok()) return deferred->Reject(to_error(env, status));
      deferred->Resolve(env.Undefined());
    });
  });
  return deferred->Promise();
}

std::shared_ptr<Stream> first_stream(Napi::Env env, Napi::Value device) {
  std::shared_ptr<Stream> first;
  check(EnvData::of(env).stream(device.IsUndefined() ? "cpu" : device.ToString().Utf8Value(),
                                &first));
  return first;
}

std::shared_ptr<Stream> stream_for(Napi::Env env, const char* who, std::shared_ptr<Stream> first,
                                   napi_value stream, napi_value tape, std::shared_ptr<Tape>* out) {
  if (!is_undefined(env, tape)) {
    const auto& recorded = unwrap<TapeOwner>(env, tape, who).tape;
    if (recorded) {
      if (!recorded->stream->same_device(*first))
        throw StatusError(param_error(who, ": is on ", first->device_name(),
                                      ", but the graph that is captured on ",
                                      recorded->stream->device_name()));
      if (out) *out = recorded;
      return recorded->stream;
    }
  }
  if (is_undefined(env, stream)) return first;
  const auto& given = stream_of(env, stream, who);
  return given->same_device(*first) ? given : first;
}

void export_stream_functions(Napi::Env env, Napi::Object exports) {
  exports["streamCreate"] = Napi::Function::New<guarded<stream_create>>(env, "streamCreate");
  exports["streamDispose"] = Napi::Function::New<guarded<stream_dispose>>(env, "streamDispose");
  exports["streamSync"] = Napi::Function::New<guarded<stream_sync>>(env, "streamSync");
  exports["streamRecord"] = Napi::Function::New<guarded<stream_record>>(env, "streamRecord");
  exports["streamWait"] = Napi::Function::New<guarded<stream_wait>>(env, "streamWait");
  exports["eventDone"] = Napi::Function::New<guarded<event_done>>(env, "eventDone");
  exports["eventWait"] = Napi::Function::New<guarded<event_wait>>(env, "eventWait");
  exports["eventElapsed"] = Napi::Function::New<guarded<event_elapsed>>(env, "eventElapsed");
  exports["tapeBegin"] = Napi::Function::New<guarded<tape_begin>>(env, "tapeBegin");
  exports["graphCreate"] = Napi::Function::New<guarded<graph_create>>(env, "graphCreate");
  exports["graphReady"] = Napi::Function::New<guarded<graph_ready>>(env, "graphReady");
  exports["graphReplay"] = Napi::Function::New<guarded<graph_replay>>(env, "graphReplay");
  exports["graphInfo"] = Napi::Function::New<guarded<graph_info>>(env, "graphInfo");
  exports["graphDispose"] = Napi::Function::New<guarded<graph_dispose>>(env, "graphDispose");
}

}  // namespace halftone::js
