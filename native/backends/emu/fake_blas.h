// What tests can ask the fake of the BLAS library, and how they can take abilities away from it.
#pragma once
#include <cstdint>

#include "vendor/blas.h"

namespace halftone::vendor {

/// The last product that ran, argument by argument.
struct FakeBlasRecord {
  BlasMatmul problem;
  BlasAlgorithm algorithm;
  BlasScalar alpha, beta;
  int64_t runs = 0;      // since the last reset
  int64_t searches = 0;  // calls of blas_candidates
};
FakeBlasRecord fake_blas_record();

/// Forgets what ran and gives back all abilities.
void fake_blas_reset();

/// From now on there is no algorithm with any of these numerical flags; the pedantic ones go with
/// `pedantic` alone.
void fake_blas_without(uint64_t impl_flags, bool pedantic = false);

/// From now on relu makes zeros of NaN (fmaxf), or GELU takes tanh from an instruction that is off
/// by 2^-11.
struct FakeBlasFlaws {
  bool relu_drops_nan = false, coarse_tanh = false;
};
void fake_blas_flawed(FakeBlasFlaws flaws);
FakeBlasFlaws fake_blas_flaws();

/// The parts of the fake: whether a factor is 0, and the product itself.
bool fake_blas_zero(DType scale, const BlasScalar& factor);
void fake_blas_multiply(const BlasMatmul& problem, const BlasAlgorithm& how,
                        const BlasOperands& operands);

}  // namespace halftone::vendor
