// A test program in one header: TEST(name) { CHECK(...); }, run by main() below. Prints each
// failure with its values, ends with "N passed, N failed" and a non-zero exit code on any failure.
// An argument runs only the tests whose name contains it.
#pragma once
#include <cstdio>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

namespace check {

struct Test {
  const char* name;
  void (*run)();
};
inline std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}
inline int failures_in_test = 0;

struct Register {
  Register(const char* name, void (*run)()) { tests().push_back({name, run}); }
};

inline void fail(const char* file, int line, const std::string& what) {
  // A broken kernel fails millions of times; ten lines tell enough.
  if (++failures_in_test <= 10) std::printf("  %s:%d: %s\n", file, line, what.c_str());
}

// A byte is shown as a number, not as a character.
template <class T>
void show(std::ostream& s, const T& value) {
  if constexpr (sizeof(T) == 1 && requires { +value; })
    s << +value;
  else
    s << value;
}

template <class A, class B>
void equal(const char* file, int line, const char* text, const A& a, const B& b) {
  if (a == b) return;
  std::ostringstream s;
  s.precision(17);
  s << text << ": ";
  show(s, a);
  s << " != ";
  show(s, b);
  fail(file, line, s.str());
}

}  // namespace check

#define TEST(name)                                           \
  static void name();                                        \
  static const check::Register register_##name(#name, name); \
  static void name()
#define CHECK(condition) \
  ((condition) ? void() : check::fail(__FILE__, __LINE__, "not true: " #condition))
#define CHECK_EQ(a, b) check::equal(__FILE__, __LINE__, #a " == " #b, (a), (b))
#define CHECK_OK(status_expression)                                                                \
  do {                                                                                             \
    const auto status_ = (status_expression);                                                      \
    if (!status_.ok()) check::fail(__FILE__, __LINE__, #status_expression ": " + status_.message); \
  } while (0)

int main(int argc, char** argv) {
  int passed = 0, failed = 0;
  for (const auto& test : check::tests()) {
    if (argc > 1 && !std::strstr(test.name, argv[1])) continue;
    check::failures_in_test = 0;
    test.run();
    const bool ok = check::failures_in_test == 0;
    std::printf("%s %s\n", ok ? "ok  " : "FAIL", test.name);
    std::fflush(stdout);
    ++(ok ? passed : failed);
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}
