"""The folder of the downloaded models: which are there, which are partly there, and their removal."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lib.errors import BadInput
from lib.local_models.file_lock import exclusive_lock, sha256_of
from lib.local_models.model_source import RemoteModel
from lib.system.json_file import write_json
from lib.system.paths import data_folder

_RECORD = "installed.json"


@dataclass(frozen=True)
class InstalledModel:
    """A downloaded model. ``sha256`` was checked against the source if the source tells it.

    ``checked`` is the file's time of change, in nanoseconds since 1970, when its content was last compared with that.
    """

    id: str
    name: str
    file: str
    size: int
    sha256: str
    checked: int = 0

    @property
    def path(self) -> Path:
        """The file. Raises BadInput."""
        return folder_of(self.id) / self.file

    def save(self) -> None:
        """Write the record. Raises OSError and BadInput."""
        write_json(folder_of(self.id) / _RECORD, asdict(self))


def folder_of(id: str) -> Path:
    """Return the folder of a model. Raises BadInput."""
    return data_folder() / "models" / id


def part_of(model: RemoteModel) -> Path:
    """Return the file that holds what was downloaded so far. Raises BadInput."""
    return folder_of(model.id) / f"{model.file}.part"


def downloaded_bytes(model: RemoteModel) -> int:
    """Return the bytes that an unfinished download has brought. Raises BadInput."""
    try:
        return part_of(model).stat().st_size
    except OSError:
        return 0


def list_installed() -> list[InstalledModel]:
    """Return the downloaded models by name. Raises BadInput."""
    models = []
    for record in sorted(folder_of("").glob(f"*/{_RECORD}")):
        if (model := find_record(record.parent.name)) is not None:
            models.append(model)
    return sorted(models, key=lambda model: model.name)


def installed_stamps() -> tuple[tuple[str, int], ...]:
    """Return a value that changes when a model is added or removed, by whatever process. Raises BadInput."""
    stamps = []
    for record in sorted(folder_of("").glob(f"*/{_RECORD}")):
        with suppress(OSError):  # it was removed just now
            stamps.append((record.parent.name, record.stat().st_mtime_ns))
    return tuple(stamps)


def list_unfinished() -> list[tuple[str, str, int]]:
    """Return the downloads that have begun: the model's id, the address and the size of the file. Raises BadInput."""
    found = []
    for origin in sorted(folder_of("").glob("*/*.part.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            facts = json.loads(origin.read_text(encoding="utf-8"))
            found.append((origin.parent.name, str(facts["url"]), int(facts["size"])))
    return found


def find_installed(model: RemoteModel, tick: Callable[[], object] = lambda: None) -> Path | None:
    """Return the file of a downloaded model if it is whole: its SHA-256 is compared if it is new or has changed.

    Raises BadInput, OSError, and what ``tick`` raises.
    """
    installed = find_record(model.id)
    if installed is None or (model.sha256 and installed.sha256 != model.sha256):
        return None
    changed = installed.path.stat().st_mtime_ns
    if installed.checked != changed:
        if sha256_of(installed.path, tick) != installed.sha256:
            return None
        with suppress(OSError):  # it may not be ours to write: then it is compared again
            replace(installed, checked=changed).save()
    return installed.path


def find_record(id: str) -> InstalledModel | None:
    """Return the record of a downloaded model, None if its file is not there or not whole. Raises BadInput."""
    try:
        record = json.loads((folder_of(id) / _RECORD).read_text(encoding="utf-8"))
        installed = InstalledModel(**record)
        is_there = installed.id == id and installed.path.stat().st_size == installed.size
    except (OSError, ValueError, TypeError):
        return None
    return installed if is_there else None


def remove_model(id: str) -> bool:
    """Remove a downloaded model, or what has come of it. Return False if there is nothing.

    Raises BadInput if it is being downloaded, and OSError.
    """
    folder = folder_of(id)
    if id in ("", ".", "..") or "/" in id or "\\" in id or not folder.is_dir():
        return False

    def refuse() -> None:
        raise BadInput("This model is being downloaded.", advice="Stop the download first.")

    with exclusive_lock(folder / "lock", refuse):
        for path in folder.iterdir():
            if path.name != "lock":
                path.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    return True
