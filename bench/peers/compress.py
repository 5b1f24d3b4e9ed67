"""The exact row-space compression of a problem's inputs, for contestants that have none.

X = Q·Vᵀ with orthonormal columns in V: training on Q with Vᵀ·W₁ has the same loss, gradient descent
and non-zero Hessian spectrum, wherever the first thing a network does to X is a linear map.

    compress.py INPUTS.npy COMPRESSED.npy WEIGHTS.safetensors=COMPRESSED.safetensors …
"""

import sys

import numpy as np

from common import read_safetensors, write_safetensors


def main(inputs, compressed, *pairs):
    x = np.load(inputs).astype(np.float64)
    basis, triangle = np.linalg.qr(x.T)
    np.save(compressed, np.ascontiguousarray(triangle.T, dtype=np.float32))
    for pair in pairs:
        source, target = pair.split("=")
        tensors = read_safetensors(source)
        # Linear weights are [out, in] in the file.
        tensors["layers.0.weight"] = tensors["layers.0.weight"].astype(np.float64) @ basis
        write_safetensors(target, tensors, {"format": "brink", "layout": "out_in"})


if __name__ == "__main__":
    main(*sys.argv[1:])
