"""Merges two versions of a comparison that two servers on one database changed at the same time."""

from __future__ import annotations

from dataclasses import replace

from lib.compare.comparison import MAX_COLUMNS, Comparison, ComparisonRound


def merge_comparisons(ours: Comparison, theirs: Comparison) -> Comparison:
    """Return ``ours`` with the rounds that only ``theirs`` has, with their columns and ratings.

    Rounds are never deleted, so a round that is missing here was added there. Without such a round, the last save
    counts, and ``ours`` itself is returned.
    """
    foreign = _missing_rounds(theirs, ours)
    if not foreign:
        return ours
    new = _missing_rounds(ours, theirs)
    common = [round for round in ours.rounds if round not in new]
    own_ids = {column.id for column in ours.columns}
    asked = {id for round in foreign for id in round.question_ids}
    columns = [column for column in theirs.columns if column.id in asked - own_ids]
    return replace(
        ours,
        columns=(*ours.columns, *columns)[:MAX_COLUMNS],
        rounds=(*common, *foreign, *new),
        ratings={**theirs.ratings, **ours.ratings},
        selected_answers={**theirs.selected_answers, **ours.selected_answers},
    )


def _missing_rounds(comparison: Comparison, other: Comparison) -> list[ComparisonRound]:
    """Return the comparison's rounds of which the other one has no question."""
    questions = {question for round in other.rounds for question in round.question_ids.values()}
    return [round for round in comparison.rounds if questions.isdisjoint(round.question_ids.values())]
