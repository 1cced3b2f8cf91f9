"""The results that this browser tab shows, counted once for each change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar, cast

import streamlit as st

from lib.experiment.plan import Plan
from lib.experiment.plan_models import ResolvedPlan, group_by_model
from lib.experiment.results.cell_result import Result
from lib.experiment.results.model_comparison import ModelComparison, compare_asked_models
from lib.experiment.results.result_rows import ResultColumn, ResultFilter, ResultRow, ResultTable, sort_rows
from lib.experiment.results.result_summary import ResultSummary, ResultTally, summarise_results
from lib.experiment.results.winner import GroupedBy, Winner, find_winner
from lib.model.model_record import Model
from lib.ui.shell.account_catalogue import find_model
from lib.ui.widgets import bound

# Begins the key of every control and value that belongs to the shown run.
PREFIX = "results-"
SECTION = f"{PREFIX}section"  # the choice of what is shown
_VIEW = "shown-results"  # in the session's state: the ResultsView of this tab

T = TypeVar("T")


class ResultsSection(StrEnum):
    """The sections of the results, with their labels."""

    OVERVIEW = "Overview"
    ANSWERS = "Answers"
    SIDE_BY_SIDE = "Side by side"


class ResultSource(Protocol):
    """A run whose results can be read and rated, such as ``lib.runner.experiment_run``'s."""

    id: str

    def results(self, since: int = 0) -> list[Result]:
        """Return the results from that position on. A cell may occur twice; the later result counts."""

    def rate(self, number: int, rating: int | None) -> None:
        """Set the user's rating of a cell, 1 to 5, or remove it. Raises PaddockError."""


@dataclass(frozen=True)
class OtherRun:
    """Another run of the same experiment, to compare with. ``load`` returns its plan and its results."""

    id: str
    name: str
    load: Callable[[], tuple[Plan, Sequence[Result]]]


class ResultsView:
    """The results of one run as this tab shows them. ``version`` grows with each change of the results."""

    def __init__(self, resolved: ResolvedPlan, run: ResultSource) -> None:
        self.resolved, self.plan, self.run = resolved, resolved.plan, run
        self.sheet = ResultTable(resolved)
        self.setting_names = self.sheet.setting_names
        self.prompt_names = tuple(prompt.name for prompt in self.plan.prompts)
        self.summary = ResultSummary(self.plan)
        self.version = 0
        self._read_count = 0
        self._cache: dict[object, tuple[object, object]] = {}

    def follow_run(self, run: ResultSource) -> None:
        """Read from this object of the run. After it was loaded again, its results may be in another order."""
        if run is not self.run:
            self.run, self._read_count = run, 0

    def read_new_results(self) -> None:
        if not (new := self.run.results(self._read_count)):
            return
        self._read_count += len(new)
        self.version += 1
        has_replaced = self.sheet.add_results(new)
        if has_replaced:
            self.summary = summarise_results(self.plan, self.results)
        else:
            for result in new:
                self.summary.add(result)

    @property
    def results(self) -> list[Result]:
        """The results read so far, one for each cell."""
        return [row.result for row in self.sheet.rows]

    @property
    def has_judgements(self) -> bool:
        """True if a check could judge any answer."""
        return self.summary.total.judged > 0

    @property
    def is_billed(self) -> bool:
        """True if the answers were paid for."""
        return any(row.result.answer is not None and row.result.answer.billed for row in self.sheet.rows[:50])

    def names(self, by: GroupedBy) -> tuple[str, ...]:
        """Return the names of the settings or of the prompts."""
        return self.setting_names if by is GroupedBy.VARIANTS else self.prompt_names

    def tallies(self, by: GroupedBy) -> Mapping[int, ResultTally]:
        """Return what is counted of each setting or each prompt, by its index."""
        return self.summary.variants if by is GroupedBy.VARIANTS else self.summary.prompts

    @property
    def compared_groups(self) -> list[GroupedBy]:
        """The kinds of groups that the run has several of."""
        return [by for by in GroupedBy if len(self.names(by)) > 1]

    @property
    def models(self) -> ModelComparison | None:
        """The comparison of the models, None if only one was asked."""
        return self.cached("models", (), lambda: compare_asked_models(self.resolved, self.results))

    @property
    def ranked_groups(self) -> list[GroupedBy]:
        """The kinds of groups among which a winner is named.

        Settings that differ in the model only are not among them: ``models`` compares these.
        """
        if (groups := group_by_model(self.plan)) is None or len(groups.names) < len(self.setting_names):
            return self.compared_groups
        return [by for by in self.compared_groups if by is not GroupedBy.VARIANTS]

    def best(self, by: GroupedBy) -> int | None:
        """Return the index of the setting or prompt to use: the winner or, among models, the one that is enough."""
        models = self.models
        if models is not None and by in self.compared_groups and by not in self.ranked_groups:
            return None if models.enough is None else models.enough.number
        winner = self.winner(by)
        return None if winner is None else winner.best

    def rows(self, filter: ResultFilter, column: ResultColumn, *, is_descending: bool) -> list[ResultRow]:
        """Return the rows that pass the filter, sorted by that column."""
        return self.cached(
            "rows",
            (filter, column, is_descending),
            lambda: sort_rows(filter.apply(self.sheet.rows), column, down=is_descending),
        )

    def winner(self, by: GroupedBy) -> Winner | None:
        """Return the best of the settings or prompts, None if nothing was judged."""
        return self.cached(by, (), lambda: find_winner(self.results, self.tallies(by), self.names(by), by))

    def cached(self, name: object, arguments: object, compute: Callable[[], T]) -> T:
        """Return ``compute()``, computed again only if ``arguments`` or the results have changed."""
        stamp = (self.version, arguments)
        if self._cache.get(name, (None, None))[0] != stamp:
            self._cache[name] = (stamp, compute())
        return cast("T", self._cache[name][1])


def current_view(plan: Plan, model: Model, run: ResultSource) -> ResultsView:
    """Return this tab's view of a run, brought up to date. Another run starts without filters and opened answer."""
    resolved = ResolvedPlan(plan, model, find_model)
    view: ResultsView | None = st.session_state.get(_VIEW)
    if view is None or view.run.id != run.id or view.plan != plan:
        if view is not None:
            for key in [key for key in st.session_state if str(key).startswith(PREFIX)]:
                del st.session_state[key]
            bound.forget_choices(PREFIX)
        view = st.session_state[_VIEW] = ResultsView(resolved, run)
    view.resolved = resolved  # the listed models may have changed
    view.follow_run(run)
    view.read_new_results()
    return view
