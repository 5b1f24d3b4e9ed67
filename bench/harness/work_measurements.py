"""Work 6: what measurements cost beyond eigenvalues: the spectral density, the trace, third
derivatives and the central flow."""

import json
import math
import shutil
import time
from contextlib import ExitStack

from .contestant import whole_command
from .environment import say
from .problems import export
from .work_network import PAUSE, check, start

WORK = "measurements"
DENSITY = "spectral density, 10 probes of 60 products"
TRACE = "trace, 20 products"
PRODUCT = "product in a block of 10"
ALONE = "product in a block of 1"
TWICE, BLOCK = "third derivative along u, u", "third derivative along u in a block of 4"
FLOW, STEP = "central flow: step", "central flow: step of gradient descent, same eigenvalues"
PROBES, LANCZOS_STEPS = 10, 60

# Standard errors that two estimates of a trace may be apart, each with the same spread.
APART = 6


def run(environment, results, options):
    """Density, trace and third derivatives on the network of work 1; then the central flow."""
    problem = export(environment, "tanh", "tanh.toml")
    results.facts[WORK] = problem.describe()
    say(f"{WORK}: {problem.describe()}")
    rounds = max(2, options.rounds // 3)
    with ExitStack() as stack:
        brinks = {"brink": "auto", "brink, full inputs": "off"}
        contestants = start(environment, problem, brinks, ("torch",), stack)
        check(environment, results, problem, contestants)
        for turn in range(rounds):
            say(f"  round {turn + 1} of {rounds}")
            exact = None
            for name in brinks:
                exact = of_brink(results, name, contestants[name][0])
            # Its density takes minutes.
            if "curvlinops" in contestants and turn == 0:
                of_curvlinops(results, contestants["curvlinops"][0], exact)
    flow(environment, results, options)


def of_brink(results, name, process):
    """Everything of brink's; the answer to the trace."""
    time.sleep(PAUSE)
    for item, block in ((PRODUCT, PROBES), (ALONE, 1)):
        answer = process.ask("product", block=block, repeat=5)
        results.add(WORK, item, name, "s", answer["seconds"])
    density = process.ask("spectrum", probes=PROBES, steps=LANCZOS_STEPS, repeat=1)
    results.add(WORK, DENSITY, name, "s", density["seconds"])
    results.add(WORK, DENSITY, name, "products", [density["products"]])
    # With a single step the density's products are the trace's.
    trace = process.ask("spectrum", probes=PROBES, steps=1, repeat=3)
    results.add(WORK, TRACE, name, "s", trace["seconds"])
    third = process.ask("third", block=4, repeat=5)
    results.add(WORK, TWICE, name, "s", third["twice"])
    results.add(WORK, BLOCK, name, "s", third["block"])
    return density


def of_curvlinops(results, process, density):
    """The same of curvlinops, whose density gets the ends of the spectrum for nothing."""
    time.sleep(PAUSE)
    ends = [density["lowest"], density["highest"]]
    answer = process.ask("spectrum", probes=PROBES, steps=LANCZOS_STEPS, ends=ends, repeat=1)
    results.add(WORK, DENSITY, "curvlinops", "s", answer["seconds"])
    answer = process.ask("trace", products=2 * PROBES, repeat=3)
    results.add(WORK, TRACE, "curvlinops", "s", answer["seconds"])
    apart = abs(answer["trace"] - density["trace"])
    if not apart <= APART * density["trace_stderr"]:
        results.complain(
            f"{WORK}: the trace is {density['trace']:.6g} ± {density['trace_stderr']:.2g}, by "
            f"curvlinops {answer['trace']:.6g}"
        )


def flow(environment, results, options):
    """The central flow along a run of brink's through its edge, beside the eigenvalues that the run
    needs itself: all above 0.75 of 2/η, to the same tolerance, at the same steps."""
    first, last = (100, 160) if options.quick else (100, 300)
    out = environment.work / "runs" / "central-flow"
    shutil.rmtree(out, ignore_errors=True)
    changes = [
        f"optimizer.steps={last}",
        f"measure.central_flow.from={first}",
        f"measure.eigenvalues.from={first}",
        "measure.eigenvalues.relative_tolerance=1e-5",
        "measure.eigenvalues.above=0.75",
    ]
    say("  central flow")
    command = environment.brink_train("central-flow.toml", out, *changes)
    whole_command(command, environment.logs / "central-flow.log")
    seconds = json.loads((out / "manifest.json").read_text())["seconds"]
    steps = last - first
    # The gradients before the flow begins are no part of it.
    gradient = (seconds["gradient"] + seconds["update"]) * steps / last
    own = (gradient + seconds["eigenvalues"]) / steps
    note = f"mean of {steps} steps"
    results.add(WORK, STEP, "brink", "s", [own], note)
    results.add(WORK, FLOW, "brink", "s", [seconds["central_flow"] / steps], note)


def against_curvlinops(item):
    def measure(results):
        own, theirs = (results.median(WORK, item, name) for name in ("brink", "curvlinops"))
        return [("", own / theirs if own and theirs else None)]

    return measure


def density_over_products(item):
    """The density with its trace over its count of the products timed as `item`."""

    def measure(results):
        pairs = []
        for name, label in (("brink", "compressed"), ("brink, full inputs", "full inputs")):
            whole, one = results.median(WORK, DENSITY, name), results.median(WORK, item, name)
            count = results.median(WORK, DENSITY, name, "products")
            known = whole is not None and one is not None and count
            pairs.append((label, whole / one / count if known else None))
        return pairs

    return measure


def third_over_product(results):
    """∇³L[u, u], and a row of ∇³L[u, ·], over a product alone, on either inputs."""
    pairs = []
    for name, label in (("brink", "compressed"), ("brink, full inputs", "full inputs")):
        one = results.median(WORK, ALONE, name)
        for item, what in ((TWICE, "u, u"), (BLOCK, "in a block of 4")):
            third = results.median(WORK, item, name)
            pairs.append((f"{label}, {what}", third / one if third and one else None))
    return pairs


def flow_over_step(results):
    whole, own = (results.median(WORK, item, "brink") for item in (FLOW, STEP))
    return [("", whole / own if whole and own and math.isfinite(own) else None)]
