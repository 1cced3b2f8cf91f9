"""The folder of Paddock's files on this machine, and paths that a user writes."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from lib.errors import BadInput


def data_folder() -> Path:
    """Return PADDOCK_DATA_DIR, or the platform's folder for user data. Raises BadInput if there is no such place."""
    if os.environ.get("PADDOCK_DATA_DIR"):
        return path_from_environment("PADDOCK_DATA_DIR")
    try:
        # Without a home folder, platformdirs returns a path that begins with "~".
        return platformdirs.user_data_path("paddock").expanduser()
    except RuntimeError:
        raise BadInput(
            "This user has no home folder, so Paddock has no place for its data.",
            advice="Name a folder in PADDOCK_DATA_DIR, then start Paddock again.",
        ) from None


def path_from_environment(variable: str) -> Path:
    """Return the path in a variable, with the home folder for “~”. Raises BadInput if there is no such folder."""
    named = os.environ[variable]
    try:
        return Path(named).expanduser()
    except RuntimeError:
        raise BadInput(
            f"{variable} begins with a home folder that is not known: {named}",
            advice="Write the whole path, then start Paddock again.",
        ) from None
