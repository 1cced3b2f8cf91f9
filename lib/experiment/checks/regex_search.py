"""Search a text for a regular expression, in a child process: some expressions backtrack without end."""

from __future__ import annotations

import re
import threading
import warnings
from collections import Counter

from lib.errors import BadInput
from lib.jsonkit.child_process import ChildFailed, ChildProcess, DeadlinePassed
from lib.jsonkit.ecma_regex import MAX_PATTERN_CHARS

TIMEOUT_SECONDS = 2
MAX_TEXT_CHARS = 100_000
# Timeouts of one pattern in a row; a thousand answers would keep a run waiting for half an hour.
MAX_TIMEOUTS = 3
_MAX_MATCH_CHARS = 200


class SearchGivenUp(BadInput):
    """The search took too long, or the pattern is not a regular expression."""

    title = "This cannot be checked"


class RegexSearcher:
    """Searches one text at a time, for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = ChildProcess()
        self._timeouts: Counter[str] = Counter()

    def find(self, pattern: str, text: str) -> str | None:
        """Return the first 200 characters of the first match, None if there is none. Raise SearchGivenUp."""
        if len(text) > MAX_TEXT_CHARS:
            raise SearchGivenUp(f"The answer is longer than {MAX_TEXT_CHARS:,} characters.")
        with self._lock:
            if self._timeouts[pattern] >= MAX_TIMEOUTS:
                raise SearchGivenUp("The pattern took too long on other answers, and is not tried again.")
            function = f"{__name__}:search_in_child"
            try:
                match, error = self._process.call(function, pattern, text, seconds=TIMEOUT_SECONDS)
            except DeadlinePassed:
                self._timeouts[pattern] += 1
                raise SearchGivenUp(
                    f"The pattern took more than {TIMEOUT_SECONDS} seconds and was given up."
                ) from None
            except ChildFailed:
                raise SearchGivenUp("The process that looks for the pattern does not start.") from None
            del self._timeouts[pattern]
        if error is not None:
            raise SearchGivenUp(f"The pattern is not understood: {error}.")
        return None if match is None else str(match)

    def end(self) -> None:
        """End the child process. The next search starts another."""
        self._process.close()


def search_in_child(pattern: str, text: str) -> tuple[str | None, str | None]:
    """Return the match and the error of the pattern; runs in the child process."""
    try:
        match = re.search(pattern, text)
    except (re.error, RecursionError, OverflowError) as error:
        return None, str(error)
    return (None if match is None else match[0][:_MAX_MATCH_CHARS]), None


_searcher = RegexSearcher()


def search(pattern: str, text: str) -> str | None:
    """Call ``RegexSearcher.find`` of the searcher that all threads share."""
    return _searcher.find(pattern, text)


def find_pattern_problem(pattern: str) -> BadInput | None:
    """Return the error of a pattern that cannot be searched for."""
    if not pattern:
        return BadInput("The pattern is empty.", advice="Enter one, such as ^(yes|no)$.")
    if len(pattern) > MAX_PATTERN_CHARS:
        return BadInput(
            f"The pattern has {len(pattern):,} characters, more than {MAX_PATTERN_CHARS:,}.",
            advice="Make it shorter.",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return BadInput(
            f"The pattern is not understood: {error}.",
            advice="Correct it; a sign that means itself has a \\ before it, as in \\. or \\(.",
        )
    return None
