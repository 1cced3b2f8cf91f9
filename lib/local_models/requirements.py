"""The needs of a model before it is downloaded: room on the disk, and memory."""

from __future__ import annotations

import shutil
from pathlib import Path

from lib.errors import BadInput, DownloadFailed
from lib.local_models.listed_models import ListedModel
from lib.local_models.memory import estimate_free_memory, read_memory
from lib.local_models.model_folder import folder_of
from lib.local_models.model_source import CATALOGUE, SHIPPED_ID, RemoteModel

# Bytes that stay free on the disk.
DISK_RESERVE = 64 * 1024 * 1024
# What the shipped model takes with four slots: measured.
_SHIPPED_MEMORY = 880_000_000
# About what a model takes besides its file: two contexts of 8,192 tokens, and what the engine computes with, as with
# Llama 3.2 1B.
_OTHER_MEMORY = 800_000_000


def free_space(folder: Path) -> int:
    """Return the free bytes on the disk of a folder, which need not exist yet. Raises OSError."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def require_space(missing: int, folder: Path) -> None:
    """Raise DownloadFailed if that many bytes have no room, and OSError."""
    free = free_space(folder)
    if missing + DISK_RESERVE > free:
        raise DownloadFailed(
            f"{missing / 1e6:,.0f} MB are still to come, and the disk has {free / 1e6:,.0f} MB free.",
            advice="Free some space, or name another folder in PADDOCK_DATA_DIR.",
        )


def require_memory(needed: int) -> None:
    """Raise DownloadFailed if this computer has less memory than that many bytes."""
    memory = read_memory()
    if memory and needed > memory:
        raise DownloadFailed(
            f"The model needs {needed / 1e9:.1f} GB of memory, and this computer has {memory / 1e9:.1f} GB.",
            advice="Use a smaller model.",
        )


def require_room(model: RemoteModel, downloaded: int = 0) -> None:
    """Raise DownloadFailed if the model does not fit this computer, as far as its size is known; and OSError."""
    require_memory(model.memory)
    if model.size:
        require_space(model.size - downloaded, folder_of(model.id))


def describe_room() -> str:
    """Return this computer's memory and free disk space, for the user. Raises OSError and BadInput."""
    memory, free = read_memory(), free_space(folder_of(""))
    parts = [f"{memory / 1e9:.1f} GB of memory"] if memory else []
    return " and ".join([*parts, f"{free / 1e9:.1f} GB free on the disk"])


def needed_memory(model: ListedModel) -> int:
    """Return about how many bytes of memory a model of this computer takes, 0 if its file is not there."""
    if model.key == SHIPPED_ID:
        return _SHIPPED_MEMORY
    if model.source is not None and model.source.memory:
        return model.source.memory
    for known in CATALOGUE:
        if known.id == model.id:
            return known.memory
    size = model.size
    if not size:
        try:
            size = Path(model.key).stat().st_size
        except OSError:
            return 0
    return size + _OTHER_MEMORY


def describe_missing_memory(model: ListedModel) -> str:
    """Return what a model needs and what is free, "" if it fits or the system does not tell."""
    needed, free = needed_memory(model), estimate_free_memory()
    if free is None or needed <= free:
        return ""
    return f"{model.name} needs about {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free."


def require_free_memory(model: ListedModel) -> None:
    """Raise BadInput if a model does not fit into the memory beside the one that answers."""
    if missing := describe_missing_memory(model):
        raise BadInput(
            missing,
            advice="Close other programs, then try again. Or choose it as the model of a chat: there models take "
            "turns in memory, while a change here keeps both until the new one answers.",
        )
