"""A reader that stays at the limit of its memory, as CPython may while it handles a MemoryError."""

from __future__ import annotations


def stay_full() -> None:
    """Never return."""
    held: list[object] = []
    for size in (1_000_000, 100_000, 1_000):
        try:
            while True:
                held.append(bytearray(size))
        except MemoryError:
            continue
    while True:
        pass
