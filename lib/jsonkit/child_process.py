"""A child process for work that may never end, such as matching a regular expression that backtracks without bound.

Python cannot interrupt a regular expression in its own process. In the child a watchdog thread of the interpreter
ends the process at a deadline by the wall clock, whatever it is doing, even if Paddock itself is gone. The process
is kept between calls, so that a call costs about a millisecond.
"""

from __future__ import annotations

import atexit
import faulthandler
import json
import os
import pkgutil
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from lib.system.child_environment import child_environment

ROOT = Path(__file__).resolve().parents[2]


class DeadlinePassed(Exception):
    """The call did not end in time. Its process was ended."""


class ChildFailed(Exception):
    """The child process could not be started, or ended without an answer."""


class ChildProcess:
    """Runs one function at a time in a child process, for any thread. The first call starts the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        atexit.register(self.close)

    def call(self, function: str, *arguments: Any, seconds: float) -> Any:
        """Return what ``function`` ("package.module:name") returns for these arguments; all of it is JSON.

        Raises DeadlinePassed after ``seconds``, in which the start of the process and imports are not counted, and
        ChildFailed.
        """
        line = json.dumps([function, arguments, seconds]) + "\n"
        with self._lock:
            # The second attempt is for a process that was found to be gone.
            for _ in range(2):
                process = self._start()
                try:
                    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
                    process.stdin.write(line)
                    process.stdin.flush()
                except OSError:
                    self.close()
                    continue
                if answer := process.stdout.readline():
                    return json.loads(answer)
                code = process.wait()
                self.close()
                if code == _DEADLINE_EXIT_CODE:
                    raise DeadlinePassed
                raise ChildFailed(f"The process ended with the code {code}.")
        raise ChildFailed("The process does not start.")

    def _start(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lib.jsonkit.child_process"],
                cwd=ROOT,
                env=child_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="ascii",
            )
        return self._process

    def close(self) -> None:
        """End the process. The next call starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            # Closes the pipes and waits for the process.
            with suppress(OSError), process:
                pass


# faulthandler's watchdog ends the process so; an exception that nobody catches ends it with _FAILED_EXIT_CODE.
_DEADLINE_EXIT_CODE = 1
_FAILED_EXIT_CODE = 70


def _serve() -> None:
    """Answer calls, in the child process, until standard input ends."""
    nowhere = Path(os.devnull).open("w")  # noqa: SIM115 (open as long as the process lives)
    for line in sys.stdin:
        name, arguments, seconds = json.loads(line)
        function = pkgutil.resolve_name(name)
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        answer = function(*arguments)
        faulthandler.cancel_dump_traceback_later()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    try:
        _serve()
    except Exception:
        sys.exit(_FAILED_EXIT_CODE)
