"""Read a JSON file from a user: typed access to its values, with errors that name the place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from lib.errors import BadInput
from lib.jsonkit import json_text
from lib.jsonkit.file_limits import MAX_FILE_BYTES, MAX_FILE_DEPTH, MAX_FILE_VALUES
from lib.jsonkit.json_text import Bounds, UnusableJson, format_path
from lib.jsonkit.json_wording import describe_kind
from lib.model.model_record import Number

MAX_NUMBER = 2**63  # every database can hold it
ADVICE = "Nothing was taken from it. Choose a file that Paddock exported, or a list of messages."

FILE_BOUNDS = Bounds(MAX_FILE_BYTES, MAX_FILE_DEPTH, MAX_FILE_VALUES, MAX_NUMBER)
T = TypeVar("T")


class BadFile(BadInput):
    """A file with unexpected content; the message names the place."""

    title = "This file cannot be read"

    def __init__(self, message: str, *, advice: str = ADVICE) -> None:
        super().__init__(message, advice=advice)


@dataclass(frozen=True)
class Node:
    """A JSON value and its place. Every method raises BadFile if the value is not of the expected kind.

    ``keys`` lead from ``root``, the name of the whole document in messages, to the value.
    """

    value: Any
    root: str = "$"
    keys: tuple[str | int, ...] = ()

    @property
    def path(self) -> str:
        return format_path(self.keys, self.root)

    def error(self, what: str) -> BadFile:
        """Return an error about this value; ``what`` continues the sentence after its path."""
        return BadFile(f"{self.path} {what}.")

    def _below(self, key: str | int, value: Any) -> Node:
        return Node(value, self.root, (*self.keys, key))

    def __contains__(self, key: str) -> bool:
        return isinstance(self.value, dict) and key in self.value

    def __getitem__(self, key: str) -> Node:
        if not isinstance(self.value, dict):
            raise self.error(f"must be an object, not {describe_kind(self.value)}")
        if key not in self.value:
            raise self.error(f"has no {key!r}")
        return self._below(key, self.value[key])

    def require_only_keys(self, *keys: str) -> Node:
        """Return self if the value is an object of exactly these keys."""
        for key in keys:
            self[key]
        if unknown := [key for key in self.value if key not in keys]:
            raise self[unknown[0]].error("is not known here")
        return self

    def read_fields(self, *others: str, **readers: Reader) -> dict[str, Any]:
        """Return the values of an object of exactly these keys; those of ``others`` are not read."""
        self.require_only_keys(*others, *readers)
        return {key: read(self[key]) for key, read in readers.items()}

    def fields(self) -> Iterator[tuple[str, Node]]:
        """Return the keys and values of an object."""
        if not isinstance(self.value, dict):
            raise self.error(f"must be an object, not {describe_kind(self.value)}")
        return ((key, self._below(key, value)) for key, value in self.value.items())

    def items(self, most: int | None = None) -> Iterator[Node]:
        """Return the entries of a list."""
        if not isinstance(self.value, list):
            raise self.error(f"must be a list, not {describe_kind(self.value)}")
        if most is not None and len(self.value) > most:
            raise self.error(f"has {len(self.value):,} entries, more than {most:,}")
        return (self._below(number, value) for number, value in enumerate(self.value))

    def text(self, most: int | None = None) -> str:
        """Return the value as a text of at most ``most`` characters."""
        if not isinstance(self.value, str):
            raise self.error(f"must be a text, not {describe_kind(self.value)}")
        if most is not None and len(self.value) > most:
            raise self.error(f"has {len(self.value):,} characters, more than {most:,}")
        return self.value

    def one_of(self, choices: Iterable[str]) -> str:
        """Return the value as one of these texts."""
        if (text := self.text()) not in choices:
            raise self.error(f"must be one of {', '.join(choices)}")
        return text

    def boolean(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.error(f"must be true or false, not {describe_kind(self.value)}")
        return self.value

    def number(self, least: Number = -MAX_NUMBER) -> Number:
        """Return the value as a number of at least ``least``."""
        if isinstance(self.value, bool) or not isinstance(self.value, (int, float)):
            raise self.error(f"must be a number, not {describe_kind(self.value)}")
        if self.value < least:
            raise self.error(f"must be at least {least}")
        return self.value

    def integer(self, least: int, most: int) -> int:
        """Return the value as a whole number within the bounds."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.error(f"must be a whole number, not {describe_kind(self.value)}")
        if not least <= self.value <= most:
            raise self.error(f"must be between {least} and {most}")
        return self.value

    def optional(self, read: Callable[[Node], T]) -> T | None:
        """Return None for null, else the result of ``read``."""
        return None if self.value is None else read(self)


Reader = Callable[[Node], Any]


def optional(read: Reader) -> Reader:
    """Return a reader of null or what ``read`` reads."""
    return partial(Node.optional, read=read)


def list_of(read: Reader) -> Reader:
    """Return a reader of a list of what ``read`` reads; it returns a tuple."""

    def read_list(node: Node) -> tuple[Any, ...]:
        return tuple(map(read, node.items()))

    return read_list


def parse(data: bytes, bounds: Bounds = FILE_BOUNDS) -> Node:
    """Parse a file. Duplicate keys, infinite numbers and lone surrogates are refused."""
    try:
        return Node(json_text.parse(data, "The file", bounds))
    except UnusableJson as error:
        raise BadFile(error.message) from None
