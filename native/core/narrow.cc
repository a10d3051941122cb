#include "core/narrow.h"

namespace halftone {
namespace {

template <DType kType>
constexpr NarrowTable make_table() {
  NarrowTable table{};
  for (size_t i = 0; i < table.size(); ++i)
    table[i] = narrow::decode(narrow_format(kType), static_cast<uint8_t>(i));
  return table;
}

template <DType kType>
constexpr NarrowTable kTable = make_table<kType>();

}  // namespace

const NarrowTable& narrow_table(DType t) {
  return *dispatch_stored(
      t, []<DType kType>(TypeTag<StoredElement<kType>>) { return &kTable<kType>; });
}

}  // namespace halftone
