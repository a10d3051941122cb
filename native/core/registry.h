// The table of all ops, built once from ops/ops.def.
#pragma once
#include <string_view>
#include <vector>

#include "core/kernel.h"

namespace halftone {

struct RegisteredOp {
  OpSchema schema;
  Status (*run_cpu)(const void* params, const KernelContext&);
  Status (*cpu_supports)(const void* params);  // nullptr: everything that passes infer()
};

/// All ops, in the order of ops.def. Built on first use, never changed, never destroyed.
const std::vector<RegisteredOp>& all_ops();

/// nullptr when there is no such op.
const RegisteredOp* find_op(std::string_view name);

}  // namespace halftone
