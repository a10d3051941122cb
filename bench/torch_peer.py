"""The benchmark's cases in PyTorch, measured as bench/measure.ts measures them.

Reads one JSON object from standard input:
{"device": 0, "method": {...}, "cases": [{"id": 0, "op": "matmul", ...}, ...]}. one JSON object per line: {"about": {...}} first, or {"unavailable": "why"} and nothing else; {"id": 0, "median": ...}
or {"id": 0, "error": "why"} for each case, {"host": {...}}, and {"done": true} last. A case that fails does not stop
the others.
"""

import json
import math
import sys
import time


def say(**line):
    print(json.dumps(line), flush=True)


def reason(error):
    """The first line of an error; bench/machine.ts takes the folders out of it."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:200]}"


def quantile(values, q):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.floor(q * len(ordered)))]


class Peer:
    def __init__(self, torch, method):
        self.torch = torch
        self.method = method
        self.plug_seconds = 0.0
        self.plug_operands = None

    # ---- inputs ----

    def dtype(self, name):
        return getattr(self.torch, name)

    def random(self, shape, dtype):
        torch = self.torch
        if dtype == "int8":
            return torch.randint(-127, 127, tuple(shape), dtype=torch.int8, device="cuda")
        values = torch.rand(tuple(shape), dtype=torch.float32, device="cuda") * 2 - 1
        return values.to(self.dtype(dtype))

    def work(self, case):
        """(inputs, call): a function that makes one set of inputs, and the call on them."""
        torch, op, dtype = self.torch, case["op"], case["dtype"]
        if op == "matmul":
            return (lambda: [self.random(case["a"], dtype), self.random(case["b"], dtype)], torch.matmul)
        if op == "int_mm":
            return (lambda: [self.random(case["a"], dtype), self.random(case["b"], dtype)], torch._int_mm)
        if op == "conv2d":
            layout = torch.channels_last if case["channelsLast"] else torch.contiguous_format

            def inputs():
                return [
                    self.random(case[name], dtype).contiguous(memory_format=layout) for name in ("x", "w")
                ]

            stride, padding, groups = case["stride"], case["padding"], case["groups"]
            return inputs, lambda x, w: torch.nn.functional.conv2d(
                x, w, stride=stride, padding=padding, groups=groups
            )
        count = 2 if op in ("add", "mul", "axpy") else 1
        calls = {
            "relu": torch.relu,
            "exp": torch.exp,
            "add": torch.add,
            "mul": torch.mul,
            "axpy": lambda x, y: torch.add(y, x, alpha=2),
            "cast": lambda x: x.to(self.dtype(case["to"])),
            "sum": lambda x: torch.sum(x, dim=1),
            "softmax": lambda x: torch.softmax(x, dim=-1),
        }
        return (lambda: [self.random(case["shape"], dtype) for _ in range(count)], calls[op])

    def sets(self, inputs):
        first = inputs()
        size = sum(t.numel() * t.element_size() for t in first)
        count = min(256, max(1, math.ceil(self.method["rotateBytes"] / max(size, 1))))
        return [first] + [inputs() for _ in range(count - 1)]

    # ---- time ----

    def seconds(self, enqueue, before=None):
        """Seconds between two events around what `enqueue` gives the device."""
        torch = self.torch
        first = torch.cuda.Event(enable_timing=True)
        last = torch.cuda.Event(enable_timing=True)
        if before:
            before()
        first.record()
        enqueue()
        last.record()
        torch.cuda.synchronize()
        return first.elapsed_time(last) / 1e3

    def prepare_plug(self):
        """A product that keeps the device busy: see plugSeconds in bench/measure.ts."""
        if self.method["plugSeconds"] <= 0:
            return
        operands = [self.random((4096, 4096), "float16") for _ in range(2)]
        once = min(self.seconds(lambda: self.torch.matmul(*operands)) for _ in range(3))
        if once > 0:
            self.plug_operands, self.plug_seconds = operands, once

    def plug(self):
        for _ in range(math.ceil(self.method["plugSeconds"] / self.plug_seconds)):
            self.torch.matmul(*self.plug_operands)

    def measure(self, case):
        torch, method = self.torch, self.method
        torch.backends.cuda.matmul.allow_tf32 = bool(case["tf32"]) if "tf32" in case else False
        torch.backends.cudnn.allow_tf32 = bool(case["tf32"]) if "tf32" in case else False
        inputs, call = self.work(case)
        sets = self.sets(inputs)
        turn = 0

        def enqueue(calls):
            def run():
                nonlocal turn
                for _ in range(calls):
                    call(*sets[turn % len(sets)])
                    turn += 1

            return run

        self.seconds(enqueue(1))  # first use: plans, and cudnn.benchmark
        once = self.seconds(enqueue(1))
        spent = once
        while spent < method["warmupSeconds"]:
            once = self.seconds(enqueue(1))
            spent += max(once, 1e-4)
        wanted = math.ceil(method["minSampleSeconds"] / max(once, 1e-9))
        calls = min(method["maxCalls"], max(1, wanted))
        short = once * calls < method["plugSeconds"] * 2
        before = self.plug if short and self.plug_operands else None
        samples = [self.seconds(enqueue(calls), before) / calls for _ in range(method["samples"])]
        return {
            "median": quantile(samples, 0.5),
            "low": quantile(samples, 0.25),
            "high": quantile(samples, 0.75),
            "samples": method["samples"],
            "calls": calls,
            "sets": len(sets),
        }

    def host_cost(self):
        """Seconds that one tiny operator costs the host: until the call returns, and until all have run."""
        torch, calls = self.torch, self.method["hostCalls"]
        x = self.random((16,), "float32")
        enqueue, run = [], []
        with torch.no_grad():
            for sample in range(self.method["samples"] + 1):
                start = time.perf_counter()
                for _ in range(calls):
                    torch.relu(x)
                returned = time.perf_counter()
                torch.cuda.synchronize()
                if sample == 0:
                    continue
                enqueue.append((returned - start) / calls)
                run.append((time.perf_counter() - start) / calls)
        return {"enqueue": quantile(enqueue, 0.5), "run": quantile(run, 0.5)}


def main():
    request = json.load(sys.stdin)
    try:
        import torch
    except Exception as error:  # an installation that is broken raises more than ImportError
        say(unavailable=f"PyTorch cannot be imported: {reason(error)}")
        return
    try:
        if not torch.cuda.is_available():
            say(unavailable=f"PyTorch {torch.__version__} finds no CUDA device")
            return
        torch.cuda.set_device(request["device"])
        torch.backends.cudnn.benchmark = True
        say(
            about={
                "torch": torch.__version__,
                "cuda": torch.version.cuda,
                "cudnn": torch.backends.cudnn.version(),
                "device": torch.cuda.get_device_name(request["device"]),
                "cudnnBenchmark": True,
            }
        )
        peer = Peer(torch, request["method"])
        peer.prepare_plug()
    except Exception as error:
        say(unavailable=reason(error))
        return
    with torch.no_grad():
        for case in request["cases"]:
            try:
                say(id=case["id"], **peer.measure(case))
            except Exception as error:
                say(id=case["id"], error=reason(error))
    try:
        say(host=peer.host_cost())
    except Exception as error:
        say(host={"error": reason(error)})
    say(done=True)


main()
