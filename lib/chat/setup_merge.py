"""Merges the system prompts and settings of one conversation that two servers on one database changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from lib.model.request_options import Features
from lib.model.settings import Settings

Value = TypeVar("Value")


@dataclass(frozen=True)
class Setup:
    """A conversation's system prompt and settings."""

    system: str
    settings: Settings


def merge_setups(ours: Setup, theirs: Setup, base: Setup | None) -> tuple[Setup, Setup]:
    """Return the setup that counts, and another one with the values that it replaced: equal if it replaced none.

    ``base`` is what ours was made from, None if it is not known. The system prompt and each setting are
    merged by themselves: what was changed there alone is taken over; if both changed it, ours counts, which is later.
    """
    system = _choose(ours.system, theirs.system, base.system if base else None)
    if ours.settings.model != theirs.settings.model:
        # Each model has parameters of its own, so they are taken from one side together.
        settings = _choose(ours.settings, theirs.settings, base.settings if base else None)
        return Setup(system[0], settings[0]), Setup(system[1], settings[1])
    their_items = {item.name: item for item in theirs.settings.items}
    base_items = {item.name: item for item in base.settings.items} if base else {}
    items = [
        _choose(item, their_items.get(item.name, item), base_items.get(item.name))
        for item in ours.settings.items
    ]
    old_features = vars(base.settings.features) if base else {}
    features = {
        name: _choose(value, getattr(theirs.settings.features, name), old_features.get(name, _UNKNOWN))
        for name, value in vars(ours.settings.features).items()
    }

    def setup(place: int) -> Setup:
        values = {name: choice[place] for name, choice in features.items()}
        items_here = tuple(choice[place] for choice in items)
        settings = Settings(items_here, Features(**values), ours.settings.model)
        same = (known for known in (ours.settings, theirs.settings) if known == settings)
        return Setup(system[place], next(same, settings))

    return setup(0), setup(1)


_UNKNOWN = object()


def _choose(own: Value, other: Value, base: object) -> tuple[Value, Value]:
    """Return the value that counts and the value that it replaces."""
    if other in (own, base):
        return own, own
    return (other, own) if own == base else (own, other)
