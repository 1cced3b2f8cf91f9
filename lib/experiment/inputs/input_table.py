"""The table of inputs, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Inputs:
    """A table in which each row is one input. ``expected`` names the column of expected answers, if any."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    expected: str | None = None
