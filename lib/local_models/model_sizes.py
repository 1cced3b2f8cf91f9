"""The other sizes (quantisations) of a model of the catalogue, as the hub lists them at the catalogue's revision.

The hub is asked only if the user wants to see them. What it says is kept in the folder of the models, so that a
download of one of them goes on after a restart with the size and the SHA-256 that were listed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from lib.api.cancellation import CancelToken
from lib.api.file_request import request_file
from lib.errors import BadInput, DownloadFailed, PaddockError
from lib.local_models import model_source
from lib.local_models.hub import ENDPOINT_VARIABLE, TOKEN_VARIABLE, Hub
from lib.local_models.model_folder import folder_of
from lib.local_models.model_source import ModelSource, RemoteModel, parse_source
from lib.system.json_file import write_json

# A list of a thousand files has about 300 KB.
MAX_LIST_BYTES = 4 * 1024 * 1024
MAX_FILE_BYTES = 10**13
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,114}\.gguf", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


def fetch_sizes(
    model: RemoteModel, hub: Hub, cancel_token: CancelToken | None = None
) -> tuple[RemoteModel, ...]:
    """Ask the hub for the larger files of a model of the catalogue, and keep the list. Raises a PaddockError."""
    repository, _, rest = model.hub_path.strip("/").partition("/resolve/")
    revision = rest.partition("/")[0]
    path = f"{hub.endpoint.path.rstrip('/')}/api/models/{repository}/tree/{revision}"
    url, headers = hub.endpoint.copy_with(path=path), {}
    if hub.token is not None:
        headers["authorization"] = f"Bearer {hub.token.reveal()}"
    body = b""
    # The user chose the hub's address, so it may be in this network.
    with request_file(url, headers, cancel_token or CancelToken(), allows_private=True) as reply:
        if reply.status != 200:
            raise _refusal(url.host, reply.status)
        for piece in reply.body:
            body += piece
            if len(body) > MAX_LIST_BYTES:
                raise _unreadable(url.host, "it is too long")
    sizes = parse_sizes(body, model, url.host)
    _save(model, sizes)
    return sizes


def parse_sizes(body: bytes, model: RemoteModel, host: str) -> tuple[RemoteModel, ...]:
    """Return the files of the list that are larger than the catalogue's, by size. Raises DownloadFailed.

    One entry that is not well-formed makes the whole list unusable: its other numbers may be wrong too.
    """
    try:
        entries = json.loads(body)
    except (ValueError, RecursionError):
        raise _unreadable(host, "it is not JSON") from None
    if not isinstance(entries, list):
        raise _unreadable(host, "it is no list of files")
    files = {file.file: file for entry in entries for file in _parse_entry(entry, model, host)}
    pinned = files.get(model.file)
    if pinned is None or (pinned.size, pinned.sha256) != (model.size, model.sha256):
        raise _unreadable(host, f"its {model.file} is another file than the one that Paddock knows")
    return tuple(
        sorted((file for file in files.values() if file.size > model.size), key=lambda file: file.size)
    )


def find_source(text: str, setting: str = "The model") -> ModelSource:
    """Return the model that the user named, as ``parse_source``; also one of the sizes that were listed.

    Raises BadInput.
    """
    return next((size for size in saved_sizes() if size.id == text), None) or parse_source(text, setting)


def saved_sizes() -> tuple[RemoteModel, ...]:
    """Return the sizes that were listed last, none if there is no list that can be read."""
    found: list[RemoteModel] = []
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError, PaddockError):
        lists = json.loads(_file().read_text(encoding="utf-8"))
        for model in model_source.CATALOGUE:
            for entry in lists.get(model.id, ()):
                found += _parse_entry(entry, model, "The data folder")
    return tuple(found)


def _parse_entry(entry: Any, model: RemoteModel, host: str) -> Iterator[RemoteModel]:
    """Yield the GGUF file of an entry, nothing for another file or a folder. Raises DownloadFailed."""
    match entry:
        case {"path": str(name), **rest}:
            pass
        case _:
            raise _unreadable(host, "an entry has no name")
    if rest.get("type") == "directory" or not name.lower().endswith(".gguf"):
        return
    if not _NAME.fullmatch(name):
        raise _unreadable(host, f"a file has the name {name[:60]!r}")
    match rest.get("lfs"):
        case {"oid": str(sha256), "size": int(size)} if (
            _SHA256.fullmatch(sha256) and not isinstance(size, bool) and 0 < size <= MAX_FILE_BYTES
        ):
            yield _size_of(model, name, size, sha256)
        case _:
            raise _unreadable(host, f"{name} has no proper size and SHA-256")


def _size_of(model: RemoteModel, file: str, size: int, sha256: str) -> RemoteModel:
    common = model.file.rpartition("-")[0]
    kind = file.removesuffix(".gguf").removeprefix(f"{common}-")
    return replace(
        model,
        id=model.id if file == model.file else f"{model.id}-{kind.lower()}",
        name=f"{model.name} {kind}",
        file=file,
        hub_path=f"{model.hub_path.rpartition('/')[0]}/{file}",
        size=size,
        sha256=sha256,
        memory=size + max(0, model.memory - model.size),
    )


def _save(model: RemoteModel, sizes: tuple[RemoteModel, ...]) -> None:
    """Keep a list, in the hub's own form."""
    entries = [{"path": size.file, "lfs": {"oid": size.sha256, "size": size.size}} for size in sizes]
    try:
        path = _file()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {**_read_lists(), model.id: entries})
    except OSError as error:
        raise BadInput(f"The data folder cannot be used: {error.strerror or error}.") from None


def _read_lists() -> Mapping[str, Any]:
    with suppress(OSError, ValueError):
        lists = json.loads(_file().read_text(encoding="utf-8"))
        if isinstance(lists, dict):
            return lists
    return {}


def _file() -> Path:
    return folder_of("") / "sizes.json"


def _unreadable(host: str, reason: str) -> DownloadFailed:
    return DownloadFailed(
        f"{host} sent a list of files that cannot be used: {reason}.",
        advice=f"Check {ENDPOINT_VARIABLE} if you use a mirror. The size that Paddock knows can be downloaded as "
        "before.",
    )


def _refusal(host: str, status: int) -> DownloadFailed:
    advice = f"Try again later, or check {ENDPOINT_VARIABLE} if you use a mirror."
    if status in (401, 403):
        advice = f"Check the token in {TOKEN_VARIABLE}. A proxy of your network may refuse it too."
    return DownloadFailed(f"{host} does not list its files (HTTP {status}).", advice=advice)
