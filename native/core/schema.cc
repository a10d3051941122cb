#include "core/schema.h"

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

}  // namespace detail
}  // namespace halftone
