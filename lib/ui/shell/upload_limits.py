"""Bounds on uploaded files, which Streamlit keeps in memory: of one session, and of all together."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Scope
from streamlit import runtime

from lib.ui.shell.access_rules import header_values

# Bytes. server.maxUploadSize in .streamlit/config.toml bounds one file.
MAX_SESSION_BYTES = 64_000_000
MAX_BYTES = 512_000_000
_UPLOAD_PATH = re.compile(r"/_stcore/upload_file/([^/]+)/")

_lock = threading.Lock()
_on_the_way: Counter[str] = Counter()  # bytes of each session's uploads that are being read


@contextmanager
def reserve(scope: Scope) -> Iterator[bool]:
    """Count an upload while its body is read. Yields False if it would exceed a limit, True for other requests."""
    match = _UPLOAD_PATH.search(str(scope.get("path", "")))
    if match is None or scope.get("method") != "PUT":
        yield True
        return
    session, length = match[1], _body_length(scope)
    with _lock:
        kept = _kept_bytes()
        is_within = (
            kept[session] + _on_the_way[session] + length <= MAX_SESSION_BYTES
            and kept.total() + _on_the_way.total() + length <= MAX_BYTES
        )
        if is_within:
            _on_the_way[session] += length
    try:
        yield is_within
    finally:
        if is_within:
            with _lock:
                _on_the_way[session] -= length
                if not _on_the_way[session]:
                    del _on_the_way[session]


def _body_length(scope: Scope) -> int:
    """Return the length of the request's body in bytes, more than a session may have if the request does not say."""
    lengths = header_values(scope, "content-length")
    if len(lengths) == 1 and lengths[0].isdecimal() and not header_values(scope, "transfer-encoding"):
        return int(lengths[0])
    return MAX_SESSION_BYTES + 1


def _kept_bytes() -> Counter[str]:
    """Return the bytes of the files that each session has uploaded."""
    if not runtime.exists():
        return Counter()
    files = runtime.get_instance().uploaded_file_mgr.file_storage  # type: ignore[attr-defined]
    return Counter(
        {session: sum(len(file.data) for file in list(of.values())) for session, of in list(files.items())}
    )
