"""Work 5: how time and memory grow with samples, width, depth and eigenvalues."""

import math

from .contestant import ContestantError
from .environment import say
from .problems import export

SAMPLES = [500, 1000, 2000, 4000]
WIDTHS = [50, 100, 200, 400, 800, 1600]
DEPTHS = [1, 2, 4, 8]
COUNTS = [1, 2, 4, 8, 16]

# Small enough for every width, so that no point of the sweep diverges.
STEP_SIZE = 0.005
WARM_UP, STEPS = 3, 5


def run(environment, results, options):
    """All sweeps, a fresh process a point so that each has its own peak memory."""
    quick = options.quick
    repeat = 2 if quick else 7
    points = []
    for n in SAMPLES[:3] if quick else SAMPLES:
        points += [("n", n, [f"data.samples={n}"], 2, mode) for mode in ("off", "auto")]
    for width in WIDTHS[::2] if quick else WIDTHS:
        changes = [f"model.hidden=[{width},{width}]"]
        points += [("width", width, changes, 2, mode) for mode in ("off", "auto")]
    for depth in DEPTHS[::2] if quick else DEPTHS:
        hidden = ",".join(["200"] * depth)
        points.append(("depth", depth, [f"model.hidden=[{hidden}]"], 2, "auto"))
    for count in COUNTS[::2] if quick else COUNTS:
        points.append(("k", count, [], count, "auto"))
    for axis, value, changes, count, mode in points:
        label = f"{axis} = {value}" + (", full inputs" if mode == "off" else "")
        say(f"growth: {label}")
        try:
            measure(environment, results, label, changes, count, mode, repeat)
        except ContestantError as error:
            results.complain(f"growth, {label}: {error}")


def measure(environment, results, label, changes, count, mode, repeat):
    """One point: gradient, product, step and peak memory."""
    if not any(change.startswith("data.samples") for change in changes):
        changes = [*changes, "data.samples=1000"]
    problem = export(environment, "growth", "tanh.toml", *changes)
    with environment.contestant("brink", "growth") as brink:
        brink.ask("load", problem=problem.spec, compression=mode)
        results.add("growth", f"{label}: samples", "brink", "n", [problem.samples])
        results.add("growth", f"{label}: parameters", "brink", "P", [parameters(problem)])
        for item, arguments in (("gradient", {}), ("product", {"block": 4})):
            seconds = brink.ask(item, repeat=repeat, **arguments)["seconds"]
            results.add("growth", f"{label}: {item}", "brink", "s", seconds)
        brink.ask("start", weights=problem.weights(), count=count, tolerance=1e-3)
        brink.ask("steps", steps=WARM_UP, step_size=STEP_SIZE)
        answer = brink.ask("steps", steps=STEPS, step_size=STEP_SIZE)
        results.add("growth", f"{label}: step", "brink", "s", answer["seconds"])
        results.add("growth", f"{label}: step", "brink", "products", answer["products"])
        if peak := brink.peak_memory():
            results.add("growth", f"{label}: peak memory", "brink", "bytes", [peak])


def parameters(problem):
    """P of the full network."""
    widths = problem.widths()
    return sum((inputs + 1) * outputs for inputs, outputs in zip(widths, widths[1:]))


def exponent(results, axis, item, full=False, by=None, unit="s"):
    """The slope of log(item) over log(axis), by least squares; `None` with fewer than 3 points.

    `by` names what stands on the axis instead of the sweep's own value, such as `parameters`.
    """
    points = []
    for key in results.samples:
        work, name = key[0], key[1]
        head = f"{axis} = "
        if work != "growth" or not name.startswith(head) or not name.endswith(f": {item}"):
            continue
        label = name[: -len(f": {item}")]
        if label.endswith(", full inputs") != full or key[3] != unit:
            continue
        value = float(label.removeprefix(head).removesuffix(", full inputs"))
        if by:
            value = results.median("growth", f"{label}: {by}", "brink", "P")
        points.append((math.log(value), math.log(results.median("growth", name, "brink", unit))))
    if len(points) < 3:
        return None
    middle = [sum(axis) / len(points) for axis in zip(*points)]
    over = sum((x - middle[0]) * (y - middle[1]) for x, y in points)
    return over / sum((x - middle[0]) ** 2 for x, y in points)


def exponents(results):
    """All fitted exponents in words, by axis."""
    found = {}
    for axis, by, symbol in (
        ("n", None, "n"),
        ("width", "parameters", "P, over widths"),
        ("depth", None, "depth"),
        ("k", None, "k"),
    ):
        for full in (False, True):
            row = []
            for item in ("gradient", "product", "step", "peak memory"):
                unit = "bytes" if item == "peak memory" else "s"
                slope = exponent(results, axis, item, full, by, unit)
                if slope is not None:
                    row.append(f"{item} {slope:.2f}")
            if row:
                label = f"growth in {symbol}" + (", full inputs" if full else "")
                found[label] = ", ".join(row)
    return found
