"""Where Paddock keeps its files on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def data_folder() -> Path:
    """PADDOCK_DATA_DIR, or the platform's folder for user data."""
    named = os.environ.get("PADDOCK_DATA_DIR")
    return Path(named).expanduser() if named else platformdirs.user_data_path("paddock")
