"""What is kept and told of a run, with nothing but Python:

    python3 bench/test_results.py
"""

import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness.agreement import Referee
from harness.results import Results
from harness.work_step import shortfalls


class NoReferee:
    """An environment without peers."""

    def referee(self):
        return None


class ShortfallsTest(unittest.TestCase):
    def test_the_largest_of_each_place_is_the_nearest(self):
        found = {"one": [[8.0, 2.0], [4.0, -2.0]], "other": [[6.0, 4.0], [4.0, -4.0]]}
        self.assertEqual(shortfalls(found), {"one": [0.5, 0.0], "other": [0.25, 1.0]})


class ResultsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.results = Results()

    def resumed(self, *works):
        self.results.write(self.folder)
        again = Results()
        again.resume(self.folder, [*works])
        return again

    def referee(self):
        referee = Referee(NoReferee(), None, Results())
        referee.results = self.results
        return referee

    def test_a_peer_that_is_off_is_told_and_no_failure(self):
        referee = self.referee()
        exact = {"loss": 1.0, "eigenvalues": [2.0, 1.0]}
        referee.check_step("jax LOBPCG, last step", 1.0, [2.0, 0.9], exact, 1e-3)
        referee.check_values("torch", {"product_norm_curvlinops": 2.0}, {"product_norm": 1.0})
        _, problems = self.results.told()
        self.assertEqual(len(problems), 2)
        self.assertIn("jax LOBPCG, last step: λ2 is 0.9, but 1 in float64", problems[0])
        self.assertIn("curvlinops: product norm is 2", problems[1])
        self.assertFalse(self.results.failed())

    def test_brink_that_is_off_is_a_failure(self):
        for name in ("brink", "brink, full inputs"):
            self.results = Results()
            exact = {"loss": 1.0, "eigenvalues": [2.0]}
            self.referee().check_step(f"{name}, last step", 1.0, [2.0], exact, 1e-3)
            self.assertFalse(self.results.failed())
            self.referee().check_step(f"{name}, last step", 1.0, [float("nan")], exact, 1e-3)
            self.assertTrue(self.results.failed())

    def test_a_part_that_failed_is_a_failure_and_a_missing_referee_none(self):
        Referee(NoReferee(), None, self.results)
        self.assertEqual(len(self.results.told()[1]), 1)
        self.assertFalse(self.results.failed())
        self.results.complain("growth failed: no memory")
        self.assertTrue(self.results.failed())

    def test_problems_of_a_work_that_is_run_again_are_not_repeated(self):
        for work in ("step", "growth"):
            self.results.work = work
            for _ in range(2):
                self.results.complain("jax LOBPCG: λ1 is off", failure=False)
        again = self.resumed("step")
        self.assertEqual([problem["work"] for problem in again.problems], ["growth"])
        again.work = "step"
        again.complain("jax LOBPCG: λ1 is off", failure=False)
        again.complain("brink: λ1 is off")
        self.results = again
        told = self.resumed("launch").problems
        self.assertEqual(told, again.problems)
        self.assertEqual(len(told), 3)

    def test_problems_that_an_earlier_version_wrote_are_kept_once(self):
        problems = ["step failed: no memory", "brink: loss is off", "brink: loss is off"]
        text = json.dumps({"facts": {}, "problems": problems, "samples": []})
        (self.folder / "samples.json").write_text(text)
        again = Results()
        again.resume(self.folder, ["step"])
        self.assertEqual(again.told()[1], ["brink: loss is off"])
        self.assertTrue(again.failed())

    def test_notes_are_kept_and_what_is_missing_is_asked_anew(self):
        self.results.facts = {"cpu": "one", "missing: jax": "no network"}
        self.results.add("figure1a", "command", "brink", "s", [1.0, 3.0], "note, with a comma")
        again = self.resumed("step")
        self.assertEqual(again.facts, {"cpu": "one"})
        again.write(self.folder)
        bytes_written = (self.folder / "results.csv").read_bytes()
        self.assertNotIn(b"\r", bytes_written)
        self.assertTrue(bytes_written.endswith(b',2,1,3,2,2,"note, with a comma"\n'))


if __name__ == "__main__":
    unittest.main()
