"""Runs of experiments in the database: the plan and limits of each, and how far it is."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, Select, case, func, select

from lib.errors import PaddockError, StorageFailed
from lib.experiment import plan_codec
from lib.experiment.plan import Limits
from lib.experiment.results.cell_result import Status
from lib.files import value_codec
from lib.store import tables
from lib.store.conversation_reader import to_datetime
from lib.store.database import Database
from lib.store.lease_store import LeaseKey, LeaseKind, LeaseStore
from lib.store.owned_rows import OwnedRows, owned_row
from lib.store.stored_values import RunEntry, SavedRun

_EXPERIMENT, _RUN, _CELL = tables.experiment, tables.run, tables.cell


class RunStore(OwnedRows):
    """The runs of every owner. The results of their cells are in CellStore."""

    table, kind = tables.run, "run"

    def __init__(self, database: Database, leases: LeaseStore) -> None:
        super().__init__(database)
        self._leases = leases

    def entries(self, owner: str, experiment_id: str) -> tuple[RunEntry, ...]:
        """Return the runs of an experiment, newest first."""
        own = owned_row(_EXPERIMENT, owner, experiment_id)
        query = _runs_with_counts().where(own).order_by(_RUN.c.key.desc())
        with self._database.reading() as connection:
            return tuple(_entry(row) for row in connection.execute(query))

    def load(self, owner: str, id: str) -> SavedRun | None:
        """Return the run, None if the owner has none with this id."""
        with self._database.reading() as connection:
            saved = read_run(connection, owner, id)
            is_held = bool(self._leases.held_elsewhere(connection, LeaseKind.RUN, id))
        if saved is None or not is_held:
            return saved
        return replace(saved, entry=replace(saved.entry, is_held_elsewhere=True))

    def add(self, owner: str, run: SavedRun) -> None:
        """Insert a new run. Raise StorageFailed if the owner has no such experiment."""
        entry = run.entry
        own = owned_row(_EXPERIMENT, owner, entry.experiment_id)
        with self._database.writing() as connection:
            experiment = connection.scalar(select(_EXPERIMENT.c.key).where(own))
            if experiment is None:
                raise StorageFailed("This experiment was deleted.", advice="Save it again, then run it.")
            row = {
                "id": entry.id,
                "owner": owner,
                "experiment": experiment,
                "plan": plan_codec.write(run.plan),
                "limits": plan_codec.write_limits(run.limits),
                "model": entry.model,
                "backend": entry.backend,
                "billed": entry.billed,
                "state": entry.state,
                "cells": entry.cell_count,
                "started": self._database.now(),
            }
            connection.execute(_RUN.insert().values(row))

    def update(
        self,
        owner: str,
        id: str,
        *,
        state: str,
        error: PaddockError | None,
        backend: str,
        billed: bool,
        limits: Limits,
    ) -> bool:
        """Write how far a run is. Return False if the owner has no run with this id.

        Raise HeldElsewhere if another process works on the run.
        """
        change = (
            _RUN.update()
            .where(self._row(owner, id))
            .values(
                state=state,
                error=None if error is None else value_codec.write_error(error),
                backend=backend,
                billed=billed,
                limits=plan_codec.write_limits(limits),
            )
        )
        with self._database.writing() as connection:
            self._leases.check(connection, run_lease(id))
            return connection.execute(change).rowcount == 1


def run_lease(id: str) -> LeaseKey:
    """Return the key of the lease that a process holds while it works on the run."""
    return LeaseKey(LeaseKind.RUN, id)


def read_run(connection: Connection, owner: str, id: str) -> SavedRun | None:
    """Return the run, None if the owner has none with this id."""
    own = owned_row(_RUN, owner, id)
    row = connection.execute(_runs_with_counts().add_columns(_RUN.c.plan).where(own)).one_or_none()
    if row is None:
        return None
    plan = plan_codec.read(row.plan)
    return SavedRun(_entry(row), plan, _read_limits(row.limits))


def read_run_key(connection: Connection, owner: str, id: str) -> int | None:
    """Return the primary key of the run, None if the owner has none with this id."""
    return connection.scalar(select(_RUN.c.key).where(owned_row(_RUN, owner, id)))


def _runs_with_counts() -> Select[Any]:
    """Select runs with their experiment's id and how many cells have which status. Plans are left out."""

    def count(status: Status) -> Any:
        return func.coalesce(func.sum(case((_CELL.c.status == status.name, 1), else_=0)), 0)

    counts = (
        select(
            _CELL.c.run,
            count(Status.ANSWERED).label("answered"),
            count(Status.FAILED).label("failed"),
            count(Status.DOUBTFUL).label("doubtful"),
        )
        .group_by(_CELL.c.run)
        .subquery()
    )
    columns = [column for column in _RUN.c if column.name not in ("plan", "experiment")]
    return (
        select(
            *columns,
            _EXPERIMENT.c.id.label("experiment_id"),
            counts.c.answered,
            counts.c.failed,
            counts.c.doubtful,
        )
        .join(_EXPERIMENT, _RUN.c.experiment == _EXPERIMENT.c.key)
        .outerjoin(counts, counts.c.run == _RUN.c.key)
    )


def _entry(row: Row[Any]) -> RunEntry:
    return RunEntry(
        id=row.id,
        experiment_id=row.experiment_id,
        model=row.model,
        backend=row.backend,
        billed=row.billed,
        state=row.state,
        cell_count=row.cells,
        started=to_datetime(row.started),
        error=None if row.error is None else value_codec.read_error(row.error),
        answered=row.answered or 0,
        failed=row.failed or 0,
        doubtful=row.doubtful or 0,
    )


def _read_limits(data: dict[str, Any]) -> Limits:
    dollars = data["dollars"]
    return replace(Limits(**data), dollars=None if dollars is None else Decimal(dollars))
