"""What was measured: samples by work, item and contestant."""

import csv
import json
import re
import statistics

from .environment import ROOT

COLUMNS = ["work", "item", "contestant", "unit", "median", "min", "max", "mean", "samples", "note"]


# A slash that begins a path: not one within a word, a relative path or an address.
ABSOLUTE = re.compile(r"""(?<![\w.~/-])/(?:[^\s/'"`,:;()<>|]+/)*([^\s/'"`,:;()<>|]+)""")


def without_paths(text):
    """A text whose absolute paths are relative to the project or, outside it, only a last name:
    results are published, and where this machine keeps its files is nobody's concern."""
    return ABSOLUTE.sub(r"\1", text.replace(f"{ROOT}/", ""))


class Results:
    """All samples of a run, and what could not be had."""

    def __init__(self):
        # The work that is measured now, of those that may be asked for.
        self.work = ""
        self.samples = {}
        self.notes = {}
        self.facts = {}
        self.problems = []

    def add(self, work, item, contestant, unit, values, note=""):
        """Adds samples; those of one key add up over rounds."""
        key = (work, item, contestant, unit)
        self.samples.setdefault(key, []).extend(values)
        if note:
            self.notes[key] = note

    def resume(self, folder, works):
        """Takes up what an earlier run wrote to a folder, but for the works that are run again."""
        earlier = json.loads((folder / "samples.json").read_text())
        # What is missing now is asked anew.
        kept = (fact for fact in earlier["facts"].items() if not fact[0].startswith("missing: "))
        self.facts = dict(kept)
        for problem in earlier["problems"]:
            if isinstance(problem, str):
                # As earlier versions wrote them: of a work that only the text may name.
                again = problem.startswith(tuple(works))
                problem = {"work": "", "text": problem, "failure": True}
            else:
                again = problem["work"] in works
            if not again and problem not in self.problems:
                self.problems.append(problem)
        for row in earlier["samples"]:
            if row["work"] not in works:
                key = (row["work"], row["item"], row["contestant"], row["unit"])
                self.samples[key] = row["values"]
                if row.get("note"):
                    self.notes[key] = row["note"]

    def complain(self, text, failure=True):
        """Something that makes a figure doubtful: shown at the end, once. It is a failure where brink is
        wrong or something that was asked for was not measured, and none where a peer is off."""
        problem = {"work": self.work, "text": without_paths(text), "failure": failure}
        if problem not in self.problems:
            self.problems.append(problem)

    def failed(self):
        """Whether there is a failure among the problems."""
        return any(problem["failure"] for problem in self.problems)

    def of(self, work, item, contestant, unit="s"):
        """The samples of a key; empty if it was not measured."""
        return self.samples.get((work, item, contestant, unit), [])

    def median(self, work, item, contestant, unit="s"):
        """The median of a key, or `None`."""
        values = self.of(work, item, contestant, unit)
        return statistics.median(values) if values else None

    def mean(self, work, item, contestant, unit="s"):
        """The mean of a key, or `None`."""
        values = self.of(work, item, contestant, unit)
        return statistics.fmean(values) if values else None

    def contestants(self, work, item, unit="s"):
        """Who has samples of an item, in the order in which they came."""
        return [key[2] for key in self.samples if (key[0], key[1], key[3]) == (work, item, unit)]

    def works(self):
        """Which works were run."""
        return {key[0] for key in self.samples}

    def told(self):
        """Facts by name, and problems in words, as they may be written: without this machine's paths."""
        facts = {
            name: without_paths(fact) if isinstance(fact, str) else fact
            for name, fact in self.facts.items()
        }
        return facts, [problem["text"] for problem in self.problems]

    def write(self, folder):
        """Writes `results.csv` and, with every sample, `samples.json`."""
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "results.csv", "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for key, values in self.samples.items():
                if not values:
                    continue
                figures = [statistics.median(values), min(values), max(values)]
                figures.append(statistics.fmean(values))
                figures = [f"{figure:.6g}" for figure in figures]
                writer.writerow([*key, *figures, len(values), self.notes.get(key, "")])
        rows = [
            dict(zip(("work", "item", "contestant", "unit"), key))
            | {"values": values, "note": self.notes.get(key, "")}
            for key, values in self.samples.items()
        ]
        facts, _ = self.told()
        text = json.dumps({"facts": facts, "problems": self.problems, "samples": rows})
        (folder / "samples.json").write_text(text)
