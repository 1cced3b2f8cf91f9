"""The limit on open files and connections of this process: raised as far as the system lets it, and never used up.

A server without a free handle cannot even accept a connection, nor open what the sessions under way need.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from typing import Any

_WANTED_LIMIT = 65_536
# Handles for the sessions under way: the backend, the database, files that are served.
_RESERVE = 16
# With a limit beyond this, counting costs more than it is worth: nobody has as many tabs.
_COUNTED_LIMIT = 8_192
_LOG_INTERVAL = 60.0  # seconds
_FOLDERS = ("/proc/self/fd", "/dev/fd")

_log = logging.getLogger(__name__)
_last_logged = -_LOG_INTERVAL


def raise_limit() -> None:
    """Raise this process's limit to the system's."""
    if sys.platform != "win32":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _WANTED_LIMIT if hard == resource.RLIM_INFINITY else min(hard, _WANTED_LIMIT)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def is_scarce() -> bool:
    """Return True if only the reserve is left; then it is logged, once a minute."""
    limit = _limit()
    if limit is None or limit > _COUNTED_LIMIT or _open_count() < limit - _RESERVE:
        return False
    log_scarcity()
    return True


def log_scarcity() -> None:
    """Log in one line that handles have run out, once a minute."""
    global _last_logged
    if time.monotonic() - _last_logged >= _LOG_INTERVAL:
        _last_logged = time.monotonic()
        _log.warning(
            "Paddock has too many open files and connections: the limit is %s. New visitors wait. "
            "Raise it before the start: ulimit -n 4096",
            _limit(),
        )


def handle_loop_errors(loop: asyncio.AbstractEventLoop) -> None:
    """Log in one line when the loop cannot accept a connection: asyncio writes a traceback for every attempt."""

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error, message = context.get("exception"), context.get("message", "")
        # asyncio tells of a failure in these words, and tries again a second later.
        if isinstance(error, OSError) and "socket.accept()" in message:
            log_scarcity()
        # The server was closed in that second.
        elif not (isinstance(error, ValueError) and "_start_serving" in message):
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)


def _limit() -> int | None:
    """Return the limit, None if there is none."""
    if sys.platform == "win32":
        return None
    import resource

    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def _open_count() -> int:
    for folder in _FOLDERS:
        try:
            return len(os.listdir(folder))
        except FileNotFoundError:
            continue
        except OSError:  # not one is left
            return sys.maxsize
    return 0
