// What an instrumented test leaves out of its tables. Under ThreadSanitizer each access to memory
// takes ten to fifty times as long; what it looks for, an order that is missing, shows in a few
// cases of each kind.
#pragma once

namespace halftone::test {

#if defined(__SANITIZE_THREAD__)
inline constexpr bool kThinned = true;
#else
inline constexpr bool kThinned = false;
#endif

/// How many of a number of like cases run: `all`, or `few` under ThreadSanitizer.
constexpr int cases(int all, int few) { return kThinned ? few : all; }

/// Lets every case of a table run, or each n-th under ThreadSanitizer. With an n that has no
/// divisor in common with the lengths of the loops that make the table, each value of each loop is
/// met.
class Thinned {
 public:
  explicit Thinned(int n) : n_(cases(1, n)) {}
  bool skip() { return count_++ % n_ != 0; }

 private:
  int n_, count_ = 0;
};

}  // namespace halftone::test
