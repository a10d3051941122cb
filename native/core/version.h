#pragma once

namespace halftone {

/// The same as in package.json; test/contract/version.test.ts compares them.
inline constexpr const char* kVersion = "0.1.0";

}  // namespace halftone
