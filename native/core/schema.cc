#include "core/schema.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace halftone {

Arity arity(const OpSchema& schema) {
  Arity a;
  for (const Port& port : schema.inputs) {
    if (!port.optional) ++a.least;
    if (port.variadic)
      a.most = std::numeric_limits<int>::max();
    else
      ++a.most;
  }
  return a;
}

namespace detail {

uint64_t hash_schema(const OpSchema& schema) {
  uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  auto text = [&](std::string_view s) {
    for (char c : s) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
    hash = (hash ^ 0xff) * 0x100000001b3u;  // ends the text, so that "ab","c" and "a","bc" differ
  };
  auto number = [&](uint64_t n) { text(std::to_string(n)); };
  text(schema.name);
  for (const Port& port : schema.inputs) {
    text(port.name);
    number(static_cast<uint64_t>(port.optional) * 2 + static_cast<uint64_t>(port.variadic));
  }
  for (const char* output : schema.outputs) text(output);
  number(schema.params_size);
  for (const Field& f : schema.fields) {
    text(f.name);
    number(static_cast<uint64_t>(f.kind));
    number(f.offset);
    number(f.size);
    for (const char* value : f.enum_values) text(value);
  }
  return hash ? hash : 1;  // 0 means "no such op" in the ABI
}

namespace {

Status stored_error(const char* what, DType t) {
  return dtype_error(what, " must be a type that can be computed in, got ", name(t),
                     ", which is stored, moved and cast only");
}

// The dtype that a field holds; a number that is none is left to infer().
bool holds_stored(const Field& f, const void* params, DType* t) {
  int32_t value = -1;
  if (f.kind == FieldKind::kDType || f.kind == FieldKind::kMaybeDType)
    std::memcpy(&value, static_cast<const char*>(params) + f.offset, sizeof value);
  if (!is_valid(value)) return false;
  *t = static_cast<DType>(value);
  return is_stored(*t);
}

}  // namespace

Status refuse_stored(std::span<const Port> ports, std::span<const Field> fields, const void* params,
                     const Inputs& in) {
  for (int i = 0; i < in.size(); ++i) {
    if (!in.has(i) || !is_stored(in[i].dtype)) continue;
    const size_t port = std::min(static_cast<size_t>(i), ports.size() - 1);  // the last: variadic
    return stored_error(ports[port].name, in[i].dtype);
  }
  DType t = DType::kF32;
  for (const Field& f : fields)
    if (holds_stored(f, params, &t)) return stored_error(f.name.c_str(), t);
  return {};
}

}  // namespace detail
}  // namespace halftone
