#include "core/registry.h"

#include <unordered_map>

namespace halftone {

#define OP(folder) std::vector<CpuOp> folder##_cpu_ops();
#include "ops/ops.def"
#undef OP

const std::vector<RegisteredOp>& all_ops() {
  static const auto* ops = [] {
    auto* all = new std::vector<RegisteredOp>();
#define OP(folder) \
  for (const CpuOp& op : folder##_cpu_ops()) all->push_back({op.schema(), op.run, op.supports});
#include "ops/ops.def"
#undef OP
    return all;
  }();
  return *ops;
}

const RegisteredOp* find_op(std::string_view name) {
  static const auto* index = [] {
    auto* map = new std::unordered_map<std::string_view, const RegisteredOp*>();
    for (const RegisteredOp& op : all_ops()) map->emplace(op.schema.name, &op);
    return map;
  }();
  const auto found = index->find(name);
  return found == index->end() ? nullptr : found->second;
}

}  // namespace halftone
