"""The download of a model in a thread of this process: it can be paused, and continues after a restart."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lib.api.cancellation import Cancelled, CancelToken
from lib.errors import BadInput, DownloadFailed, PaddockError
from lib.local_models.hub import hub_from_environment
from lib.local_models.model_download import download_model
from lib.local_models.model_folder import downloaded_bytes, folder_of, remove_model
from lib.local_models.model_sizes import find_source
from lib.local_models.model_source import RemoteModel
from lib.local_models.transfer_rate import TransferRate, describe_transfer
from lib.system.json_file import write_json

# Seconds to wait for the end of a download that was cancelled.
_END_SECONDS = 10.0


@dataclass(frozen=True)
class DownloadStatus:
    """The progress of a download, in bytes. ``total`` is 0 until it is known. Neither running nor failed: paused."""

    model: RemoteModel
    done: int
    total: int
    bytes_per_second: float = 0.0
    is_running: bool = False
    problem: PaddockError | None = None

    @property
    def progress(self) -> str:
        """The bytes, and the rate and the time that is left if they are known, for the user."""
        return describe_transfer(self.done, self.total, self.bytes_per_second)

    def describe(self) -> str:
        """Return a line for the user."""
        name = self.model.name
        if self.problem is not None:
            return f"The download of {name} has failed."
        if not self.is_running:
            return f"The download of {name} is paused: {self.progress}"
        if self.total and self.done >= self.total:
            return f"Checking the file of {name} …"
        host = f" from {self.model.host}" if self.model.host else ""
        return f"Downloading {name}{host}{f': {self.progress}' if self.total else ' …'}"


class DownloadTask:
    """At most one download at a time. ``on_end`` is called in its thread with a model that is complete."""

    def __init__(self, on_end: Callable[[RemoteModel], None]) -> None:
        self._on_end = on_end
        self._lock = threading.RLock()
        self._status: DownloadStatus | None = None
        self._cancel_token = CancelToken()
        self._thread: threading.Thread | None = None
        self._rate = TransferRate()

    @property
    def status(self) -> DownloadStatus | None:
        return self._status

    def restore(self) -> None:
        """Continue with the download that an earlier process has left."""
        with suppress(OSError, ValueError, KeyError, TypeError, PaddockError):
            record = json.loads(_record_file().read_text(encoding="utf-8"))
            model = find_source(str(record["model"]))
            if isinstance(model, RemoteModel):
                self._status = DownloadStatus(model, downloaded_bytes(model), model.size)
                if record["is_running"]:
                    self.resume()

    def begin(self, model: RemoteModel) -> None:
        """Start a download. Raises BadInput if there is another one."""
        with self._lock:
            if self._status is not None and self._status.model != model:
                raise BadInput(
                    f"{self._status.model.name} is being downloaded.",
                    advice="Wait for its end, or cancel it first.",
                )
            if self._status is None:
                self._status = DownloadStatus(model, downloaded_bytes(model), model.size)
            self.resume()

    def resume(self) -> None:
        """Continue the download that is paused or has failed."""
        with self._lock:
            status = self._status
            if status is None or status.is_running:
                return
            self._status = DownloadStatus(status.model, status.done, status.total, is_running=True)
            _write_record(status.model, is_running=True)
            self._cancel_token, self._rate = CancelToken(), TransferRate()
            self._thread = threading.Thread(
                target=self._run,
                args=(status.model, self._cancel_token),
                name="paddock-download",
                daemon=True,
            )
            self._thread.start()

    def pause(self) -> None:
        """Stop the transfer; what has come is kept."""
        with self._lock:
            if (status := self._status) is not None and status.is_running:
                _write_record(status.model, is_running=False)
                self._stop(status)

    def cancel(self, *, keeps: bool) -> None:
        """End the download. ``keeps``: what has come stays for another time. Raises BadInput and OSError."""
        with self._lock:
            if (status := self._status) is None:
                return
            self._stop(status)
            self._status = None
            _forget()
        if self._thread is not None:
            self._thread.join(_END_SECONDS)
        if not keeps:
            remove_model(status.model.id)

    def close(self) -> None:
        """Stop the thread. The download continues when the server starts again."""
        self._cancel_token.cancel()
        if self._thread is not None:
            self._thread.join(_END_SECONDS)

    def _stop(self, status: DownloadStatus) -> None:
        self._status = DownloadStatus(status.model, status.done, status.total)
        self._cancel_token.cancel()

    def _run(self, model: RemoteModel, token: CancelToken) -> None:
        def report(done: int, total: int) -> None:
            with self._lock:
                if not token.is_cancelled:
                    self._rate.add(time.monotonic(), done)
                    rate = self._rate.bytes_per_second
                    self._status = DownloadStatus(model, done, total, rate, is_running=True)

        problem: PaddockError
        try:
            download_model(model, hub_from_environment(), report, token)
        except Cancelled:
            return
        except PaddockError as error:
            problem = error
        except Exception as error:  # a bug: the page says so
            problem = DownloadFailed(f"{type(error).__name__}: {error}", advice="Try again.")
        else:
            with self._lock:
                if token.is_cancelled:
                    return
                self._status = None
                _forget()
            self._on_end(model)
            return
        with self._lock:
            if not token.is_cancelled and self._status is not None:
                _write_record(model, is_running=False)
                done, total = self._status.done, self._status.total
                with suppress(PaddockError):
                    # None if the file was damaged or is another one.
                    done = downloaded_bytes(model)
                self._status = DownloadStatus(model, done, total, problem=problem)


def _record_file() -> Path:
    return folder_of("") / "download.json"


def _write_record(model: RemoteModel, *, is_running: bool) -> None:
    # The disk may be full. The download itself says so.
    with suppress(OSError, PaddockError):
        path = _record_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"model": model.address or model.id, "is_running": is_running})


def _forget() -> None:
    with suppress(OSError, PaddockError):
        _record_file().unlink(missing_ok=True)
