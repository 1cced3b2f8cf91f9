"""Experiments in the database: the list of plans that a user keeps."""

from __future__ import annotations

from sqlalchemy import delete, func, select, update

from lib.experiment import plan_codec
from lib.store import owned_rows, tables
from lib.store.conversation_reader import to_datetime
from lib.store.database import Database
from lib.store.stored_values import ExperimentEntry, SavedExperiment

_TABLE = tables.experiment


class ExperimentStore:
    """The experiments of every owner. Their runs are in RunStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def entries(self, owner: str) -> tuple[ExperimentEntry, ...]:
        """Return the list, last changed first. Plans are not read: a table of inputs may be large."""
        column = _TABLE.c
        run_count = select(func.count()).where(tables.run.c.experiment == column.key).scalar_subquery()
        query = (
            select(column.id, column.name, column.created, column.updated, run_count.label("run_count"))
            .where(column.owner == owner, column.deleted_at.is_(None))
            .order_by(column.updated.desc(), column.key.desc())
        )
        with self._database.reading() as connection:
            return tuple(
                ExperimentEntry(
                    row.id, row.name, to_datetime(row.created), to_datetime(row.updated), row.run_count
                )
                for row in connection.execute(query)
            )

    def load(self, owner: str, id: str) -> SavedExperiment | None:
        """Return the experiment, None if the owner has none with this id or deleted it."""
        own = owned_rows.owned_row(_TABLE, owner, id)
        with self._database.reading() as connection:
            row = connection.execute(select(_TABLE).where(own, _TABLE.c.deleted_at.is_(None))).one_or_none()
        if row is None:
            return None
        plan = plan_codec.read(row.plan)
        return SavedExperiment(row.id, row.name, plan, to_datetime(row.created), to_datetime(row.updated))

    def save(self, owner: str, experiment: SavedExperiment) -> None:
        """Insert or overwrite an experiment. Its runs keep the plan that they were started with."""
        now = self._database.now()
        values = {"name": experiment.name, "plan": plan_codec.write(experiment.plan), "updated": now}
        own = owned_rows.owned_row(_TABLE, owner, experiment.id)
        with self._database.writing() as connection:
            if connection.scalar(select(_TABLE.c.key).where(own)) is None:
                values["created"] = now
            owned_rows.put_row(connection, _TABLE, owner, experiment.id, "experiment", **values)

    def delete(self, owner: str, id: str) -> bool:
        """Take an experiment out of the list. It can be restored until the owner deletes another one."""
        deleted_before = (_TABLE.c.owner == owner, _TABLE.c.deleted_at.is_not(None))
        with self._database.writing() as connection:
            connection.execute(delete(_TABLE).where(*deleted_before, _TABLE.c.id != tables.escape_text(id)))
            own = owned_rows.owned_row(_TABLE, owner, id)
            change = update(_TABLE).where(own).values(deleted_at=self._database.now())
            return connection.execute(change).rowcount == 1

    def restore(self, owner: str, id: str) -> bool:
        """Bring back the experiment that was deleted last, with all its runs."""
        own = owned_rows.owned_row(_TABLE, owner, id)
        with self._database.writing() as connection:
            return connection.execute(update(_TABLE).where(own).values(deleted_at=None)).rowcount == 1
