"""A value in somebody's JSON file and where it stands there, so that what is wrong with it can be said exactly."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from lib.errors import BadInput
from lib.model import Number

MOST_BYTES = 50_000_000
# A value takes up to a hundred times its bytes in memory: what begins or separates one is counted before parsing.
MOST_VALUES = 3_000_000
MOST_NUMBER = 2**63  # what every database holds
ADVICE = "Nothing was taken from it. Choose a file that Paddock exported, or a list of messages."

_PLAIN_KEY = re.compile("[A-Za-z_][A-Za-z_0-9]*")
T = TypeVar("T")


class BadFile(BadInput):
    """A file that is not what it should be; the message says where."""

    title = "This file cannot be read"

    def __init__(self, message: str, *, advice: str = ADVICE) -> None:
        super().__init__(message, advice=advice)


class _Twice(dict[str, Any]):
    """An object that names a key twice; found in the parser, which does not know where it is."""

    key = ""


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
            raise self.wrong(f"must be an object, not {_kind(self.value)}")
        if key not in self.value:
            raise self.wrong(f"has no {key!r}")
        return Node(self.value[key], _below(self.path, key))

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
            raise self.wrong(f"must be an object, not {_kind(self.value)}")
        return ((key, Node(value, _below(self.path, key))) for key, value in self.value.items())

    def items(self, most: int | None = None) -> Iterator[Node]:
        """What a list holds."""
        if not isinstance(self.value, list):
            raise self.wrong(f"must be a list, not {_kind(self.value)}")
        if most is not None and len(self.value) > most:
            raise self.wrong(f"has {len(self.value):,} entries, more than {most:,}")
        return (Node(value, f"{self.path}[{number}]") for number, value in enumerate(self.value))

    def text(self, most: int | None = None) -> str:
        """A text, of at most that many characters."""
        if not isinstance(self.value, str):
            raise self.wrong(f"must be a text, not {_kind(self.value)}")
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
            raise self.wrong(f"must be true or false, not {_kind(self.value)}")
        return self.value

    def number(self, least: Number = -MOST_NUMBER) -> Number:
        """A number, whole or not, no less than that."""
        if isinstance(self.value, bool) or not isinstance(self.value, (int, float)):
            raise self.wrong(f"must be a number, not {_kind(self.value)}")
        if self.value < least:
            raise self.wrong(f"must be at least {least}")
        return self.value

    def whole(self, least: int, most: int) -> int:
        """A whole number within those bounds."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.wrong(f"must be a whole number, not {_kind(self.value)}")
        if not least <= self.value <= most:
            raise self.wrong(f"must be between {least} and {most}")
        return self.value

    def maybe(self, read: Callable[[Node], T]) -> T | None:
        """Nothing, or what ``read`` makes of it."""
        return None if self.value is None else read(self)


def parse(data: bytes) -> Node:
    """The JSON document, in which every text is whole, every number finite and every key there once."""
    if len(data) > MOST_BYTES:
        raise BadFile(f"The file has {len(data):,} bytes, more than {MOST_BYTES:,}.")
    if sum(data.count(mark) for mark in (b",", b"[", b"{")) > MOST_VALUES:
        raise BadFile(f"The file holds more than {MOST_VALUES:,} values.")
    try:
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise BadFile(f"The file is not JSON: byte {error.start + 1:,} is not UTF-8.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno:,}, column {error.colno:,}"
        raise BadFile(f"The file is not JSON: {error.msg} in {where}.") from None
    except ValueError:  # Python reads no number of more than 4,300 digits
        raise BadFile("The file holds a number that is too large.") from None
    except RecursionError:
        raise BadFile("The file is nested too deeply.") from None
    _check(value)
    return Node(value)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    twice, seen = _Twice(value), set()
    for key, _ in pairs:
        if key in seen:
            twice.key = key
        seen.add(key)
    return twice


def _check(root: Any) -> None:
    """What holds for any value anywhere. Without recursion, and with no list of all that is still to be looked at."""
    todo = [iter([Node(root)])]
    while todo:
        node = next(todo[-1], None)
        if node is None:
            todo.pop()
            continue
        value = node.value
        if isinstance(value, _Twice):
            raise Node(value, _below(node.path, value.key)).wrong("is there twice")
        if isinstance(value, dict):
            for key in value:
                _check_text(key, node, "has a key with")
            todo.append(below for _, below in node.fields())
        elif isinstance(value, list):
            todo.append(node.items())
        elif isinstance(value, str):
            _check_text(value, node, "holds")
        elif isinstance(value, float) and not math.isfinite(value):
            raise node.wrong("is not a finite number")
        elif isinstance(value, int) and abs(value) > MOST_NUMBER:
            raise node.wrong("is too large a number")


def _check_text(text: str, node: Node, how: str) -> None:
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise node.wrong(f"{how} half a character (a lone surrogate) at {error.start + 1:,}") from None


def _below(path: str, key: str) -> str:
    if len(key) <= 40 and _PLAIN_KEY.fullmatch(key):
        return f"{path}.{key}"
    return f"{path}[{json.dumps(key[:40])}]"  # in ASCII: a key may be anything


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return f"the number {value}"
        case str():
            return "a text"
        case list():
            return "a list"
    return "an object"
