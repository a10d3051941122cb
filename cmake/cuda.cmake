# Decides whether the CUDA backend is built, and says why not. Sets HALFTONE_CUDA_SUMMARY.

if(NOT HALFTONE_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "HALFTONE_CUDA must be AUTO, ON or OFF, got ${HALFTONE_CUDA}")
endif()

set(HALFTONE_CUDA_REASON "")
if(HALFTONE_CUDA STREQUAL "OFF")
  set(HALFTONE_CUDA_REASON "HALFTONE_CUDA=OFF")
elseif(NOT EXISTS "${CMAKE_SOURCE_DIR}/native/backends/cuda/CMakeLists.txt")
  set(HALFTONE_CUDA_REASON "no native/backends/cuda")
else()
  # The backend finds its own toolkit and libraries; it sets HALFTONE_CUDA_REASON when it cannot.
  add_subdirectory(native/backends/cuda)
endif()

if(NOT HALFTONE_CUDA_REASON)
  set(HALFTONE_CUDA_SUMMARY "halftone_cuda.so")
else()
  set(HALFTONE_CUDA_SUMMARY "not built (${HALFTONE_CUDA_REASON})")
  if(HALFTONE_CUDA STREQUAL "ON")
    message(FATAL_ERROR "HALFTONE_CUDA=ON, but the CUDA backend cannot be built: ${HALFTONE_CUDA_REASON}")
  endif()
endif()
