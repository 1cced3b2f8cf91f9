"""Report how far the twin's start is: to the supervisor or to a person."""

from __future__ import annotations

import json
import sys
import time
from typing import Any, TextIO


class StartReporter:
    """Reports the progress of the start: in JSON lines for a program, in sentences for a person."""

    def __init__(self, out: TextIO, *, supervised: bool) -> None:
        self.out, self.supervised = out, supervised
        self._last_printed = 0.0

    def report_state(self, state: str, **facts: Any) -> None:
        """Print one JSON line of the supervisor's protocol."""
        if self.supervised:
            print(json.dumps({"state": state, **facts}), file=self.out, flush=True)

    def print_text(self, text: str) -> None:
        """Print text for a person."""
        if not self.supervised:
            print(text, file=self.out, flush=True)

    def report_download(self, done: int, total: int) -> None:
        """Report how many bytes of the weights are downloaded."""
        self.report_state("fetching", done=done, total=total)
        if not self.supervised and (time.monotonic() - self._last_printed > 1 or done == total):
            self._last_printed = time.monotonic()
            self.print_text(f"Fetching the model's weights, once: {done / 1e6:.0f} of {total / 1e6:.0f} MB")

    def report_failure(self, reason: str, advice: str) -> int:
        """Report that the start failed. Return the exit code."""
        self.report_state("failed", reason=reason, advice=advice)
        if not self.supervised:
            print(f"The twin cannot start: {reason}\n{advice}", file=sys.stderr)
        return 1
