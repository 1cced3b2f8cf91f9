"""Board: the run whose results are shown in this browser tab, counted and laid out as lines once for each change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast

import streamlit as st

from lib.experiment.plan import Plan
from lib.experiment.results.cell_result import Result
from lib.experiment.results.result_rows import ResultColumn, ResultFilter, ResultRow, ResultTable, sort_rows
from lib.experiment.results.result_summary import ResultSummary, summarise_results
from lib.experiment.results.winner import GroupedBy, Winner, find_winner
from lib.model.model_record import Model
from lib.ui.widgets import bound

PREFIX = "results-"  # of the keys of all that belongs to the run that is shown
_BOARD = "board"

T = TypeVar("T")


class ResultSource(Protocol):
    """A run as its results are read and rated: see ``lib.batch.Batch``."""

    id: str

    def results(self, since: int = 0) -> list[Result]:
        """What came from that place on; a cell may come again, and the later one counts."""

    def rate(self, number: int, rating: int | None) -> None:
        """Give the cell of that number a person's rating, 1 to 5, or take it back. Raises PaddockError."""


@dataclass(frozen=True)
class OtherRun:
    """Another run of the same experiment, to compare with. ``load`` gives what it asked and all that came of it."""

    id: str
    name: str
    load: Callable[[], tuple[Plan, Sequence[Result]]]


class ResultsView:
    """One run. ``version`` goes up with each change of its results."""

    def __init__(self, plan: Plan, model: Model, run: ResultSource) -> None:
        self.plan, self.model, self.run = plan, model, run
        self.sheet = ResultTable(plan, model)
        self.summary = ResultSummary(plan)
        self.version = 0
        self._seen = 0
        self._kept: dict[object, tuple[object, object]] = {}

    def read_new_results(self) -> None:
        """Look at what has come."""
        if not (new := self.run.results(self._seen)):
            return
        self._seen += len(new)
        self.version += 1
        if self.sheet.add_results(new):  # one of them was rated, or asked again
            self.summary = summarise_results(self.plan, self.results)
        else:
            for result in new:
                self.summary.add(result)

    @property
    def results(self) -> list[Result]:
        """What was there when it was last looked at, each cell once."""
        return [line.result for line in self.sheet.rows]

    @property
    def has_judgements(self) -> bool:
        """Whether a check could say anything of any answer."""
        return self.summary.total.judged > 0

    @property
    def prompt_names(self) -> tuple[str, ...]:
        """The names of the prompts."""
        return tuple(one.name for one in self.plan.prompts)

    @property
    def setting_names(self) -> tuple[str, ...]:
        """The names of the settings."""
        return self.sheet.setting_names

    def lines(self, wanted: ResultFilter, by: ResultColumn, *, down: bool) -> list[ResultRow]:
        """The wanted lines in that order."""
        return self.cached(
            "lines", (wanted, by, down), lambda: sort_rows(wanted.apply(self.sheet.rows), by, down=down)
        )

    def winner(self, among: GroupedBy) -> Winner | None:
        """The best of the settings or prompts, None where nothing was judged."""
        names = self.setting_names if among is GroupedBy.VARIANTS else self.prompt_names
        tallies = self.summary.variants if among is GroupedBy.VARIANTS else self.summary.prompts
        return self.cached(among, (), lambda: find_winner(self.results, tallies, names, among))

    def cached(self, what: object, how: object, make: Callable[[], T]) -> T:
        """What is made, made once for as long as neither ``how`` nor the results change."""
        stamp = (self.version, how)
        if self._kept.get(what, (None, None))[0] != stamp:
            self._kept[what] = (stamp, make())
        return cast("T", self._kept[what][1])


def current_view(plan: Plan, model: Model, run: ResultSource) -> ResultsView:
    """The board of that run in this tab. With another run begins without a filter, and with no answer open."""
    known: ResultsView | None = st.session_state.get(_BOARD)
    if known is None or known.run.id != run.id or known.plan != plan:
        if known is not None:
            for key in [key for key in st.session_state if str(key).startswith(PREFIX)]:
                del st.session_state[key]
            bound.forget_choices(PREFIX)
        known = st.session_state[_BOARD] = ResultsView(plan, model, run)
    known.run = run  # it may have been read from the database anew
    known.read_new_results()
    return known
