"""A value in somebody's JSON file and where it stands there, so that what is wrong with it can be said exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from lib.errors import BadInput
from lib.jsonkit import json_text
from lib.jsonkit.json_text import Bounds, UnusableJson, format_path
from lib.jsonkit.json_wording import describe_kind
from lib.model.model_record import Number

MAX_BYTES = 50_000_000
# A value takes up to a hundred times its bytes in memory: what begins or separates one is counted before parsing.
MAX_VALUES = 3_000_000
MAX_NUMBER = 2**63  # what every database holds
ADVICE = "Nothing was taken from it. Choose a file that Paddock exported, or a list of messages."

FILE_BOUNDS = Bounds(MAX_BYTES, values=MAX_VALUES, number=MAX_NUMBER)
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

    def error(self, what: str) -> BadFile:
        """The error that says so of this place."""
        return BadFile(f"{self.path} {what}.")

    def __contains__(self, key: str) -> bool:
        return isinstance(self.value, dict) and key in self.value

    def __getitem__(self, key: str) -> Node:
        """What stands under that key."""
        if not isinstance(self.value, dict):
            raise self.error(f"must be an object, not {describe_kind(self.value)}")
        if key not in self.value:
            raise self.error(f"has no {key!r}")
        return Node(self.value[key], format_path((key,), self.path))

    def require_only_keys(self, *keys: str) -> Node:
        """Itself, if it is an object of exactly those keys."""
        for key in keys:
            self[key]
        if unknown := [key for key in self.value if key not in keys]:
            raise self[unknown[0]].error("is not known here")
        return self

    def fields(self) -> Iterator[tuple[str, Node]]:
        """The keys of an object and what stands under them."""
        if not isinstance(self.value, dict):
            raise self.error(f"must be an object, not {describe_kind(self.value)}")
        return ((key, Node(value, format_path((key,), self.path))) for key, value in self.value.items())

    def items(self, most: int | None = None) -> Iterator[Node]:
        """What a list holds."""
        if not isinstance(self.value, list):
            raise self.error(f"must be a list, not {describe_kind(self.value)}")
        if most is not None and len(self.value) > most:
            raise self.error(f"has {len(self.value):,} entries, more than {most:,}")
        return (Node(value, format_path((number,), self.path)) for number, value in enumerate(self.value))

    def text(self, most: int | None = None) -> str:
        """A text, of at most that many characters."""
        if not isinstance(self.value, str):
            raise self.error(f"must be a text, not {describe_kind(self.value)}")
        if most is not None and len(self.value) > most:
            raise self.error(f"has {len(self.value):,} characters, more than {most:,}")
        return self.value

    def one_of(self, choices: Iterable[str]) -> str:
        """One of those texts."""
        if (text := self.text()) not in choices:
            raise self.error(f"must be one of {', '.join(choices)}")
        return text

    def boolean(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            raise self.error(f"must be true or false, not {describe_kind(self.value)}")
        return self.value

    def number(self, least: Number = -MAX_NUMBER) -> Number:
        """A number, whole or not, no less than that."""
        if isinstance(self.value, bool) or not isinstance(self.value, (int, float)):
            raise self.error(f"must be a number, not {describe_kind(self.value)}")
        if self.value < least:
            raise self.error(f"must be at least {least}")
        return self.value

    def integer(self, least: int, most: int) -> int:
        """A whole number within those bounds."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.error(f"must be a whole number, not {describe_kind(self.value)}")
        if not least <= self.value <= most:
            raise self.error(f"must be between {least} and {most}")
        return self.value

    def optional(self, read: Callable[[Node], T]) -> T | None:
        """Nothing, or what ``read`` makes of it."""
        return None if self.value is None else read(self)


def parse(data: bytes, bounds: Bounds = FILE_BOUNDS) -> Node:
    """The JSON document of a file, in which every text is whole, every number finite and every key there once."""
    try:
        return Node(json_text.parse(data, "The file", bounds))
    except UnusableJson as error:
        raise BadFile(error.message) from None
