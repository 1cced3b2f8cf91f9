"""The version of files that browsers keep for long, as a part of their address."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def content_version(paths: Iterable[Path]) -> str:
    """Return a short hash of the files' content."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
