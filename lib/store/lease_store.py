"""Leases: which process works on what, so that no other process recovers, resumes or overwrites it meanwhile.

A lease is a row with a holder and a time when it expires. One thread renews all leases of its process. A lease is
free if it has expired, or if its holder was a process of this machine that has ended. Whoever takes a free lease
becomes its holder, and the old holder, should it still run, notices that before its next write.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from enum import Enum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, func, select
from sqlalchemy.exc import IntegrityError

from lib.errors import HeldElsewhere, PaddockError
from lib.store import process_identity, tables
from lib.store.database import Database

LEASE_SECONDS = 30.0
HEARTBEAT_SECONDS = 5.0  # between renewals: five may fail before the lease expires

_TABLE = tables.lease


class LeaseKind(Enum):
    """The kinds of work that a process holds."""

    ANSWER = "answer"
    RUN = "run"


class LeaseKey(NamedTuple):
    """The work: an answer has its conversation's id and its message's id as ``part``, a run only its own id."""

    kind: LeaseKind
    id: str
    part: str = ""


class LeaseStore:
    """The leases of all processes, and which of them this object holds. Safe from any thread.

    ``heartbeat_seconds`` None: nothing is renewed unless renew() is called.
    """

    def __init__(self, database: Database, heartbeat_seconds: float | None = HEARTBEAT_SECONDS) -> None:
        self._database = database
        self._heartbeat_seconds = heartbeat_seconds
        self._holder = uuid.uuid4().hex
        self._process = process_identity.name_this_process()
        self._held: set[LeaseKey] = set()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._lock = threading.Lock()

    def take(self, key: LeaseKey) -> None:
        """Take a lease that is free, and keep it until release(). Raise HeldElsewhere if another process has it."""
        with self._database.writing() as connection:
            row = self._read(connection, key)
            values = {
                "holder": self._holder,
                "process": self._process,
                "expires_at": self._now(connection) + _milliseconds(LEASE_SECONDS),
            }
            if row is None:
                try:
                    connection.execute(_TABLE.insert().values(**_columns(key), **values))
                except IntegrityError:  # on PostgreSQL two may try at once
                    raise _held_error(key) from None
            elif row.holder != self._holder and not self._is_free(row, self._now(connection)):
                raise _held_error(key)
            else:
                connection.execute(_TABLE.update().where(_is_lease(key)).values(**values))
        with self._lock:
            self._held.add(key)
            self._start_heartbeat()

    def release(self, *keys: LeaseKey) -> None:
        """Give leases back. If the database fails, they expire by themselves."""
        with self._lock:
            self._held.difference_update(keys)
        with suppress(PaddockError), self._database.writing() as connection:
            for key in keys:
                connection.execute(_TABLE.delete().where(_is_lease(key), _TABLE.c.holder == self._holder))

    def close(self) -> None:
        """Let all held leases expire now, because this process ends: what they were for can be recovered at once."""
        with self._lock:
            held, self._held, self._thread = self._held, set(), None
            self._closing.set()
            self._closing = threading.Event()
        if held:
            with suppress(PaddockError):
                self._set_expiry(held, 0.0)

    def held(self, kind: LeaseKind, id: str) -> set[LeaseKey]:
        """Return the leases that were taken here and not released. Another process may have taken one over."""
        with self._lock:
            return {key for key in self._held if (key.kind, key.id) == (kind, id)}

    def check(self, connection: Connection, key: LeaseKey) -> None:
        """Raise HeldElsewhere if another process has the lease, or has taken it over from this one.

        Called in the transaction of every write to what the lease protects. The lease cannot change until its end.
        """
        row = self._read(connection, key)
        with self._lock:
            is_held_here = key in self._held
        if is_held_here:
            if row is None or row.holder != self._holder:
                raise _lost_error(key)
        elif row is not None and row.holder != self._holder and not self._is_free(row, self._now(connection)):
            raise _held_error(key)

    def held_elsewhere(self, connection: Connection, kind: LeaseKind, id: str) -> set[str]:
        """Return the parts of that thing on which another process works."""
        query = select(_TABLE).where(_TABLE.c.kind == kind.value, _TABLE.c.id == tables.escape_text(id))
        others = connection.execute(query.where(_TABLE.c.holder != self._holder)).all()
        now = self._now(connection) if others else 0
        return {row.part for row in others if not self._is_free(row, now)}

    def free_leases(self, connection: Connection, kind: LeaseKind) -> list[LeaseKey]:
        """Return the leases of that kind whose holders have ended or lost them. Their work can be recovered."""
        query = select(_TABLE).where(_TABLE.c.kind == kind.value, _TABLE.c.holder != self._holder)
        others = connection.execute(query).all()
        now = self._now(connection) if others else 0
        return [LeaseKey(kind, row.id, row.part) for row in others if self._is_free(row, now)]

    def remove_free(self, connection: Connection, key: LeaseKey) -> bool:
        """Remove the lease if it is free. Return False if a process holds it, this one included."""
        row = self._read(connection, key)
        if row is None:
            return True
        if row.holder == self._holder or not self._is_free(row, self._now(connection)):
            return False
        connection.execute(_TABLE.delete().where(_is_lease(key)))
        return True

    def renew(self) -> None:
        """Renew all leases that are held here. Those that another process has taken over stay with it.

        A lost lease of an answer is forgotten: the next save merges with what the other process wrote, and takes the
        lease again. That of a run stays lost until its release: check() stops the run.
        """
        with self._lock:
            held = set(self._held)
        lost = self._set_expiry(held, LEASE_SECONDS)
        with self._lock:
            self._held.difference_update(key for key in lost if key.kind is LeaseKind.ANSWER)

    def _set_expiry(self, keys: Iterable[LeaseKey], seconds: float) -> list[LeaseKey]:
        """Let the leases expire after that time. Return those that are not held any more."""
        lost = []
        with self._database.writing() as connection:
            expires_at = self._now(connection) + _milliseconds(seconds)
            for key in sorted(keys, key=lambda key: (key.kind.value, key.id, key.part)):
                own = and_(_is_lease(key), _TABLE.c.holder == self._holder)
                change = _TABLE.update().where(own).values(expires_at=expires_at)
                if not connection.execute(change).rowcount:
                    lost.append(key)
        return lost

    def _start_heartbeat(self) -> None:
        if self._heartbeat_seconds is None or (self._thread is not None and self._thread.is_alive()):
            return
        self._thread = threading.Thread(
            target=self._renew_until_closed,
            args=(self._closing, self._heartbeat_seconds),
            name="paddock-heartbeat",
            daemon=True,
        )
        self._thread.start()

    def _renew_until_closed(self, closing: threading.Event, interval: float) -> None:
        """Renew the leases until none is held. A failure is tried again at the next turn."""
        while not closing.wait(interval):
            with self._lock:
                if not self._held:
                    self._thread = None
                    return
            with suppress(PaddockError):
                self.renew()

    def _read(self, connection: Connection, key: LeaseKey) -> Row[Any] | None:
        return connection.execute(select(_TABLE).where(_is_lease(key)).with_for_update()).one_or_none()

    def _is_free(self, row: Row[Any], now: int) -> bool:
        return row.expires_at <= now or process_identity.has_ended(row.process)

    def _now(self, connection: Connection) -> int:
        """Return milliseconds since 1970 by a clock that all holders share.

        Servers of one PostgreSQL may run on machines with different clocks. A SQLite file is one machine's.
        """
        if connection.dialect.name == "postgresql" and self._database.clock is time.time:
            seconds = connection.scalar(select(func.extract("epoch", func.clock_timestamp())))
            return _milliseconds(float(seconds or 0.0))
        return self._database.now()


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def _columns(key: LeaseKey) -> dict[str, str]:
    return {"kind": key.kind.value, "id": tables.escape_text(key.id), "part": tables.escape_text(key.part)}


def _is_lease(key: LeaseKey) -> Any:
    return and_(*(_TABLE.c[name] == value for name, value in _columns(key).items()))


_NOUNS = {LeaseKind.ANSWER: "answer", LeaseKind.RUN: "run"}


def _held_error(key: LeaseKey) -> HeldElsewhere:
    return HeldElsewhere(
        f"Another Paddock server is working on this {_NOUNS[key.kind]}.",
        advice="Wait until it has ended, or end it there. If that server was closed, try again in half a minute.",
    )


def _lost_error(key: LeaseKey) -> HeldElsewhere:
    return HeldElsewhere(
        f"This server was stopped for so long that another Paddock server took over this {_NOUNS[key.kind]}.",
        advice="The results until then are kept. Look at them, then continue.",
    )
