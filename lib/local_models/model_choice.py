"""The model that the user has chosen on the page: it answers again after a restart of the server."""

from __future__ import annotations

import json
import os
from pathlib import Path

from lib.errors import PaddockError
from lib.local_models.listed_models import describe_model
from lib.local_models.model_folder import folder_of
from lib.system.json_file import write_json


def remember_model(model: str) -> None:
    """Keep the choice. ``model`` is what ``parse_source`` takes. Raises OSError and BadInput."""
    path = _choice_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"model": model})


def remembered_model() -> str:
    """Return the choice, "" if PADDOCK_MODEL names another one or the model is no longer on this computer."""
    if os.environ.get("PADDOCK_MODEL"):
        return ""
    try:
        model = str(json.loads(_choice_file().read_text(encoding="utf-8"))["model"])
        return model if describe_model(model).is_here else ""
    except (OSError, ValueError, KeyError, TypeError, PaddockError):
        return ""


def _choice_file() -> Path:
    return folder_of("") / "choice.json"
