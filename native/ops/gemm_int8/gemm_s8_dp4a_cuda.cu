#include "ops/gemm_int8/gemm_s8_dp4a.h"

namespace halftone {

Status gemm_s8_dp4a(DeviceContext&, const GemmS8&, GemmS8Report*) {
  return unsupported("int8 products are not offered on CUDA yet; use device 'cpu'");
}

}  // namespace halftone
