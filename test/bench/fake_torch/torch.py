"""As much of PyTorch as bench/torch_peer.py uses, without tensors: shapes are checked, events tell the host's time."""

import os
import time
from contextlib import contextmanager
from types import SimpleNamespace

__version__ = "9.9.9"
version = SimpleNamespace(cuda="13.0")
float32, float16, bfloat16, int8 = "float32", "float16", "bfloat16", "int8"
channels_last, contiguous_format = "channels_last", "contiguous"
SIZES = {"float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}


class Tensor:
    def __init__(self, shape, dtype):
        self.shape, self.dtype = tuple(shape), dtype

    def numel(self):
        count = 1
        for size in self.shape:
            count *= size
        return count

    def element_size(self):
        return SIZES[self.dtype]

    def to(self, dtype):
        return Tensor(self.shape, dtype)

    def contiguous(self, memory_format):
        assert memory_format in (channels_last, contiguous_format)
        return self

    def __mul__(self, _):
        return self

    def __sub__(self, _):
        return self


def rand(shape, dtype, device):
    assert device == "cuda"
    return Tensor(shape, dtype)


def randint(low, high, shape, dtype, device):
    assert (low, high, device) == (-127, 127, "cuda")
    return Tensor(shape, dtype)


def matmul(a, b):
    assert a.dtype == b.dtype and a.shape[-1] == b.shape[-2]
    return Tensor(a.shape[:-1] + b.shape[-1:], a.dtype)


def _int_mm(a, b):
    if a.shape[0] <= 16:
        raise RuntimeError(f"self.size(0) needs to be greater than 16, but got {a.shape[0]}")
    return matmul(a, b)


def same(x, *_, **__):
    return x


relu = exp = softmax = same


def sum(x, dim):
    return Tensor(x.shape[:dim], x.dtype)


def add(x, y, alpha=1):
    assert x.shape == y.shape
    return x


mul = add


@contextmanager
def no_grad():
    yield


def conv2d(x, w, stride, padding, groups):
    assert x.shape[1] == w.shape[1] * groups
    return x


class Event:
    def __init__(self, enable_timing):
        assert enable_timing
        self.time = None

    def record(self):
        self.time = time.perf_counter()

    def elapsed_time(self, last):
        return (last.time - self.time) * 1e3


def no_device(_):
    if "FAKE_TORCH_FAILS" in os.environ:
        raise RuntimeError("CUDA error: invalid device ordinal in /opt/somewhere/torch/cuda/__init__.py")


cuda = SimpleNamespace(
    is_available=lambda: "FAKE_TORCH_NO_DEVICE" not in os.environ,
    set_device=no_device,
    get_device_name=lambda index: f"Fake GPU {index}",
    synchronize=lambda: None,
    Event=Event,
)
backends = SimpleNamespace(
    cuda=SimpleNamespace(matmul=SimpleNamespace(allow_tf32=True)),
    cudnn=SimpleNamespace(allow_tf32=True, benchmark=False, version=lambda: 92400),
)
nn = SimpleNamespace(functional=SimpleNamespace(conv2d=conv2d))
