"""The adapters that fit the models which are not loaded. Files are read again only if they have changed."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from lib.twin.engine_errors import CannotStartError
from lib.twin.lora_finetunes import NO_ADAPTERS, AdapterCatalog, list_adapter_files, scan_adapters

# A file with its time of change in nanoseconds and its size.
_Stamp = tuple[Path, int, int]


class AdapterScans:
    """The catalogues by model file. Safe from any thread."""

    def __init__(self) -> None:
        self._scans: dict[Path, tuple[tuple[_Stamp, ...], AdapterCatalog]] = {}
        self._lock = threading.Lock()

    def find(self, model: Path) -> AdapterCatalog:
        """Return the adapters that fit a model's file; none if the files cannot be read."""
        try:
            stamps = _stamps([model, *list_adapter_files()])
            with self._lock:
                scan = self._scans.get(model)
            if scan is None or scan[0] != stamps:
                scan = (stamps, scan_adapters(model))
                with self._lock:
                    self._scans[model] = scan
        except (CannotStartError, OSError):
            return NO_ADAPTERS
        return scan[1]


def _stamps(files: Iterable[Path]) -> tuple[_Stamp, ...]:
    facts = [(file, file.stat()) for file in files]
    return tuple((file, fact.st_mtime_ns, fact.st_size) for file, fact in facts)
