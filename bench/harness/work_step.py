"""Works 2 and 4: consecutive training steps with the top 2 eigenvalues."""

import time
from contextlib import ExitStack

from .agreement import Referee
from .environment import say
from .problems import compress, export
from .work_network import PAUSE

TOLERANCE = 1e-3
COUNT = 2

# Untimed steps before those that count: a warm-started solver is then warm, as along a run.
WARM_UP = 3

# Where each regime begins, in steps of the config's run, and the factors on its step size during
# warm-up and after. That run reaches its edge, 2/η = 40, within 80 steps: sharpening goes on for
# longer with a smaller step size, whose edge is farther away.
REGIMES = {
    "progressive sharpening": (20, 0.4, 0.4),
    "at the edge": (200, 1.0, 1.0),
    "just after a step-size change": (200, 1.0, 0.5),
}

REFERENCE = "reference"
FEW_STEPS = "step with 2 eigenvalues"

# By how much the eigenvalues of a step fall short of the best known, relatively, at the most.
SHORT = "short of the best"


def run(environment, results, options):
    """Work 2: the fully connected tanh network in three regimes."""
    after = sorted({after for after, _, _ in REGIMES.values()})
    problem = export(environment, "tanh-steps", "tanh.toml", after=(0, *after))
    results.facts["step"] = problem.describe()
    say(f"step: {problem.describe()}")
    compressed = None
    if environment.missing.keys().isdisjoint({"jax", "openblas"}):
        compressed = compress(environment, problem, (0, *after))
    with ExitStack() as stack:
        entries = contestants(environment, problem, compressed, stack, options)
        referees = {None: stack.enter_context(Referee(environment, problem, results))}
        if compressed:
            narrow = Referee(environment, compressed, results)
            referees[compressed] = stack.enter_context(narrow)
        for regime, (after, *factors) in REGIMES.items():
            say(f"  {regime}")
            step_sizes = [factor * problem.step_size for factor in factors]
            walk(results, "step", regime, entries, referees, after, step_sizes, options.rounds)
        memory(results, "step", entries)


def run_few(environment, results, options, work, problem):
    """Steps of works 4 and 5, from the initial weights."""
    steps = options.model_steps
    with ExitStack() as stack:
        entries = [Entry(environment, stack, "brink", "brink", "", problem, steps)]
        if "jax" not in environment.missing:
            entries.append(
                Entry(environment, stack, "jax", "jax LOBPCG", "lobpcg", problem, steps)
            )
        referee = stack.enter_context(Referee(environment, problem, results))
        sizes = problem.step_size, problem.step_size
        found = walk(results, work, FEW_STEPS, entries, {None: referee}, 0, sizes, 2)
        for name, short in shortfalls(found).items():
            results.add(work, FEW_STEPS, name, SHORT, short)
        memory(results, work, entries)


def shortfalls(found):
    """By name, how far each step's eigenvalues fall short of the largest that any contestant found.

    A Ritz value exceeds no eigenvalue of its place but by rounding, so the largest is the nearest. The
    trajectories must be the same: before the edge they are, to float32's rounding.
    """
    best = [[max(values) for values in zip(*step)] for step in zip(*found.values())]
    short = lambda step, most: max((b - a) / abs(b) for a, b in zip(step, most))
    return {name: [short(*pair) for pair in zip(steps, best)] for name, steps in found.items()}


def few_steps(results, work):
    """Steps of a work in words, for the facts, as no target is set for them."""
    who = []
    for name in results.contestants(work, FEW_STEPS):
        seconds = results.mean(work, FEW_STEPS, name)
        products = results.mean(work, FEW_STEPS, name, "products")
        steps = len(results.of(work, FEW_STEPS, name))
        text = f"{name} {seconds:.2g} s ({products:.1f} products"
        if short := results.of(work, FEW_STEPS, name, SHORT):
            missed = sum(value > TOLERANCE for value in short)
            text += f", an eigenvalue short by more than {TOLERANCE:.0e} in {missed} of {len(short)}"
        who.append(text + ")")
    return {f"{work}: {FEW_STEPS}": f"{', '.join(who)}; means of {steps} steps"} if who else {}


class Entry:
    """A contestant with its method and how many steps it takes."""

    def __init__(self, environment, stack, kind, name, method, problem, steps, narrow=None):
        self.name, self.method, self.steps = name, method, steps
        self.narrow = narrow
        self.problem = narrow or problem
        self.process = stack.enter_context(environment.contestant(kind, name))
        extra = {"compression": "auto"} if kind == "brink" else {}
        self.process.ask("load", problem=self.problem.spec, **extra)
        self.kind = kind

    def begin(self, after):
        method = {} if self.kind == "brink" else {"method": self.method}
        self.process.ask(
            "start",
            weights=self.problem.weights(after),
            count=COUNT,
            tolerance=TOLERANCE,
            **method,
        )


def contestants(environment, problem, compressed, stack, options):
    """Everyone who takes part in work 2."""
    missing, steps = environment.missing, options.steps
    entries = [Entry(environment, stack, "brink", "brink", "", problem, steps)]
    slow = min(steps, options.reference_steps)
    if "jax" not in missing:
        entry = lambda name, method, steps, narrow=None: entries.append(
            Entry(environment, stack, "jax", name, method, problem, steps, narrow)
        )
        entry("jax LOBPCG", "lobpcg", steps)
        if compressed:
            entry("jax LOBPCG, compressed inputs", "lobpcg", steps, compressed)
        entry(f"{REFERENCE}: jax, eigsh", "eigsh", slow)
    if "torch" not in missing:
        name = f"{REFERENCE}: torch, eigsh"
        entries.append(Entry(environment, stack, "torch", name, "eigsh", problem, slow))
    if "curvlinops" not in missing:
        name = "curvlinops, eigsh with v0"
        entries.append(Entry(environment, stack, "torch", name, "curvlinops", problem, slow))
    return entries


def walk(results, work, regime, entries, referees, after, step_sizes, rounds):
    """Takes the steps of one regime, in turns of a few; the eigenvalues by contestant and step."""
    before, step_size = step_sizes
    exact = {}
    for narrow, referee in referees.items():
        exact[narrow] = referee.values((narrow or entries[0].problem).weights(after), COUNT)
    for entry in entries:
        entry.begin(after)
        answer = entry.process.ask("steps", steps=WARM_UP, step_size=before)
        first = answer["losses"][0], answer["eigenvalues"][0]
        referee = referees[entry.narrow]
        referee.check_step(f"{entry.name}, {regime}", *first, exact[entry.narrow], TOLERANCE)
    taken = {entry.name: 0 for entry in entries}
    last, found = {}, {entry.name: [] for entry in entries}
    for turn in range(rounds):
        for entry in entries:
            steps = (turn + 1) * entry.steps // rounds - taken[entry.name]
            if steps == 0:
                continue
            taken[entry.name] += steps
            time.sleep(PAUSE)
            answer = entry.process.ask("steps", steps=steps, step_size=step_size)
            found[entry.name] += answer["eigenvalues"]
            last[entry.name] = answer["losses"][-1], answer["eigenvalues"][-1]
            note = f"{entry.steps} steps" if entry.steps < entries[0].steps else ""
            results.add(work, regime, entry.name, "s", answer["seconds"], note)
            for unit in ("products", "iterations", "read_backs"):
                if unit in answer:
                    results.add(work, regime, entry.name, unit, answer[unit])
    for entry in entries:
        if entry.name in last:
            check_last(entry, regime, referees[entry.narrow], last[entry.name])
    return found


def check_last(entry, regime, referee, last):
    """The last step's values against the referee's at the same weights."""
    path = entry.problem.folder / "last.safetensors"
    entry.process.ask("save", weights=str(path))
    exact = referee.values(path, COUNT)
    referee.check_step(f"{entry.name}, {regime}, last step", *last, exact, TOLERANCE)


def memory(results, work, entries):
    for entry in entries:
        if peak := entry.process.peak_memory():
            results.add(work, "peak memory of steps", entry.name, "bytes", [peak])
