// What casts of the stored types share between backends.
#pragma once
#include <string>

#include "ops/cast/cast.h"

namespace halftone {

/// "cast_f32_f8e5m2_saturate"; "cast_copy" where nothing is converted.
inline std::string cast_kernel_name(const Cast::Params& p, DType from, DType to) {
  static constexpr const char* kPowers[] = {"_up", "_down", "_nearest"};
  if (from == to) return "cast_copy";
  const bool saturates = p.saturate && (is_integer(to) || is_stored(to));
  return concat("cast_", info(from).short_name, "_", info(to).short_name,
                to == DType::kF8E8M0 ? kPowers[static_cast<int>(p.powerRounding)] : "",
                saturates ? "_saturate" : "");
}

}  // namespace halftone
