// State of one JavaScript environment (the main thread or a worker): nothing here is shared between
// environments.
#pragma once
#include <napi.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/stream.h"

namespace halftone::js {

/// Brings results from stream threads to the JavaScript thread, and keeps the process alive while
/// one is awaited.
class Completions : public std::enable_shared_from_this<Completions> {
 public:
  explicit Completions(napi_env env);

  napi_env env() const { return env_; }

  /// JavaScript thread: one more result is awaited.
  void begin();
  /// Any thread: runs `then` on the JavaScript thread, once per begin(). Dropped when the
  /// environment is going away.
  void post(std::function<void(Napi::Env)> then);
  /// JavaScript thread, at the end of the environment.
  void close();

 private:
  static void call(napi_env env, napi_value, void* context, void* data);

  napi_env env_;
  napi_threadsafe_function function_ = nullptr;
  int64_t pending_ = 0;  // JavaScript thread only
  std::mutex mutex_;
  bool closed_ = false;
};

class EnvData {
 public:
  explicit EnvData(Napi::Env env);
  static EnvData& of(Napi::Env env) { return *env.GetInstanceData<EnvData>(); }

  /// The environment's stream on a device ("cpu", "cuda:1"), started on first use.
  Status stream(const std::string& device, std::shared_ptr<Stream>* out);
  Status stream(const Backend& backend, int device, std::shared_ptr<Stream>* out);
  /// A further stream, which the environment closes when it ends.
  Status open_stream(const std::string& device, std::shared_ptr<Stream>* out);
  /// All streams of a device that the environment has used.
  std::vector<std::shared_ptr<Stream>> streams_on(const Stream& device) const;
  using Devices = std::map<std::pair<std::string, int>, std::shared_ptr<Stream>>;
  /// One stream for each device in use, by backend and number.
  const Devices& devices() const { return streams_; }
  void close();

  /// Keeps an object from being collected until unpin(), which gives it back. The number may travel
  /// to other threads; the object itself is only touched on this one. close() waits for all who
  /// write into a pinned ArrayBuffer.
  uint64_t pin(napi_value object);
  Napi::Value unpin(uint64_t number);

  Napi::FunctionReference create_error;  // (code, message) -> Error, from lib/errors.ts
  std::shared_ptr<Completions> completions;

 private:
  Devices streams_;
  std::vector<std::shared_ptr<Stream>> further_;
  std::unordered_map<uint64_t, Napi::ObjectReference> pinned_;
  uint64_t last_pin_ = 0;
  bool closed_ = false;
};

}  // namespace halftone::js
