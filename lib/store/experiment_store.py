"""Experiments in the database: the list of plans that a user keeps."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from lib.experiment import plan_codec
from lib.store import tables
from lib.store.conversation_reader import to_datetime
from lib.store.daily_usage import experiment_usage_by_day
from lib.store.owned_rows import OwnedRows
from lib.store.stored_values import DailyUsage, ExperimentEntry, SavedExperiment

_MAX_NAME_CHARS = 60  # of the name of a copy, without what it adds


class ExperimentStore(OwnedRows):
    """The experiments of every owner. Their runs are in RunStore."""

    table, kind = tables.experiment, "experiment"

    def entries(self, owner: str) -> tuple[ExperimentEntry, ...]:
        """Return the list, last changed first. Plans are not read: a table of inputs may be large."""
        column = self.table.c
        run_count = select(func.count()).where(tables.run.c.experiment == column.key).scalar_subquery()
        query = (
            select(column.id, column.name, column.created, column.updated, run_count.label("run_count"))
            .where(column.owner == owner, column.deleted_at.is_(None))
            .order_by(column.updated.desc(), column.key.desc())
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return tuple(
            ExperimentEntry(
                row.id, row.name, to_datetime(row.created), to_datetime(row.updated), row.run_count
            )
            for row in rows
        )

    def daily_usage(self, owner: str) -> tuple[DailyUsage, ...]:
        """Return what all runs used, oldest day first."""
        with self._database.reading() as connection:
            return experiment_usage_by_day(connection, owner)

    def load(self, owner: str, id: str) -> SavedExperiment | None:
        """Return the experiment, None if the owner has none with this id or deleted it."""
        query = select(self.table).where(self._row(owner, id), self.table.c.deleted_at.is_(None))
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        plan = plan_codec.read(row.plan)
        return SavedExperiment(row.id, row.name, plan, to_datetime(row.created), to_datetime(row.updated))

    def save(self, owner: str, experiment: SavedExperiment) -> tuple[datetime, str | None]:
        """Insert or overwrite an experiment. Its runs keep the plan that they were started with.

        Return the time of the save. If the experiment has changed since ``experiment.updated``, on another server,
        that version is kept as a new experiment, whose name is returned too.
        """
        now = self._database.now()
        values: dict[str, Any] = {
            "name": experiment.name,
            "plan": plan_codec.write(experiment.plan),
            "deleted_at": None,
        }
        kept_as = None
        with self._database.writing() as connection:
            query = select(self.table).where(self._row(owner, experiment.id)).with_for_update()
            row = connection.execute(query).one_or_none()
            if row is None:
                values["created"] = now
            else:
                now = max(now, row.updated + 1)
                is_changed = experiment.updated not in (None, to_datetime(row.updated))
                if is_changed and (row.name, row.plan) != (experiment.name, values["plan"]):
                    kept_as = f"{row.name[:_MAX_NAME_CHARS]} (changed elsewhere)"
                    copy = {name: row._mapping[name] for name in ("plan", "created", "updated")}
                    self._put(connection, owner, uuid.uuid4().hex, name=kept_as, **copy)
            self._put(connection, owner, experiment.id, **values, updated=now)
        return to_datetime(now), kept_as

    def delete(self, owner: str, id: str) -> bool:
        """Take an experiment out of the list. It can be restored until the owner deletes another one."""
        column = self.table.c
        deleted_before = (column.owner == owner, column.deleted_at.is_not(None))
        with self._database.writing() as connection:
            connection.execute(
                self.table.delete().where(*deleted_before, column.id != tables.escape_text(id))
            )
            change = self.table.update().where(self._row(owner, id)).values(deleted_at=self._database.now())
            return connection.execute(change).rowcount == 1

    def restore(self, owner: str, id: str) -> bool:
        """Bring back the experiment that was deleted last, with all its runs."""
        return self._update(owner, id, deleted_at=None)
