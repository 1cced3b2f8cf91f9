"""The folder of Paddock's files on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def data_folder() -> Path:
    """Return PADDOCK_DATA_DIR, or the platform's folder for user data."""
    folder = os.environ.get("PADDOCK_DATA_DIR")
    return Path(folder).expanduser() if folder else platformdirs.user_data_path("paddock")
