#include "backends/cuda/registry.h"

#include <unordered_map>

namespace halftone {

#define OP(folder) std::vector<CudaOp> folder##_cuda_ops();
#include "ops/ops.def"
#undef OP

namespace cuda {

const RegisteredCudaOp* find_op(std::string_view name) {
  static const auto* index = [] {
    auto* map = new std::unordered_map<std::string_view, const RegisteredCudaOp*>();
    const auto add = [&](const std::vector<CudaOp>& ops) {
      for (const CudaOp& op : ops) {
        const auto* entry = new RegisteredCudaOp{op.schema(), op};
        map->emplace(entry->schema.name, entry);
      }
    };
#define OP(folder) add(folder##_cuda_ops());
#include "ops/ops.def"
#undef OP
    return map;
  }();
  const auto found = index->find(name);
  return found == index->end() ? nullptr : found->second;
}

}  // namespace cuda
}  // namespace halftone
