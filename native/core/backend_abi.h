/* The boundary between Halftone and a backend module: a table of C functions over plain data.
 *
 * A module is a shared library that exports `const halftone_backend* halftone_backend_get(void)`.
 * No exception and no C++ type crosses it. The loader refuses a module whose abi_version differs,
 * or whose op_hash() of any op that it supports differs from the loader's: the bytes of Params
 * would be read wrongly.
 *
 * Threads: all functions that take a stream are called from that stream's own thread, one call at a
 * time. The rest may be called from any thread. Every function that can fail returns a code of
 * core/status.h (0 is success) and, when it fails, fills *status. HALFTONE_DEVICE_LOST means that
 * nothing on that device will work again in this process. */
#ifndef HALFTONE_BACKEND_ABI_H
#define HALFTONE_BACKEND_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HALFTONE_ABI_VERSION 1
#define HALFTONE_MAX_RANK 8

typedef struct halftone_status {
  int32_t code;
  char message[1020]; /* zero-terminated */
} halftone_status;

/* Dense, row-major. rank -1: an optional input that was not given. */
typedef struct halftone_tensor {
  void* data; /* in the device's memory; unspecified when the tensor is empty */
  int32_t dtype;
  int32_t rank;
  int64_t dims[HALFTONE_MAX_RANK];
} halftone_tensor;

/* How a result was made. Strings are zero-terminated; empty when not known. */
typedef struct halftone_provenance {
  char library[48];    /* "halftone-cpu", "cudnn", ... */
  char version[24];    /* the library's */
  char kernel[96];     /* engine or kernel name */
  char storage[24];    /* dtype of the inputs in memory */
  char multiply[16];   /* type of the products */
  char accumulate[16]; /* type of the sums */
  int32_t tensor_cores;
  int32_t reserved;
  uint64_t workspace_bytes;
} halftone_provenance;

typedef struct halftone_device_info {
  char name[128];
  char detail[256]; /* instruction sets, compute capability: for people */
  uint64_t total_bytes;
  uint64_t free_bytes;
} halftone_device_info;

typedef struct halftone_call {
  const char* op;     /* registered name: "conv2d" */
  const void* params; /* the op's Params, params_size bytes */
  size_t params_size;
  const halftone_tensor* inputs;
  int32_t input_count;
  const halftone_tensor* outputs;
  int32_t output_count;
  const void*
      cancelled; /* a std::atomic<bool> (one byte): true once the result is no longer wanted */
} halftone_call;

typedef struct halftone_backend {
  uint32_t abi_version; /* HALFTONE_ABI_VERSION of the module's build */
  const char* name;     /* "cpu", "cuda": the first part of a device string */
  const char* version;
  int32_t host_memory; /* non-zero: the host may read and write what alloc() gives, and call alloc
                          and free on any thread */

  /* 0 when there are none; device_info(0) then fails with the reason. */
  int32_t (*device_count)(void);
  int32_t (*device_info)(int32_t device, halftone_device_info* info, halftone_status* status);

  /* The hash of the op's schema as this module was built with, 0 when it does not know the op. */
  uint64_t (*op_hash)(const char* op);

  /* A stream is a queue of work on one device. */
  int32_t (*stream_create)(int32_t device, void** stream, halftone_status* status);
  void (*stream_destroy)(void* stream);
  int32_t (*stream_sync)(void* stream, halftone_status* status);

  /* Memory of at least `bytes` (> 0), aligned to 64 bytes or more, in the order of the stream. */
  int32_t (*alloc)(void* stream, size_t bytes, void** data, halftone_status* status);
  void (*free)(void* stream, void* data, size_t bytes);
  int32_t (*copy_in)(void* stream, void* to, const void* from_host, size_t bytes,
                     halftone_status* status);
  /* The bytes are in `to_host` when it returns. */
  int32_t (*copy_out)(void* stream, void* to_host, const void* from, size_t bytes,
                      halftone_status* status);

  /* Whether this call could be run, and if not, why and what could. Cheap: called before each
   * enqueue. */
  int32_t (*supports)(int32_t device, const halftone_call* call, halftone_status* status);
  int32_t (*run)(void* stream, const halftone_call* call, halftone_provenance* provenance,
                 halftone_status* status);

  /* Bytes that the backend keeps for reuse. */
  uint64_t (*cached_bytes)(int32_t device);
  void (*trim)(int32_t device);
} halftone_backend;

typedef const halftone_backend* (*halftone_backend_get_fn)(void);

#ifdef __cplusplus
}
#endif
#endif
