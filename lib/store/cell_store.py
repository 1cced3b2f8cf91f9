"""Cells of runs in the database: written in groups, read all at once, and found again by the same request."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from lib.api.request import Messages, Request
from lib.chat.answer import Answer, Ending
from lib.errors import BadInput, StorageFailed
from lib.experiment import cell_request, plan_grid
from lib.experiment.checks.check_kinds import CheckOutcome
from lib.experiment.plan_models import ResolvedPlan
from lib.experiment.results.cell_result import Result, Status
from lib.files import value_codec
from lib.model.known_models import ModelLookup, find_record, known_or_unknown
from lib.store import answer_columns, tables
from lib.store.database import Database
from lib.store.lease_store import LeaseStore
from lib.store.owned_rows import owned_row
from lib.store.run_store import read_run, read_run_key, run_lease
from lib.store.stored_values import CellChange, SavedRun, StoredCell

_TABLE = tables.cell
_FINGERPRINTS_PER_STATEMENT = 500  # databases limit the number of values in one statement
_WAITING = "WAITING"  # exists in the status column only: readers see such a cell as not asked yet

_INSERT = insert(_TABLE)
# The rating is left out: another tab may have changed it meanwhile, so only rate() writes it.
_UPDATE = (
    update(_TABLE)
    .where(and_(_TABLE.c.run == bindparam("at_run"), _TABLE.c.number == bindparam("at_number")))
    .values(
        {
            column.name: bindparam(column.name)
            for column in _TABLE.c
            if column.name not in ("run", "number", "rating")
        }
    )
)


class CellStore:
    """The results of every owner's runs, cell by cell."""

    def __init__(self, database: Database, leases: LeaseStore, find_model: ModelLookup = find_record) -> None:
        self._database = database
        self._find_model = find_model
        self._leases = leases
        # By owner and run id: the database's generation and the run's primary key.
        self._run_keys: dict[tuple[str, str], tuple[int, int]] = {}

    def load(self, owner: str, run_id: str) -> tuple[StoredCell, ...]:
        """Return every cell of a run that was asked, in the order of their last change."""
        with self._database.reading() as connection:
            run = read_run(connection, owner, run_id)
            key = read_run_key(connection, owner, run_id)
            return (
                ()
                if run is None or key is None
                else tuple(_read_cells(connection, key, run, self._find_model))
            )

    def last_position(self, owner: str, run_id: str) -> int:
        """Return the position of the run's last change, 0 if there was none."""
        own = owned_row(tables.run, owner, run_id)
        query = (
            select(func.max(_TABLE.c.position)).join(tables.run, _TABLE.c.run == tables.run.c.key).where(own)
        )
        with self._database.reading() as connection:
            return connection.scalar(query) or 0

    def write(
        self, owner: str, run_id: str, changes: Iterable[CellChange], saved_numbers: Container[int] = ()
    ) -> None:
        """Write these cells, all or nothing. Each cell may occur once; those with ``saved_numbers`` have a row.

        Raise StorageFailed if the run was deleted or another server began one of the new cells; the error is not
        ``retryable`` then. Raise HeldElsewhere if another server works on the run.
        """
        with self._database.writing() as connection:
            self._leases.check(connection, run_lease(run_id))
            key = self._run_key(connection, owner, run_id)
            new, changed = [], []
            for change in changes:
                number, values = change.result.cell.number, _cell_values(change)
                if number in saved_numbers:
                    changed.append({"at_run": key, "at_number": number} | values)
                else:
                    new.append({"run": key, "number": number} | values)
            if new:
                try:
                    connection.execute(_INSERT, new)
                except IntegrityError:
                    raise StorageFailed(
                        "Another Paddock is working on this run, or it was deleted.",
                        advice="Look at it there, or start a new run.",
                    ) from None
            if changed:
                connection.execute(_UPDATE, changed)

    def _run_key(self, connection: Connection, owner: str, run_id: str) -> int:
        generation = self._database.generation
        known_generation, key = self._run_keys.get((owner, run_id), (0, None))
        if key is None or known_generation != generation:
            key = read_run_key(connection, owner, run_id)
            if key is None:
                raise StorageFailed("This run was deleted.", advice="Start a new one.")
            self._run_keys[owner, run_id] = (generation, key)
        return key

    def rate(self, owner: str, run_id: str, number: int, rating: int | None) -> bool:
        """Set or clear a user's rating of a cell's answer. Return False if there is no such cell."""
        with self._database.writing() as connection:
            key = read_run_key(connection, owner, run_id)
            if key is None:
                return False
            cell = and_(_TABLE.c.run == key, _TABLE.c.number == number)
            return connection.execute(update(_TABLE).where(cell).values(rating=rating)).rowcount == 1

    def find_answers(self, owner: str, requests: Mapping[str, Request]) -> dict[str, Answer]:
        """Return complete answers that the owner's runs got to requests with these fingerprints, the latest of each.

        ``requests`` are by fingerprint, as is the result.
        """
        answers: dict[str, Answer] = {}
        fingerprints = list(requests)
        complete = [ending.name for ending in Ending if ending.is_complete]
        query = (
            select(_TABLE, tables.run.c.backend, tables.run.c.billed)
            .join(tables.run, _TABLE.c.run == tables.run.c.key)
            .where(
                tables.run.c.owner == owner,
                _TABLE.c.status == Status.ANSWERED.name,
                _TABLE.c.ending.in_(complete),
            )
            .order_by(_TABLE.c.run, _TABLE.c.position)
        )
        with self._database.reading() as connection:
            for start in range(0, len(fingerprints), _FINGERPRINTS_PER_STATEMENT):
                batch = fingerprints[start : start + _FINGERPRINTS_PER_STATEMENT]
                for row in connection.execute(query.where(_TABLE.c.fingerprint.in_(batch))):
                    answers[row.fingerprint] = answer_columns.answer_from_row(
                        row, requests[row.fingerprint], row.backend, row.billed
                    )
        return answers


def _cell_values(change: CellChange) -> dict[str, Any]:
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
        "outcomes": [_write_outcome(outcome) for outcome in result.outcomes],
    } | (
        answer_columns.NO_ANSWER if result.answer is None else answer_columns.answer_to_columns(result.answer)
    )


def _write_outcome(outcome: CheckOutcome) -> list[Any]:
    usage = None if outcome.usage is None else value_codec.write_usage(outcome.usage)
    return [outcome.passed, outcome.reason, usage]


def _read_outcome(data: list[Any]) -> CheckOutcome:
    passed, reason, usage = data
    return CheckOutcome(passed, reason, None if usage is None else value_codec.read_usage(usage))


def _read_cells(
    connection: Connection, run_key: int, run: SavedRun, find_model: ModelLookup
) -> Iterator[StoredCell]:
    """Yield the run's cells. Requests are not stored: they are built again from the plan."""
    resolved = ResolvedPlan(run.plan, known_or_unknown(find_model, run.entry.model), find_model)
    variants = plan_grid.variants_for_run(resolved)
    for row in connection.execute(select(_TABLE).where(_TABLE.c.run == run_key).order_by(_TABLE.c.position)):
        cell = plan_grid.cell_at(run.plan, row.number)
        answer = None
        if row.id is not None:
            try:
                request = cell_request.request(resolved, cell, variants)
            except BadInput:
                # The model is not listed here, or its bounds have changed since: the answer is shown without its
                # request.
                asked = variants[cell.variant].settings.model
                request = Request(asked, Messages(()), MappingProxyType({}), stream=False)
            answer = answer_columns.answer_from_row(row, request, run.entry.backend, run.entry.billed)
        result = Result(
            cell=cell,
            status=_status(row),
            answer=answer,
            outcomes=tuple(_read_outcome(outcome) for outcome in row.outcomes),
            cost=Decimal(row.cost),
            attempts=row.attempts,
            stored=row.stored,
            rating=row.rating,
            requests=row.requests,
            uncertain=Decimal(row.uncertain),
        )
        yield StoredCell(result, row.position, row.judged, row.status == _WAITING)


def _status(row: Row[Any]) -> Status:
    if row.status != _WAITING:
        return Status[row.status]
    # A waiting cell with an answer waits for its judge.
    return Status.DOUBTFUL if row.id is None else Status.ANSWERED
