"""The comparison of a run's models in plain sentences."""

from __future__ import annotations

from decimal import Decimal

from lib.experiment.results.model_comparison import ModelComparison, ModelDifference, ModelFigures
from lib.experiment.results.pass_statistics import Interval
from lib.experiment.results.winner import format_interval, format_share
from lib.model.pricing import format_dollars

_SAME_PRICE = (Decimal("0.95"), Decimal("1.05"))  # ratios that are called the same price


def describe_models(comparison: ModelComparison) -> str:
    """Return which model is enough, and how the others differ from it, in one sentence."""
    enough = comparison.enough
    if enough is None:
        return "No answer was judged, so no model can be called good enough."
    others = [model for model in comparison.by_price if model is not enough]
    if not others:
        share = format_share(enough.tally.pass_rate or 0.0)
        return (
            f"{enough.name} passes {share} ({format_interval(enough.interval)}); no other model was judged."
        )
    judged = [enough, *others]
    if not any(model.tally.passed for model in judged):
        return "No answer of any model passes, so none of them is enough."
    if all(model.tally.passed == model.tally.judged for model in judged):
        cheapest = "" if enough.dollars is None else f": {enough.name} costs the least"
        return f"Every answer of every model passes, so they cannot be told apart{cheapest}."
    pairs = [(model, comparison.difference(model.number, enough.number)) for model in others]
    beaten = [_describe_lead(enough, model, pair) for model, pair in pairs if pair and _is_lead(pair)]
    parts = [f"{enough.name} passes {join_words(beaten)}"] if beaten else [_describe_unbeaten(enough)]
    parts += [_describe_other(enough, model, pair) for model, pair in pairs if not (pair and _is_lead(pair))]
    return "; ".join(parts) + "."


def describe_correction(comparison: ModelComparison) -> str:
    """Return how the comparisons were made, in a sentence or two; empty if nothing was compared."""
    count = len(comparison.differences)
    if not count:
        return ""
    corrected = (
        f"{count:,} pairs of models were compared, so each p-value is corrected for all of them (Holm): "
        "more pairs do not make chance look like a difference."
        if count > 1
        else "The two models are compared on the same inputs."
    )
    if comparison.can_be_clear:
        return corrected
    unit = "input" if comparison.is_by_input else "answer"
    few = f"{comparison.input_count:,} {unit}{'' if comparison.input_count == 1 else 's'}"
    return f"{corrected} With {few}, no difference can be called clear, however large it is: add inputs."


def format_points(interval: Interval) -> str:
    """Write an interval of differences in points: −3 to +6."""
    return f"{_signed(interval.low)} to {_signed(interval.high)}"


def price_ratio(model: ModelFigures, other: ModelFigures) -> Decimal | None:
    """Return the first's price in terms of the other's, None if one is unknown or the other is free."""
    if model.dollars is None or not other.dollars:
        return None
    return model.dollars / other.dollars


def join_words(words: list[str]) -> str:
    """Write a list: a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _is_lead(pair: ModelDifference) -> bool:
    return pair.is_clear and pair.points > 0


def _describe_lead(enough: ModelFigures, other: ModelFigures, pair: ModelDifference) -> str:
    low, high = (format_number(bound) for bound in (pair.interval.low, pair.interval.high))
    lead = f"{format_number(pair.points)} points more than {other.name} ({low} to {high})"
    if enough.dollars is None or other.dollars is None:
        return lead
    if enough.dollars == other.dollars:
        return f"{lead}, for the same price"
    if (ratio := price_ratio(enough, other)) is None:
        return f"{lead}, for {_per_thousand(enough)} instead of nothing"
    if _SAME_PRICE[0] <= ratio <= _SAME_PRICE[1]:
        return f"{lead}, for the same price"
    return f"{lead}, for {format_ratio(ratio)} times the price" if ratio else f"{lead}, for nothing"


def _describe_unbeaten(enough: ModelFigures) -> str:
    cheapest = "" if enough.dollars is None else ", the cheapest"
    return f"No model passes clearly more often than {enough.name}{cheapest}"


def _describe_other(enough: ModelFigures, other: ModelFigures, pair: ModelDifference | None) -> str:
    if pair is None:
        return f"{other.name} was not judged on the same inputs"
    turned = pair.reversed()
    if pair.is_clear:  # only if the pairs of models do not share all inputs
        return f"{other.name} passes more often on the inputs that it shares with {enough.name}"
    range = f"{format_points(turned.interval)} points"
    return f"{other.name} cannot be told apart from {enough.name} ({range}){_describe_extra(enough, other)}"


def _describe_extra(enough: ModelFigures, other: ModelFigures) -> str:
    """Return what the other costs in comparison, empty if that is not known or the same."""
    ratio = price_ratio(other, enough)
    if ratio is not None and not _SAME_PRICE[0] <= ratio <= _SAME_PRICE[1]:
        return f" and costs {format_ratio(ratio)} times as much"
    if ratio is None and _is_free(enough) and other.dollars:
        return f" and costs {_per_thousand(other)}"
    return ""


def _per_thousand(model: ModelFigures) -> str:
    return f"{format_dollars(model.dollars or Decimal(0))} per 1,000 answers"


def _is_free(model: ModelFigures) -> bool:
    return model.dollars == 0


def format_ratio(ratio: Decimal) -> str:
    """Write a ratio of prices to two digits: 1.9, 12, 0.25."""
    if ratio >= 10:
        return f"{ratio:,.0f}"
    return f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2g}"


def format_number(share: float) -> str:
    """Write a difference of shares in points: 12, and 0.4 for less than one."""
    points = share * 100
    text = f"{points:.0f}" if abs(points) >= 0.95 or abs(points) < 0.05 else f"{points:.1f}"
    return "0" if text == "-0" else text.replace("-", "\u2212")


def _signed(share: float) -> str:
    text = format_number(share)
    return f"+{text}" if share > 0 else text
