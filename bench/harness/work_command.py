"""Works of whole commands, start to exit: figure 1(a), and the launch."""

import json
import shutil

from .contestant import whole_command
from .environment import BENCH, ONE_BLAS_THREAD, say
from .problems import export

COUNT, TOLERANCE = 2, 1e-3


def run_figure1a(environment, results, options):
    """Work 3: the linear network of figure 1(a), two eigenvalues at every step."""
    steps = 600 if not options.quick else 60
    problem = export(environment, "figure1a", "figure1a.toml")
    results.facts["figure1a"] = f"{problem.describe()}, {steps} steps"
    say(f"figure1a: {results.facts['figure1a']}")
    out = environment.work / "runs" / "figure1a"
    changes = [f"optimizer.steps={steps}", f"data.samples={problem.samples}"]
    commands = {"brink": (environment.brink_train("figure1a.toml", out, *changes), None, None)}
    if "jax" not in environment.missing:
        script = environment.work / "figure1a.jsonl"
        write_script(script, problem, steps)
        command = [environment.python, BENCH / "peers" / "jax_peer.py"]
        commands["jax LOBPCG"] = command, script, ONE_BLAS_THREAD
    for _ in range(max(1, options.rounds // 3)):
        for name, (command, stdin, extra) in commands.items():
            log = environment.logs / f"figure1a-{name.replace(' ', '-')}.log"
            seconds, memory = whole_command(command, log, stdin, extra)
            results.add("figure1a", "whole command", name, "s", [seconds], f"{steps} steps")
            results.add("figure1a", "peak memory", name, "bytes", [memory])
    manifest = json.loads((out / "manifest.json").read_text())
    products = manifest["counters"]["eigensolver_products"]
    results.add("figure1a", "whole command", "brink", "products", [products])
    for stage, seconds in manifest["seconds"].items():
        results.add("figure1a", f"stage: {stage}", "brink", "s", [seconds], "the last run")


def write_script(path, problem, steps):
    """The requests that make a contestant do the whole run by itself, without a search for its
    fastest variants: they are those that it finds on the other networks."""
    widths = range(1, COUNT + 2)
    chosen = {f"block of {rows}, conv": "conv, vmap" for rows in widths}
    chosen[f"block of {COUNT + 1}"] = "conv, vmap"
    requests = [
        {"work": "load", "problem": problem.spec},
        {
            "work": "start",
            "method": "lobpcg",
            "weights": problem.weights(),
            "count": COUNT,
            "tolerance": TOLERANCE,
            "chosen": chosen,
        },
        {"work": "steps", "steps": steps, "step_size": problem.step_size},
    ]
    path.write_text("".join(json.dumps(request) + "\n" for request in requests))


def run_launch(environment, results, options):
    """From launch to the first step: a whole run of one plain step, without reading the data.

    It bounds the launch from above, as it also takes the step and writes the run's files.
    """
    say("launch")
    out = environment.work / "runs" / "launch"
    changes = ["optimizer.steps=1", "data.samples=1000", "measure.eigenvalues.from=1000000"]
    command = environment.brink_train("tanh.toml", out, *changes)
    for _ in range(max(3, options.rounds)):
        shutil.rmtree(out, ignore_errors=True)
        seconds, memory = whole_command(command, environment.logs / "launch.log")
        data = json.loads((out / "manifest.json").read_text())["seconds"]["data"]
        results.add("launch", "whole command", "brink", "s", [seconds])
        results.add("launch", "beyond reading the data", "brink", "s", [seconds - data])
        results.add("launch", "peak memory", "brink", "bytes", [memory])
    manifest = json.loads((out / "manifest.json").read_text())
    for stage, seconds in manifest["seconds"].items():
        results.add("launch", f"stage: {stage}", "brink", "s", [seconds], "the last run")


def run_memory(environment, results, options):
    """The peak memory of `brink train` on the network of work 2."""
    out = environment.work / "runs" / "memory"
    steps = 10 if options.quick else 40
    changes = [f"optimizer.steps={steps}", "data.samples=1000"]
    command = environment.brink_train("tanh.toml", out, *changes)
    _, memory = whole_command(command, environment.logs / "memory.log")
    results.add("step", "peak memory of brink train", "brink", "bytes", [memory])
