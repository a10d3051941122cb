/* The boundary between Halftone and a backend module: a table of C functions over plain data.
 * Version 3.
 *
 * A module is a shared library that exports `const halftone_backend* halftone_backend_get(void)`.
 * No exception and no C++ type crosses it. The loader refuses a module whose abi_version differs,
 * or whose op_hash() of any op that it supports differs from the loader's: the bytes of Params
 * would be read wrongly.
 *
 * Threads: of the functions that take a stream, one at a time is called, from the stream's own
 * thread or once that has ended. The rest may be called from any thread. Every function that can
 * fail returns a code of core/status.h (0 is success) and, when it fails, fills *status.
 * kDeviceLost means that nothing on that device will work again in this process.
 *
 * Order: what a stream is given runs in that order, later than the call where the device works by
 * itself. `run` and `copy*` then report what is found out at once; a failure of the work itself
 * comes from whatever waits for it: stream_sync, event_wait, copy_out_end. */
#ifndef HALFTONE_BACKEND_ABI_H
#define HALFTONE_BACKEND_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HALFTONE_ABI_VERSION 3
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

/* Memory of one device, in bytes. */
typedef struct halftone_memory_info {
  uint64_t used, used_peak;         /* handed out: tensors and workspaces of this process */
  uint64_t reserved, reserved_peak; /* taken from the device, with what is kept for reuse */
  uint64_t limit;                   /* the most that `used` may be; 0: what the device has */
  uint64_t free_bytes, total_bytes; /* of the device, with all processes on it */
  uint64_t staging;                 /* page-locked host memory kept for copies */
} halftone_memory_info;

/* A library that a module uses. Strings are zero-terminated; empty when not known. */
typedef struct halftone_library {
  char name[32]; /* "cudnn" */
  char version[32];
  char path[512];
} halftone_library;

typedef struct halftone_backend {
  uint32_t abi_version; /* HALFTONE_ABI_VERSION of the module's build */
  const char* name;     /* "cpu", "cuda": the first part of a device string */
  const char* version;
  int32_t host_memory; /* non-zero: the host may read and write what alloc() gives, call alloc and
                          free on any thread, and all work is done when its call returns */
  int32_t graphs;      /* non-zero: the four functions of graphs are there */

  /* 0 when there are none; device_info(0) then fails with the reason. */
  int32_t (*device_count)(void);
  int32_t (*device_info)(int32_t device, halftone_device_info* info, halftone_status* status);
  /* The libraries, index 0 and up. Non-zero when there is none of that index. */
  int32_t (*library)(int32_t index, halftone_library* library);
  /* Sets an option of a device (-1: of all): "memory-limit" (bytes, 0: none), and what the module
   * has besides. */
  int32_t (*configure)(int32_t device, const char* key, const char* value, halftone_status* status);

  /* The hash of the op's schema as this module was built with, 0 when it does not know the op. */
  uint64_t (*op_hash)(const char* op);

  /* A stream is a queue of work on one device. Destroying it waits for its work. */
  int32_t (*stream_create)(int32_t device, void** stream, halftone_status* status);
  void (*stream_destroy)(void* stream);
  int32_t (*stream_sync)(void* stream, halftone_status* status);

  /* An event is a point in a stream's work: reached once all that the stream was given before is
   * done. With `timing`, time can be taken between two. */
  int32_t (*event_record)(void* stream, int32_t timing, void** event, halftone_status* status);
  /* Blocks until it is reached. */
  int32_t (*event_wait)(void* event, halftone_status* status);
  int32_t (*event_query)(void* event, int32_t* reached, halftone_status* status);
  /* Between two events with timing that are reached, on one device. */
  int32_t (*event_elapsed)(void* first, void* last, double* milliseconds, halftone_status* status);
  void (*event_destroy)(void* event);
  /* What the stream is given from here on begins after the event, which may be one of another
   * stream and device of this backend. The host does not wait. */
  int32_t (*stream_wait)(void* stream, void* event, halftone_status* status);

  /* Memory of at least `bytes` (> 0), aligned to 64 bytes or more, in the order of the stream. When
   * there is none the module gives back what it keeps for reuse and tries once more. */
  int32_t (*alloc)(void* stream, size_t bytes, void** data, halftone_status* status);
  void (*free)(void* stream, void* data, size_t bytes);
  /* `from_host` may change once it returns. */
  int32_t (*copy_in)(void* stream, void* to, const void* from_host, size_t bytes,
                     halftone_status* status);
  /* From device memory to memory of the same device. */
  int32_t (*copy)(void* stream, void* to, const void* from, size_t bytes, halftone_status* status);
  /* Begins to bring bytes to the host, and gives a ticket for them. With `ordered` they are those
   * of this point of the stream; without, `from` must not be written until copy_out_end() has
   * returned. It must not be freed until then either. `bytes` may be 0: the ticket is then for what
   * else there is to know of the work before. */
  int32_t (*copy_out_begin)(void* stream, const void* from, size_t bytes, int32_t ordered,
                            void** ticket, halftone_status* status);
  /* Any thread: blocks until the bytes are in `to_host`; they are dropped when it is null. Fails
   * with what kernels of the stream have found wrong since its last ticket, such as an index out of
   * range (kParam). The ticket is gone in every case. */
  int32_t (*copy_out_end)(void* ticket, void* to_host, halftone_status* status);

  /* Whether this call could be run, and if not, why and what could. Cheap: called before each
   * enqueue. */
  int32_t (*supports)(int32_t device, const halftone_call* call, halftone_status* status);
  int32_t (*run)(void* stream, const halftone_call* call, halftone_provenance* provenance,
                 halftone_status* status);

  /* Null when `graphs` is 0. Between begin and end the stream records what run() and copy() give it
   * instead of doing it; nothing else is called then. capture_end always ends the recording. Calls
   * with the same op, params and shapes have run on this stream before. */
  int32_t (*capture_begin)(void* stream, halftone_status* status);
  int32_t (*capture_end)(void* stream, void** graph, halftone_status* status);
  int32_t (*graph_launch)(void* stream, void* graph, halftone_status* status);
  void (*graph_destroy)(void* stream, void* graph);

  int32_t (*memory_info)(int32_t device, halftone_memory_info* info, halftone_status* status);
  /* Gives back to the system what is kept for reuse. */
  void (*trim)(int32_t device);

  /* What the device can do at most, measured in some `seconds` (> 0) each time: `kind` is a
   * PeakKind of core/peak.h. kUnsupported for kinds that cannot be measured here. */
  int32_t (*peak)(int32_t device, int32_t kind, double seconds, double* per_second,
                  halftone_status* status);
} halftone_backend;

typedef const halftone_backend* (*halftone_backend_get_fn)(void);

#ifdef __cplusplus
}
#endif
#endif
