"""Keep objects of the process by id, each with its owner, and no more than a maximum of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class OwnedCache(Generic[T]):
    """A bounded cache, safe from any thread.

    Above ``maximum`` the oldest entries go for which ``may_go`` is true; it gets the owner and the object, and is
    called without the cache's lock. So the cache grows beyond the maximum while none may go.
    """

    def __init__(self, maximum: int, may_go: Callable[[str, T], bool]) -> None:
        self._maximum = maximum
        self._may_go = may_go
        self._entries: dict[str, tuple[str, T]] = {}
        self._lock = threading.Lock()

    def get(self, owner: str, id: str) -> T | None:
        """Return the owner's object of that id."""
        with self._lock:
            entry = self._entries.get(id)
        return entry[1] if entry is not None and entry[0] == owner else None

    def add(self, owner: str, id: str, value: T) -> T:
        """Add an object and return it; the one that has the id already, if there is one."""
        with self._lock:
            kept = self._entries.setdefault(id, (owner, value))
        self._evict_surplus(id)
        return kept[1]

    def pop(self, id: str) -> T | None:
        """Remove the object of that id, and return it."""
        with self._lock:
            entry = self._entries.pop(id, None)
        return None if entry is None else entry[1]

    def entries(self) -> list[tuple[str, T]]:
        """Return all objects with their owners, oldest first."""
        with self._lock:
            return list(self._entries.values())

    def _evict_surplus(self, newest: str) -> None:
        with self._lock:
            surplus = len(self._entries) - self._maximum
            oldest = list(self._entries.items()) if surplus > 0 else []
        for id, (owner, value) in oldest:
            if surplus <= 0:
                return
            if id != newest and self._may_go(owner, value):
                self.pop(id)
                surplus -= 1
