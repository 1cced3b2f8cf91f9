"""LoRA adapters: which there are, whether they fit the model, and what the API lists of them.

The engine takes adapters only at its start, and one that it cannot load keeps it from starting. So each file is
held against the model first, by the rules of llama.cpp's own loader, and left out with a reason if it breaks one.
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

from lib.model.model_record import Model
from lib.twin import gguf_file
from lib.twin.api_errors import TwinApiError, finetune_incompatible, finetune_not_found, lora_not_supported
from lib.twin.engine import CannotStartError

SHIPPED_FOLDER = Path(__file__).parent / "adapters"

# Numbers to a block and bytes to a block of ggml's number types that adapters are written in.
_BLOCKS = {0: (1, 4), 1: (1, 2), 30: (1, 2), 8: (32, 34)}  # F32, F16, BF16, Q8_0
_SIDES = (".lora_a", ".lora_b")
_LONGEST_NAME = 63  # of a tensor, in ggml


@dataclass(frozen=True)
class LoadedAdapter:
    """One adapter that the engine has loaded. ``public``: it came with Paddock; else it is the account's own."""

    name: str
    description: str
    public: bool
    path: Path
    modified: datetime

    @property
    def id(self) -> str:
        """The same at every start."""
        whose = "public" if self.public else "own"
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"paddock:adapter:{whose}:{self.name}"))


@dataclass(frozen=True)
class SkippedAdapter:
    """A file that was left out, and why. ``name`` is empty where the file does not tell one."""

    path: Path
    name: str
    reason: str


@dataclass(frozen=True)
class AdapterCatalog:
    """The adapters there are. An adapter's place in the list is its number in the engine."""

    adapters: tuple[LoadedAdapter, ...] = ()
    skipped: tuple[SkippedAdapter, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What the twin tells of its adapters, beyond what the service lists."""
        return {
            "adapters": [
                {"id": one.id, "name": one.name, "description": one.description}
                | {"public": one.public, "file": one.path.name}
                for one in self.adapters
            ],
            "skipped": [
                {"file": one.path.name, "name": one.name, "reason": one.reason} for one in self.skipped
            ],
        }

    def find_number(self, model: Model, body: Mapping[str, Any]) -> int | None:
        """The number of the adapter that a checked body asks for, None for none. Raises RefusedError.

        The documented schema knows ``lora`` beside ``prompt`` alone. Beside ``messages`` it is a property that the
        schema does not know, and those are accepted and have no effect. A name is compared, never opened.
        """
        wanted = body.get("lora")
        if not wanted or "prompt" not in body:
            return None
        if not self.adapters:
            raise TwinApiError(lora_not_supported(model.id))
        for number, adapter in enumerate(self.adapters):
            if wanted in (adapter.name, adapter.id):
                return number
        if any(wanted == skipped.name for skipped in self.skipped):
            raise TwinApiError(finetune_incompatible())
        raise TwinApiError(finetune_not_found(wanted))


NO_ADAPTERS = AdapterCatalog()


class _UnfitError(Exception):
    """Why a file is left out."""


def scan_adapters(model: Path, shipped: Path = SHIPPED_FOLDER) -> AdapterCatalog:
    """The adapters of the folder that PADDOCK_ADAPTERS names, then those that came along. Raises CannotStartError.

    The user's own come first: theirs is the name if two have the same.
    """
    files = [(path, False) for path in _own()] + [(path, True) for path in sorted(shipped.glob("*.gguf"))]
    if not files:
        return AdapterCatalog()
    try:
        base = gguf_file.read_contents(model)
    except gguf_file.NotGgufError:  # the engine says so, when it is to load it
        return AdapterCatalog()
    adapters: dict[str, LoadedAdapter] = {}
    skipped: list[SkippedAdapter] = []
    for path, public in files:
        name = ""
        try:
            found = gguf_file.read_contents(path)
            if not public and found.metadata.get("general.type") != "adapter":
                continue  # a folder of models may hold adapters too
            name = str(found.metadata.get("general.name") or path.stem)
            _hold_against(base, found, path.stat().st_size)
            if name in adapters:
                raise _UnfitError(f"{adapters[name].path.name} has the same name, “{name}”")
            modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            description = str(found.metadata.get("general.description") or "")
            adapters[name] = LoadedAdapter(name, description, public, path, modified)
        except gguf_file.NotGgufError:
            skipped.append(SkippedAdapter(path, name, "it is not a GGUF file, or it is cut off"))
        except OSError as error:
            skipped.append(SkippedAdapter(path, name, f"it cannot be read: {error.strerror}"))
        except _UnfitError as error:
            skipped.append(SkippedAdapter(path, name, str(error)))
    return AdapterCatalog(tuple(adapters.values()), tuple(skipped))


def _own() -> list[Path]:
    named = os.environ.get("PADDOCK_ADAPTERS")
    if not named:
        return []
    folder = Path(named).expanduser()
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".gguf" and path.is_file())
    except OSError as error:
        raise CannotStartError(
            f"PADDOCK_ADAPTERS names a folder that cannot be read: {folder}: {error.strerror}",
            "Correct the path, or unset PADDOCK_ADAPTERS to use the adapters that come with Paddock alone.",
        ) from None


def _hold_against(model: gguf_file.GgufContents, adapter: gguf_file.GgufContents, size: int) -> None:
    """Raises _UnfitError where the engine could not load or apply it. ``size``: the adapter file's, in bytes."""
    facts = adapter.metadata
    if adapter.version not in (2, 3):
        raise _UnfitError(f"its GGUF version is {adapter.version}, not 2 or 3")
    if (kind := facts.get("adapter.type")) != "lora":
        raise _UnfitError(f"its adapter.type is {kind!r}, not 'lora'")
    if any(key.startswith("adapter.alora.") for key in facts):
        raise _UnfitError("it is an activated LoRA, which applies to a part of the prompt only")
    wanted, made_for = (one.metadata.get("general.architecture") for one in (model, adapter))
    if made_for != wanted:
        raise _UnfitError(f"it is made for the architecture {made_for!r}, and the model is {wanted!r}")
    # What follows would not be refused by the engine but end the process: seen with each of them.
    if adapter.value_types.get("adapter.lora.alpha", gguf_file.FLOAT32) != gguf_file.FLOAT32:
        raise _UnfitError("its adapter.lora.alpha is not a 32-bit floating-point number")
    if any(tensor.name.startswith("token_embd.") for tensor in adapter.tensors):
        raise _UnfitError("it changes the embedding, which the engine cannot do")
    _whole(adapter, size)
    shapes = {tensor.name: tensor.shape for tensor in model.tensors}
    pairs = _pairs(adapter)
    if not pairs:
        raise _UnfitError("it has no tensors")
    for name, (a, b) in pairs.items():
        if name not in shapes:
            raise _UnfitError(f"the model has no tensor {name}")
        if a[1] != b[0]:
            raise _UnfitError(f"the two sides of its {name} do not belong together")
        sizes = (a[0], b[1])
        if sizes != shapes[name]:
            told = " × ".join(map(str, shapes[name]))
            raise _UnfitError(f"its {name} is for {sizes[0]} × {sizes[1]}, and the model's is {told}")


def _whole(adapter: gguf_file.GgufContents, size: int) -> None:
    """Every tensor is of a known kind and lies where it must, within the file."""
    expected, alignment = 0, adapter.metadata.get("general.alignment", 32)
    if (
        adapter.value_types.get("general.alignment", gguf_file.UINT32) != gguf_file.UINT32
        or alignment.bit_count() != 1
    ):
        raise _UnfitError("its general.alignment is no power of two")
    for tensor in adapter.tensors:
        if tensor.ggml_type not in _BLOCKS:
            raise _UnfitError(f"its {tensor.name} is not in F32, F16, BF16 or Q8_0")
        if len(tensor.name) > _LONGEST_NAME or len(tensor.shape) not in (1, 2):
            raise _UnfitError(f"its {tensor.name[:99]} is no side of a LoRA")
        numbers, size_of_block = _BLOCKS[tensor.ggml_type]
        if tensor.offset != expected or tensor.shape[0] % numbers:
            raise _UnfitError(f"its {tensor.name} is not where it should be")
        length = math.prod(tensor.shape) // numbers * size_of_block
        if not 0 < length <= size - adapter.data_start - expected:
            raise _UnfitError("it is cut off")
        expected += length + -length % alignment


def _pairs(adapter: gguf_file.GgufContents) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
    """The shapes of the two sides for each of the model's tensors."""
    sides: dict[str, tuple[int, ...]] = {}
    for tensor in adapter.tensors:
        if tensor.name.endswith("_norm.weight"):
            continue  # the engine does not look at it
        if not tensor.name.endswith(_SIDES) or tensor.name in sides or len(tensor.shape) != 2:
            raise _UnfitError(f"its {tensor.name} is no side of a LoRA")
        sides[tensor.name] = tensor.shape
    names = dict.fromkeys(name.removesuffix(_SIDES[0]).removesuffix(_SIDES[1]) for name in sides)
    for name in names:
        if any(name + side not in sides for side in _SIDES):
            raise _UnfitError(f"one of the two sides of its {name} is missing")
    return {name: (sides[name + _SIDES[0]], sides[name + _SIDES[1]]) for name in names}


def list_finetunes(model: Model, shelf: AdapterCatalog, *, public: bool) -> list[dict[str, Any]]:
    """The items of ``/ai/finetunes`` (the account's own) or ``/ai/finetunes/public``."""
    return [
        {
            "id": adapter.id,
            "model": model.id,
            "name": adapter.name,
            **({"description": adapter.description} if adapter.description else {}),
            "public": public,
            "created_at": _time(adapter.modified),
            "modified_at": _time(adapter.modified),
        }
        for adapter in shelf.adapters
        if adapter.public == public
    ]


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"  # as in the documented example
