"""Small JSON files that are written whole or not at all."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path


def write_json(path: Path, value: object) -> None:
    """Write a file; other processes and threads may write it too, and the last one wins. Raises OSError."""
    draft = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.new")
    try:
        draft.write_text(json.dumps(value), encoding="utf-8")
        os.replace(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
