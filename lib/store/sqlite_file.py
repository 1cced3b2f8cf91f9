"""The file of a SQLite database: its path, its permissions, its identity."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from sqlalchemy import URL

from lib.errors import BadInput


def file_of_url(url: URL) -> Path | None:
    """Return the path of a SQLite database, None for another one. Raise BadInput if it is not a plain file."""
    if url.get_backend_name() != "sqlite":
        return None
    if not url.database or url.database == ":memory:" or url.query:
        raise BadInput(
            "A SQLite database must be a plain file.",
            advice="Use sqlite:////path/to/file, without a question mark.",
        )
    return Path(url.database).absolute()


def create_file(file: Path) -> None:
    """Create an empty file that only its owner can read, unless it exists: conversations are private."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def align_permissions(file: Path) -> None:
    """Give the database's permissions to the -wal and -shm files beside it.

    SQLite copies the permissions when it creates these files. If the database became writable only later, they would
    keep it read-only.
    """
    for suffix in ("-wal", "-shm"):
        companion = file.with_name(file.name + suffix)
        with suppress(OSError):
            if companion.stat().st_mode != file.stat().st_mode:
                companion.chmod(file.stat().st_mode & 0o777)


def file_identity(file: Path | None) -> tuple[int, int] | None:
    """Return device and inode, None if there is no file."""
    if file is None:
        return None
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def is_empty(file: Path, *, if_missing: bool = False) -> bool:
    """Return True if the file has 0 bytes; ``if_missing`` if there is none."""
    try:
        return file.stat().st_size == 0
    except FileNotFoundError:
        return if_missing
