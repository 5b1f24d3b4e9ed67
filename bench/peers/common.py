"""What every Python contestant shares: the protocol, and problems read from files.

A contestant is a process that reads one JSON request a line and answers with one JSON line. It
stays alive through all rounds of a work item, so that compilation and warm-up happen once.
"""

import json
import os
import struct
import sys
import time
import traceback

import numpy as np


def serve(handlers):
    """Answers requests until standard input ends; `handlers` maps a request's work to a function."""
    # Libraries may print: keep standard output for the answers alone.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        if not line.strip():
            continue
        request = json.loads(line)
        work = request.pop("work")
        try:
            if work not in handlers:
                raise KeyError(f"no such work: {work}")
            reply = handlers[work](**request) or {}
        except Exception as error:  # reported to the driver, which decides
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


def read_safetensors(path):
    """The tensors of a .safetensors file, by name, as NumPy arrays."""
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        data = file.read()
    kinds = {"F32": "<f4", "F64": "<f8"}
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, end = entry["data_offsets"]
        values = np.frombuffer(data[start:end], dtype=kinds[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"]).copy()
    return tensors


def write_safetensors(path, tensors, metadata=None):
    """Writes float32 tensors as a .safetensors file."""
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, values in tensors.items():
        values = np.ascontiguousarray(values, dtype="<f4")
        start = len(data)
        data += values.tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": list(values.shape),
            "data_offsets": [start, len(data)],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


# Networks that are a list of layers.
LAYERED = ("mlp", "cnn")


class Problem:
    """A network on its data.

    `weights` is a list of layers, each `(weight, bias or None)`, with linear weights `[out, in]`
    and convolutions `[out, in, kernel, kernel]`, as in the files; for other networks than `mlp` and
    `cnn` the tensors by name.
    """

    def __init__(self, spec, dtype):
        self.model = spec["model"]
        self.kind = self.model["kind"]
        self.task = spec.get("task", {"positions": 1})
        self.activation = self.model["activation"]
        if self.kind not in LAYERED:
            self.check_model()
        elif self.activation not in ("tanh", "linear"):
            raise ValueError(f"the peers have no activation {self.activation!r}")
        if self.kind == "cnn" and self.model.get("pooling", "average") != "average":
            raise ValueError("the peers have average pooling only")
        if self.model.get("output_factor", 1.0) != 1.0:
            raise ValueError("the peers do not scale outputs")
        if spec["loss"]["kind"] != "mse":
            raise ValueError("the peers have squared error only")
        self.factor = spec["loss"].get("factor", 1.0) / self.task["positions"]
        self.x = np.load(spec["inputs"]).astype(dtype)
        self.y = np.load(spec["targets"]).astype(dtype)
        self.dtype = dtype
        self.weights = self.read_weights(spec["weights"])

    def check_model(self):
        """Refuses what the peers' ResNet, ViT and GPT are not."""
        if self.kind not in ("resnet", "vit", "gpt") or self.activation != "gelu":
            raise ValueError(f"the peers have no {self.kind} with {self.activation}")
        if self.model.get("norm", "group") != "group" or not self.model["bias"]:
            raise ValueError("the peers have group norm, and biases")

    def read_weights(self, path):
        """The layers in a file, or its tensors by name."""
        tensors = read_safetensors(path)
        if self.kind not in LAYERED:
            return {name: values.astype(self.dtype) for name, values in tensors.items()}
        layers, index = [], 0
        while f"layers.{index}.weight" in tensors:
            weight = tensors[f"layers.{index}.weight"].astype(self.dtype)
            bias = tensors.get(f"layers.{index}.bias")
            layers.append((weight, None if bias is None else bias.astype(self.dtype)))
            index += 1
        if not layers:
            raise ValueError(f"{path} holds no layers.<i>.weight")
        return layers


def write_weights(path, layers):
    """Writes layers, or tensors by name, as `read_weights` finds them."""
    if isinstance(layers, dict):
        write_safetensors(path, layers, {"format": "brink", "layout": "out_in"})
        return
    tensors = {}
    for index, (weight, bias) in enumerate(layers):
        tensors[f"layers.{index}.weight"] = weight
        if bias is not None:
            tensors[f"layers.{index}.bias"] = bias
    write_safetensors(path, tensors, {"format": "brink", "layout": "out_in"})


# Seconds of runs before those that count; as in `crates/cli/examples/cost`.
SETTLING = 0.1


def timed(work, repeat):
    """Seconds of each of `repeat` runs; those before them, one at least and for `SETTLING` seconds,
    are dropped: they refill the caches, and the threads of the contestant before may still spin."""
    begin = time.perf_counter()
    work()
    while time.perf_counter() < begin + SETTLING:
        work()
    return once(work, repeat)


def once(work, repeat):
    """Seconds of each of `repeat` runs, none before them: for what takes seconds."""
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return seconds


# Seconds of a run beside which noise is small, so that one run tells how fast a variant is.
LONG = 1


def fastest(variants, repeat=3):
    """The name of the fastest of the `variants` (name → function), each warmed up first.

    A variant that fails is left out; one that is slower by far or takes long is not repeated.
    """
    times = {}
    for name, work in variants.items():
        try:
            start = time.perf_counter()
            work()
            warm_up = time.perf_counter() - start
            best = min(times.values(), default=float("inf"))
            # Compilation takes seconds, so only what no compilation explains is dropped here.
            if warm_up > 30 + 5 * best:
                times[name] = warm_up
                continue
            start = time.perf_counter()
            work()
            times[name] = time.perf_counter() - start
            if times[name] < 3 * best and times[name] < LONG:
                times[name] = min([times[name], *timed(work, repeat - 1)])
        except Exception:
            traceback.print_exc()
    if not times:
        raise RuntimeError(f"none of {', '.join(variants)} runs")
    return min(times, key=times.get)


class Tally:
    """The account of consecutive training steps, as every contestant reports it."""

    def __init__(self):
        self.rows = {"seconds": [], "products": [], "eigenvalues": [], "losses": []}

    def add(self, seconds, products, eigenvalues, loss):
        self.rows["seconds"].append(seconds)
        self.rows["products"].append(products)
        self.rows["eigenvalues"].append([float(value) for value in eigenvalues])
        self.rows["losses"].append(float(loss))
