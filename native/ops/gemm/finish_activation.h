// What our own kernel can apply to a product before it is stored.
#pragma once
#include <cstdint>

namespace halftone {

enum class FinishActivation : int32_t { kNone, kRelu, kGeluTanh };

}  // namespace halftone
