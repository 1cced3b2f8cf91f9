"""JSON that somebody typed, brought in a file or had from a model, read with care: what is wrong, in which line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lib.errors import BadInput
from lib.jsonkit.surrogates import find_surrogate, utf8_size

Path = tuple[str | int, ...]  # keys and indices, from the outside in

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL)
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
_PLAIN_KEY = re.compile(r"\$?[A-Za-z_][A-Za-z_0-9]*")
_LONGEST_QUOTED = 64
_MOST_SEARCHED = (
    1_000_000  # characters: in a longer text the path alone says where, for finding its line takes seconds
)
# The parser's words, where there are plainer ones.
_WORDS = {
    "Expecting value": "a value is missing or is not JSON",
    "Expecting property name enclosed in double quotes": "a name in double quotes is missing",
    "Expecting ':' delimiter": "a colon is missing",
    "Expecting ',' delimiter": "a comma is missing",
    "Unterminated string starting at": "a text is not closed; it begins",
    "Invalid control character at": "a text holds a line break or another control character",
    "Illegal trailing comma before end of object": "a comma too many stands",  # Python 3.13 and newer
    "Illegal trailing comma before end of array": "a comma too many stands",
    "Extra data": "something follows the end of the JSON",
}


class UnusableJson(BadInput):
    """JSON that cannot be taken. ``line`` and ``column`` count from 1; None where the whole of it is wrong."""

    title = "This JSON cannot be used"

    def __init__(
        self, message: str, *, advice: str = "", line: int | None = None, column: int | None = None
    ) -> None:
        super().__init__(message, advice=advice)
        self.line = line
        self.column = column


class MalformedJson(UnusableJson):
    """What is no JSON at all. ``unfinished``: it ends before it is complete."""

    def __init__(self, message: str, *, line: int, column: int, unfinished: bool = False) -> None:
        super().__init__(message, line=line, column=column)
        self.is_unfinished = unfinished


@dataclass(frozen=True)
class Bounds:
    """How large a text may be, in ``bytes`` of UTF-8, and what is in it.

    ``depth`` counts lists and objects that stand in one another; None leaves it to the parser, which ends at about a
    thousand. ``values`` and ``number`` are the most there may be of them and the largest whole one; None: any.
    """

    bytes: int
    depth: int | None = None
    values: int | None = None
    number: int | None = None


class _Constant(Exception):
    """NaN or an infinity, which Python reads and JSON does not have."""


class _Twice(dict[str, Any]):
    """An object that names a key twice; found in the parser, which does not know where it is."""

    key = ""


def parse(given: str | bytes, what: str, bounds: Bounds) -> Any:
    """The JSON value of the whole text. Raises BadText, or Broken; ``what`` names it there, as in “The schema”.

    Every key must be there once, every number finite, every text whole.
    """
    text = _decoded(given, what, bounds) if isinstance(given, bytes) else given
    check_bounds(text, what, bounds)
    value = decode(text, what)
    for path, found in walk(value):
        if isinstance(found, _Twice):
            raise _at(text, (*path, found.key), "is there twice", last=True)
        if isinstance(found, str):
            _check_whole(text, path, found, "holds")
        elif isinstance(found, dict):
            for key in found:
                _check_whole(text, path, key, "has a key with")
        elif isinstance(found, (int, float)) and _too_large(found, bounds):
            raise _at(text, path, "is too large a number")
    return value


def _decoded(data: bytes, what: str, bounds: Bounds) -> str:
    if len(data) > bounds.bytes:
        raise _too_long(what, len(data), bounds)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnusableJson(f"{what} is not JSON: byte {error.start + 1:,} is not UTF-8.") from None


def _too_long(what: str, size: int, bounds: Bounds) -> UnusableJson:
    return UnusableJson(f"{what} has {size:,} bytes, more than {bounds.bytes:,}.", advice="Make it smaller.")


def _check_whole(text: str, path: Path, words: str, how: str) -> None:
    if find_surrogate(words) is not None:
        raise _at(text, path, f"{how} half a character (a lone surrogate)")


def _too_large(number: float, bounds: Bounds) -> bool:
    if isinstance(number, float):
        return not math.isfinite(number)
    return bounds.number is not None and abs(number) > bounds.number


def check_bounds(text: str, what: str, bounds: Bounds) -> None:
    """Raises BadText where the text is too long, nested too deeply, or cannot be sent as UTF-8."""
    if len(text) > bounds.bytes or utf8_size(text) > bounds.bytes:
        raise _too_long(what, utf8_size(text), bounds)
    if (position := find_surrogate(text)) is not None:
        line, column = line_and_column(text, position)
        message = f"{what} holds half a character (a lone surrogate) in line {line:,}, column {column:,}."
        raise UnusableJson(message, advice="Take it out.", line=line, column=column)
    if bounds.values is not None and sum(text.count(mark) for mark in ",[{") > bounds.values:
        raise UnusableJson(f"{what} holds more than {bounds.values:,} values.", advice="Make it smaller.")
    if bounds.depth is None:
        return
    depth = 0
    for token in _BRACKET.finditer(text):
        if (sign := token[0]) in "[{":
            depth += 1
            if depth > bounds.depth:
                line, column = line_and_column(text, token.start())
                message = f"{what} is nested more than {bounds.depth} deep in line {line:,}."
                raise UnusableJson(message, advice="Make it flatter.", line=line, column=column)
        elif sign in "]}":
            depth -= 1


def decode(text: str, what: str, start: int = 0, *, follows: bool = False) -> Any:
    """The value that begins there; with ``follows`` as (value, end), for anything may follow. Raises BadText, Broken.

    Nothing is looked at but its being JSON: ``parse`` does that too, and ``twice`` tells of a key.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
    try:
        start += len(text[start:]) - len(text[start:].lstrip(" \t\r\n"))
        value, end = decoder.raw_decode(text, start)
        if follows:
            return value, end
        if rest := text[end:].strip(" \t\r\n"):
            raise json.JSONDecodeError("Extra data", text, text.index(rest, end))
    except json.JSONDecodeError as error:
        before = text[: error.pos].rstrip()
        at, words = error.pos, _WORDS.get(error.msg, error.msg)
        if before.endswith(",") and text[at : at + 1] in ("}", "]"):
            at, words = len(before) - 1, "a comma too many stands"
        line, column = line_and_column(text, at)
        unfinished = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        said = f"{what} is not complete" if unfinished else f"{what} is not JSON"
        message = f"{said}: {words} in line {line:,}, column {column:,}."
        raise MalformedJson(message, line=line, column=column, unfinished=unfinished) from None
    except _Constant as error:
        line, column = line_and_column(text, max(text.find(str(error), start), 0))
        message = f"{what} is not JSON: {error} in line {line:,} is no number of JSON."
        raise MalformedJson(message, line=line, column=column) from None
    except ValueError:  # Python reads no number of more than 4,300 digits
        raise UnusableJson(f"{what} holds a number that is too large.") from None
    except RecursionError:
        raise UnusableJson(f"{what} is nested too deeply.", advice="Make it flatter.") from None
    return value


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


def _constant(name: str) -> float:
    raise _Constant(name)


def duplicate_key(value: Any) -> str | None:
    """The key that an object of decode() had twice, the last one of which counts."""
    return value.key if isinstance(value, _Twice) else None


def walk(value: Any) -> Iterator[tuple[Path, Any]]:
    """Every value in it with its path, in reading order, without recursion."""
    todo: list[Iterator[tuple[Path, Any]]] = [iter([((), value)])]
    while todo:
        entry = next(todo[-1], None)
        if entry is None:
            todo.pop()
            continue
        yield entry
        path, found = entry
        if isinstance(found, dict):
            todo.append(_below(path, found.items()))
        elif isinstance(found, list):
            todo.append(_below(path, enumerate(found)))


def _below(path: Path, entries: Any) -> Iterator[tuple[Path, Any]]:
    return (((*path, key), value) for key, value in entries)


def format_path(path: Path, root: str = "$") -> str:
    """The path as it is written: ``$.items[2].price``, a key of other signs in quotes."""
    parts = [root]
    for key in path:
        if isinstance(key, int):
            parts.append(f"[{key}]")
        elif len(key) <= 40 and _PLAIN_KEY.fullmatch(key):
            parts.append(f".{key}")
        else:
            parts.append(f"[{json.dumps(key[:40])}]")  # in ASCII: a key may be anything
    return "".join(parts)


def _at(text: str, path: Path, words: str, *, last: bool = False) -> UnusableJson:
    if len(text) > _MOST_SEARCHED:
        return UnusableJson(f"{format_path(path)} {words}.")
    line, column = find_path(text, path, last=last)
    return UnusableJson(f"{format_path(path)} {words}, in line {line:,}.", line=line, column=column)


def find_path(text: str, path: Path, *, last: bool = False) -> tuple[int, int]:
    """Line and column of the key, or of the list's entry, at that path in valid JSON; ``last``: its last one."""
    found = 0
    for at, where in _places(text):
        if at == path:
            found = where
            if not last:
                break
    return line_and_column(text, found)


def _places(text: str) -> Iterator[tuple[Path, int]]:
    """The path of everything in valid JSON and where it begins, as far as a reader sees: keys at their names."""
    above: list[str | int] = []
    inside: list[str] = []  # the brackets that are open
    name = False  # the next text in this object is a key
    yield (), 0
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if name and sign.startswith('"'):
            above[-1] = json.loads(sign, strict=False)
            yield tuple(above), token.start()
            name = False
            continue
        if sign == ",":
            name = inside[-1] == "{"
            if not name:
                above[-1] = int(above[-1]) + 1
            continue
        if sign in "}]:":
            if sign != ":":
                inside.pop()
                above.pop()
                name = False
            continue
        if inside and inside[-1] == "[":
            yield tuple(above), token.start()
        if sign in "{[":
            inside.append(sign)
            above.append("" if sign == "{" else 0)
            name = sign == "{"


def line_and_column(text: str, at: int) -> tuple[int, int]:
    """Line and column of that character, from 1."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def quote_line(text: str, line: int, column: int) -> str:
    """What stands there, under each other: that line or a part of it with its number, and a mark at the column."""
    lines = text.split("\n")
    found = lines[line - 1].rstrip().replace("\t", " ") if 0 < line <= len(lines) else ""
    start = max(column - 1 - _LONGEST_QUOTED // 2, 0) if len(found) > _LONGEST_QUOTED else 0
    shown = found[start : start + _LONGEST_QUOTED]
    return f"{line:>4} {shown}\n{' ' * (5 + column - 1 - start)}^"
