#!/usr/bin/env python3
"""Brink and its peers, side by side on this machine. See README.md beside this file.

Needs Python 3.9 or newer and cargo; everything else it gets by itself.
"""

import argparse
import datetime
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import (
    figure,
    targets,
    work_command,
    work_growth,
    work_measurements,
    work_network,
    work_step,
)
from harness.contestant import ContestantError
from harness.environment import BENCH, Environment, say
from harness.results import Results

WORKS = ["network", "step", "measurements", "figure1a", "cnn", "models", "growth", "launch"]


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="few rounds and steps: does it all work?")
    add("--only", default=",".join(WORKS), help=f"some of {','.join(WORKS)}, with commas")
    add("--rounds", type=int, help="interleaved rounds (default 10; 3 with --quick)")
    add("--steps", type=int, help="steps a regime (default 100; 10 with --quick)")
    add(
        "--reference-steps",
        type=int,
        help="the same for the slow contestants, which take seconds a step (default 20; 2)",
    )
    add("--model-steps", type=int, help="steps of the CNN and the models (default 20; 2)")
    add("--resume", action="store_true", help="keep what an earlier run left of the other works")
    add("--data-dir", type=Path, help="folder of CIFAR-10's binary files; else datasets/, or "
        "synthetic images if there are none")
    add("--backend", help="brink's backend: flex (default), ndarray or wgpu, if compiled in")
    add("--venv", type=Path, help="an existing virtual environment, used as it is")
    add("--build", type=Path, help="a cargo target's release folder to use as it is")
    add("--out", type=Path, help="where the results go (default: this folder for a full run, "
        ".work/<kind> for a quick or partial one)")
    options = parser.parse_args()
    options.only = options.only.split(",")
    if unknown := set(options.only) - set(WORKS):
        parser.error(f"no such work: {', '.join(sorted(unknown))}; there are {', '.join(WORKS)}")
    options.rounds = options.rounds or (3 if options.quick else 10)
    options.steps = options.steps or (10 if options.quick else 100)
    options.reference_steps = options.reference_steps or (2 if options.quick else 20)
    options.model_steps = options.model_steps or (2 if options.quick else 20)
    partial = set(options.only) != set(WORKS) and not options.resume
    if not options.out:
        kind = "quick" if options.quick else "partial"
        options.out = BENCH / ".work" / kind if options.quick or partial else BENCH
    if options.data_dir:
        options.data_dir = options.data_dir.resolve()
    return options


def measure(environment, results, options):
    """Every work that was asked for; one that fails is reported, and the others still run. Ctrl-C
    ends the measuring: what was measured until then is reported."""
    works = {
        "network": [work_network.run],
        "step": [work_step.run, work_command.run_memory],
        "measurements": [work_measurements.run],
        "figure1a": [work_command.run_figure1a],
        "cnn": [cnn],
        "models": [models],
        "growth": [work_growth.run],
        "launch": [work_command.run_launch],
    }
    for work in options.only:
        results.work = work
        for part in works[work]:
            try:
                part(environment, results, options)
            except ContestantError as error:
                say(f"{work} failed: {error}")
                results.complain(f"{work} failed: {error}")
            except KeyboardInterrupt:
                say(f"interrupted during {work}")
                results.complain(f"interrupted during {work}: later works were not measured")
                return
        versions = environment.versions.items()
        results.facts |= {f"version of {name}": version for name, version in versions}
        results.write(options.out)


def cnn(environment, results, options):
    problem = work_network.run_cnn(environment, results, options)
    work_step.run_few(environment, results, options, "cnn", problem)


def models(environment, results, options):
    for name, problem in work_network.run_models(environment, results, options):
        work_step.run_few(environment, results, options, name, problem)


def report(environment, results, options, facts):
    """Writes the files and prints the table."""
    facts |= {f"missing: {name}": why for name, why in environment.missing.items()}
    facts |= {"rounds": options.rounds, "steps": options.steps}
    results.facts |= facts | work_growth.exponents(results)
    for work in ("cnn", *work_network.MODELS):
        results.facts |= work_step.few_steps(results, work)
    results.write(options.out)
    date = datetime.date.today().isoformat()
    # Those of an earlier run too, where its works are kept.
    head = "version of "
    known = {key: value for key, value in results.facts.items() if key.startswith(head)}
    versions = ", ".join(f"{key.removeprefix(head)} {value}" for key, value in known.items())
    subtitle = "; ".join(filter(None, [facts["cpu"], versions, date]))
    (options.out / "results.svg").write_text(figure.svg(results, subtitle))
    table = targets.markdown(targets.table(results))
    facts, problems = results.told()
    lines = [table, "", *(f"- {name}: {value}" for name, value in facts.items())]
    if problems:
        lines += ["", "Problems:", *(f"- {problem}" for problem in problems)]
    (options.out / "results.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    say(f"\nresults.csv, results.md and results.svg are in {options.out}")


def main():
    options = arguments()
    environment = Environment(options)
    facts = environment.describe()
    environment.prepare_peers(options.venv)
    for peer, why in environment.missing.items():
        say(f"missing: {peer} ({why})")
    if options.build:
        environment.use_build(options.build)
    else:
        environment.build_brink()
    results = Results()
    if options.resume and (options.out / "samples.json").exists():
        models = work_network.MODELS if "models" in options.only else ()
        results.resume(options.out, [*options.only, *models])
    measure(environment, results, options)
    report(environment, results, options, facts)
    return 1 if results.failed() else 0


if __name__ == "__main__":
    sys.exit(main())
