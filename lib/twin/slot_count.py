"""Choose how many answers the engine writes at a time, and how long they may be, by memory and cores."""

from __future__ import annotations

# Four at once get a fifth more tokens per second of processor time than two, and none of them waits.
MAX_SLOTS, MIN_SLOTS = 4, 2
# The contexts of all slots take at most this part of the memory: 755 MB for four of the shipped model's.
CONTEXT_SHARE = 16
# A context that every computer has memory for.
SMALL_CONTEXT = 8192
# Longer contexts of the least number of slots take at most this part of the memory.
LONG_CONTEXT_SHARE = 4


def choose_slots(cores: int, memory: int, context_bytes: int) -> int:
    """Return the number of slots. ``memory`` and one slot's ``context_bytes`` are 0 if they are unknown."""
    if cores < 2 or not memory or not context_bytes:
        return MIN_SLOTS
    return max(MIN_SLOTS, min(MAX_SLOTS, memory // CONTEXT_SHARE // context_bytes))


def choose_context(trained: int, documented: int, memory: int, token_bytes: int) -> int:
    """Return the tokens of a slot's context: as many as are documented and were trained, if there is memory for them.

    ``trained``, ``memory`` and the ``token_bytes`` that each of them takes are 0 if they are unknown.
    """
    longest = min(trained or SMALL_CONTEXT, documented)
    if longest <= SMALL_CONTEXT or not memory or not token_bytes:
        return min(longest, SMALL_CONTEXT)
    affordable = memory // LONG_CONTEXT_SHARE // (MIN_SLOTS * token_bytes)
    return max(SMALL_CONTEXT, min(longest, affordable))
