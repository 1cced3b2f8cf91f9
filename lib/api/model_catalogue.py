"""The text models of an account: their list and their schemas, kept in memory and on disk with their dates.

Lists and schemas cost nothing to fetch, but take seconds, and a schema can have a third of a megabyte. What is kept
is the server's own reply, so that a newer Paddock reads more of it without another request.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lib.api import wire
from lib.api.backend import Backend, is_local
from lib.api.client import WorkersAI
from lib.api.reply_limits import MAX_JSON_BYTES
from lib.errors import Unintelligible
from lib.model.catalogue_entry import TEXT_GENERATION, CatalogueEntry, parse_entries

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


class ModelCatalogue:
    """The models of each backend. Safe from any thread; only ``refresh`` and ``fetch_schema`` use the network."""

    def __init__(self, client: WorkersAI, folder: Path) -> None:
        self._client = client
        self._folder = folder
        self._lists: dict[tuple[str, str], Catalogue] = {}
        self._schemas: dict[tuple[str, str, str], Any] = {}
        self._lock = threading.Lock()

    def find(self, backend: Backend) -> Catalogue | None:
        """Return the list from memory or from disk, None if there is none."""
        with self._lock:
            known = self._lists.get(_account(backend))
        if known is not None:
            return known
        if (stored := self._read(backend, "")) is None:
            return None
        try:
            pages = [page for page in stored["replies"] if isinstance(page, str)]
            entries = [entry for page in pages for entry in _decode_page(page)]
            return self._keep(
                backend, Catalogue(_unique(entries), datetime.fromisoformat(stored["fetched_at"]))
            )
        except (Unintelligible, KeyError, TypeError, ValueError):
            return None  # damaged: it is fetched again

    def refresh(self, backend: Backend) -> Catalogue:
        """Fetch all pages of the list, and forget the schemas. Raises a PaddockError."""
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
            if sum(map(len, replies)) > MAX_JSON_BYTES:
                break
        self._forget_schemas(backend)
        now = datetime.now(UTC)
        self._write(backend, "", {"fetched_at": now.isoformat(), "replies": replies})
        return self._keep(backend, Catalogue(entries, now))

    def fetch_schema(self, backend: Backend, model: str) -> Any:
        """Return the JSON Schema of a model's input, from memory, disk or the server. Raises a PaddockError."""
        key = (*_account(backend), model)
        with self._lock:
            if key in self._schemas:
                return self._schemas[key]
        schema: Any = None
        if (stored := self._read(backend, model)) is not None:
            with suppress(Unintelligible, KeyError, TypeError):
                schema = decode_input_schema(stored["reply"])
        if schema is None:
            reply = self._client.fetch(backend, f"models/schema?model={quote(model, safe='')}")
            schema = decode_input_schema(reply)
            self._write(backend, model, {"fetched_at": datetime.now(UTC).isoformat(), "reply": reply})
        with self._lock:
            while len(self._schemas) >= MAX_KEPT_SCHEMAS:
                self._schemas.pop(next(iter(self._schemas)))
            self._schemas[key] = schema
        return schema

    def _forget_schemas(self, backend: Backend) -> None:
        account = _account(backend)
        with self._lock:
            self._schemas = {key: schema for key, schema in self._schemas.items() if key[:2] != account}
        prefix = _file_prefix(backend)
        with suppress(OSError):
            for file in self._folder.glob(f"{prefix}-*.json"):
                file.unlink(missing_ok=True)

    def _keep(self, backend: Backend, catalogue: Catalogue) -> Catalogue:
        with self._lock:
            self._lists[_account(backend)] = catalogue
        return catalogue

    def _file(self, backend: Backend, model: str) -> Path:
        name = _file_prefix(backend)
        return self._folder / (f"{name}-{_digest(model)}.json" if model else f"{name}.json")

    def _read(self, backend: Backend, model: str) -> dict[str, Any] | None:
        """Return what was stored, None for nothing, another version or a damaged file."""
        if is_local(backend.base_url):
            return None
        with suppress(OSError, ValueError, RecursionError):
            file = self._file(backend, model)
            if file.stat().st_size <= 4 * MAX_JSON_BYTES:
                stored = json.loads(file.read_text(encoding="utf-8"))
                if isinstance(stored, dict) and stored.get("version") == _VERSION:
                    return stored
        return None

    def _write(self, backend: Backend, model: str, body: dict[str, Any]) -> None:
        """Store a reply. A server on this computer answers at once and may change: its replies are not stored."""
        if is_local(backend.base_url):
            return
        with suppress(OSError):  # a full disk: it is fetched again next time
            self._folder.mkdir(parents=True, exist_ok=True)
            file = self._file(backend, model)
            draft = file.with_suffix(f".{os.getpid()}-{threading.get_ident()}.draft")
            draft.write_text(json.dumps({"version": _VERSION, **body}), encoding="utf-8")
            draft.replace(file)
            files = sorted(self._folder.iterdir(), key=lambda file: file.stat().st_mtime)
            for old in files[:-MAX_FILES]:
                old.unlink(missing_ok=True)


def decode_input_schema(text: str) -> Any:
    """Return the JSON Schema of the input in a server's answer. Raises Unintelligible."""
    return _decode(text, lambda body: body["result"]["input"])


def _decode_page(text: str) -> list[CatalogueEntry]:
    items = wire.envelope_result(text)
    if not isinstance(items, list):
        raise _unreadable()
    return list(parse_entries(items[:MAX_MODELS]))


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


def _account(backend: Backend) -> tuple[str, str]:
    return backend.base_url, backend.account_id


def _file_prefix(backend: Backend) -> str:
    return _digest("\n".join(_account(backend)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]
