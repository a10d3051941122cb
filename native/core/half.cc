#include "core/half.h"

#include "core/half_isa.h"

namespace halftone {
namespace {

// The ISA copies take raw bits: f16 and bf16 are one uint16_t each, with its size and alignment. A
// cast, not the address of the member: an empty tensor has no first element, and may have no
// address.
static_assert(sizeof(f16) == sizeof(uint16_t) && alignof(f16) == alignof(uint16_t));
static_assert(sizeof(bf16) == sizeof(uint16_t) && alignof(bf16) == alignof(uint16_t));
const uint16_t* bits(const f16* p) { return reinterpret_cast<const uint16_t*>(p); }
const uint16_t* bits(const bf16* p) { return reinterpret_cast<const uint16_t*>(p); }
uint16_t* bits(f16* p) { return reinterpret_cast<uint16_t*>(p); }
uint16_t* bits(bf16* p) { return reinterpret_cast<uint16_t*>(p); }

}  // namespace

void convert(const f16* in, float* out, int64_t n) {
  HALFTONE_ISA_PICK(f16_to_f32)(bits(in), out, n);
}
void convert(const bf16* in, float* out, int64_t n) {
  HALFTONE_ISA_PICK(bf16_to_f32)(bits(in), out, n);
}
void convert(const float* in, f16* out, int64_t n) {
  HALFTONE_ISA_PICK(f32_to_f16)(in, bits(out), n);
}
void convert(const float* in, bf16* out, int64_t n) {
  HALFTONE_ISA_PICK(f32_to_bf16)(in, bits(out), n);
}

}  // namespace halftone
