"""Cells of runs: what came of each, written in groups and read at once; answers that need not be asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from lib.api.request import Messages, Request
from lib.chat.answer import Answer, Ending
from lib.errors import BadInput, StorageFailed
from lib.experiment import cell_request, plan_grid
from lib.experiment.checks.check_kinds import CheckOutcome
from lib.experiment.results.cell_result import Result, Status
from lib.files import value_codec
from lib.model import model_record
from lib.store import answer_columns, tables
from lib.store.stored_values import CellChange, SavedRun, StoredCell

_TABLE = tables.cell
_AT_ONCE = 500  # databases bound the values of one statement
_WAITING = "WAITING"  # a row's status alone: to those who look, such a cell is not there yet

_INSERT = insert(_TABLE)
# A rating may have been given meanwhile, by another tab: only rate() writes it over.
_UPDATE = (
    update(_TABLE)
    .where(and_(_TABLE.c.run == bindparam("at_run"), _TABLE.c.number == bindparam("at_number")))
    .values(
        {one.name: bindparam(one.name) for one in _TABLE.c if one.name not in ("run", "number", "rating")}
    )
)


def write(connection: Connection, run: int, changes: Sequence[CellChange]) -> None:
    """Write those cells. Raises StorageFailed where a fresh one is there already."""
    if fresh := [{"run": run, "number": one.result.cell.number} | _row(one) for one in changes if one.is_new]:
        try:
            connection.execute(_INSERT, fresh)
        except IntegrityError:
            raise StorageFailed(
                "Another Paddock works on this run, or it was deleted.",
                advice="Look at it there, or start a new one.",
            ) from None
    if stale := [
        {"at_run": run, "at_number": one.result.cell.number} | _row(one) for one in changes if not one.is_new
    ]:
        connection.execute(_UPDATE, stale)


def _row(change: CellChange) -> dict[str, Any]:
    result = change.result
    return {
        "position": change.position,
        "status": _WAITING if change.is_waiting else result.status.name,
        "fingerprint": change.fingerprint,
        "attempts": result.attempts,
        "requests": result.requests,
        "cost": str(result.cost),
        "uncertain": str(result.uncertain),
        "stored": result.stored,
        "judged": change.is_judged,
        "outcomes": [_write_outcome(one) for one in result.outcomes],
    } | (
        answer_columns.NO_ANSWER if result.answer is None else answer_columns.answer_to_columns(result.answer)
    )


def _write_outcome(outcome: CheckOutcome) -> list[Any]:
    usage = None if outcome.usage is None else value_codec.write_usage(outcome.usage)
    return [outcome.passed, outcome.reason, usage]


def _read_outcome(data: list[Any]) -> CheckOutcome:
    passed, reason, usage = data
    return CheckOutcome(passed, reason, None if usage is None else value_codec.read_usage(usage))


def rate(connection: Connection, run: int, number: int, rating: int | None) -> bool:
    """Keep the rating of that cell."""
    mine = and_(_TABLE.c.run == run, _TABLE.c.number == number)
    return connection.execute(update(_TABLE).where(mine).values(rating=rating)).rowcount == 1


def read(connection: Connection, run: int, saved: SavedRun) -> tuple[StoredCell, ...]:
    """All of that run's, in the order of their last change."""
    chosen = model_record.models().get(saved.entry.model) or model_record.default_model()
    variants = plan_grid.variants(saved.plan, chosen)
    ways = list(variants) if len(variants) <= plan_grid.count_cells(saved.plan) else variants

    def rows() -> Iterator[StoredCell]:
        asked = select(_TABLE).where(_TABLE.c.run == run).order_by(_TABLE.c.position)
        for row in connection.execute(asked):
            cell = plan_grid.cell_at(saved.plan, row.number)
            answer = None
            if row.id is not None:
                try:
                    request = cell_request.request(chosen, saved.plan, cell, ways)
                except BadInput:  # the model's record has changed its bounds: shown without
                    request = Request(chosen.id, Messages(()), MappingProxyType({}), stream=False)
                answer = answer_columns.answer_from_row(row, request, saved.entry.backend, saved.entry.billed)
            result = Result(
                cell=cell,
                status=_status(row),
                answer=answer,
                outcomes=tuple(_read_outcome(one) for one in row.outcomes),
                cost=Decimal(row.cost),
                attempts=row.attempts,
                stored=row.stored,
                rating=row.rating,
                requests=row.requests,
                uncertain=Decimal(row.uncertain),
            )
            yield StoredCell(result, row.position, row.judged, row.status == _WAITING)

    return tuple(rows())


def _status(row: Row[Any]) -> Status:
    if row.status != _WAITING:
        return Status[row.status]
    return Status.DOUBTFUL if row.id is None else Status.ANSWERED  # it is its judge that waits then


def answers(connection: Connection, owner: str, asked: Mapping[str, Request]) -> dict[str, Answer]:
    """By fingerprint: what that owner was answered to the same request, the latest where there are several."""
    found: dict[str, Answer] = {}
    fingerprints = list(asked)
    whole = [ending.name for ending in Ending if ending.is_complete]
    for start in range(0, len(fingerprints), _AT_ONCE):
        some = fingerprints[start : start + _AT_ONCE]
        rows = connection.execute(
            select(_TABLE, tables.run.c.backend, tables.run.c.billed)
            .join(tables.run, _TABLE.c.run == tables.run.c.key)
            .where(
                tables.run.c.owner == owner,
                _TABLE.c.fingerprint.in_(some),
                _TABLE.c.status == Status.ANSWERED.name,
                _TABLE.c.ending.in_(whole),
            )
            .order_by(_TABLE.c.run, _TABLE.c.position)
        )
        for row in rows:
            found[row.fingerprint] = answer_columns.answer_from_row(
                row, asked[row.fingerprint], row.backend, row.billed
            )
    return found
