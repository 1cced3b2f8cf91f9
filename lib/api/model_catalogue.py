"""The text models of an account: their list and their schemas, kept in memory and on disk with their dates.

Lists and schemas cost nothing to fetch, but take seconds, and a schema can have a third of a megabyte. What is kept
is the server's own reply, so that a newer Paddock reads more of it without another request.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lib.api import wire
from lib.api.backend import Backend, is_local
from lib.api.client import WorkersAI
from lib.api.reply_limits import MAX_JSON_BYTES
from lib.errors import PaddockError, Unintelligible
from lib.model.catalogue_entry import TEXT_GENERATION, CatalogueEntry, parse_entries
from lib.model.catalogue_model import build_model
from lib.model.model_record import Model, models
from lib.system.json_file import write_json

PER_PAGE = 100
MAX_PAGES = 20
MAX_MODELS = 1_000
MAX_KEPT_SCHEMAS = 50  # in memory
MAX_FILES = 300  # on disk; the oldest are removed
_VERSION = 1


@dataclass(frozen=True)
class Catalogue:
    """The text models of an account as they were listed at ``fetched_at``, in UTC, by their ids."""

    entries: tuple[CatalogueEntry, ...]
    fetched_at: datetime

    @cached_property
    def by_id(self) -> Mapping[str, CatalogueEntry]:
        return {entry.id: entry for entry in self.entries}


class ModelCatalogue:
    """The models of each backend. Safe from any thread; only ``refresh`` and ``fetch_schema`` use the network."""

    def __init__(self, client: WorkersAI, folder: Path) -> None:
        self._client = client
        self._folder = folder
        # By account, as _account() names it; models are those that were built from both.
        self._lists: dict[str, Catalogue] = {}
        self._schemas: dict[tuple[str, str], Any] = {}
        self._models: dict[tuple[str, str], Model] = {}
        self._has_read_folder = False
        self._lock = threading.RLock()

    def find(self, backend: Backend) -> Catalogue | None:
        """Return the list from memory or from disk, None if there is none. It has the models that may be asked."""
        catalogue = self._find_all(backend)
        return None if catalogue is None else _allowed_part(catalogue, backend)

    def _find_all(self, backend: Backend) -> Catalogue | None:
        account = _account(backend)
        with self._lock:
            if account in self._lists:
                return self._lists[account]
        if is_local(backend.base_url) or (stored := _read_list(self._file(account))) is None:
            return None
        return self._keep(account, stored)

    def find_model(self, id: str) -> Model | None:
        """Return the model of that ID: its shipped record, else what an account's list and its schema say.

        None if no account lists it, if its price or context window is not listed, or if its schema was never fetched.
        """
        if (record := models().get(id)) is not None:
            return record
        for account, catalogue in self._all_lists():
            with self._lock:
                built = self._models.get((account, id))
            if built is not None:
                return built
            if (entry := catalogue.by_id.get(id)) is None or (
                schema := self._stored_schema(account, id)
            ) is None:
                continue
            if (model := build_model(entry, schema)) is not None:
                with self._lock:
                    self._models[account, id] = model
                return model
        return None

    def fetch_model(self, backend: Backend, id: str) -> Model | None:
        """Return the model of that ID as this account lists it; its schema is fetched if need be.

        None if the account does not list it, or not its price or context window. Raises a PaddockError.
        """
        if (record := models().get(id)) is not None:
            return record
        catalogue = self.find(backend)
        if catalogue is None or (entry := catalogue.by_id.get(id)) is None:
            return None
        return build_model(entry, self.fetch_schema(backend, id))

    def _all_lists(self) -> list[tuple[str, Catalogue]]:
        """Return the lists of all accounts, also those that are on disk only."""
        with self._lock:
            if not self._has_read_folder:
                self._has_read_folder = True
                with suppress(OSError):
                    for file in self._folder.glob("*.json"):
                        is_list = "-" not in file.stem and file.stem not in self._lists
                        if is_list and (stored := _read_list(file)) is not None:
                            self._lists[file.stem] = stored
            return list(self._lists.items())

    def refresh(self, backend: Backend) -> Catalogue:
        """Fetch all pages of the list; each schema is fetched again when it is asked for. Raises a PaddockError."""
        replies: list[str] = []
        entries: tuple[CatalogueEntry, ...] = ()
        for page in range(1, MAX_PAGES + 1):
            query = f"task={quote(TEXT_GENERATION)}&page={page}&per_page={PER_PAGE}"
            reply = self._client.fetch(backend, f"models/search?{query}")
            more = _unique([*entries, *_decode_page(reply)])[:MAX_MODELS]
            # A server that does not know about pages sends the same one again.
            if len(more) == len(entries):
                break
            replies.append(reply)
            entries = more
            # Whether Cloudflare's result_info counts all pages is not documented; the twin's does.
            if sum(map(len, replies)) > MAX_JSON_BYTES or (backend.can_inspect and _is_last_page(reply)):
                break
        now, account = datetime.now(UTC), _account(backend)
        self._write(backend, "", {"fetched_at": now.isoformat(), "replies": replies})
        with self._lock:
            # The twin has the same schema for all its models.
            if not backend.can_inspect:
                self._schemas = {key: schema for key, schema in self._schemas.items() if key[0] != account}
            self._models = {key: model for key, model in self._models.items() if key[0] != account}
        return _allowed_part(self._keep(account, Catalogue(entries, now)), backend)

    def fetch_schema(self, backend: Backend, model: str) -> Any:
        """Return the JSON Schema of a model's input, from memory, disk or the server. Raises a PaddockError."""
        account = _account(backend)
        with self._lock:
            if (account, model) in self._schemas:
                return self._schemas[account, model]
        schema: Any = None
        stored = None if is_local(backend.base_url) else _read(self._file(account, model))
        if stored is not None and not self._is_older_than_list(stored, account):
            schema = _schema_in(stored)
        if schema is None:
            try:
                reply = self._client.fetch(backend, f"models/schema?model={quote(model, safe='')}")
                schema = decode_input_schema(reply)
            except PaddockError:
                if stored is None or (schema := _schema_in(stored)) is None:
                    raise
            else:
                self._write(backend, model, {"fetched_at": datetime.now(UTC).isoformat(), "reply": reply})
        return self._keep_schema(account, model, schema)

    def _is_older_than_list(self, stored: Mapping[str, Any], account: str) -> bool:
        """Return True if the list was fetched again since: the schema may have changed too."""
        with self._lock:
            catalogue = self._lists.get(account)
        try:
            return (
                catalogue is not None and datetime.fromisoformat(stored["fetched_at"]) < catalogue.fetched_at
            )
        except (KeyError, TypeError, ValueError):
            return True

    def _stored_schema(self, account: str, model: str) -> Any:
        """Return the schema from memory or from disk, however old, None if there is none."""
        with self._lock:
            if (account, model) in self._schemas:
                return self._schemas[account, model]
        if (stored := _read(self._file(account, model))) is None or (schema := _schema_in(stored)) is None:
            return None
        return self._keep_schema(account, model, schema)

    def _keep_schema(self, account: str, model: str, schema: Any) -> Any:
        with self._lock:
            while len(self._schemas) >= MAX_KEPT_SCHEMAS:
                self._schemas.pop(next(iter(self._schemas)))
            self._schemas[account, model] = schema
            self._models.pop((account, model), None)
        return schema

    def _keep(self, account: str, catalogue: Catalogue) -> Catalogue:
        with self._lock:
            self._lists[account] = catalogue
        return catalogue

    def _file(self, account: str, model: str = "") -> Path:
        return self._folder / (f"{account}-{_digest(model)}.json" if model else f"{account}.json")

    def _write(self, backend: Backend, model: str, body: dict[str, Any]) -> None:
        """Store a reply. A server on this computer answers at once and may change: its replies are not stored."""
        if is_local(backend.base_url):
            return
        with suppress(OSError):  # a full disk: it is fetched again next time
            self._folder.mkdir(parents=True, exist_ok=True)
            write_json(self._file(_account(backend), model), {"version": _VERSION, **body})
            files = sorted(self._folder.iterdir(), key=lambda file: file.stat().st_mtime)
            for old in files[:-MAX_FILES]:
                old.unlink(missing_ok=True)


def _read(file: Path) -> dict[str, Any] | None:
    """Return what was stored, None for nothing, another version or a damaged file."""
    with suppress(OSError, ValueError, RecursionError):
        if file.stat().st_size <= 4 * MAX_JSON_BYTES:
            stored = json.loads(file.read_text(encoding="utf-8"))
            if isinstance(stored, dict) and stored.get("version") == _VERSION:
                return stored
    return None


def _read_list(file: Path) -> Catalogue | None:
    if (stored := _read(file)) is None:
        return None
    try:
        pages = [page for page in stored["replies"] if isinstance(page, str)]
        entries = [entry for page in pages for entry in _decode_page(page)]
        return Catalogue(_unique(entries), datetime.fromisoformat(stored["fetched_at"]))
    except (Unintelligible, KeyError, TypeError, ValueError):
        return None  # damaged: it is fetched again


def _schema_in(stored: Mapping[str, Any]) -> Any:
    try:
        return decode_input_schema(stored["reply"])
    except (Unintelligible, KeyError, TypeError):
        return None


def decode_input_schema(text: str) -> Any:
    """Return the JSON Schema of the input in a server's answer. Raises Unintelligible."""
    return _decode(text, lambda body: body["result"]["input"])


def _decode_page(text: str) -> list[CatalogueEntry]:
    items = wire.envelope_result(text)
    if not isinstance(items, list):
        raise _unreadable()
    return list(parse_entries(items[:MAX_MODELS]))


def _is_last_page(text: str) -> bool:
    match json.loads(text).get("result_info"):
        case {"page": int(page), "per_page": int(per_page), "total_count": int(total)}:
            return page * per_page >= total
    return False


def _decode(text: str, select: Callable[[Any], Any]) -> Any:
    try:
        return select(json.loads(text, parse_constant=str))
    except (ValueError, RecursionError, KeyError, TypeError):
        raise _unreadable() from None


def _unreadable() -> Unintelligible:
    return Unintelligible("The list of models cannot be read.", advice="Retry later, or update Paddock.")


def _unique(entries: list[CatalogueEntry]) -> tuple[CatalogueEntry, ...]:
    """Return the entries without repeated ids."""
    return tuple({entry.id: entry for entry in reversed(entries)}.values())[::-1]


def _allowed_part(catalogue: Catalogue, backend: Backend) -> Catalogue:
    """Return the list with the models that may be asked through this backend."""
    if backend.allowed_models is None:
        return catalogue
    return replace(catalogue, entries=tuple(entry for entry in catalogue.entries if backend.allows(entry.id)))


def _account(backend: Backend) -> str:
    """Return the name of an account's files."""
    return _digest(f"{backend.base_url}\n{backend.account_id}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]
