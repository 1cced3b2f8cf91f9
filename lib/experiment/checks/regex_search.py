"""Pattern: a regular expression looked for in a text, in a process that can be ended: some never come to an end."""

from __future__ import annotations

import atexit
import json
import re
import subprocess
import sys
import threading
import warnings
from collections import Counter
from contextlib import suppress

from lib.errors import BadInput
from lib.jsonkit.json_schema import MAX_PATTERN_CHARS

SECONDS = 2
MOST_TEXT = 100_000  # characters
MOST_GIVEN_UP = 3  # times in a row; a thousand answers would keep a run waiting for half an hour

# The watchdog is a thread of the interpreter's own, that ends the process whatever its expression is at, also when
# Paddock is gone by then. -I and -S: it starts in a fiftieth of a second, and reads nothing but its input.
_PROGRAM = f"""
import faulthandler, json, os, re, sys, warnings
warnings.simplefilter("ignore")
nowhere = open(os.devnull, "w")
for line in sys.stdin:
    pattern, text = json.loads(line)
    faulthandler.dump_traceback_later({SECONDS}, exit=True, file=nowhere)
    try:
        found = re.search(pattern, text)
        said = found and found[0][:200]
    except (re.error, RecursionError, OverflowError) as error:
        said = {{"error": str(error)}}
    faulthandler.cancel_dump_traceback_later()
    print(json.dumps(said), flush=True)
"""


class GivenUp(BadInput):
    """The search came to no end, or its expression is none."""

    title = "This cannot be checked"


class Finder:
    """Looks for expressions, one at a time, in a process that is started when it is first asked, by any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._given_up: Counter[str] = Counter()

    def find(self, pattern: str, text: str) -> str | None:
        """The first 200 characters of what is found first, None where nothing is. Raises GivenUp."""
        if len(text) > MOST_TEXT:
            raise GivenUp(f"The answer is longer than {MOST_TEXT:,} characters.")
        with self._lock:
            if self._given_up[pattern] >= MOST_GIVEN_UP:
                raise GivenUp(
                    "The regular expression took too long on other answers, and is not tried again."
                )
            for _ in range(2):  # the second time with a new process, should the first have been gone already
                process = self._started()
                try:
                    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
                    process.stdin.write(json.dumps([pattern, text]) + "\n")
                    process.stdin.flush()
                except OSError:
                    self.end()
                    continue
                line = process.stdout.readline()
                if not line:
                    self.end()
                    self._given_up[pattern] += 1
                    raise GivenUp(
                        f"The regular expression took more than {SECONDS} seconds and was given up."
                    )
                del self._given_up[pattern]
                said = json.loads(line)
                if isinstance(said, dict):
                    raise GivenUp(f"The regular expression is not understood: {said['error']}.")
                return None if said is None else str(said)
        raise GivenUp("The process that looks for the regular expression does not start.")

    def _started(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is not None:
            self.end()
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="ascii",
            )
        return self._process

    def end(self) -> None:
        """End the process. The next question starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            # Closes its pipes, with what they may still hold, and waits for it.
            with suppress(OSError), process:
                pass


_finder = Finder()
atexit.register(_finder.end)


def find(pattern: str, text: str) -> str | None:
    """As ``Finder.find``, by the one that the whole program has."""
    return _finder.find(pattern, text)


def problem(pattern: str) -> BadInput | None:
    """Why that is no regular expression that can be looked for."""
    if not pattern:
        return BadInput("The regular expression is empty.", advice="Enter one, such as ^(yes|no)$.")
    if len(pattern) > MAX_PATTERN_CHARS:
        return BadInput(
            f"The regular expression has {len(pattern):,} characters, more than {MAX_PATTERN_CHARS:,}.",
            advice="Make it shorter.",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return BadInput(
            f"The regular expression is not understood: {error}.",
            advice="Correct it; a sign that means itself has a \\ before it, as in \\. or \\(.",
        )
    return None
