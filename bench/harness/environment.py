"""What the benchmark runs with: a virtual environment with the peers, and brink's own build."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from .contestant import Contestant

BENCH = Path(__file__).resolve().parent.parent
ROOT = BENCH.parent

# Contestants by the packages they cannot do without. SciPy and NumPy serve several.
NEEDS = {
    "jax": ["jax", "scipy", "numpy"],
    "torch": ["torch", "scipy", "numpy"],
    "curvlinops": ["curvlinops", "torch", "scipy", "numpy"],
    "openblas": ["numpy"],
}

# ARPACK's short vector work is fastest on one thread of BLAS; XLA and PyTorch's own threads for the
# products are not touched by it.
ONE_BLAS_THREAD = {"OPENBLAS_NUM_THREADS": "1"}


class Environment:
    """Paths, what is installed, and how to start each contestant."""

    def __init__(self, options):
        self.work = BENCH / ".work"
        self.logs = self.work / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.backend = options.backend
        self.data_dir = options.data_dir
        self.python = None
        self.missing = {}
        self.versions = {}

    def prepare_peers(self, venv):
        """Makes the virtual environment, or takes the one named, and says what it lacks."""
        folder = Path(venv) if venv else BENCH / ".venv"
        self.python = folder / "bin" / "python"
        if not self.python.exists():
            if venv:
                sys.exit(f"{self.python} does not exist; name a virtual environment with --venv")
            say(f"makes {folder.relative_to(ROOT)} and installs the peers (some minutes, once)")
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        reasons = {} if venv else self.install()
        for peer, modules in NEEDS.items():
            lacking = [module for module in modules if not self.can_import(module)]
            if lacking:
                why = next((reasons[m] for m in lacking if m in reasons), "it cannot be imported")
                self.missing[peer] = f"{lacking[0]}: {why}"

    def install(self):
        """Installs each requirement by itself; returns why some could not be."""
        reasons = {}
        for line in (BENCH / "requirements.txt").read_text().splitlines():
            package = line.split("#")[0].strip()
            if not package:
                continue
            command = [self.python, "-m", "pip", "install", "--quiet", package]
            result = subprocess.run(command, capture_output=True, text=True)
            if result.returncode != 0:
                lines = result.stderr.strip().splitlines() or ["pip failed"]
                reasons[package.split("[")[0].split("-")[0]] = lines[-1]
        return reasons

    def can_import(self, module):
        command = [self.python, "-c", f"import {module}"]
        return subprocess.run(command, capture_output=True).returncode == 0

    def build_brink(self):
        """Builds the command and the contestant, and finds where cargo put them."""
        say("builds brink")
        command = ["cargo", "build", "--release", "--workspace", "--bin", "brink"]
        command += ["--example", "cost", "--message-format=json-render-diagnostics"]
        result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        if result.returncode != 0:
            sys.exit("brink does not build")
        for line in result.stdout.splitlines():
            message = json.loads(line)
            if message.get("executable") and message["target"]["name"] in ("brink", "cost"):
                setattr(self, message["target"]["name"], message["executable"])

    def use_build(self, folder):
        """Takes executables that are there."""
        self.brink, self.cost = Path(folder) / "brink", Path(folder) / "examples" / "cost"

    def contestant(self, kind, name=None, referee=False):
        """Starts a contestant: `brink`, `jax`, `torch` or `openblas`."""
        name = name or kind
        log = self.logs / f"{name.replace(' ', '-')}.log"
        if kind == "brink":
            command = [self.cost] + ([self.backend] if self.backend else [])
            return Contestant(name, command, log)
        script = {"openblas": "blas"}.get(kind, kind)
        command = [self.python, BENCH / "peers" / f"{script}_peer.py"]
        command += ["--float64"] if referee else []
        return Contestant(name, command, log, {} if kind == "openblas" else ONE_BLAS_THREAD)

    def referee(self):
        """A contestant in float64 that is not ours, or `None` if no peer is there."""
        for kind in ("jax", "torch"):
            if kind not in self.missing:
                return self.contestant(kind, f"{kind} float64", referee=True)
        return None

    def brink_train(self, config, folder, *changes):
        """The command line of a run of brink."""
        command = [self.brink, "train", ROOT / "configs" / config, "--quiet", "--force"]
        command += ["--out", folder]
        for change in (*self.data_changes(), *changes):
            command += ["--set", change]
        return command + (["--backend", self.backend] if self.backend else [])

    def data_changes(self):
        """Where the images come from."""
        if self.data_dir:
            return ["data.source=cifar10", f"data.dir={json.dumps(str(self.data_dir))}"]
        return ["data.source=auto"]

    def describe(self):
        """The machine and the revision, in words."""
        cpu = platform.processor() or "unknown CPU"
        try:
            for line in Path("/proc/cpuinfo").read_text().splitlines():
                if line.startswith("model name"):
                    cpu = line.split(":", 1)[1].strip()
                    break
        except OSError:
            pass
        git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
        revision = subprocess.run(git, capture_output=True, text=True).stdout.strip() or "unknown"
        return {
            "cpu": f"{os.cpu_count()} cores of {cpu}",
            "system": f"{platform.system()} {platform.release()}",
            "load before": f"{os.getloadavg()[0]:.2f}",
            "revision": revision,
        }


def say(text):
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)
