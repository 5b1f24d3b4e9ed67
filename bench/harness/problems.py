"""Problems in files: every contestant reads exactly the same inputs, targets and weights."""

import re
import shutil
import subprocess

from .contestant import ContestantError
from .environment import BENCH, ROOT


class Problem:
    """An exported problem; `spec` is what a contestant's `load` takes."""

    def __init__(self, folder, answer):
        self.folder = folder
        self.samples, self.features = answer["samples"], answer["features"]
        self.outputs, self.step_size = answer["outputs"], answer["step_size"]
        self.source = answer["source"]
        self.model, self.loss, self.task = answer["model"], answer["loss"], answer["task"]

    def weights(self, steps=0):
        """The weights after so many steps."""
        return str(self.folder / f"weights-{steps}.safetensors")

    @property
    def spec(self):
        return {
            "model": self.model,
            "loss": self.loss,
            "task": self.task,
            "inputs": str(self.folder / "inputs.npy"),
            "targets": str(self.folder / "targets.npy"),
            "weights": self.weights(),
        }

    def widths(self, inputs=None):
        """Widths of a fully connected network, inputs and outputs included."""
        return [inputs or self.features, *self.model["hidden"], self.outputs]

    def describe(self):
        if self.model["kind"] not in ("mlp", "cnn"):
            return f"{self.model['kind']}, n = {self.samples}, {self.source}"
        widths = self.model.get("hidden") or self.model.get("channels")
        inner = "-".join(str(width) for width in (self.features, *widths, self.outputs))
        kind = "fc" if self.model["kind"] == "mlp" else "cnn"
        return f"{kind}-{self.model['activation']} {inner}, n = {self.samples}, {self.source}"


class Compressed(Problem):
    """The same problem on its inputs' coordinates in the space that they span."""

    def __init__(self, problem, folder):
        self.__dict__ |= vars(problem)
        self.folder = folder
        self.features = min(problem.samples, problem.features)


def makes_its_data(config):
    """Whether a config's data are made, not read: no folder of images is set for them."""
    return 'source = "sequence"' in (ROOT / "configs" / config).read_text()


def export(environment, name, config, *changes, after=(0,)):
    """Has brink write a problem to files: a config's, with changes, and the weights `after` some
    numbers of steps.

    Where the data hold fewer records than the config asks for, all there are are taken.
    """
    folder = environment.work / "problems" / name
    shutil.rmtree(folder, ignore_errors=True)
    request = {
        "config": str(ROOT / "configs" / config),
        "set": [*changes] if makes_its_data(config) else [*environment.data_changes(), *changes],
        "folder": str(folder),
        "after": list(after),
    }
    with environment.contestant("brink", "export") as brink:
        try:
            answer = brink.ask("export", **request)
        except ContestantError as error:
            available = re.search(r"asked for but there are (\d+)", str(error))
            if not available:
                raise
            request["set"].append(f"data.samples={available.group(1)}")
            answer = brink.ask("export", **request)
    return Problem(folder, answer)


def compress(environment, problem, after=(0,)):
    """The problem compressed, by NumPy, for peers that do not compress."""
    folder = problem.folder / "compressed"
    folder.mkdir(exist_ok=True)
    compressed = Compressed(problem, folder)
    shutil.copy(problem.folder / "targets.npy", folder / "targets.npy")
    pairs = [f"{problem.weights(steps)}={compressed.weights(steps)}" for steps in after]
    script = [environment.python, BENCH / "peers" / "compress.py"]
    files = [problem.folder / "inputs.npy", folder / "inputs.npy"]
    subprocess.run([*script, *files, *pairs], check=True)
    return compressed
