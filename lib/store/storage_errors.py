"""What a database's failure means: one table from its own words and codes to ours."""

from __future__ import annotations

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from lib.errors import StorageFailed

_KEPT_IN_MEMORY = "Conversations are kept in memory meanwhile and written as soon as that is possible."

# SQLite's words, PostgreSQL's codes (or the beginnings of them) and the system's words; the first that fits counts.
# Last: whether the connection is lost with it, so that nobody knows what has become of the database meanwhile.
_CASES: tuple[tuple[tuple[str, ...], str, str, bool], ...] = (
    (("disk is full", "53100", "No space left"), "The disk is full", "Free some space.", False),
    (
        ("is locked", "55P03", "57014", "40"),
        "Another program holds the database",
        "Close it, or wait.",
        False,
    ),
    (
        ("readonly", "25006", "42501", "Permission denied", "Read-only file system"),
        "The database is read-only",
        "Give Paddock the right to write it.",
        True,  # what a connection may do is settled when it is made
    ),
    (("not a database", "malformed"), "The file is damaged, or no database", "Restore a copy of it.", True),
    (("28", "authentication failed"), "The database refuses the user", "Check the database's address.", True),
    (("3D000",), "There is no such database", "Create it, or check the database's address.", True),
    (("disk I/O error", "58"), "The disk failed", "Check the disk.", True),
    (("unable to open", "no such table", "42P01"), "The database is gone", "Put it back.", True),
    (
        ("08", "57P", "connection", "timeout"),
        "The database cannot be reached",
        "Check that it runs, and the network.",
        True,
    ),
)


def translate_database_error(error: Exception, name: str) -> tuple[StorageFailed, bool]:
    """The error for the page, and whether the connection is lost.

    It is ``retryable`` where all of the database is in trouble, not one row.
    """
    original = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(original, "sqlstate", None) or ""
    words = str(original).lower()
    if isinstance(error, (DataError, IntegrityError)) or not isinstance(error, (DBAPIError, OSError)):
        refused = StorageFailed(
            f"The database does not take this conversation ({type(original).__name__}).",
            advice="It is kept in memory. Please report this.",
        )
        return refused, False
    for marks, what, advice, lost in _CASES:
        if any(code.startswith(mark) if mark[0].isdigit() else mark.lower() in words for mark in marks):
            return StorageFailed(
                f"{what}: {name}.", advice=f"{advice} {_KEPT_IN_MEMORY}", retryable=True
            ), lost
    unknown = f"The database failed ({type(original).__name__}): {name}."
    return StorageFailed(unknown, advice=f"Check it. {_KEPT_IN_MEMORY}", retryable=True), True
