#include "napi/params.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "napi/errors.h"

namespace halftone::js {
namespace {

napi_valuetype type_of(Napi::Env env, napi_value v) {
  napi_valuetype type;
  check(env, napi_typeof(env, v, &type));
  return type;
}

std::string to_text(Napi::Env env, napi_value v) {
  size_t length = 0;
  check(env, napi_get_value_string_utf8(env, v, nullptr, 0, &length));
  std::string text(length, '\0');
  check(env, napi_get_value_string_utf8(env, v, text.data(), length + 1, &length));
  return text;
}

// A value as it appears in a message: short, and without running any JavaScript.
std::string show(Napi::Env env, napi_value v) {
  switch (type_of(env, v)) {
    case napi_undefined:
      return "undefined";
    case napi_null:
      return "null";
    case napi_boolean: {
      bool b = false;
      check(env, napi_get_value_bool(env, v, &b));
      return b ? "true" : "false";
    }
    case napi_number: {
      double d = 0;
      check(env, napi_get_value_double(env, v, &d));
      return std::isnan(d) ? "NaN" : concat(d);
    }
    case napi_string: {
      const std::string s = to_text(env, v);
      return concat('"', s.size() > 60 ? s.substr(0, 60) + "..." : s, '"');
    }
    case napi_symbol:
      return "a symbol";
    case napi_function:
      return "a function";
    case napi_bigint:
      return "a bigint";
    default:
      break;
  }
  bool is_array = false;
  check(env, napi_is_array(env, v, &is_array));
  return is_array ? "an array" : "an object";
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substitute = diagonal + (std::tolower(a[i - 1]) != std::tolower(b[j - 1]));
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
    }
  }
  return row.back();
}

// ", did you mean "stride"?", or the list of what there is when nothing is near.
template <class Names>
std::string suggest(std::string_view given, const Names& names) {
  std::string best, all;
  size_t least = std::max<size_t>(2, given.size() / 3) + 1;
  for (std::string_view name : names) {
    all += concat(all.empty() ? "" : ", ", name);
    if (const size_t d = edit_distance(given, name); d < least) {
      least = d;
      best = name;
    }
  }
  if (!best.empty()) return concat(", did you mean \"", best, "\"?");
  return all.empty() ? ", there are none" : concat(", known are: ", all);
}

/// Reads one field. Knows the op and the field, for messages.
class Reader {
 public:
  Reader(Napi::Env env, const OpSchema& schema, const Field& field)
      : env_(env), schema_(schema), field_(field) {}

  void read(napi_value v, void* to) {
    switch (field_.kind) {
      case FieldKind::kBool:
        return put(to, boolean(v));
      case FieldKind::kInt:
        return put(to, whole(v));
      case FieldKind::kDouble:
        return put(to, number(v));
      case FieldKind::kEnum:
        return put(to, choice(v, field_.enum_values));
      case FieldKind::kIntList:
        return put(to, list(v));
      case FieldKind::kMaybeInt:
        return put(to, is_null(v) ? MaybeInt{} : MaybeInt{1, whole(v)});
      case FieldKind::kDType:
        return put(to, dtype(v));
      case FieldKind::kMaybeDType:
        return put(to, is_null(v) ? MaybeDType{} : MaybeDType{static_cast<int32_t>(dtype(v))});
      case FieldKind::kPadding:
        return put(to, padding(v));
    }
  }

 private:
  template <class T>
  void put(void* to, const T& value) {
    std::memcpy(to, &value, sizeof value);
  }

  template <class... A>
  [[noreturn]] void refuse(A&&... rule) {
    throw StatusError(
        param_error(schema_.name, ": ", field_.name, " must be ", std::forward<A>(rule)...));
  }

  bool is_null(napi_value v) { return type_of(env_, v) == napi_null; }

  bool boolean(napi_value v) {
    if (type_of(env_, v) != napi_boolean) refuse("true or false, got ", show(env_, v));
    bool b = false;
    check(env_, napi_get_value_bool(env_, v, &b));
    return b;
  }

  std::string range() {
    const auto &lo = field_.info.min, &hi = field_.info.max;
    if (std::isinf(lo) && std::isinf(hi)) return "";
    if (std::isinf(hi) || hi >= static_cast<double>(kMaxInt)) return concat(" >= ", lo);
    if (std::isinf(lo)) return concat(" <= ", hi);
    return concat(" in [", lo, ", ", hi, "]");
  }

  double number(napi_value v) {
    if (type_of(env_, v) != napi_number) refuse("a number", range(), ", got ", show(env_, v));
    double d = 0;
    check(env_, napi_get_value_double(env_, v, &d));
    if (d < field_.info.min || d > field_.info.max) refuse("a number", range(), ", got ", d);
    return d;
  }

  int64_t whole(napi_value v, const char* what = "an integer") {
    if (type_of(env_, v) == napi_bigint) {
      int64_t i = 0;
      bool exact = false;
      check(env_, napi_get_value_bigint_int64(env_, v, &i, &exact));
      if (!exact || static_cast<double>(i) < field_.info.min ||
          static_cast<double>(i) > field_.info.max)
        refuse(what, range(), ", got ", i, "n");
      return i;
    }
    if (type_of(env_, v) != napi_number) refuse(what, range(), ", got ", show(env_, v));
    double d = 0;
    check(env_, napi_get_value_double(env_, v, &d));
    const bool safe = std::trunc(d) == d && std::abs(d) <= 9007199254740991.0;  // 2^53 - 1
    if (!safe || d < field_.info.min || d > field_.info.max)
      refuse(what, range(), ", got ", show(env_, v));
    return static_cast<int64_t>(d);
  }

  int32_t choice(napi_value v, std::span<const char* const> names) {
    if (field_.nullable && type_of(env_, v) == napi_null) return -1;
    if (type_of(env_, v) == napi_string) {
      const std::string text = to_text(env_, v);
      for (size_t i = 0; i < names.size(); ++i)
        if (text == names[i]) return static_cast<int32_t>(i);
    }
    std::string all;
    for (const char* n : names) all += concat(all.empty() ? "'" : " | '", n, "'");
    refuse(all, ", got ", show(env_, v));
  }

  DType dtype(napi_value v) {
    DType t = DType::kF32;
    if (type_of(env_, v) == napi_string && parse_dtype(to_text(env_, v), &t)) return t;
    std::string all;
    for (const auto& d : kDTypes) all += concat(all.empty() ? "" : " ", d.name);
    refuse("a dtype (", all, "), got ", show(env_, v));
  }

  std::vector<int64_t> integers(napi_value v, size_t most) {
    bool is_array = false;
    check(env_, napi_is_array(env_, v, &is_array));
    if (!is_array) refuse("an array of integers", range(), ", got ", show(env_, v));
    uint32_t length = 0;
    check(env_, napi_get_array_length(env_, v, &length));
    if (length > most) refuse("an array of at most ", most, " integers, got ", length);
    std::vector<int64_t> values;
    for (uint32_t i = 0; i < length; ++i) {
      napi_value element;
      check(env_, napi_get_element(env_, v, i, &element));
      values.push_back(whole(element, "an array of integers"));
    }
    return values;
  }

  IntList list(napi_value v) {
    IntList out;
    const int count = field_.info.count;
    if (count > 0 && type_of(env_, v) == napi_number) {  // 2 stands for [2, 2]
      out.count = count;
      std::fill_n(out.values, count, whole(v));
      return out;
    }
    const std::vector<int64_t> values = integers(v, kMaxList);
    if (count >= 0 && static_cast<int>(values.size()) != count)
      refuse(count > 0 ? "an integer or " : "", "an array of ", count, " integers, got ",
             values.size());
    out.count = static_cast<int32_t>(values.size());
    std::copy(values.begin(), values.end(), out.values);
    return out;
  }

  Padding padding(napi_value v) {
    static constexpr const char* kModes[] = {"valid", "same", "same-lower"};
    Padding out;
    if (type_of(env_, v) == napi_string) {
      out.mode = Padding::kValid + choice(v, kModes);
      return out;
    }
    out.mode = Padding::kExplicit;
    if (type_of(env_, v) == napi_number) {
      std::fill_n(out.values, 4, whole(v));
      return out;
    }
    bool is_array = false;
    check(env_, napi_is_array(env_, v, &is_array));
    if (!is_array)
      refuse(
          "'valid' | 'same' | 'same-lower', an integer, [vertical, horizontal] or [top, bottom, "
          "left, right], got ",
          show(env_, v));
    const std::vector<int64_t> p = integers(v, 4);
    if (p.size() != 2 && p.size() != 4)
      refuse("[vertical, horizontal] or [top, bottom, left, right], got ", p.size(), " values");
    const bool two = p.size() == 2;
    const int64_t all[4] = {p[0], two ? p[0] : p[1], two ? p[1] : p[2], two ? p[1] : p[3]};
    std::copy(all, all + 4, out.values);
    return out;
  }

  Napi::Env env_;
  const OpSchema& schema_;
  const Field& field_;
};

}  // namespace

void read_params(Napi::Env env, napi_value options, const OpSchema& schema, void* params) {
  const napi_valuetype type = type_of(env, options);
  std::vector<bool> seen(schema.fields.size(), false);
  if (type == napi_object) {
    napi_value keys;
    check(env, napi_get_all_property_names(
                   env, options, napi_key_own_only,
                   static_cast<napi_key_filter>(napi_key_enumerable | napi_key_skip_symbols),
                   napi_key_numbers_to_strings, &keys));
    uint32_t count = 0;
    check(env, napi_get_array_length(env, keys, &count));
    for (uint32_t i = 0; i < count; ++i) {
      napi_value key, value;
      check(env, napi_get_element(env, keys, i, &key));
      check(env, napi_get_property(env, options, key, &value));
      const std::string name = to_text(env, key);
      const auto field = std::find_if(schema.fields.begin(), schema.fields.end(),
                                      [&](const Field& f) { return f.name == name; });
      if (field == schema.fields.end()) {
        std::vector<std::string_view> names;
        for (const Field& f : schema.fields) names.push_back(f.name);
        throw StatusError(
            param_error(schema.name, ": unknown option \"", name, "\"", suggest(name, names)));
      }
      if (type_of(env, value) == napi_undefined) continue;
      Reader(env, schema, *field).read(value, static_cast<char*>(params) + field->offset);
      seen[static_cast<size_t>(field - schema.fields.begin())] = true;
    }
  } else if (type != napi_undefined) {
    throw StatusError(
        param_error(schema.name, ": options must be an object, got ", show(env, options)));
  }
  for (size_t i = 0; i < seen.size(); ++i)
    if (!seen[i] && schema.fields[i].info.required)
      throw StatusError(
          param_error(schema.name, ": option ", schema.fields[i].name, " must be given"));
}

Napi::Value default_value(Napi::Env env, const Field& field, const void* params) {
  const char* at = static_cast<const char*>(params) + field.offset;
  auto as = [&]<class T>(TypeTag<T>) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
  };
  auto list = [&](const int64_t* values, int count) {
    auto out = Napi::Array::New(env, static_cast<size_t>(count));
    for (int i = 0; i < count; ++i)
      out[static_cast<uint32_t>(i)] = Napi::Number::New(env, static_cast<double>(values[i]));
    return out;
  };
  switch (field.kind) {
    case FieldKind::kBool:
      return Napi::Boolean::New(env, as(TypeTag<bool>{}));
    case FieldKind::kInt:
      return Napi::Number::New(env, static_cast<double>(as(TypeTag<int64_t>{})));
    case FieldKind::kDouble:
      return Napi::Number::New(env, as(TypeTag<double>{}));
    case FieldKind::kEnum: {
      const int32_t value = as(TypeTag<int32_t>{});
      if (value < 0) return env.Null();
      return Napi::String::New(env, field.enum_values[static_cast<size_t>(value)]);
    }
    case FieldKind::kIntList: {
      const auto value = as(TypeTag<IntList>{});
      return list(value.values, value.count);
    }
    case FieldKind::kMaybeInt: {
      const auto value = as(TypeTag<MaybeInt>{});
      if (!value.present) return env.Null();
      return Napi::Number::New(env, static_cast<double>(value.value));
    }
    case FieldKind::kDType:
      return Napi::String::New(env, name(as(TypeTag<DType>{})));
    case FieldKind::kMaybeDType: {
      const auto value = as(TypeTag<MaybeDType>{});
      if (!value.present()) return env.Null();
      return Napi::String::New(env, name(static_cast<DType>(value.value)));
    }
    case FieldKind::kPadding: {
      const auto value = as(TypeTag<Padding>{});
      if (value.mode == Padding::kExplicit) return list(value.values, 4);
      static constexpr const char* kModes[] = {"valid", "same", "same-lower"};
      return Napi::String::New(env, kModes[value.mode - Padding::kValid]);
    }
  }
  return env.Null();
}

Shape read_shape(Napi::Env env, napi_value value, const char* what) {
  bool is_array = false;
  check(env, napi_is_array(env, value, &is_array));
  if (!is_array)
    throw StatusError(
        shape_error(what, ": shape must be an array of integers >= 0, got ", show(env, value)));
  uint32_t rank = 0;
  check(env, napi_get_array_length(env, value, &rank));
  if (rank > static_cast<uint32_t>(kMaxRank))
    throw StatusError(
        shape_error(what, ": shape must have at most ", kMaxRank, " axes, got ", rank));
  Shape shape;
  for (uint32_t i = 0; i < rank; ++i) {
    napi_value element;
    check(env, napi_get_element(env, value, i, &element));
    double d = -1;
    if (type_of(env, element) == napi_number) check(env, napi_get_value_double(env, element, &d));
    if (!(d >= 0) || std::trunc(d) != d || d > 9007199254740991.0)
      throw StatusError(
          shape_error(what, ": shape[", i, "] must be an integer >= 0, got ", show(env, element)));
    shape.push_back(static_cast<int64_t>(d));
  }
  return shape;
}

}  // namespace halftone::js
