// What the rest of the system knows about an op: its name, inputs, parameters and how output shapes
// follow. An op's header defines a struct with
//
//   struct Relu {
//     static constexpr const char* kName = "relu";                 // also the TypeScript
//     function's name static constexpr const char* kDoc = "max(x, 0)."; static constexpr Port
//     kInputs[] = {{.name = "x", .doc = "any float"}}; static constexpr const char* kOutputs[] =
//     {"y"}; struct Params { ... fields() }; static Status infer(const Params&, const Inputs&,
//     Outputs&);
//   };
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/field.h"
#include "core/shape.h"
#include "core/status.h"

namespace halftone {

/// dtype and shape of one tensor: all that infer() sees.
struct TensorDesc {
  DType dtype = DType::kF32;
  Shape shape;
};

/// An input of an op. `variadic` (last input only) takes one or more tensors.
struct Port {
  const char* name = "";
  const char* doc = "";
  bool optional = false;
  bool variadic = false;
};

/// The inputs given to infer(): by position; an optional one may be absent.
class Inputs {
 public:
  explicit Inputs(std::span<const TensorDesc* const> all) : all_(all) {}
  int size() const { return static_cast<int>(all_.size()); }
  bool has(int i) const { return i < size() && all_[static_cast<size_t>(i)] != nullptr; }
  const TensorDesc& operator[](int i) const { return *all_[static_cast<size_t>(i)]; }

 private:
  std::span<const TensorDesc* const> all_;
};

using Outputs = std::vector<TensorDesc>;

struct Field {
  std::string name;
  FieldKind kind = FieldKind::kBool;
  size_t offset = 0;
  size_t size = 0;
  FieldInfo info;
  const char* enum_name = nullptr;  // kEnum
  const char* enum_doc = nullptr;
  std::span<const char* const> enum_values;
  bool nullable = false;  // kEnum whose default is "the op chooses"
};

struct OpSchema {
  std::string name;
  std::string doc;
  std::span<const Port> inputs;
  std::span<const char* const> outputs;
  std::vector<Field> fields;
  size_t params_size = 0;
  void (*init_params)(void* params) = nullptr;  // constructs the defaults in params_size bytes
  /// Checks inputs and parameters, appends one TensorDesc per output. Messages come with the op's
  /// name in front.
  std::function<Status(const void* params, const Inputs&, Outputs&)> infer;
  uint64_t hash =
      0;  // of names, types and order: two modules with equal hashes agree on the bytes of Params
};

namespace detail {

template <class T>
constexpr FieldKind field_kind() {
  if constexpr (std::is_same_v<T, bool>)
    return FieldKind::kBool;
  else if constexpr (std::is_same_v<T, int64_t>)
    return FieldKind::kInt;
  else if constexpr (std::is_same_v<T, double>)
    return FieldKind::kDouble;
  else if constexpr (std::is_same_v<T, IntList>)
    return FieldKind::kIntList;
  else if constexpr (std::is_same_v<T, MaybeInt>)
    return FieldKind::kMaybeInt;
  else if constexpr (std::is_same_v<T, DType>)
    return FieldKind::kDType;
  else if constexpr (std::is_same_v<T, MaybeDType>)
    return FieldKind::kMaybeDType;
  else if constexpr (std::is_same_v<T, Padding>)
    return FieldKind::kPadding;
  else {
    static_assert(std::is_enum_v<T> && sizeof(T) == 4,
                  "a field is one of the types of core/field.h");
    return FieldKind::kEnum;
  }
}

uint64_t hash_schema(const OpSchema&);

/// Refuses dtypes of kind kStored among the inputs and the fields, for ops that do not say
///   static constexpr bool kStoredTypes = true;
Status refuse_stored(std::span<const Port>, std::span<const Field>, const void* params,
                     const Inputs&);

}  // namespace detail

/// Two input counts out of the ports: those that must be given, and the most that may.
struct Arity {
  int least = 0;
  int most = 0;  // INT_MAX when variadic
};
Arity arity(const OpSchema&);

template <class Op>
OpSchema make_schema() {
  using Params = typename Op::Params;
  static_assert(std::is_trivially_copyable_v<Params>, "Params cross a C ABI as bytes");
  OpSchema s;
  s.name = Op::kName;
  s.doc = Op::kDoc;
  s.inputs = Op::kInputs;
  s.outputs = Op::kOutputs;
  s.params_size = sizeof(Params);
  s.init_params = [](void* p) { new (p) Params(); };
  static Params defaults;
  defaults.fields([&](const char* name, auto& member, FieldInfo info) {
    using T = std::remove_reference_t<decltype(member)>;
    Field f;
    f.name = name;
    f.kind = detail::field_kind<T>();
    f.offset = static_cast<size_t>(reinterpret_cast<const char*>(&member) -
                                   reinterpret_cast<const char*>(&defaults));
    f.size = sizeof(T);
    f.info = info;
    if constexpr (std::is_enum_v<T> && !std::is_same_v<T, DType>) {
      f.enum_name = EnumNames<T>::kName;
      f.enum_doc = EnumNames<T>::kDoc;
      f.enum_values = EnumNames<T>::kValues;
      f.nullable = static_cast<int32_t>(member) < 0;
    }
    s.fields.push_back(std::move(f));
  });
  s.infer = [fields = s.fields](const void* params, const Inputs& in, Outputs& out) {
    const auto infer = [&]() -> Status {
      if constexpr (!requires { Op::kStoredTypes; })
        HALFTONE_TRY(detail::refuse_stored(Op::kInputs, fields, params, in));
      return Op::infer(*static_cast<const Params*>(params), in, out);
    };
    Status status = infer();
    if (!status.ok()) status.message = concat(Op::kName, ": ", status.message);
    return status;
  };
  s.hash = detail::hash_schema(s);
  return s;
}

/// Params of an op without parameters.
struct NoParams {
  int32_t unused = 0;
  template <class V>
  void fields(V&&) {}
};

}  // namespace halftone
