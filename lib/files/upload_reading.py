"""Reads an upload in a child process with limits on time and memory, so that no file can hold up or fill the server.

Small files that are not packed are read in place: a process takes longer to start than they take to read.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO

from lib.errors import BadInput, PaddockError
from lib.files.upload_child import FRAME, MEMORY_EXIT_CODE, FrameTag
from lib.files.upload_pickle import pickle_value, unpickle_result
from lib.jsonkit import file_limits
from lib.jsonkit.child_process import ROOT
from lib.system.child_environment import child_environment

_PACKED = b"PK"  # zip files, and spreadsheets among them
_SPLIT_ADVICE = "Nothing was imported. Split it into smaller files, or remove what you do not need."
_CPU_LIMIT_EXIT_CODE = -24  # SIGXCPU
# A process with so few bytes left at so many looks in a row, so many seconds apart, is at the limit of its memory.
_MEMORY_MARGIN, _FULL_LOOKS, _LOOK_SECONDS = 1_000_000, 4, 0.25
_slots = threading.BoundedSemaphore(file_limits.MAX_READING_PROCESSES)


class UploadNotRead(BadInput):
    """An upload that cannot be read, or that exceeds a limit; the message names it."""

    title = "This file cannot be read"


@dataclass(frozen=True)
class ReadingLimits:
    """The price of reading one upload: seconds of wall time and of CPU, bytes of memory, bytes of its result."""

    seconds: float = file_limits.MAX_READING_SECONDS
    memory: int = file_limits.MAX_READING_MEMORY
    result: int = file_limits.MAX_RESULT_BYTES
    read_in_place: int = file_limits.MAX_BYTES_READ_IN_PLACE


class _Stop(Enum):
    """The reasons for ending the child process before its end."""

    CANCELLED = "cancelled"
    DEADLINE = "deadline"
    MEMORY = "memory"
    RESULT = "result"


class UploadReading:
    """An upload that is being read: ``function(*arguments)`` in a child process, or at once if it is small.

    ``function`` is one of a module's top level and returns a value or yields several. The process ends when its work
    is done, at a limit, with ``cancel``, and when nobody holds this object any more.
    """

    def __init__(
        self, function: Callable[..., Any], *arguments: Any, limits: ReadingLimits = ReadingLimits()
    ) -> None:
        self.limits = limits
        self._values: tuple[Any, ...] = ()
        self._job = _Job(limits)
        if _is_small(arguments, limits):
            try:
                result = function(*arguments)
                self._values = tuple(result) if isinstance(result, Iterator) else (result,)
            except PaddockError as error:
                self._job.error = error
            self._job.done.set()
            return
        call = pickle_value((f"{function.__module__}:{function.__qualname__}", arguments))
        weakref.finalize(self, self._job.stop, _Stop.CANCELLED)
        threading.Thread(target=self._job.run, args=(call,), name="paddock-upload", daemon=True).start()

    def cancel(self) -> None:
        """End the process. What it has read is dropped."""
        self._job.stop(_Stop.CANCELLED)

    def wait(self, seconds: float) -> bool:
        """Wait for the end, at most that long. Return ``is_done``."""
        return self._job.done.wait(seconds)

    @property
    def is_done(self) -> bool:
        return self._job.done.is_set()

    @property
    def is_cancelled(self) -> bool:
        return self._job.is_cancelled

    @property
    def seconds(self) -> float:
        """The time since the process was started; 0 while it waits for others to end."""
        return 0.0 if self._job.started_at is None else time.monotonic() - self._job.started_at

    @property
    def part_count(self) -> int:
        """The number of values that have been read so far."""
        return len(self._job.parts) + len(self._values)

    def values(self) -> Iterator[Any]:
        """Yield what the function returned, or all that it yielded. Raises BadInput. Only once it is done.

        Each value is unpacked when it is asked for, so that they need not all be in memory.
        """
        if self._job.error is not None:
            raise self._job.error
        yield from self._values
        for part in self._job.parts:
            try:
                yield unpickle_result(part)
            except pickle.UnpicklingError as error:
                raise UploadNotRead(f"Reading the file had an unexpected result: {error}") from None


def _is_small(arguments: tuple[Any, ...], limits: ReadingLimits) -> bool:
    given = [argument for argument in arguments if isinstance(argument, (bytes, str))]
    is_packed = any(isinstance(argument, bytes) and argument.startswith(_PACKED) for argument in given)
    return not is_packed and sum(map(len, given)) <= limits.read_in_place


def _is_full(pid: int, memory: int) -> bool:
    """Return True if a process is at that limit of its memory; False where the system does not tell, as on macOS."""
    with suppress(OSError, ValueError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
        data = next(line for line in lines if line.startswith("VmData:"))
        return int(data.split()[1]) * 1024 > memory - _MEMORY_MARGIN
    return False


class _Job:
    """The child process and what has come from it. Apart from UploadReading, which must be free to go."""

    def __init__(self, limits: ReadingLimits) -> None:
        self.parts: list[bytes] = []
        self.error: PaddockError | None = None
        self.started_at: float | None = None
        self.done = threading.Event()
        self._limits = limits
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stop: _Stop | None = None

    @property
    def is_cancelled(self) -> bool:
        return self._stop is _Stop.CANCELLED

    def stop(self, reason: _Stop) -> None:
        with self._lock:
            self._stop = self._stop or reason
            if self._process is not None:
                self._process.kill()

    def run(self, call: bytes) -> None:
        """Wait for a slot, and read the upload. In a thread of its own."""
        slots = _slots
        try:
            while not slots.acquire(timeout=0.1):
                if self._stop is not None:
                    return
            try:
                self._read(call)
            finally:
                slots.release()
        except OSError as error:
            self.error = UploadNotRead(f"No process can be started to read the file ({error.strerror}).")
        finally:
            if self.error is not None or self._stop is not None:
                self.parts.clear()
            self.done.set()

    def _read(self, call: bytes) -> None:
        with self._lock:
            if self._stop is not None:
                return
            self._process = process = self._start()
        self.started_at = time.monotonic()
        has_ended = threading.Event()
        watch = threading.Thread(target=self._watch, args=(process.pid, has_ended), daemon=True)
        watch.start()
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
        try:
            with suppress(OSError):  # it has ended already; its exit code says why
                process.stdin.write(call)
                process.stdin.close()
            is_whole = self._take_frames(process.stdout)
        finally:
            has_ended.set()
            watch.join()  # it must not look at another process with this number
            process.kill()
            with suppress(OSError), process:  # closes the pipes and waits
                pass
        if not is_whole:
            self.error = self.error or self._explain(process.returncode)

    def _watch(self, pid: int, has_ended: threading.Event) -> None:
        """End the process at its deadline, and if it stays at the limit of its memory.

        It may not notice that itself: where no memory is left, CPython 3.11 may need some to handle the MemoryError,
        and then it tries that again without an end (exception_unwind in Python/ceval.c).
        """
        deadline = time.monotonic() + self._limits.seconds
        looks = 0
        while (left := deadline - time.monotonic()) > 0:
            if has_ended.wait(min(left, _LOOK_SECONDS)):
                return
            looks = looks + 1 if _is_full(pid, self._limits.memory) else 0
            if looks >= _FULL_LOOKS:
                self.stop(_Stop.MEMORY)
                return
        self.stop(_Stop.DEADLINE)

    def _start(self) -> subprocess.Popen[bytes]:
        limits = str(self._limits.seconds), str(self._limits.memory)
        return subprocess.Popen(
            [sys.executable, "-m", "lib.files.upload_child", *limits],
            cwd=ROOT,
            env=child_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),  # on Windows only
        )

    def _take_frames(self, pipe: Any) -> bool:
        """Keep the parts and the error that come. Return True once all has come."""
        source: BinaryIO = pipe
        remaining = self._limits.result
        while len(head := source.read(FRAME.size)) == FRAME.size:
            tag, size = FRAME.unpack(head)
            remaining -= size
            if remaining < 0:
                self.stop(_Stop.RESULT)
                return False
            payload = source.read(size)
            match FrameTag(tag):
                case FrameTag.PART if len(payload) == size:
                    self.parts.append(payload)
                case FrameTag.ERROR if len(payload) == size:
                    message, advice = json.loads(payload)
                    self.error = UploadNotRead(message, advice=advice)
                    return False
                case FrameTag.END:
                    return True
        return False

    def _explain(self, exit_code: int) -> UploadNotRead:
        """Return the error for a process that did not read to the end."""
        limits = self._limits
        if self.is_cancelled:
            return UploadNotRead("Reading the file was cancelled.")
        if self._stop is _Stop.DEADLINE or exit_code == _CPU_LIMIT_EXIT_CODE:
            message = f"Reading the file takes more than {limits.seconds:g} seconds, so it was stopped."
        elif self._stop is _Stop.RESULT:
            message = f"The content of the file takes more than {limits.result / 1e6:g} MB."
        elif self._stop is _Stop.MEMORY or exit_code == MEMORY_EXIT_CODE:
            message = (
                f"Reading the file takes more than {limits.memory / 1e6:g} MB of memory, so it was stopped."
            )
        else:
            message = f"Reading the file ended without a result (code {exit_code})."
        return UploadNotRead(message, advice=_SPLIT_ADVICE)
