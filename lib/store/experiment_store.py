"""Experiments and their runs: kept, listed, and where each run stands."""

from __future__ import annotations

from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, delete, func, insert, select, update

from lib.errors import PaddockError, StorageFailed
from lib.experiment import plan_codec
from lib.experiment.plan import Limits
from lib.experiment.results.cell_result import Status
from lib.files import value_codec as documents
from lib.store import named_rows, tables
from lib.store.conversation_reader import moment
from lib.store.stored_values import ExperimentEntry, RunEntry, SavedExperiment, SavedRun

_EXPERIMENT, _RUN, _CELL = tables.experiment, tables.run, tables.cell


def _of(owner: str, id: str) -> ColumnElement[bool]:
    return and_(_EXPERIMENT.c.id == tables.escape_text(id), _EXPERIMENT.c.owner == owner)


def _run_of(owner: str, id: str) -> ColumnElement[bool]:
    return and_(_RUN.c.id == tables.escape_text(id), _RUN.c.owner == owner)


def _write_limits(limits: Limits) -> dict[str, Any]:
    return asdict(limits) | {"dollars": None if limits.dollars is None else str(limits.dollars)}


def _read_limits(data: dict[str, Any]) -> Limits:
    dollars = data["dollars"]
    return replace(Limits(**data), dollars=None if dollars is None else Decimal(dollars))


def entries(connection: Connection, owner: str) -> tuple[ExperimentEntry, ...]:
    """The owner's, the one that was changed last first. Without their plans: a table of inputs may be large."""
    runs = select(func.count()).where(_RUN.c.experiment == _EXPERIMENT.c.key).scalar_subquery()
    table = _EXPERIMENT.c
    asked = select(table.id, table.name, table.created, table.updated, runs.label("runs"))
    rows = connection.execute(
        asked.where(table.owner == owner, table.deleted_at.is_(None)).order_by(
            table.updated.desc(), table.key.desc()
        )
    )
    return tuple(
        ExperimentEntry(row.id, row.name, moment(row.created), moment(row.updated), row.runs) for row in rows
    )


def read(connection: Connection, owner: str, id: str) -> SavedExperiment | None:
    """The experiment of that id, None where that owner has none."""
    asked = select(_EXPERIMENT).where(_of(owner, id), _EXPERIMENT.c.deleted_at.is_(None))
    row = connection.execute(asked).one_or_none()
    if row is None:
        return None
    return SavedExperiment(
        row.id, row.name, plan_codec.read(row.plan), moment(row.created), moment(row.updated)
    )


def put(connection: Connection, owner: str, experiment: SavedExperiment, now: int) -> None:
    """Keep it. Raises StorageFailed where that id is somebody else's."""
    values = {"name": experiment.name, "plan": plan_codec.write(experiment.plan), "updated": now}
    mine = connection.scalar(select(_EXPERIMENT.c.key).where(_of(owner, experiment.id)))
    if mine is None:
        values["created"] = now
    named_rows.put(connection, _EXPERIMENT, owner, experiment.id, "experiment", **values)


def mark_deleted(connection: Connection, owner: str, id: str, now: int | None) -> bool:
    """Take it out of the list, or put it back where ``now`` is None; its runs stay."""
    asked = update(_EXPERIMENT).where(_of(owner, id)).values(deleted_at=now)
    return connection.execute(asked).rowcount == 1


def remove_deleted(connection: Connection, owner: str, but: str) -> int:
    """Forget the owner's deleted ones but that one."""
    asked = delete(_EXPERIMENT).where(
        _EXPERIMENT.c.owner == owner,
        _EXPERIMENT.c.deleted_at.is_not(None),
        _EXPERIMENT.c.id != tables.escape_text(but),
    )
    return connection.execute(asked).rowcount


def remove(connection: Connection, owner: str, id: str) -> bool:
    """Forget it, and by cascade all that hangs on it."""
    return connection.execute(delete(_EXPERIMENT).where(_of(owner, id))).rowcount == 1


def _asked() -> Any:
    """Runs, each with its experiment's id and how its cells came out."""

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
        select(*columns, _EXPERIMENT.c.id.label("of"), counts.c.answered, counts.c.failed, counts.c.doubtful)
        .join(_EXPERIMENT, _RUN.c.experiment == _EXPERIMENT.c.key)
        .outerjoin(counts, counts.c.run == _RUN.c.key)
    )


def runs(connection: Connection, owner: str, experiment: str) -> tuple[RunEntry, ...]:
    """The runs of the owner's experiment, newest first."""
    asked = _asked().where(_of(owner, experiment)).order_by(_RUN.c.key.desc())
    return tuple(_entry(row) for row in connection.execute(asked))


def run(connection: Connection, owner: str, id: str) -> SavedRun | None:
    """The run of that id, None where that owner has none."""
    row = connection.execute(_asked().add_columns(_RUN.c.plan).where(_run_of(owner, id))).one_or_none()
    if row is None:
        return None
    plan = plan_codec.read(row.plan)
    limits = plan.limits if row.limits is None else _read_limits(row.limits)
    return SavedRun(_entry(row), plan, limits)


def _entry(row: Row[Any]) -> RunEntry:
    return RunEntry(
        row.id,
        row.of,
        row.model,
        row.backend,
        row.billed,
        row.state,
        row.cells,
        moment(row.started),
        None if row.error is None else documents.read_error(row.error),
        row.answered or 0,
        row.failed or 0,
        row.doubtful or 0,
    )


def key_of(connection: Connection, owner: str, id: str) -> int | None:
    """The run's own row, None where that owner has none of that id."""
    return connection.scalar(select(_RUN.c.key).where(_run_of(owner, id)))


def put_run(connection: Connection, owner: str, saved: SavedRun, now: int) -> None:
    """A new run. Raises StorageFailed where its experiment is not there."""
    entry = saved.entry
    experiment = connection.scalar(select(_EXPERIMENT.c.key).where(_of(owner, entry.experiment_id)))
    if experiment is None:
        raise StorageFailed("This experiment was deleted.", advice="Save it again, then run it.")
    row = {
        "id": entry.id,
        "owner": owner,
        "experiment": experiment,
        "plan": plan_codec.write(saved.plan),
        "limits": _write_limits(saved.limits),
        "model": entry.model,
        "backend": entry.backend,
        "billed": entry.billed,
        "state": entry.state,
        "cells": entry.cell_count,
        "started": now,
    }
    connection.execute(insert(_RUN).values(row))


def change_run(
    connection: Connection,
    owner: str,
    id: str,
    state: str,
    error: PaddockError | None,
    backend: str,
    billed: bool,
    limits: Limits,
) -> bool:
    """Where it stands now."""
    values = {
        "state": state,
        "error": None if error is None else documents.write_error(error),
        "backend": backend,
        "billed": billed,
        "limits": _write_limits(limits),
    }
    return connection.execute(update(_RUN).where(_run_of(owner, id)).values(values)).rowcount == 1


def remove_run(connection: Connection, owner: str, id: str) -> bool:
    """Forget it, and by cascade its cells."""
    return connection.execute(delete(_RUN).where(_run_of(owner, id))).rowcount == 1
