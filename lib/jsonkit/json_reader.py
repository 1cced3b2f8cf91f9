"""A value in somebody's JSON file and where it stands there, so that what is wrong with it can be said exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from lib.errors import BadInput
from lib.jsonkit import json_text
from lib.jsonkit.json_text import BadText, Bounds, show
from lib.jsonkit.json_wording import kind
from lib.model.model_record import Number

MOST_BYTES = 50_000_000
# A value takes up to a hundred times its bytes in memory: what begins or separates one is counted before parsing.
MOST_VALUES = 3_000_000
MOST_NUMBER = 2**63  # what every database holds
ADVICE = "Nothing was taken from it. Choose a file that Paddock exported, or a list of messages."

BOUNDS = Bounds(MOST_BYTES, values=MOST_VALUES, number=MOST_NUMBER)
T = TypeVar("T")


class BadFile(BadInput):
    """A file that is not what it should be; the message says where."""

    title = "This file cannot be read"

    def __init__(self, message: str, *, advice: str = ADVICE) -> None:
        super().__init__(message, advice=advice)


@dataclass(frozen=True)
class Node:
    """A JSON value and its path. Every method raises BadFile where the value is not what is asked for."""

    value: Any
    path: str = "$"

    def wrong(self, what: str) -> BadFile:
        """The error that says so of this place."""
        return BadFile(f"{self.path} {what}.")

    def __contains__(self, key: str) -> bool:
        return isinstance(self.value, dict) and key in self.value

    def __getitem__(self, key: str) -> Node:
        """What stands under that key."""
        if not isinstance(self.value, dict):
            raise self.wrong(f"must be an object, not {kind(self.value)}")
        if key not in self.value:
            raise self.wrong(f"has no {key!r}")
        return Node(self.value[key], show((key,), self.path))

    def only(self, *keys: str) -> Node:
        """Itself, if it is an object of exactly those keys."""
        for key in keys:
            self[key]
        if unknown := [key for key in self.value if key not in keys]:
            raise self[unknown[0]].wrong("is not known here")
        return self

    def fields(self) -> Iterator[tuple[str, Node]]:
        """The keys of an object and what stands under them."""
        if not isinstance(self.value, dict):
            raise self.wrong(f"must be an object, not {kind(self.value)}")
        return ((key, Node(value, show((key,), self.path))) for key, value in self.value.items())

    def items(self, most: int | None = None) -> Iterator[Node]:
        """What a list holds."""
        if not isinstance(self.value, list):
            raise self.wrong(f"must be a list, not {kind(self.value)}")
        if most is not None and len(self.value) > most:
            raise self.wrong(f"has {len(self.value):,} entries, more than {most:,}")
        return (Node(value, show((number,), self.path)) for number, value in enumerate(self.value))

    def text(self, most: int | None = None) -> str:
        """A text, of at most that many characters."""
        if not isinstance(self.value, str):
            raise self.wrong(f"must be a text, not {kind(self.value)}")
        if most is not None and len(self.value) > most:
            raise self.wrong(f"has {len(self.value):,} characters, more than {most:,}")
        return self.value

    def one_of(self, choices: Iterable[str]) -> str:
        """One of those texts."""
        if (text := self.text()) not in choices:
            raise self.wrong(f"must be one of {', '.join(choices)}")
        return text

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            raise self.wrong(f"must be true or false, not {kind(self.value)}")
        return self.value

    def number(self, least: Number = -MOST_NUMBER) -> Number:
        """A number, whole or not, no less than that."""
        if isinstance(self.value, bool) or not isinstance(self.value, (int, float)):
            raise self.wrong(f"must be a number, not {kind(self.value)}")
        if self.value < least:
            raise self.wrong(f"must be at least {least}")
        return self.value

    def whole(self, least: int, most: int) -> int:
        """A whole number within those bounds."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.wrong(f"must be a whole number, not {kind(self.value)}")
        if not least <= self.value <= most:
            raise self.wrong(f"must be between {least} and {most}")
        return self.value

    def maybe(self, read: Callable[[Node], T]) -> T | None:
        """Nothing, or what ``read`` makes of it."""
        return None if self.value is None else read(self)


def parse(data: bytes, bounds: Bounds = BOUNDS) -> Node:
    """The JSON document of a file, in which every text is whole, every number finite and every key there once."""
    try:
        return Node(json_text.parse(data, "The file", bounds))
    except BadText as error:
        raise BadFile(error.message) from None
