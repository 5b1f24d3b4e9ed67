"""Whether contestants compute the same thing: checked before anything is timed."""

import hashlib
from pathlib import Path

from .environment import say

# Relative errors allowed in float32 against a float64 referee.
LOSS = 2e-6
GRADIENT = 1e-5
PRODUCT = 1e-4


def is_ours(name):
    """Whether a contestant, or what begins with its name, is brink."""
    return name.startswith("brink")


class Referee:
    """The values in float64, by a contestant that is not ours."""

    def __init__(self, environment, problem, results):
        self.process = environment.referee()
        self.results = results
        self.known = {}
        if self.process is None:
            text = "no peer is installed: the values were compared with no referee"
            results.complain(text, failure=False)
        else:
            self.process.ask("load", problem=problem.spec)

    def __enter__(self):
        return self

    def __exit__(self, *exit):
        if self.process:
            self.process.__exit__(*exit)

    def values(self, weights, count):
        """Loss, gradient and product norms, and `count` eigenvalues, at the weights of a file.

        Regimes may begin at the same weights: what was asked before is not computed again.
        """
        if self.process is None:
            return None
        key = hashlib.sha256(Path(weights).read_bytes()).digest(), count
        if key not in self.known:
            self.known[key] = self.process.ask("exact", weights=str(weights), count=count)
        return self.known[key]

    def check_values(self, who, found, exact):
        """Compares what `values` answers."""
        if exact is None:
            return
        for key, allowed in (
            ("loss", LOSS),
            ("gradient_norm", GRADIENT),
            ("product_norm", PRODUCT),
            ("product_norm_curvlinops", PRODUCT),
        ):
            if key in found:
                what = key.removesuffix("_curvlinops").replace("_", " ")
                by = "curvlinops" if key.endswith("curvlinops") else who
                self.compare(f"{by}: {what}", found[key], exact[key.split("_curvl")[0]], allowed)

    def check_step(self, who, loss, eigenvalues, exact, tolerance):
        """Compares what one training step measured."""
        if exact is None:
            return
        self.compare(f"{who}: loss", loss, exact["loss"], LOSS)
        for index, (value, true) in enumerate(zip(eigenvalues, exact["eigenvalues"])):
            self.compare(f"{who}: λ{index + 1}", value, true, tolerance)

    def compare(self, what, found, exact, allowed):
        """Notes a disagreement, which is a failure where it is brink's."""
        error = abs(found - exact) / abs(exact)
        if not error <= allowed:
            text = f"{what} is {found:.8g}, but {exact:.8g} in float64 (off by {error:.1e}"
            text += f", {allowed:.0e} allowed)"
            say(f"  disagreement: {text}")
            self.results.complain(text, failure=is_ours(what))
