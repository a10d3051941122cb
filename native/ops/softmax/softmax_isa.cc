#include "ops/softmax/softmax_isa.h"

#ifndef HALFTONE_ISA_NS
#define HALFTONE_ISA_NS baseline
#endif

namespace halftone {
namespace HALFTONE_ISA_NS {

void softmax_f32(float* x, int64_t n) { softmax_in_place(x, n); }

}  // namespace HALFTONE_ISA_NS
}  // namespace halftone
