"""What the GPU's bench runs with: a prebuilt brink, the peers that are there, time limits."""

import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

from .contestant import Contestant, ContestantError
from .environment import BENCH, Environment

# A peer computes in float32, never in TF32, and takes memory as it needs it.
FLOAT32 = {
    "JAX_DEFAULT_MATMUL_PRECISION": "highest",
    "NVIDIA_TF32_OVERRIDE": "0",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}


class Budget:
    """The time that is left of the whole."""

    def __init__(self, seconds):
        self.end = time.monotonic() + seconds

    def within(self, most):
        """Seconds that a piece may take, `most` if they are left.

        # Errors
        `ContestantError` if none are.
        """
        left = self.end - time.monotonic()
        if left < 1:
            raise ContestantError("not begun: the time budget (--budget-s) was spent")
        return min(most, left)


class TimedContestant(Contestant):
    """A contestant that is ended when a request takes too long."""

    def __init__(self, budget, timeout, *arguments):
        super().__init__(*arguments)
        self.budget, self.timeout = budget, timeout

    def ask(self, work, **arguments):
        seconds = self.budget.within(self.timeout)
        late = threading.Event()

        def end():
            late.set()
            self.process.kill()

        timer = threading.Timer(seconds, end)
        timer.start()
        try:
            return super().ask(work, **arguments)
        except ContestantError as error:
            if late.is_set():
                raise ContestantError(
                    f"{self.name}, {work!r}: ended after {seconds:.0f} s"
                ) from error
            raise
        finally:
            timer.cancel()


class GpuEnvironment(Environment):
    """Prebuilt programs, the interpreter with the peers, one budget for all."""

    def __init__(self, options):
        self.work = options.out / ".work" / "gpu"
        self.logs = self.work / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.data_dir = options.data_dir
        self.python = options.python
        self.tiny = options.tiny
        self.timeout = options.timeout_s
        self.budget = Budget(options.budget_s)
        self.backend = None
        self.brink = options.binary
        self.cost = beside(options.binary, "cost")

    def contestant(self, kind, name=None, referee=False):
        """`brink` on the CPU, which writes the problems; see `on` for the others."""
        return self.on("flex", name)

    def on(self, backend, name=None):
        """brink's measuring program on a backend."""
        if self.cost is None:
            raise ContestantError(f"no program `cost` beside {self.brink.name}, or in examples/")
        name = name or f"brink {backend}"
        return self.start(name, [self.cost, backend], {})

    def peer(self, kind):
        """JAX or PyTorch, on the GPU if it sees one."""
        environment = FLOAT32 | {"BRINK_PEER_DEVICE": "cpu" if self.tiny else "gpu"}
        environment["JAX_PLATFORMS"] = "cpu" if self.tiny else ""
        command = [self.python, BENCH / "peers" / f"{kind}_peer.py"]
        return self.start(kind, command, environment)

    def start(self, name, command, environment):
        self.budget.within(self.timeout)
        log = self.logs / f"{name.replace(' ', '-')}.log"
        return TimedContestant(self.budget, self.timeout, name, command, log, environment)

    def backends(self):
        """The GPU backends that the binary has."""
        text = self.command([self.brink, "devices"])
        # Each backend's line, and the first below it, which says whether this build has it.
        lines = text.splitlines()
        below = {
            line.split(":")[0].split(" ")[0]: after
            for line, after in zip(lines, [*lines[1:], ""])
            if not line.startswith(" ")
        }
        built = {name for name, after in below.items() if "not compiled in" not in after}
        return [name for name in ("wgpu", "cuda") if name in built], text

    def command(self, command):
        """What a command prints, within the time that is left.

        # Errors
        `ContestantError` with the end of what it said.
        """
        seconds = self.budget.within(self.timeout)
        command = [str(part) for part in command]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise ContestantError(f"{Path(command[0]).name}: ended after {seconds:.0f} s") from error
        except OSError as error:
            raise ContestantError(f"{Path(command[0]).name}: {error}") from error
        if done.returncode != 0:
            said = " ".join(done.stderr.split())[-600:]
            raise ContestantError(f"{Path(command[0]).name} ended with {done.returncode}: {said}")
        return done.stdout

    def train(self, backend, name, config, *changes):
        """A run of brink on a backend; its folder."""
        folder = self.work / "runs" / name
        shutil.rmtree(folder, ignore_errors=True)
        command = self.brink_train(config, folder, *changes) + ["--backend", backend]
        self.command(command)
        return folder

    def missing_peers(self):
        """Why a peer cannot run, by name; empty if all can."""
        missing = {}
        for peer, modules in {"jax": "jax, scipy", "torch": "torch, scipy"}.items():
            try:
                self.command([self.python, "-c", f"import numpy, {modules}"])
            except ContestantError as error:
                missing[peer] = str(error)
        return missing


def beside(binary, name):
    """A program beside another, or in `examples/` beside it, as cargo places it."""
    places = [binary.parent / name, binary.parent / "examples" / name]
    return next((place for place in places if os.access(place, os.X_OK)), None)


def nvidia_smi(query):
    """A line of nvidia-smi's, or `None` where it is not there."""
    command = ["nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip().splitlines()[0] if done.returncode == 0 and done.stdout else None
