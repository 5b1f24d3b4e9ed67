"""The peers against NumPy, on networks of a hundred parameters.

The reference shares nothing with them: gradients by complex steps (exact to rounding), the Hessian
by central differences of these, all in float64. Run it with the peers' own Python:

    bench/.venv/bin/python bench/test_peers.py
"""

import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

BENCH = Path(__file__).resolve().parent
sys.path[:0] = [str(BENCH), str(BENCH / "peers")]

from common import write_weights
from harness.contestant import Contestant

SAMPLES, OUTPUTS, STEP_SIZE = 12, 3, 0.02


class Reference:
    """A network in NumPy, on random data."""

    def __init__(self, kind, folder, activation="tanh", bias=True, factor=0.5):
        random = np.random.default_rng(1)
        self.kind, self.factor = kind, factor
        self.activate = np.tanh if activation == "tanh" else lambda x: x
        features = 48
        self.x = random.standard_normal((SAMPLES, features)).astype(np.float32).astype(float)
        self.y = np.eye(OUTPUTS)[random.integers(0, OUTPUTS, SAMPLES)]
        shapes = [(2, features), (4, 2), (OUTPUTS, 4)]
        if kind == "cnn":
            shapes = [(2, 3, 3, 3), (3, 2, 3, 3), (OUTPUTS, 3)]
        self.layers = []
        for shape in shapes:
            # Large enough that the top eigenvalues lie well apart.
            bound = 2 / np.sqrt(np.prod(shape[1:]))
            draw = lambda size: random.uniform(-bound, bound, size).astype(np.float32).astype(float)
            self.layers.append((draw(shape), draw(shape[0]) if bias else None))
        model = {"kind": kind, "activation": activation, "bias": bias}
        model |= {"hidden": [2, 4]} if kind == "mlp" else {"channels": [2, 3], "kernel": 3}
        paths = {name: str(folder / f"{name}.npy") for name in ("inputs", "targets")}
        np.save(paths["inputs"], self.x.astype(np.float32))
        np.save(paths["targets"], self.y.astype(np.float32))
        self.weights = str(folder / "weights.safetensors")
        write_weights(self.weights, self.layers)
        loss = {"kind": "mse", "factor": factor}
        self.spec = {"model": model, "loss": loss, "weights": self.weights} | paths
        self.theta = np.concatenate(
            [part.ravel() for layer in self.layers for part in layer if part is not None]
        )

    def loss(self, theta):
        x, start, last = self.x.astype(theta.dtype), 0, len(self.layers) - 1
        for index, (weight, bias) in enumerate(self.layers):
            w = theta[start : start + weight.size].reshape(weight.shape)
            start += weight.size
            if weight.ndim == 4:
                x = self.convolve(x.reshape(SAMPLES, weight.shape[1], -1), w)
            else:
                x = x.reshape(SAMPLES, -1) @ w.T
            if bias is not None:
                b = theta[start : start + bias.size]
                start += bias.size
                x = x + b.reshape((-1,) + (1,) * (x.ndim - 2))
            if index < last:
                x = self.activate(x)
                if weight.ndim == 4:
                    n, c, side, _ = x.shape
                    x = x.reshape(n, c, side // 2, 2, side // 2, 2).mean((3, 5))
        return self.factor / SAMPLES * ((x - self.y) ** 2).sum()

    def convolve(self, x, w):
        side = int(round(x.shape[2] ** 0.5))
        padded = np.pad(x.reshape(*x.shape[:2], side, side), ((0, 0), (0, 0), (1, 1), (1, 1)))
        return sum(
            np.einsum("ncij,oc->noij", padded[:, :, i : i + side, j : j + side], w[:, :, i, j])
            for i in range(3)
            for j in range(3)
        )

    def gradient(self, theta):
        steps = 1e-30j * np.eye(theta.size)
        return np.array([self.loss(theta + step).imag for step in steps]) / 1e-30

    def hessian(self, theta):
        width = 1e-5
        sides = [
            (self.gradient(theta + width * unit) - self.gradient(theta - width * unit)) / 2 / width
            for unit in np.eye(theta.size)
        ]
        return (np.array(sides) + np.array(sides).T) / 2

    def exact(self):
        """Loss, gradient norm, product norm and eigenvalues, descending."""
        slope, curvature = self.gradient(self.theta), self.hessian(self.theta)
        norm = np.linalg.norm(slope)
        return {
            "loss": self.loss(self.theta),
            "gradient_norm": norm,
            "product_norm": np.linalg.norm(curvature @ slope) / norm,
            "eigenvalues": np.linalg.eigvalsh(curvature)[::-1][:2],
        }

    def descend(self, steps):
        """The losses of so many iterates of gradient descent."""
        theta, losses = self.theta, []
        for _ in range(steps):
            losses.append(self.loss(theta))
            theta = theta - STEP_SIZE * self.gradient(theta)
        return losses


METHODS = [("jax", "eigsh"), ("jax", "lobpcg"), ("torch", "eigsh"), ("torch", "curvlinops")]
PROBLEMS = {
    "tanh": {"kind": "mlp"},
    "linear": {"kind": "mlp", "activation": "linear", "bias": False, "factor": 1.0},
    "cnn": {"kind": "cnn"},
}


class Peers(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = Path(self.scratch.name)
        self.addCleanup(self.scratch.cleanup)

    def peer(self, name, *arguments):
        command = [sys.executable, BENCH / "peers" / f"{name}_peer.py", *arguments]
        return Contestant(name, command, self.folder / f"{name}.log")

    def close(self, found, exact, allowed, what):
        error = np.max(np.abs(np.asarray(found) - exact) / np.abs(exact))
        self.assertLess(error, allowed, f"{what}: {found} instead of {exact}")

    def test_values_in_float32_and_float64(self):
        for label, options in PROBLEMS.items():
            reference = Reference(folder=self.folder, **options)
            exact = reference.exact()
            for name in ("jax", "torch"):
                with self.subTest(label, peer=name), self.peer(name, "--float64") as referee:
                    referee.ask("load", problem=reference.spec)
                    found = referee.ask("exact", weights=reference.weights, count=2)
                    for key, allowed in (("loss", 1e-12), ("gradient_norm", 1e-12)):
                        self.close(found[key], exact[key], allowed, key)
                    # The reference's Hessian is one of finite differences.
                    for key in ("product_norm", "eigenvalues"):
                        self.close(found[key], exact[key], 1e-7, key)
                with self.subTest(label, peer=f"{name} float32"), self.peer(name) as peer:
                    peer.ask("load", problem=reference.spec)
                    found = peer.ask("values")
                    for key, value in found.items():
                        true = exact[key.removesuffix("_curvlinops")]
                        self.close(value, true, 2e-5, key)

    def test_steps(self):
        for label, options in PROBLEMS.items():
            reference = Reference(folder=self.folder, **options)
            exact, losses = reference.exact(), reference.descend(6)
            for name, method in METHODS:
                with self.subTest(label, method=f"{name} {method}"), self.peer(name) as peer:
                    peer.ask("load", problem=reference.spec)
                    start = {"weights": reference.weights, "count": 2, "tolerance": 1e-3}
                    peer.ask("start", method=method, **start)
                    found = peer.ask("steps", steps=6, step_size=STEP_SIZE)
                    self.close(found["losses"], losses, 1e-5, "losses")
                    self.close(found["eigenvalues"][0], exact["eigenvalues"], 1e-3, "eigenvalues")
                    if method == "lobpcg":
                        self.assertLess(max(found["products"][2:]), 12)
                    else:
                        self.assertGreater(min(found["products"]), 8)
                    # What it saves are the weights that the last step measured.
                    saved = str(self.folder / "saved.safetensors")
                    peer.ask("save", weights=saved)
                    again = peer.ask("exact", weights=saved, count=2)
                    self.close(again["loss"], losses[-1], 1e-5, "the saved weights' loss")
                    last = found["eigenvalues"][-1]
                    self.close(again["eigenvalues"], last, 1e-3, "the last eigenvalues")

    def test_the_trace_and_the_spectrum_of_curvlinops(self):
        reference = Reference("mlp", self.folder)
        curvature = reference.hessian(reference.theta)
        values = np.linalg.eigvalsh(curvature)
        with self.peer("torch") as peer:
            peer.ask("load", problem=reference.spec)
            # With half as many images as parameters next to nothing is left to chance.
            products = reference.theta.size // 2 * 2 - 2
            found = peer.ask("trace", products=products, repeat=1)
            self.close(found["trace"], np.trace(curvature), 1e-2, "trace")
            ends = [values[0], values[-1]]
            found = peer.ask("spectrum", probes=2, steps=8, ends=ends, repeat=2)
            self.assertEqual(len(found["seconds"]), 2)

    def test_compression_changes_nothing_but_the_width(self):
        import compress

        reference = Reference("mlp", self.folder)
        spec = dict(reference.spec)
        spec["inputs"] = str(self.folder / "narrow.npy")
        spec["weights"] = str(self.folder / "narrow.safetensors")
        compress.main(
            reference.spec["inputs"], spec["inputs"], f"{reference.weights}={spec['weights']}"
        )
        self.assertEqual(np.load(spec["inputs"]).shape, (SAMPLES, SAMPLES))
        exact = reference.exact()
        with self.peer("jax", "--float64") as referee:
            referee.ask("load", problem=spec)
            found = referee.ask("exact", weights=spec["weights"], count=2)
        for key in ("loss", "gradient_norm", "product_norm", "eigenvalues"):
            self.close(found[key], exact[key], 1e-6, key)


if __name__ == "__main__":
    unittest.main()
