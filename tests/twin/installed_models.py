"""A data folder with models that were downloaded, or look so."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from lib.twin import weights


def install(data: Path, id: str, model: Path) -> Path:
    """Put a model among the downloaded ones. Return its file there."""
    folder = data / "models" / id
    folder.mkdir(parents=True)
    file = folder / model.name
    content = model.read_bytes()
    file.write_bytes(content)
    record = {"id": id, "name": model.stem, "file": file.name, "size": len(content)}
    record["sha256"] = hashlib.sha256(content).hexdigest()
    folder.joinpath("installed.json").write_text(json.dumps(record))
    return file


def make_data_folder(folder: Path) -> Path:
    """Make a data folder with the shipped model alone."""
    shipped = next(path for path in weights.ensure_weights().parents if path.name == "weights")
    folder.mkdir(exist_ok=True)
    folder.joinpath("weights").symlink_to(shipped, target_is_directory=True)
    return folder
