"""A contestant: a process that stays alive, and answers a JSON line with a JSON line."""

import json
import os
import re
import subprocess
import time


class ContestantError(Exception):
    """A contestant refused a request, or ended."""


class Contestant:
    """A running contestant; use it in a `with` statement."""

    def __init__(self, name, command, log, environment=None):
        self.name = name
        self.log_path = log
        self.log = open(log, "ab")
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=os.environ | (environment or {}),
            text=True,
        )

    def ask(self, work, **arguments):
        """The answer to a request.

        # Errors
        `ContestantError` with what the contestant said, or where its log is.
        """
        try:
            self.process.stdin.write(json.dumps({"work": work} | arguments) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except OSError:
            line = ""
        if not line:
            code = self.process.wait()
            raise ContestantError(
                f"{self.name} ended with {code} during {work!r}; the end of {self.log_path.name}:\n"
                f"{self.log_tail()}"
            )
        answer = json.loads(line)
        if "error" in answer:
            raise ContestantError(f"{self.name}, {work!r}: {answer['error']}")
        return answer

    def log_tail(self, lines=8):
        """The last lines that the contestant wrote to standard error."""
        with open(self.log_path, errors="replace") as log:
            return "".join(log.readlines()[-lines:])

    def peak_memory(self):
        """The largest resident set so far, in bytes; `None` where the system does not tell."""
        try:
            with open(f"/proc/{self.process.pid}/status") as status:
                found = re.search(r"VmHWM:\s*(\d+) kB", status.read())
        except OSError:
            return None
        return int(found.group(1)) * 1024 if found else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.process.stdin.close()
        except OSError:
            pass  # it has ended already
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()


def whole_command(command, log, stdin=None, environment=None):
    """Seconds from start to exit, and the peak resident set in bytes, of a command.

    # Errors
    `ContestantError` if it fails.
    """
    with open(log, "ab") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=open(stdin) if stdin else subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=os.environ | (environment or {}),
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise ContestantError(f"{command[0]} ended with {process.returncode}; see {log}")
    return seconds, usage.ru_maxrss * 1024
