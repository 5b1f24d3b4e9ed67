#!/usr/bin/env python3
"""Brink on a GPU: is it right, is it repeatable, how fast is it beside JAX and PyTorch?

One command, a few minutes, no network, nothing built: `--binary` names a prebuilt `brink`, and the
program `cost` lies beside it or in `examples/` beside it. See README.md beside this file.
"""

import argparse
import json
import platform
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import gpu_parts
from harness.environment import BENCH, say
from harness.gpu_device import GpuEnvironment, nvidia_smi


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--binary", type=Path, required=True, help="a brink with wgpu, built with --features ndarray,wgpu")
    add("--tiny", action="store_true", help="networks of a few parameters: does it all work?")
    add("--budget-s", type=float, default=460, help="seconds for the whole (default 460)")
    add("--timeout-s", type=float, default=120, help="seconds for a request (default 120)")
    add("--python", default=sys.executable, help="an interpreter with JAX and PyTorch, if any")
    add("--data-dir", type=Path, help="folder of CIFAR-10's binary files; else synthetic images")
    add("--out", type=Path, default=BENCH, help="where gpu.json and gpu.md go (default: here)")
    options = parser.parse_args()
    options.binary = options.binary.resolve()
    options.out = options.out.resolve()
    options.data_dir = options.data_dir and options.data_dir.resolve()
    return options


def measure(environment, report):
    backends, devices = report.attempt("devices", "what brink finds", environment.backends) or (
        [],
        "",
    )
    report.facts["devices"] = " / ".join(line.strip() for line in devices.splitlines())
    if not backends:
        report.fail("devices", "GPU backends", "this binary has none; build with --features wgpu")
    missing = environment.missing_peers()
    for peer, why in missing.items():
        say(f"missing: {peer}")
        report.facts[f"missing: {peer}"] = why
    for backend in backends:
        gpu_parts.agreement(environment, report, backend)
        gpu_parts.determinism(environment, report, backend)
        gpu_parts.limits(environment, report, backend)
    gpu_parts.timings(environment, report, backends, missing)


def markdown(report):
    """What was found, as a table with a row a measurement and a column a contestant."""
    everyone = list(dict.fromkeys(row["who"] for row in report.rows))
    table = {}
    for row in report.rows:
        key = row["part"], row["what"], row["unit"]
        table.setdefault(key, {})[row["who"]] = row["value"]
    lines = [f"| part | what | unit | {' | '.join(everyone)} |", "|---" * (3 + len(everyone)) + "|"]
    for (part, what, unit), values in table.items():
        cells = [shown(values.get(who)) for who in everyone]
        lines.append(f"| {part} | {what} | {unit} | {' | '.join(cells)} |")
    failed = [f"- {f['part']}, {f['what']}: {f['message']}" for f in report.failures]
    facts = [f"- {name}: {value}" for name, value in report.facts.items()]
    return "\n".join([*facts, "", "Failed:" if failed else "Nothing failed.", *failed, "", *lines])


def shown(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def main():
    options = arguments()
    began = time.monotonic()
    report = gpu_parts.Report()
    report.facts |= {
        "card": nvidia_smi("name,driver_version,memory.total") or "nvidia-smi is not there",
        "system": f"{platform.system()} {platform.machine()}",
        "rehearsal": options.tiny,
    }
    environment = GpuEnvironment(options)
    try:
        measure(environment, report)
    except KeyboardInterrupt:
        report.fail("all", "interrupted", "what was measured until then is reported")
    except Exception as error:  # a mistake of the harness itself: what was measured is kept
        report.fail("all", "the harness", f"{type(error).__name__}: {error}")
    report.facts["seconds"] = round(time.monotonic() - began)
    found = {"facts": report.facts, "rows": report.rows, "failures": report.failures}
    (options.out / "gpu.json").write_text(json.dumps(found, indent=1) + "\n")
    text = markdown(report)
    (options.out / "gpu.md").write_text(text + "\n")
    print(text)
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
