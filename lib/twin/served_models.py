"""The models that the twin serves, by their ids: the one that it was started with, and the computer's others."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from lib.errors import PaddockError
from lib.local_models.licences import LLAMA_3_2
from lib.local_models.listed_models import list_models
from lib.local_models.model_sizes import find_source
from lib.local_models.model_source import SHIPPED_ID, ModelSource, RemoteModel, ShippedModel
from lib.model.catalogue_entry import LOCAL_PREFIX, is_model_id
from lib.model.model_record import DEFAULT_MODEL_ID, Model, default_model, models
from lib.twin import weights
from lib.twin.engine_errors import CannotStartError
from lib.twin.model_setup import DEFAULT_OPTIONS, EngineOptions, ModelSetup, choose_setup

_UNSAFE = re.compile(r"[^a-z0-9._-]+")
_MAX_NAME_CHARS = 80


@dataclass(frozen=True)
class ServedModel:
    """A model under one of its ids: what is documented about it, and how its file is run."""

    model: Model
    setup: ModelSetup


def check_served_id(text: str) -> str:
    """Return the id of a Cloudflare model that a local one may be served as. Raises ValueError."""
    if not is_model_id(text) or not re.match(r"@(cf|hf)/[^/]+/", text):
        raise ValueError("an id looks like @cf/meta/llama-3.2-1b-instruct")
    return text


def record_of(id: str) -> Model:
    """Return the record of a Cloudflare model, a copy of the default model's under that id if none is shipped."""
    return models().get(id) or replace(_unpriced(default_model()), id=id, name=id.rpartition("/")[2])


def local_model(id: str, name: str, mark: str, setup: ModelSetup) -> Model:
    """Return the description of a model of this computer, which takes the default model's requests."""
    model = default_model()
    capabilities = tuple(
        # The twin calls tools with every model.
        replace(capability, listed=capability.listed or capability.name == "tools", documented="", source="")
        for capability in model.capabilities
    )
    changed = datetime.fromtimestamp(setup.path.stat().st_mtime, UTC)
    return replace(
        _unpriced(model),
        id=id,
        name=name,
        maker="local",
        description=f"{name}, on this computer." + (f" {mark}." if mark else ""),
        source="",
        read_on=changed.date().isoformat(),
        terms="",
        context_window=setup.context,
        capabilities=capabilities,
    )


def _unpriced(model: Model) -> Model:
    nothing = Decimal(0)
    price = replace(
        model.price,
        input_per_million=nothing,
        output_per_million=nothing,
        neurons_per_million_input=nothing,
        neurons_per_million_output=nothing,
        cached_input_per_million=None,
    )
    return replace(model, price=price)


class ServedModels:
    """Finds models by their ids. Safe from any thread; files are read again only if they have changed.

    ``default`` is the model that the twin was started with, ``name`` its name and ``ids`` the Cloudflare models that
    it is served as. It has an id of its own besides.
    """

    def __init__(
        self,
        default: ModelSetup,
        name: str,
        options: EngineOptions = DEFAULT_OPTIONS,
        ids: Sequence[str] = (DEFAULT_MODEL_ID,),
    ) -> None:
        self._started_with, self._name, self._options = default, name, options
        self._fixed = {id: ServedModel(record_of(id), default) for id in ids}
        self.default = self._fixed[ids[0]]
        # By path, with the time of change in nanoseconds and the size; None is a file that cannot be read.
        self._setups: dict[Path, tuple[tuple[int, int], ModelSetup | None]] = {}
        self._lock = threading.Lock()

    def name_of(self, served: ServedModel) -> str:
        """Return the name of the model whose file answers."""
        return self._name if served.setup is self._started_with else served.model.name

    def find_fixed(self, id: str) -> ServedModel | None:
        """Return the default model if this is one of its Cloudflare ids. Reads no file."""
        return self._fixed.get(id)

    def find(self, id: str) -> ServedModel | None:
        """Return the model of that id, None if this computer has none. Reads files."""
        if (fixed := self._fixed.get(id)) is not None:
            return fixed
        if not id.startswith(LOCAL_PREFIX):
            return None
        return next((served for served in self._local_models() if served.model.id == id), None)

    def list(self) -> list[ServedModel]:
        """Return all models: the default one under its Cloudflare ids first. Reads files."""
        return [*self._fixed.values(), *self._local_models()]

    def _local_models(self) -> Iterator[ServedModel]:
        names: set[str] = set()
        for path, source, name in self._files():
            if (setup := self._setup(path, source)) is None:
                continue
            name_in_id = _name_in_id(path, source)
            if name_in_id in names:
                name_in_id += "-" + hashlib.sha256(str(path).encode()).hexdigest()[:6]
            names.add(name_in_id)
            with suppress(OSError):
                model = local_model(LOCAL_PREFIX + name_in_id, name, licence_mark(setup), setup)
                yield ServedModel(model, setup)

    def _files(self) -> Iterator[tuple[Path, ModelSource, str]]:
        """Yield each model's file once, with its source and its name."""
        paths: set[Path] = set()
        # Without a folder for data there is the default model alone.
        with suppress(PaddockError):
            for listed in list_models():
                source = find_source(listed.key)
                path = weights.locate(source) if listed.is_here else None
                if path is not None and path not in paths:
                    paths.add(path)
                    yield path, source, listed.name
        if self._started_with.path not in paths:
            yield self._started_with.path, self._started_with.source, self._name

    def _setup(self, path: Path, source: ModelSource) -> ModelSetup | None:
        """Return how a file is run, None if it cannot be."""
        if path == self._started_with.path:
            return self._started_with
        try:
            facts = path.stat()
        except OSError:
            return None
        stamp = (facts.st_mtime_ns, facts.st_size)
        with self._lock:
            if path in self._setups and self._setups[path][0] == stamp:
                return self._setups[path][1]
            setup: ModelSetup | None = None
            with suppress(CannotStartError, OSError):
                setup = choose_setup(path, self._options, source)
            self._setups[path] = (stamp, setup)
            return setup


def licence_mark(setup: ModelSetup) -> str:
    """Return the text that has to stand where the model answers, "" for most models."""
    source = setup.source
    if isinstance(source, RemoteModel) and source.licence is not None:
        return source.licence.mark
    # Llama's licences want it from Llama 3 on. The ids are those of Hugging Face.
    return LLAMA_3_2.mark if setup.file.licence.lower().startswith("llama3") else ""


def _name_in_id(path: Path, source: ModelSource) -> str:
    match source:
        case ShippedModel():
            return SHIPPED_ID
        case RemoteModel(address=""):
            return source.id
    name = _UNSAFE.sub("-", path.stem.lower()).strip(".-_")[:_MAX_NAME_CHARS]
    return name or "model"
