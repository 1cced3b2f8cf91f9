"""The model that a user names: one of the catalogue, a file on this computer, or an https address."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lib.errors import BadInput
from lib.local_models.licences import LLAMA_3_2, Licence

SHIPPED_ID = "smollm2-135m"
SHIPPED_NAME = "SmolLM2-135M"
# The names of files that are safe on every system.
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class ShippedModel:
    """The small model that Paddock installs by itself, as a package."""


@dataclass(frozen=True)
class ModelFile:
    """A GGUF file on this computer."""

    path: Path


@dataclass(frozen=True)
class RemoteModel:
    """A GGUF file that is downloaded once. ``id`` is the name of its folder.

    Either ``hub_path`` (below the hub's address) or ``address`` is set. ``size`` is 0 and ``sha256`` empty if the
    server has to tell them. ``memory`` is the number of bytes that the model needs to run.
    """

    id: str
    name: str
    file: str
    hub_path: str = ""
    address: str = ""
    size: int = 0
    sha256: str = ""
    memory: int = 0
    licence: Licence | None = None

    @property
    def host(self) -> str:
        """The host of the address, "" for a model of the hub."""
        return urlsplit(self.address).hostname or ""


ModelSource = ShippedModel | ModelFile | RemoteModel

CATALOGUE = (
    RemoteModel(
        id="llama-3.2-1b",
        name="Llama 3.2 1B Instruct",
        file="Llama-3.2-1B-Instruct-Q4_K_M.gguf",
        hub_path="/bartowski/Llama-3.2-1B-Instruct-GGUF/resolve/067b946cf014b7c697f3654f621d577a3e3afd1c/"
        "Llama-3.2-1B-Instruct-Q4_K_M.gguf",
        size=807_694_464,
        sha256="6f85a640a97cf2bf5b8e764087b1e83da0fdb51d7c9fab7d0fece9385611df83",
        # The file, two contexts of 8,192 tokens (268 MB each), and what the engine computes with.
        memory=1_600_000_000,
        licence=LLAMA_3_2,
    ),
)


def parse_source(text: str, setting: str = "The model") -> ModelSource:
    """Return the model that the user named: an id of the catalogue, an https address, or a path.

    ``setting`` is the name of what the user set, for the message. Raises BadInput.
    """
    if text == SHIPPED_ID:
        return ShippedModel()
    if model := next((model for model in CATALOGUE if model.id == text), None):
        return model
    if "://" in text:
        return _parse_address(text)
    try:
        return ModelFile(Path(text).expanduser())
    except RuntimeError:
        raise BadInput(
            f"{setting} begins with a home folder that is not known: {text}", advice="Write the whole path."
        ) from None


def _parse_address(text: str) -> RemoteModel:
    try:
        parts = urlsplit(text)
        is_usable = bool(parts.hostname) and parts.port != 0 and text.isprintable() and " " not in text
        is_usable = is_usable and bool((parts.hostname or "").encode("idna"))
    except ValueError:
        is_usable = False
    if not is_usable or parts.scheme != "https" or parts.username or parts.password:
        # The address is not repeated: it may hold a password.
        raise BadInput(
            "The address of a model must look like https://host/path/model.gguf, without a user name in it.",
            advice="Use an https address, or download the file yourself and name its path.",
        )
    name = unquote(parts.path.rpartition("/")[2])
    file = _UNSAFE.sub("-", name).strip(".-")[-120:] or "model"
    file = file if file.lower().endswith(".gguf") else f"{file}.gguf"
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return RemoteModel(f"address-{digest}", file[: -len(".gguf")], file, address=text)
