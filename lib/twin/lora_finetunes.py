"""LoRA adapters, which the API calls finetunes: find them, check that they fit the model, and list them.

The engine loads adapters only at its start, and does not start with one that it cannot load. So each file is first
checked against the model by the rules of llama.cpp's loader, and skipped with a reason if it breaks one.
"""

from __future__ import annotations

import math
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lib.errors import BadInput
from lib.model.model_record import Model
from lib.system.paths import path_from_environment
from lib.twin import gguf_file
from lib.twin.api_errors import TwinApiError, finetune_incompatible, finetune_not_found, lora_not_supported
from lib.twin.engine_errors import CannotStartError

SHIPPED_FOLDER = Path(__file__).parent / "adapters"

# Numbers per block and bytes per block of the ggml types F32, F16, BF16 and Q8_0, which adapters are written in.
_BLOCKS = {0: (1, 4), 1: (1, 2), 30: (1, 2), 8: (32, 34)}
_SIDES = (".lora_a", ".lora_b")
# ggml's limit.
_MAX_TENSOR_NAME = 63


@dataclass(frozen=True)
class LoadedAdapter:
    """An adapter that the engine has loaded. ``public`` is True if it comes with Paddock."""

    name: str
    description: str
    public: bool
    path: Path
    modified: datetime

    def id_for(self, model: str) -> str:
        """Return its id for the model of that id, which is the same after every start."""
        whose = "public" if self.public else "own"
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"paddock:adapter:{whose}:{model}:{self.name}"))


@dataclass(frozen=True)
class SkippedAdapter:
    """A file that was not loaded. ``name`` is "" if the file has none."""

    path: Path
    name: str
    reason: str


@dataclass(frozen=True)
class AdapterCatalog:
    """The loaded adapters, in the engine's order, and the skipped files."""

    adapters: tuple[LoadedAdapter, ...] = ()
    skipped: tuple[SkippedAdapter, ...] = ()

    def to_json(self, model: Model) -> dict[str, Any]:
        """Return the JSON of the twin's own endpoint."""
        return {
            "adapters": [
                {"id": adapter.id_for(model.id), "name": adapter.name, "description": adapter.description}
                | {"public": adapter.public, "file": adapter.path.name}
                for adapter in self.adapters
            ],
            "skipped": [
                {"file": file.path.name, "name": file.name, "reason": file.reason} for file in self.skipped
            ],
        }

    def find_number(self, model: Model, body: Mapping[str, Any]) -> int | None:
        """Return the engine's number of the adapter that a validated body names, None for none. Raises TwinApiError.

        The documented schema has ``lora`` only beside ``prompt``. Beside ``messages`` it is an unknown property, and
        these are accepted and have no effect. A name is compared, never opened as a path.
        """
        name = body.get("lora")
        if not name or "prompt" not in body:
            return None
        if not self.adapters:
            raise TwinApiError(lora_not_supported(model.id))
        for number, adapter in enumerate(self.adapters):
            if name in (adapter.name, adapter.id_for(model.id)):
                return number
        if any(name == skipped.name for skipped in self.skipped):
            raise TwinApiError(finetune_incompatible())
        raise TwinApiError(finetune_not_found(name))


NO_ADAPTERS = AdapterCatalog()


class _UnfitError(Exception):
    """The reason for skipping a file."""


def scan_adapters(model: Path, shipped: Path = SHIPPED_FOLDER) -> AdapterCatalog:
    """Read the adapters in the folder that PADDOCK_ADAPTERS names, then the shipped ones. Raises CannotStartError.

    If two have the same name, the user's own adapter is loaded.
    """
    files = [(path, False) for path in _find_user_files()]
    files += [(path, True) for path in _find_shipped_files(shipped)]
    if not files:
        return AdapterCatalog()
    try:
        base = gguf_file.read_contents(model)
    except gguf_file.NotGgufError:
        # The engine will report it when it loads the model.
        return AdapterCatalog()
    adapters: dict[str, LoadedAdapter] = {}
    skipped: list[SkippedAdapter] = []
    for path, public in files:
        name = ""
        try:
            contents = gguf_file.read_contents(path)
            # The folder may have models too.
            if not public and contents.metadata.get("general.type") != "adapter":
                continue
            name = str(contents.metadata.get("general.name") or path.stem)
            _require_fit(base, contents, path.stat().st_size)
            if name in adapters:
                raise _UnfitError(f"{adapters[name].path.name} has the same name, “{name}”")
            modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            description = str(contents.metadata.get("general.description") or "")
            adapters[name] = LoadedAdapter(name, description, public, path, modified)
        except gguf_file.NotGgufError:
            skipped.append(SkippedAdapter(path, name, "it is not a GGUF file, or it is cut off"))
        except OSError as error:
            skipped.append(SkippedAdapter(path, name, f"it cannot be read: {error.strerror}"))
        except _UnfitError as error:
            skipped.append(SkippedAdapter(path, name, str(error)))
    return AdapterCatalog(tuple(adapters.values()), tuple(skipped))


def list_adapter_files() -> list[Path]:
    """Return the files that ``scan_adapters`` reads. Raises CannotStartError."""
    return [*_find_user_files(), *_find_shipped_files()]


def _find_shipped_files(folder: Path = SHIPPED_FOLDER) -> list[Path]:
    return sorted(folder.glob("*.gguf"))


def _find_user_files() -> list[Path]:
    if not os.environ.get("PADDOCK_ADAPTERS"):
        return []
    try:
        folder = path_from_environment("PADDOCK_ADAPTERS")
    except BadInput as error:
        raise CannotStartError(error.message, error.advice) from None
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".gguf" and path.is_file())
    except OSError as error:
        raise CannotStartError(
            f"PADDOCK_ADAPTERS names a folder that cannot be read: {folder}: {error.strerror}",
            "Correct the path, or unset PADDOCK_ADAPTERS to use the adapters that come with Paddock alone.",
        ) from None


def _require_fit(model: gguf_file.GgufContents, adapter: gguf_file.GgufContents, size: int) -> None:
    """Raise _UnfitError if the engine could not load or apply the adapter. ``size`` is its file's, in bytes."""
    metadata = adapter.metadata
    if adapter.version not in (2, 3):
        raise _UnfitError(f"its GGUF version is {adapter.version}, not 2 or 3")
    if (kind := metadata.get("adapter.type")) != "lora":
        raise _UnfitError(f"its adapter.type is {kind!r}, not 'lora'")
    if any(key.startswith("adapter.alora.") for key in metadata):
        raise _UnfitError("it is an activated LoRA, which applies to a part of the prompt only")
    architecture, made_for = (contents.metadata.get("general.architecture") for contents in (model, adapter))
    if made_for != architecture:
        raise _UnfitError(f"it is made for the architecture {made_for!r}, and the model is {architecture!r}")
    # The engine does not refuse any of the following: each of them was seen to end the process.
    if adapter.value_types.get("adapter.lora.alpha", gguf_file.FLOAT32) != gguf_file.FLOAT32:
        raise _UnfitError("its adapter.lora.alpha is not a 32-bit floating-point number")
    if any(tensor.name.startswith("token_embd.") for tensor in adapter.tensors):
        raise _UnfitError("it changes the embedding, which the engine cannot do")
    _require_whole_tensors(adapter, size)
    shapes = {tensor.name: tensor.shape for tensor in model.tensors}
    pairs = _pair_sides(adapter)
    if not pairs:
        raise _UnfitError("it has no tensors")
    for name, (a, b) in pairs.items():
        if name not in shapes:
            raise _UnfitError(f"the model has no tensor {name}")
        if a[1] != b[0]:
            raise _UnfitError(f"the two sides of its {name} do not belong together")
        sizes = (a[0], b[1])
        if sizes != shapes[name]:
            model_sizes = " × ".join(map(str, shapes[name]))
            raise _UnfitError(f"its {name} is for {sizes[0]} × {sizes[1]}, and the model's is {model_sizes}")


def _require_whole_tensors(adapter: gguf_file.GgufContents, size: int) -> None:
    """Raise _UnfitError unless every tensor has a known type and its place in the file."""
    expected, alignment = 0, adapter.metadata.get("general.alignment", 32)
    kind = adapter.value_types.get("general.alignment", gguf_file.UINT32)
    if kind != gguf_file.UINT32 or alignment.bit_count() != 1:
        raise _UnfitError("its general.alignment is no power of two")
    for tensor in adapter.tensors:
        if tensor.ggml_type not in _BLOCKS:
            raise _UnfitError(f"its {tensor.name} is not in F32, F16, BF16 or Q8_0")
        if len(tensor.name) > _MAX_TENSOR_NAME or len(tensor.shape) not in (1, 2):
            raise _UnfitError(f"its {tensor.name[:99]} is no side of a LoRA")
        numbers, size_of_block = _BLOCKS[tensor.ggml_type]
        if tensor.offset != expected or tensor.shape[0] % numbers:
            raise _UnfitError(f"its {tensor.name} is not where it should be")
        length = math.prod(tensor.shape) // numbers * size_of_block
        if not 0 < length <= size - adapter.data_start - expected:
            raise _UnfitError("it is cut off")
        expected += length + -length % alignment


def _pair_sides(adapter: gguf_file.GgufContents) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return the shapes of the sides a and b by the name of the model's tensor. Raises _UnfitError."""
    sides: dict[str, tuple[int, ...]] = {}
    for tensor in adapter.tensors:
        # The engine ignores these.
        if tensor.name.endswith("_norm.weight"):
            continue
        if not tensor.name.endswith(_SIDES) or tensor.name in sides or len(tensor.shape) != 2:
            raise _UnfitError(f"its {tensor.name} is no side of a LoRA")
        sides[tensor.name] = tensor.shape
    names = dict.fromkeys(name.removesuffix(_SIDES[0]).removesuffix(_SIDES[1]) for name in sides)
    for name in names:
        if any(name + side not in sides for side in _SIDES):
            raise _UnfitError(f"one of the two sides of its {name} is missing")
    return {name: (sides[name + _SIDES[0]], sides[name + _SIDES[1]]) for name in names}


def list_finetunes(model: Model, adapters: AdapterCatalog, *, public: bool) -> list[dict[str, Any]]:
    """Return a model's items of ``/ai/finetunes`` (the account's own) or ``/ai/finetunes/public``."""
    return [
        {
            "id": adapter.id_for(model.id),
            "model": model.id,
            "name": adapter.name,
            **({"description": adapter.description} if adapter.description else {}),
            "public": public,
            "created_at": _time(adapter.modified),
            "modified_at": _time(adapter.modified),
        }
        for adapter in adapters.adapters
        if adapter.public == public
    ]


def _time(moment: datetime) -> str:
    # The format of the documented example.
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
