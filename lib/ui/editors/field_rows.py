"""The labels and the menu of a row in the editors of schemas and tools."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")


class RowAction(StrEnum):
    """The menu of a row; the values are the labels on the page."""

    UP = "Move up"
    DOWN = "Move down"
    DUPLICATE = "Duplicate"
    REMOVE = "Remove"


def possible_actions(index: int, count: int) -> list[RowAction]:
    """Return the actions that the row of that index has, of so many rows."""
    impossible = {RowAction.UP} if index == 0 else set()
    if index == count - 1:
        impossible.add(RowAction.DOWN)
    return [action for action in RowAction if action not in impossible]


def numbered(words: str, place: str) -> str:
    """Return a control's label, which is not drawn: with the place, such as "field 2", or all would sound alike."""
    return f"{words}, {place}" if place else words


def change_rows(rows: Sequence[T], index: int, action: RowAction, copy: T) -> tuple[T, ...]:
    """Return the rows after an action on the one of that index; ``copy`` is what Duplicate inserts after it."""
    changed = list(rows)
    match action:
        case RowAction.UP:
            changed.insert(index - 1, changed.pop(index))
        case RowAction.DOWN:
            changed.insert(index + 1, changed.pop(index))
        case RowAction.DUPLICATE:
            changed.insert(index + 1, copy)
        case RowAction.REMOVE:
            changed.pop(index)
    return tuple(changed)
