"""The setting or prompt that passes most often, and whether chance could explain its lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from lib.experiment.results.cell_result import Result
from lib.experiment.results.paired_comparison import compare_prompts, compare_variants
from lib.experiment.results.pass_statistics import SIGNIFICANCE_LEVEL, Interval
from lib.experiment.results.result_summary import ResultTally, rank_groups


class GroupedBy(Enum):
    """The kind of groups that are compared."""

    VARIANTS = "settings"
    PROMPTS = "prompts"


@dataclass(frozen=True)
class Winner:
    """``best`` and ``runner_up`` are indexes of variants or prompts. ``text`` says all of it in a sentence.

    ``runner_up`` is None if there is only one group. ``p_value`` is McNemar's for the two, None if no pair could be
    matched, or if the best one is behind on the inputs that both were judged on.
    """

    best: int
    runner_up: int | None
    p_value: float | None
    text: str
    is_tie: bool = False

    @property
    def is_certain(self) -> bool:
        """Return True if chance alone would rarely make such a difference."""
        return self.p_value is not None and self.p_value < SIGNIFICANCE_LEVEL and not self.is_tie

    @property
    def test_text(self) -> str:
        """Return the statistical test behind the text, empty if the two were not compared or are equal."""
        return (
            ""
            if self.p_value is None or self.is_tie
            else f"McNemar’s test: p {format_p_value(self.p_value)}."
        )


def find_winner(
    results: Sequence[Result], tallies: Mapping[int, ResultTally], names: Sequence[str], among: GroupedBy
) -> Winner | None:
    """Return the group with the highest pass rate; among equals, the cheaper one. None if nothing was judged.

    ``tallies`` are the summary's ``variants`` or ``prompts``, ``names`` what they are called.
    """
    ranked = rank_groups({number: tally for number, tally in tallies.items() if tally.judged})
    if not ranked:
        return None
    best = ranked[0]
    shown_names = [f"“{name}”" for name in names] if among is GroupedBy.PROMPTS else names
    lead = f"{shown_names[best]} passes {_describe_share(tallies[best])}"
    if len(ranked) == 1:
        return Winner(best, None, None, f"{lead}.")
    runner_up = ranked[1]
    if not tallies[best].passed:
        judged = sum(tallies[number].judged for number in ranked)
        text = f"No answer passes with any of the {len(ranked):,} {among.value}: 0 of {judged:,}."
        return Winner(best, runner_up, None, text, is_tie=True)
    compare = compare_variants if among is GroupedBy.VARIANTS else compare_prompts
    comparison = compare(results, runner_up, best)
    passed_next, passed_best = comparison.passed
    # Their other answers differ: one may have been judged on easier inputs only.
    is_behind = passed_best < passed_next
    p_value = None if is_behind else comparison.p_value
    tie = tallies[best].pass_rate == tallies[runner_up].pass_rate
    if tie:
        judgement = "they are equally good"
    elif is_behind:
        both = f"{passed_best:,} and {passed_next:,} pass"
        judgement = f"but of the {comparison.judged:,} pairs on the same inputs, {both}"
    else:
        judgement = _describe_difference(p_value)
    text = f"{lead}, the next, {shown_names[runner_up]}, {_describe_share(tallies[runner_up])}: {judgement}."
    return Winner(best, runner_up, p_value, text, tie)


def _describe_share(tally: ResultTally) -> str:
    return f"{tally.passed:,} of {tally.judged:,} ({format_interval(tally.interval)})"


def _describe_difference(p: float | None) -> str:
    if p is None:
        return "no input was judged with both, so they cannot be compared"
    return "clearly better" if p < SIGNIFICANCE_LEVEL else "too close to call"


def format_share(share: float) -> str:
    """Write a share in per cent; a share that is neither 0 nor 1 is not rounded to 0 % or 100 %."""
    if 0 < share <= 0.005:  # a half would be rounded to the even 0
        return "< 1 %"
    return "> 99 %" if 0.995 <= share < 1 else f"{share * 100:.0f} %"


def format_interval(interval: Interval) -> str:
    """Write an interval of shares: 81–97 %."""
    return f"{interval.low * 100:.0f}–{interval.high * 100:.0f} %"


def format_p_value(p: float) -> str:
    """Write a p-value with its sign and significant digits: = 0.18, = 0.004, < 0.001."""
    if p < 0.001:
        return "< 0.001"
    return f"= {p:.3f}" if p < 0.0995 else f"= {p:.2f}"
