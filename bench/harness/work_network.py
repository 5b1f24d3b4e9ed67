"""Works 1 and 4: a gradient, and products in blocks, on one network."""

import time
from contextlib import ExitStack

from . import flops
from .agreement import Referee, is_ours
from .contestant import ContestantError
from .environment import say
from .problems import export

# Seconds between turns: thread pools spin for a while after their work is done, OpenMP's for 0.2 s.
PAUSE = 0.3


def run(environment, results, options):
    """Work 1: the fully connected tanh network."""
    problem = export(environment, "tanh", "tanh.toml")
    results.facts["network"] = problem.describe()
    brinks = {"brink": "auto", "brink, full inputs": "off"}
    blocks = [1, 2, 4, 8]
    compare(environment, results, "network", problem, brinks, blocks, options.rounds, bound=True)


def run_cnn(environment, results, options):
    """Work 4, its gradient and products: convolutions of 32 and 32 channels."""
    changes = ("data.samples=1000", "model.channels=[32,32]")
    problem = export(environment, "cnn", "cnn.toml", *changes)
    results.facts["cnn"] = problem.describe()
    rounds = max(2, options.rounds // 3)
    brinks, blocks = {"brink": "auto"}, [1, 4]
    compare(environment, results, "cnn", problem, brinks, blocks, rounds)
    return problem


# Title, config, and what is changed.
MODELS = {
    "resnet": ("ResNet-8", "resnet.toml", ["data.samples=500"]),
    "vit": ("ViT", "vit.toml", ["data.samples=500", "model.patch=4"]),
    "gpt": ("GPT that sorts", "sorting.toml", ["data.samples=500", "data.length=32"]),
}


def run_models(environment, results, options):
    """Work 5: gradient and products of the other networks; yields each, to be stepped."""
    for name, (_, config, changes) in MODELS.items():
        problem = export(environment, name, config, *changes)
        results.facts[name] = problem.describe()
        rounds = max(2, options.rounds // 3)
        compare(environment, results, name, problem, {"brink": "auto"}, [1, 4], rounds)
        yield name, problem


def compare(
    environment, results, work, problem, brinks, blocks, rounds, peers=("jax", "torch"), bound=False
):
    """Times all contestants in rounds, after they agreed on the values."""
    say(f"{work}: {problem.describe()}")
    with ExitStack() as stack:
        contestants = start(environment, problem, brinks, peers, stack)
        check(environment, results, problem, contestants)
        items = {"gradient": ("gradient", {})}
        items |= {f"product in a block of {k}": ("product", {"block": k}) for k in blocks}
        turns = [
            (item, name, contestant, request, arguments | extra)
            for item, (request, arguments) in items.items()
            for name, (contestant, methods) in contestants.items()
            if request in methods
            for extra in [methods[request]]
        ]
        if bound and "openblas" not in environment.missing:
            turns += openblas(environment, results, work, problem, stack)
        warm_up(results, turns)
        for turn in range(rounds):
            say(f"  round {turn + 1} of {rounds}")
            for item, name, contestant, request, arguments in turns:
                time.sleep(PAUSE)
                answer = contestant.ask(request, repeat=3, **arguments)
                note = answer.get("variant", "")
                results.add(work, item, name, "s", answer["seconds"], note)
        for name, (contestant, methods) in contestants.items():
            if "gradient" in methods and (peak := contestant.peak_memory()):
                results.add(work, "peak memory", name, "bytes", [peak])


def start(environment, problem, brinks, peers, stack):
    """Starts and loads everyone: name → (process, request → extra arguments)."""
    contestants = {}
    for name, compression in brinks.items():
        brink = stack.enter_context(environment.contestant("brink", name))
        brink.ask("load", problem=problem.spec, compression=compression)
        contestants[name] = brink, {"gradient": {}, "product": {}}
    for peer in peers:
        if peer not in environment.missing:
            process = stack.enter_context(environment.contestant(peer))
            answer = process.ask("load", problem=problem.spec)
            environment.versions |= answer["versions"]
            contestants[peer] = process, {"gradient": {}, "product": {}}
    if "torch" in contestants and "curvlinops" not in environment.missing:
        process, _ = contestants["torch"]
        contestants["curvlinops"] = process, {"product": {"method": "curvlinops"}}
    return contestants


def check(environment, results, problem, contestants):
    """All against the referee."""
    with Referee(environment, problem, results) as referee:
        exact = referee.values(problem.weights(), 0)
        for name, (contestant, methods) in contestants.items():
            if "gradient" in methods:
                referee.check_values(name, contestant.ask("values"), exact)


def warm_up(results, turns):
    """Lets everyone compile; one that cannot do an item leaves it."""
    for turn in list(turns):
        item, name, contestant, request, arguments = turn
        try:
            contestant.ask(request, repeat=1, **arguments)
        except ContestantError as error:
            results.complain(f"{name} has no {item}: {error}", failure=is_ours(name))
            turns.remove(turn)


def openblas(environment, results, work, problem, stack):
    """The bound's turns: the same matrix products by OpenBLAS, a pass a gradient or block."""
    programs = {}
    narrow = min(problem.samples, problem.features)
    for inputs, label in ((narrow, ""), (problem.features, ", full inputs")):
        widths = problem.widths(inputs)
        triangular = inputs < problem.features
        programs[f"gradient{label}"] = flops.gradient(problem.samples, widths, triangular)
        product = flops.hessian_product(problem.samples, widths, 4, triangular)
        programs[f"product in a block of 4{label}"] = product
    blas = stack.enter_context(environment.contestant("openblas"))
    environment.versions |= blas.ask("load", programs=programs)["versions"]
    for name, products in programs.items():
        results.facts[f"operations: {name}"] = flops.operations(products)
    return [
        (f"matrix products of {name}", "openblas", blas, "run", {"program": name})
        for name in programs
    ]
