"""Errors of databases, translated by one table into words for the page."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from lib.errors import DamagedDatabase, StorageFailed

_KEPT_IN_MEMORY = "Conversations are kept in memory meanwhile and written as soon as that is possible."

_DAMAGED = "The file is damaged, or no database"

# Each case: words of SQLite or the system and (beginnings of) codes of PostgreSQL; message; advice; True if the
# connection is lost, so that the database may change unnoticed. The first case that fits counts.
_CASES: tuple[tuple[tuple[str, ...], str, str, bool], ...] = (
    (("disk is full", "53100", "No space left"), "The disk is full", "Free some space.", False),
    (
        ("is locked", "55P03", "57014", "40"),
        "Another program is using the database",
        "Close it, or wait.",
        False,
    ),
    (
        ("readonly", "25006", "42501", "Permission denied", "Read-only file system"),
        "The database is read-only",
        "Allow Paddock to write to it.",
        True,  # a connection keeps the rights it was opened with
    ),
    (("not a database", "malformed"), _DAMAGED, "", True),
    (
        ("28", "authentication failed"),
        "The database does not accept the user",
        "Check the database's address.",
        True,
    ),
    (("3D000",), "There is no such database", "Create it, or check the database's address.", True),
    (("disk I/O error", "58"), "The disk failed", "Check the disk.", True),
    (
        ("unable to open",),
        "The database cannot be opened",
        "If its file is missing, put it back. If not, there are too few file handles: raise the limit (ulimit -n).",
        True,
    ),
    (("no such table", "42P01"), "The database is missing", "Put it back.", True),
    (
        ("08", "57P", "connection", "timeout"),
        "The database cannot be reached",
        "Check that it is running, and the network.",
        True,
    ),
)


def damaged_database(message: str) -> DamagedDatabase:
    """Return the error for a database that is left as it is because it is damaged."""
    return DamagedDatabase(message, advice="Paddock does not change it. " + _KEPT_IN_MEMORY, retryable=True)


def translate_database_error(error: Exception, name: str) -> tuple[StorageFailed, bool]:
    """Return the error for the page, and True if the connection is lost.

    The error is ``retryable`` if the whole database fails, not only one row.
    """
    original = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(original, "sqlstate", None) or ""
    words = str(original).lower()
    if isinstance(error, (DataError, IntegrityError)) or not isinstance(
        error, (DBAPIError, sqlite3.Error, OSError)
    ):
        refused = StorageFailed(
            f"The database does not take this conversation ({type(original).__name__}).",
            advice="It is kept in memory. Please report this.",
        )
        return refused, False
    for marks, what, advice, lost in _CASES:
        if any(code.startswith(mark) if mark[0].isdigit() else mark.lower() in words for mark in marks):
            if what is _DAMAGED:
                return damaged_database(f"{what}: {name}."), lost
            return StorageFailed(
                f"{what}: {name}.", advice=f"{advice} {_KEPT_IN_MEMORY}", retryable=True
            ), lost
    unknown = f"The database failed ({type(original).__name__}): {name}."
    return StorageFailed(unknown, advice=f"Check it. {_KEPT_IN_MEMORY}", retryable=True), True
