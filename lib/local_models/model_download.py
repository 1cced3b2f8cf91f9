"""Download a model's file once: the transfer continues where it was, after a broken connection and after a restart.

Each piece is in the ``.part`` file as soon as it arrives, so that a killed process loses nothing. What the server
said about the file (its ETag and size) is kept beside it: a file that has changed since begins from its start.
"""

from __future__ import annotations

import errno
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from lib.api.cancellation import Cancelled, CancelToken
from lib.api.file_request import Address, FileReply, is_private_host, parse_address, request_file
from lib.errors import DownloadFailed, PaddockError
from lib.local_models.file_lock import exclusive_lock, sha256_of
from lib.local_models.hub import ENDPOINT_VARIABLE, TOKEN_VARIABLE, Hub
from lib.local_models.model_folder import InstalledModel, find_installed, folder_of, part_of
from lib.local_models.model_source import RemoteModel
from lib.local_models.requirements import require_memory, require_space
from lib.system.json_file import write_json

# Called with the bytes downloaded so far and the total. What it raises ends the download; what has come is kept.
DownloadProgress = Callable[[int, int], None]

MAX_REDIRECTS = 5
# Statuses after which the same request may succeed.
_TEMPORARY = {408, 425, 429, 500, 502, 503, 504}
_REDIRECTS = {301, 302, 303, 307, 308}
_KEPT = "What has come so far is kept, and the next try continues from there."
_TICK_SECONDS = 0.2


@dataclass(frozen=True)
class Patience:
    """``attempts`` that bring nothing, one after the other, end the download. The waits between them double."""

    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 30.0

    def wait_before(self, attempt: int) -> float:
        """Return the seconds before that attempt: none before the first, which follows one that brought something."""
        return min(self.first_wait * 2 ** (attempt - 2), self.longest_wait) if attempt > 1 else 0.0


@dataclass(frozen=True)
class _Origin:
    """The server's file that a ``.part`` file belongs to. ``validator`` is an ETag or a date, "" if unknown."""

    url: str
    validator: str
    size: int
    sha256: str

    @classmethod
    def read(cls, path: Path) -> _Origin | None:
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


class _AttemptFailed(Exception):
    """An attempt has ended before the file did. ``wait`` is what the server asks for, in seconds."""

    def __init__(self, cause: PaddockError, wait: float = 0.0) -> None:
        super().__init__(cause.message)
        self.cause, self.wait = cause, wait


def download_model(
    model: RemoteModel,
    hub: Hub,
    progress: DownloadProgress = lambda done, total: None,
    cancel_token: CancelToken | None = None,
    patience: Patience = Patience(),
) -> Path:
    """Return the model's file, after its download if it is not there yet. Its checksum is compared in any case.

    Raises DownloadFailed, BadInput, Cancelled, and what ``progress`` raises.
    """
    transfer = _Transfer(model, hub, progress, cancel_token or CancelToken(), patience)
    folder = folder_of(model.id)
    with transfer.disk_errors():
        folder.mkdir(parents=True, exist_ok=True)
        with exclusive_lock(folder / "lock", transfer.tick):
            # Another process that held the lock may have downloaded it meanwhile.
            return find_installed(model, transfer.tick) or transfer.run()


class _Transfer:
    """The download of one file by the process that holds its lock."""

    def __init__(
        self,
        model: RemoteModel,
        hub: Hub,
        progress: DownloadProgress,
        cancel_token: CancelToken,
        patience: Patience,
    ) -> None:
        self._model, self._hub, self._progress = model, hub, progress
        self._cancel_token, self._patience = cancel_token, patience
        self._url = hub.url_of(model)
        self._part = part_of(model)
        self._origin_file = self._part.with_name(f"{self._part.name}.json")
        self._origin = _Origin.read(self._origin_file)
        self._total = model.size or (self._origin.size if self._origin else 0)

    @property
    def _done(self) -> int:
        try:
            return self._part.stat().st_size
        except OSError:
            return 0

    def tick(self) -> None:
        """Report the progress. Raises Cancelled, and what ``progress`` raises."""
        if self._cancel_token.is_cancelled:
            raise Cancelled
        self._progress(self._done, self._total)

    def run(self) -> Path:
        """Download the rest, check the file and put it in its place."""
        require_memory(self._model.memory)
        if self._origin is None or self._origin.url != str(self._url) or self._done > self._total:
            self._begin_again()
        attempt = 1
        while not self._is_complete():
            done = self._done
            try:
                self._receive()
            except _AttemptFailed as interruption:
                attempt = 1 if self._done > done else attempt + 1
                if attempt > self._patience.attempts:
                    raise self._failure(interruption.cause.message, interruption.cause.advice) from None
                self._wait(max(self._patience.wait_before(attempt), interruption.wait))
        return self._finish()

    def _is_complete(self) -> bool:
        return self._origin is not None and self._total > 0 and self._done == self._total

    def _begin_again(self) -> None:
        for path in (self._part, self._origin_file):
            path.unlink(missing_ok=True)
        self._origin, self._total = None, self._model.size

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.tick()
            self._cancel_token.wait(min(left, _TICK_SECONDS))

    def _receive(self) -> None:
        """Receive the file from where it is. Raises _AttemptFailed and DownloadFailed."""
        self.tick()
        origin, headers = self._origin, {}
        if origin is not None and not (origin.validator or origin.sha256):
            # Nothing could tell whether the rest is of the same file.
            self._begin_again()
        if (start := self._done) and origin is not None:
            headers["range"] = f"bytes={start}-"
            if origin.validator:
                headers["if-range"] = origin.validator
        try:
            with self._follow_redirects(headers) as (reply, host, linked_sha256):
                if not self._accept_head(reply, host, linked_sha256, start):
                    return
                self._write_body(reply)
        except PaddockError as error:
            if isinstance(error, DownloadFailed) or not error.retryable:
                raise self._failure(error.message, error.advice) from None
            raise _AttemptFailed(error) from None
        if self._done < self._total:
            raise _AttemptFailed(
                DownloadFailed(f"{host} ended the transfer too early.", advice="Try again later.")
            )

    @contextmanager
    def _follow_redirects(self, headers: Mapping[str, str]) -> Iterator[tuple[FileReply, str, str]]:
        """Yield the reply, the name of its host, and the SHA-256 that the hub told on the way ("" without one).

        The token goes to the hub's own address only.
        """
        url, sha256 = self._url, ""
        for _ in range(MAX_REDIRECTS + 1):
            sent = dict(headers)
            if self._hub.token is not None and self._hub.is_at(url):
                sent["authorization"] = f"Bearer {self._hub.token.reveal()}"
            may_be_private = url.host == self._url.host or (self._hub.is_private and not self._model.address)
            with request_file(url, sent, self._cancel_token, allows_private=may_be_private) as reply:
                linked = reply.headers.get("x-linked-etag", "").strip('"')
                if self._hub.is_at(url) and re.fullmatch("[0-9a-f]{64}", linked):
                    sha256 = linked
                if reply.status not in _REDIRECTS:
                    yield reply, url.host, sha256
                    return
                url = self._next_url(url, reply.headers.get("location", ""))
        raise DownloadFailed(f"{self._url.host} sends the download on and on.", advice="Try again later.")

    def _next_url(self, url: Address, location: str) -> Address:
        try:
            target = parse_address(location, url)
        except ValueError:
            target = url.copy_with(scheme="invalid")
        # Without encryption only where the hub itself has none, and then in this network only.
        may_be_plain = self._hub.endpoint.scheme == "http" and is_private_host(target.host)
        if target.scheme != "https" and not (target.scheme == "http" and may_be_plain):
            raise DownloadFailed(
                f"{url.host} sent the download on to an address that is not https.",
                advice="Use the address of another server.",
            )
        return target

    def _accept_head(self, reply: FileReply, host: str, linked_sha256: str, start: int) -> bool:
        """Return True if the body continues the file, or begins it, False to ask again from the beginning."""
        if reply.status == 416 and start:
            self._begin_again()
            return False
        if reply.status not in (200, 206):
            raise self._refusal(reply, host)
        content_range = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", reply.headers.get("content-range", ""))
        if reply.status == 206 and (content_range is None or int(content_range[1]) != start):
            if not start:
                raise DownloadFailed(f"{host} sent another part than was asked.", advice="Try again later.")
            self._begin_again()
            return False
        length = reply.headers.get("content-length", "")
        total = int(content_range[2]) if content_range else int(length) if length.isdecimal() else 0
        etag = reply.headers.get("etag", "")
        # A weak ETag does not say that the bytes are the same.
        validator = etag if etag and not etag.startswith("W/") else reply.headers.get("last-modified", "")
        origin = _Origin(str(self._url), validator, total, self._model.sha256 or linked_sha256)
        if not total:
            raise DownloadFailed(f"{host} does not say how large the file is.", advice="Use another address.")
        if self._model.size not in (0, total):
            raise DownloadFailed(
                f"The file at {host} has {total:,} bytes instead of {self._model.size:,}: it is another file.",
                advice=f"Check {ENDPOINT_VARIABLE}: the mirror may have another version.",
            )
        if start and (reply.status == 200 or self._has_changed(origin)):
            is_whole = reply.status == 200
            self._begin_again()
            if not is_whole:
                return False
        self._require_space(total - self._done)
        require_memory(total)
        if origin != self._origin:
            write_json(self._origin_file, asdict(origin))
        self._origin, self._total = origin, total
        return True

    def _has_changed(self, now: _Origin) -> bool:
        before = self._origin
        return before is None or now.size != before.size or now.validator != before.validator

    def _write_body(self, reply: FileReply) -> None:
        # Unbuffered: what is written is there even if this process is killed now.
        with self._part.open("ab", buffering=0) as part:
            is_begun = part.tell() >= 4
            for piece in reply.body:
                left = memoryview(piece)
                while left:
                    left = left[part.write(left) :]
                if not is_begun and part.tell() >= 4:
                    is_begun = True
                    self._require_gguf()
                self.tick()

    def _require_gguf(self) -> None:
        with self._part.open("rb") as part:
            if part.read(4) == b"GGUF":
                return
        self._begin_again()
        raise DownloadFailed(
            f"{self._url.host} sent something else than a GGUF model file.",
            advice="Perhaps the sign-in page of a network or a proxy answered. Check the network and the address.",
        )

    def _refusal(self, reply: FileReply, host: str) -> Exception:
        """Return the error for a status that brings no file."""
        if reply.status in _TEMPORARY:
            wait = reply.headers.get("retry-after", "")
            cause = DownloadFailed(
                f"{host} cannot answer now (HTTP {reply.status}).", advice="Try again later."
            )
            return _AttemptFailed(cause, min(float(wait), 60.0) if wait.isdecimal() else 0.0)
        advice = "Try again later, or download the file yourself and name its path."
        match reply.status:
            case 401 | 403:
                advice = (
                    f"If the file needs an account, put a token of that hub into {TOKEN_VARIABLE} and accept the "
                    "model's terms on its page there. A proxy of your network may refuse it too."
                )
            case 404 | 410:
                advice = f"Check the address, or {ENDPOINT_VARIABLE} if you use a mirror."
            case 407:
                advice = "The proxy wants a user name and a password: http://user:password@host:port in HTTPS_PROXY."
        return DownloadFailed(f"{host} does not give the file (HTTP {reply.status}).", advice=advice)

    def _require_space(self, missing: int) -> None:
        try:
            require_space(missing, self._part.parent)
        except DownloadFailed as error:
            raise DownloadFailed(error.message, advice=f"{error.advice} {_KEPT}") from None

    def _finish(self) -> Path:
        assert self._origin is not None  # noqa: S101 (the file is complete)
        sha256 = sha256_of(self._part, self.tick)
        if self._origin.sha256 and sha256 != self._origin.sha256:
            self._begin_again()
            raise DownloadFailed(
                "The downloaded file is damaged, or not the file that was expected: its checksum differs. "
                "It was removed.",
                advice="Download it again. If it happens again, the server or a proxy changes the file.",
            )
        model = self._model
        installed = InstalledModel(model.id, model.name, model.file, self._total, sha256)
        with self._part.open("rb+") as part:
            os.fsync(part.fileno())
        os.replace(self._part, installed.path)
        installed.save()
        self._origin_file.unlink(missing_ok=True)
        return installed.path

    def _failure(self, message: str, advice: str) -> DownloadFailed:
        kept = f" {_KEPT}" if self._done and _KEPT not in advice else ""
        return DownloadFailed(message, advice=f"{advice}{kept}")

    @contextmanager
    def disk_errors(self) -> Iterator[None]:
        """Translate the errors of the disk. Raises DownloadFailed."""
        try:
            yield
        except BrokenPipeError:
            # Nobody reads the progress any more.
            raise
        except OSError as error:
            is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            raise self._failure(
                "The disk is full." if is_full else f"The model cannot be saved: {error.strerror or error}.",
                "Free some space, or name another folder in PADDOCK_DATA_DIR.",
            ) from None
