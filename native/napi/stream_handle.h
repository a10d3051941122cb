// The JavaScript objects that hold a stream, an event, a tape or a graph; lib/stream.ts and
// lib/capture.ts wrap them.
#pragma once
#include <napi.h>

#include <functional>
#include <string>

#include "core/graph.h"

namespace halftone::js {

/// A promise that `start` settles: it is given the function to call, once and from any thread, with
/// the outcome.
Napi::Value promise(Napi::Env env,
                    const std::function<void(std::function<void(Status)> done)>& start);

/// The stream on which `who` runs on the device of `first`, the environment's stream there: that of
/// the tape, else `stream` where it is of this device, else `first`. Both may be undefined; `out`
/// may be null. Throws when the tape is of another device.
std::shared_ptr<Stream> stream_for(Napi::Env env, const char* who, std::shared_ptr<Stream> first,
                                   napi_value stream, napi_value tape, std::shared_ptr<Tape>* out);
/// The environment's stream on a device as users write it; undefined: the CPU's.
std::shared_ptr<Stream> first_stream(Napi::Env env, Napi::Value device);

/// streamCreate, streamDispose, streamSync, streamRecord, streamWait, eventDone, eventWait,
/// eventElapsed, tapeBegin, graphCreate, graphReady, graphReplay, graphInfo, graphDispose.
void export_stream_functions(Napi::Env env, Napi::Object exports);

}  // namespace halftone::js
