"""A lock that one process can have at a time, and the checksum of a file."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def sha256_of(path: Path, tick: Callable[[], object] = lambda: None) -> str:
    """Return a file's SHA-256. Calls ``tick`` for each MiB. Raises OSError, and what ``tick`` raises."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            tick()
    return digest.hexdigest()


@contextmanager
def exclusive_lock(path: Path, tick: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Hold a lock that one process can have at a time. Calls ``tick`` while it waits.

    The system frees the lock if the process dies.
    """
    with path.open("a+b") as file:
        while not _try_lock(file):
            tick()
            time.sleep(0.2)
        # Closing the file frees the lock.
        yield


def _try_lock(file: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
