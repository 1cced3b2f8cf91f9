"""Choose the slot of a generation: the one whose context begins like the new prompt, without losing another's.

llama.cpp's own choice compares the beginnings too, but a new conversation then takes the slot of a long one, because
both begin with the same system prompt, and the long one has to be read again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class _Slot:
    number: int
    # The text of the last prompt that it read.
    prompt: str = ""
    is_free: bool = True


class SlotChooser:
    """Knows what each slot read last. A slot must be free for each prompt that asks for one."""

    def __init__(self, count: int) -> None:
        # Least recently used first.
        self._slots = [_Slot(number) for number in range(count)]
        self._lock = threading.Lock()

    @contextmanager
    def take(self, prompt: str) -> Iterator[int]:
        """Hold the number of a slot for the prompt."""
        with self._lock:
            free = [slot for slot in self._slots if slot.is_free]
            slot = max(free, key=lambda slot: _kept_characters(slot.prompt, prompt))
            slot.prompt, slot.is_free = prompt, False
            self._slots.remove(slot)
            self._slots.append(slot)
        try:
            yield slot.number
        finally:
            with self._lock:
                slot.is_free = True


def _kept_characters(last: str, new: str) -> int:
    """Return how much of the last prompt the new one begins with, 0 if most of the last one would be lost."""
    pairs = enumerate(zip(last, new, strict=False))
    kept = next((index for index, (a, b) in pairs if a != b), min(len(last), len(new)))
    return kept if kept >= len(last) / 2 else 0
