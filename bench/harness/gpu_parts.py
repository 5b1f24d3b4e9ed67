"""The parts of the GPU's bench; each adds rows to a report, and may fail by itself."""

import csv
import json
import statistics

from .contestant import ContestantError
from .environment import say
from .gpu_device import nvidia_smi
from .problems import export

# Relative errors allowed in float32 against float64, before the edge.
LOSS, LAMBDA = 1e-5, 1e-4

# What is asked of the eigensolver where its values are compared with float64.
TIGHT = "measure.eigenvalues.relative_tolerance=2e-5"


class Report:
    """Rows of (part, what, who, value, unit), and what failed with its message."""

    def __init__(self):
        self.rows, self.failures, self.facts = [], [], {}

    def add(self, part, what, who, value, unit):
        self.rows.append({"part": part, "what": what, "who": who, "value": value, "unit": unit})

    def fail(self, part, what, message):
        say(f"  FAILED: {part}, {what}: {message}")
        self.failures.append({"part": part, "what": what, "message": str(message)})

    def attempt(self, part, what, work):
        """Does some work; what goes wrong in it is noted, and the rest goes on."""
        say(f"{part}: {what}")
        try:
            return work()
        except Exception as error:  # whatever it is, the other parts still run
            self.fail(part, what, f"{type(error).__name__}: {error}")
            return None


def nets(environment):
    """The networks that are timed: name → config and changes, and the steps of a turn."""
    if environment.tiny:
        small = ("data.samples=40", "model.hidden=[8,8]")
        vit = ("data.samples=6", "model.width=8", "model.heads=2", "model.depth=1")
        gpt = ("data.samples=8", "data.test_samples=8", "data.length=4", "model.width=8",
               "model.heads=2", "model.depth=1")
        return {
            "fc-tanh, n = 40": ("tanh.toml", small),
            "CNN, n = 8": ("cnn.toml", ("data.samples=8", "model.channels=[2,2]")),
            "ResNet-8, n = 4": ("resnet.toml", ("data.samples=4", "model.width=4")),
            "ViT, n = 6": ("vit.toml", vit),
            "GPT that sorts, n = 8": ("sorting.toml", gpt),
        }
    cnn = ("data.samples=5000", "model.channels=[32,32]")
    return {
        "fc-tanh, n = 1,000": ("tanh.toml", ("data.samples=1000",)),
        "CNN, n = 5,000": ("cnn.toml", cnn),
        "fc-tanh, n = 50,000": ("tanh.toml", ("data.samples=50000",)),
        "ResNet-8, n = 5,000": ("resnet.toml", ("data.samples=5000",)),
        "ViT, n = 5,000": ("vit.toml", ("data.samples=5000", "model.patch=4")),
        "GPT that sorts, n = 5,000": ("sorting.toml", ("data.samples=5000", "data.length=32")),
    }


def trace(folder):
    """The rows of a run's trace."""
    with open(folder / "trace.csv", newline="") as file:
        return list(csv.DictReader(file))


def agreement(environment, report, backend):
    """(a) Short runs on the GPU beside the same in float64 on the CPU."""
    steps = 3 if environment.tiny else 10
    sizes = {
        "quickstart": ("quickstart.toml", ["data.samples=40", "model.hidden=[8,8]"]),
        "tanh": ("tanh.toml", ["data.samples=40", "model.hidden=[8,8]"]),
        "cnn": ("cnn.toml", ["data.samples=10", "model.channels=[2,2]"]),
    }
    if not environment.tiny:
        sizes["quickstart"] = ("quickstart.toml", [])
        sizes["tanh"] = ("tanh.toml", ["data.samples=500"])
        sizes["cnn"] = ("cnn.toml", ["data.samples=100"])
    for name, (config, changes) in sizes.items():
        changes = [*changes, f"optimizer.steps={steps}", "measure.eigenvalues.every=1", TIGHT]

        def compare():
            exact = environment.train("flex", f"{name}-float64", config, *changes,
                                      'run.dtype="float64"')
            found = environment.train(backend, f"{name}-{backend}", config, *changes)
            for column, allowed in (("loss", LOSS), ("lambda_1", LAMBDA), ("lambda_2", LAMBDA)):
                error = largest_error(trace(found), trace(exact), column, steps)
                report.add("agreement", f"{name}: {column}", backend, error, "relative error")
                if not error <= allowed:
                    report.fail("agreement", f"{name}: {column} on {backend}",
                                f"off by {error:.1e} from float64, {allowed:.0e} allowed")

        report.attempt("agreement", f"{name} on {backend}", compare)


def largest_error(found, exact, column, steps):
    """The largest relative difference of a column in two traces.

    # Errors
    `ContestantError` if a row or a value is missing.
    """
    if len(found) != steps or len(exact) != steps:
        raise ContestantError(f"{len(found)} and {len(exact)} rows instead of {steps}")
    pairs = [(row[column], other[column]) for row, other in zip(found, exact)]
    if not all(a and b for a, b in pairs):
        raise ContestantError(f"{column} is empty in some row")
    return max(abs(float(a) - float(b)) / abs(float(b)) for a, b in pairs)


def determinism(environment, report, backend):
    """(b) Two runs leave the same bytes; the precision check passed, as the runs began."""

    def twice():
        changes = ["optimizer.steps=5"]
        if environment.tiny:
            changes += ["data.samples=40", "model.hidden=[8,8]"]
        runs = [environment.train(backend, f"again-{turn}", "tanh.toml", *changes)
                for turn in (1, 2)]
        for name in ("trace.csv", "eigenvalues.csv", "final.safetensors"):
            first, second = ((run / name).read_bytes() for run in runs)
            report.add("determinism", name, backend, first == second, "identical")
            if first != second:
                report.fail("determinism", f"{name} on {backend}", "two runs differ")
        manifest = json.loads((runs[0] / "manifest.json").read_text())
        for counter, count in manifest.get("counters", {}).items():
            report.add("counts", f"5 steps of fc-tanh: {counter}", backend, count, "calls")
        check = manifest.get("matmul_check")
        if check is None:
            raise ContestantError("the manifest holds no matmul_check")
        report.add("precision", "product against its exact value", backend,
                   check["relative_error"], "relative error")

    report.attempt("determinism", f"two runs on {backend}", twice)


def limits(environment, report, backend):
    """(e) What the chip does at most: a large copy, a large float32 product."""
    side, elements = (128, 1 << 16) if environment.tiny else (8192, 1 << 28)

    def measure():
        with environment.on(backend) as brink:
            found = brink.ask("limits", side=side, elements=elements, repeat=5)
        product, copy = (statistics.median(found[key]) for key in ("product", "copy"))
        report.add("limits", f"product {side}³", backend, 2 * side**3 / product / 1e9, "GFLOP/s")
        report.add("limits", f"copy of {elements} float32", backend, 8 * elements / copy / 1e9,
                   "GB/s")

    report.attempt("limits", backend, measure)


def timings(environment, report, backends, missing):
    """(c), (d) Medians of gradient, product and step, and device memory, in the same order for
    each network: brink's backends, JAX, PyTorch."""
    for net, (config, changes) in nets(environment).items():
        name = "".join(c if c.isalnum() else "-" for c in net)
        problem = report.attempt(
            "problem", net, lambda: export(environment, name, config, *changes)
        )
        if problem is None:
            continue
        report.facts[net] = problem.describe()
        for backend in backends:
            report.attempt("timing", f"{net}, brink {backend}",
                           lambda: time_brink(environment, report, net, problem, backend))
        for peer in ("jax", "torch"):
            if peer not in missing:
                report.attempt("timing", f"{net}, {peer}",
                               lambda: time_peer(environment, report, net, problem, peer))


def time_brink(environment, report, net, problem, backend):
    who = f"brink {backend}"
    with environment.on(backend) as brink:
        brink.ask("load", problem=problem.spec, compression="auto")
        time_pieces(environment, report, net, brink, who)
        memory(report, net, who)
        # The step's first solve is cold and compiles kernels: it is not counted.
        brink.ask("start", weights=problem.weights(), count=2, tolerance=1e-3)
        brink.ask("steps", steps=2, step_size=problem.step_size)
        found = brink.ask("steps", steps=2 if environment.tiny else 10,
                          step_size=problem.step_size)
        report.add("timing", f"{net}: step with 2 eigenvalues", who,
                   statistics.median(found["seconds"]), "s")
        for key in ("products", "read_backs"):
            report.add("counts", f"{net}: {key} a solve", who, statistics.mean(found[key]), "calls")
        memory(report, net, who)


def time_peer(environment, report, net, problem, peer):
    with environment.peer(peer) as process:
        answer = process.ask("load", problem=problem.spec)
        report.facts[peer] = json.dumps(answer.get("versions", {}))
        report.facts[f"{peer}'s device"] = answer.get("device", "unknown")
        time_pieces(environment, report, net, process, peer)
        if peer == "jax":
            process.ask("start", method="lobpcg", weights=problem.weights(), count=2,
                        tolerance=1e-3)
            process.ask("steps", steps=2, step_size=problem.step_size)
            found = process.ask("steps", steps=2 if environment.tiny else 10,
                                step_size=problem.step_size)
            report.add("timing", f"{net}: step with 2 eigenvalues", "jax",
                       statistics.median(found["seconds"]), "s")
        memory(report, net, peer)


def time_pieces(environment, report, net, process, who):
    """A gradient and products; a block that fails, for want of memory say, ends only itself if the
    process lives on."""
    repeat = 2 if environment.tiny else 10
    found = process.ask("gradient", repeat=repeat)
    report.add("timing", f"{net}: gradient", who, statistics.median(found["seconds"]), "s")
    observed(report, f"{net}: gradient", who, found)
    for block in (1, 4, 8):
        what = f"{net}: product in a block of {block}"
        try:
            found = process.ask("product", block=block, repeat=repeat)
            report.add("timing", what, who, statistics.median(found["seconds"]), "s")
            observed(report, what, who, found)
        except ContestantError as error:
            report.fail("timing", f"{what}, {who}", error)
            if process.process.poll() is not None:
                raise


def observed(report, what, who, found):
    """What brink says that the device was given: kernels, and the memory held after."""
    counted = found.get("observed") or {}
    if "launches" in counted:
        report.add("counts", f"{what}: launches", who, counted["launches"], "kernels")
    if counted.get("bytes"):
        report.add("memory", f"{what}: in brink's tensors", who, counted["bytes"] / 2**20, "MiB")


def memory(report, net, who):
    used = nvidia_smi("memory.used")
    if used:
        report.add("memory", f"{net}: in use on the device", who, float(used), "MiB")
