// Stands for libcublasLt.so.13, libnvrtc.so.13 and libcudnn.so.9 in tests of the search for them:
// it has nothing but the functions that tell versions. FAKE_CUDART: the CUDA version that cuDNN was
// built for.
#include <cstddef>

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT size_t cublasLtGetVersion(void) { return 130203; }
EXPORT size_t cudnnGetVersion(void) { return 92405; }
EXPORT size_t cudnnGetCudartVersion(void) { return FAKE_CUDART; }
EXPORT int nvrtcVersion(int* major, int* minor) {
  *major = 13;
  *minor = 2;
  return 0;
}
