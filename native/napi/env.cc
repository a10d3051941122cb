#include "napi/env.h"

#include "napi/errors.h"

namespace halftone::js {

Completions::Completions(napi_env env) : env_(env) {
  napi_value name;
  if (napi_create_string_utf8(env, "halftone", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this,
                                      &call, &function_) != napi_ok ||
      napi_unref_threadsafe_function(env, function_) != napi_ok)
    throw StatusError(error(Code::kInternal, "cannot create the completion queue"));
}

void Completions::begin() {
  if (pending_++ == 0) napi_ref_threadsafe_function(env_, function_);
}

void Completions::post(std::function<void(Napi::Env)> then) {
  auto data = std::make_unique<std::function<void(Napi::Env)>>(std::move(then));
  std::lock_guard lock(mutex_);
  if (closed_) return;
  if (napi_call_threadsafe_function(function_, data.get(), napi_tsfn_nonblocking) == napi_ok)
    static_cast<void>(data.release());
}

void Completions::call(napi_env env, napi_value, void* context, void* data) {
  std::unique_ptr<std::function<void(Napi::Env)>> then(
      static_cast<std::function<void(Napi::Env)>*>(data));
  if (!env) return;  // the environment is going away
  auto* self = static_cast<Completions*>(context);
  if (--self->pending_ == 0) napi_unref_threadsafe_function(env, self->function_);
  Napi::HandleScope scope(env);
  try {
    (*then)(Napi::Env(env));
  } catch (...) {
    // Settling a promise fails only when JavaScript may not run any more: a worker that is being
    // terminated.
  }
}

void Completions::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
}

EnvData::EnvData(Napi::Env env) : completions(std::make_shared<Completions>(env)) {}

Status EnvData::stream(const std::string& device, std::shared_ptr<Stream>* out) {
  const Backend* backend = nullptr;
  int index = 0;
  HALFTONE_TRY(parse_device(device, &backend, &index));
  return stream(*backend, index, out);
}

Status EnvData::stream(const Backend& backend, int device, std::shared_ptr<Stream>* out) {
  if (closed_) return error(Code::kAborted, "this environment is shutting down");
  const Devices::key_type key(backend.name, device);
  auto found = streams_.find(key);
  if (found == streams_.end()) {
    std::shared_ptr<Stream> made;
    HALFTONE_TRY(Stream::create(&backend, device, &made));
    found = streams_.emplace(key, std::move(made)).first;
  }
  *out = found->second;
  return {};
}

Status EnvData::open_stream(const std::string& device, std::shared_ptr<Stream>* out) {
  std::shared_ptr<Stream> first;  // it counts the memory of the device's tensors
  HALFTONE_TRY(stream(device, &first));
  std::erase_if(further_, [](const auto& s) { return s->finished(); });
  HALFTONE_TRY(Stream::create(&first->backend(), first->device(), out, first->shared_memory()));
  further_.push_back(*out);
  return {};
}

std::vector<std::shared_ptr<Stream>> EnvData::streams_on(const Stream& device) const {
  std::vector<std::shared_ptr<Stream>> found;
  for (const auto& [name, stream] : streams_)
    if (stream->same_device(device)) found.push_back(stream);
  for (const auto& stream : further_)
    if (stream->same_device(device)) found.push_back(stream);
  return found;
}

uint64_t EnvData::pin(napi_value object) {
  const uint64_t number = ++last_pin_;
  pinned_.emplace(number, Napi::Persistent(Napi::Object(completions->env(), object)));
  return number;
}

Napi::Value EnvData::unpin(uint64_t number) {
  const auto found = pinned_.find(number);
  const Napi::Value object = found->second.Value();
  pinned_.erase(found);
  return object;
}

void EnvData::close() {
  closed_ = true;
  completions->close();
  // All of them first: one may wait for another.
  for (auto& [name, stream] : streams_) stream->begin_close();
  for (auto& stream : further_) stream->begin_close();
  for (auto& [name, stream] : streams_) stream->close();
  for (auto& stream : further_) stream->close();
}

}  // namespace halftone::js
