"""Winner: the setting or prompt that passes most, and whether it is better than the next beyond chance, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from lib.experiment.result import Result
from lib.experiment.statistics import NOISE, Interval
from lib.experiment.summary import Tally
from lib.experiment.versus import Versus, of_prompts, of_variants


class Among(Enum):
    """What is compared."""

    VARIANTS = "settings"
    PROMPTS = "prompts"


@dataclass(frozen=True)
class Winner:
    """``best`` and ``next`` are numbers of variants or prompts; ``next`` is None where there is no other.

    ``p`` is McNemar's for the pairs of the two, None where none could be matched. ``text`` says all of it.
    """

    best: int
    next: int | None
    p: float | None
    text: str

    @property
    def certain(self) -> bool:
        """Whether chance alone would hardly have made the difference."""
        return self.p is not None and self.p < NOISE


def winner(
    results: Sequence[Result], tallies: Mapping[int, Tally], names: Sequence[str], among: Among
) -> Winner | None:
    """The best by its share of passes; of equals the cheaper one. None where nothing was judged.

    ``tallies`` are the summary's ``variants`` or ``prompts``, ``names`` what they are called.
    """
    judged = [number for number, tally in tallies.items() if tally.judged]
    if not judged:
        return None
    judged.sort(key=lambda number: (-(tallies[number].rate or 0), tallies[number].cost, number))
    best = judged[0]
    said = f"{names[best]} passes {_share(tallies[best])}"
    if len(judged) == 1:
        return Winner(best, None, None, f"{said}.")
    second = judged[1]
    pairs = (of_variants if among is Among.VARIANTS else of_prompts)(results, second, best)
    text = f"{said}, the next, {names[second]}, {_share(tallies[second])}: {_verdict(pairs, tallies, best, second)}."
    return Winner(best, second, pairs.p, text)


def _share(tally: Tally) -> str:
    return f"{tally.passed:,} of {tally.judged:,} ({percents(tally.interval)})"


def _verdict(pairs: Versus, tallies: Mapping[int, Tally], best: int, second: int) -> str:
    if pairs.p is None:
        return "no input was asked in both ways, so they cannot be compared"
    if tallies[best].rate == tallies[second].rate:
        return "as good"
    if pairs.p < NOISE:
        return f"better beyond chance (p {p_value(pairs.p)})"
    return f"could be chance (p {p_value(pairs.p)})"


def percents(interval: Interval) -> str:
    """An interval of shares as people write it: 81–97 %."""
    return f"{interval.low * 100:.0f}–{interval.high * 100:.0f} %"


def p_value(p: float) -> str:
    """A p with the digits that say something, and its sign: = 0.18, = 0.004, < 0.001."""
    if p < 0.001:
        return "< 0.001"
    return f"= {p:.3f}" if p < 0.0995 else f"= {p:.2f}"
