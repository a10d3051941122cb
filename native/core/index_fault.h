// An index of a tensor that is out of range: how it is said, and how a kernel on a device notes it.
#pragma once
#include "core/shape.h"
#include "core/status.h"

namespace halftone {

/// The error of an index, `index` at flat position `position`, for axis `axis` of x.
inline Status index_error(int64_t index, int64_t position, int axis, const Shape& x) {
  return param_error("indices must lie in [", -x[axis], ", ", x[axis] - 1, "] for axis ", axis,
                     " of x ", x, ", got ", index, " at flat position ", position);
}

/// What a fault's text says beside the index: index i counts along axis first_axis + i % axes of x.
struct IndexedTensor {
  char op[24] = "";
  int64_t first_axis = 0, axes = 1;
  int64_t rank = 0, dims[kMaxRank] = {};
};

/// What kernels of a stream have noted, in the device's memory. All zeros: nothing.
///
/// The first call of the stream that meets such an index keeps its place; of that call's indices it
/// is the one at the lowest flat position, however the threads run.
struct IndexFault {
  unsigned long long call = 0;  // 0: none
  unsigned long long position = 0, index = 0;
  IndexedTensor of;
  unsigned lock = 0, reserved = 0;
};

inline Status status_of(const IndexFault& fault) {
  if (fault.call == 0) return {};
  Shape x;
  for (int64_t k = 0; k < fault.of.rank; ++k) x.push_back(fault.of.dims[k]);
  const auto position = static_cast<int64_t>(fault.position);
  const int64_t along = fault.of.axes > 1 ? position % fault.of.axes : 0;
  Status status = index_error(static_cast<int64_t>(fault.index), position,
                              static_cast<int>(fault.of.first_axis + along), x);
  status.message = concat(fault.of.op, ": ", status.message);
  return status;
}

/// What a call hands to its kernels.
struct IndexSite {
  IndexFault* fault = nullptr;  // nullptr: nothing is noted
  unsigned long long call = 0;  // from 1, in the stream's order
  IndexedTensor of;
};

}  // namespace halftone
