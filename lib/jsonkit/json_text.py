"""Parse JSON from users, files and models within limits; errors name the line and the column."""

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
_MAX_QUOTED = 64
# In a longer text, in characters, an error names only the path: finding its line would take seconds.
_MAX_SEARCHED = 1_000_000
# Plainer words for the messages of Python's parser.
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
    """JSON that cannot be used. ``line`` and ``column`` count from 1; None if the text as a whole is the problem."""

    title = "This JSON cannot be used"

    def __init__(
        self, message: str, *, advice: str = "", line: int | None = None, column: int | None = None
    ) -> None:
        super().__init__(message, advice=advice)
        self.line = line
        self.column = column


class MalformedJson(UnusableJson):
    """A text that is not JSON. ``is_unfinished``: it ends before the JSON is complete."""

    def __init__(self, message: str, *, line: int, column: int, unfinished: bool = False) -> None:
        super().__init__(message, line=line, column=column)
        self.is_unfinished = unfinished


@dataclass(frozen=True)
class Bounds:
    """Limits for a JSON text: its size in ``bytes`` of UTF-8, and its contents; None: no limit.

    ``depth``: levels of lists and objects; without a limit the parser stops at about a thousand.
    ``values``: the number of values. ``number``: the largest whole number.
    """

    bytes: int
    depth: int | None = None
    values: int | None = None
    number: int | None = None


class _Constant(Exception):
    """NaN or an infinity: Python reads them, but they are not JSON."""


class _DuplicateKeys(dict[str, Any]):
    """An object that has a key twice. The parser finds it but does not know its place in the text."""

    key = ""
    pairs: tuple[tuple[str, Any], ...] = ()


class WrittenNumber(float):
    """A number with the text that it was written as, which may have more digits than a float."""

    written: str

    def __new__(cls, written: str) -> WrittenNumber:
        number = super().__new__(cls, written)
        number.written = written
        return number


def parse(given: str | bytes, what: str, bounds: Bounds) -> Any:
    """Return the JSON value of the whole text. Raises UnusableJson; ``what`` is its subject, as in “The schema”.

    Duplicate keys, infinite numbers and lone surrogates are refused.
    """
    text = _decode_bytes(given, what, bounds) if isinstance(given, bytes) else given
    check_bounds(text, what, bounds)
    value = decode(text, what)
    for path, part in walk(value):
        if isinstance(part, _DuplicateKeys):
            raise _error_at(text, (*path, part.key), "is there twice", last=True)
        if isinstance(part, str):
            _refuse_surrogates(text, path, part, "holds")
        elif isinstance(part, dict):
            for key in part:
                _refuse_surrogates(text, path, key, "has a key with")
        elif isinstance(part, (int, float)) and _is_too_large(part, bounds):
            raise _error_at(text, path, "is too large a number")
    return value


def _decode_bytes(data: bytes, what: str, bounds: Bounds) -> str:
    if len(data) > bounds.bytes:
        raise _too_long(what, len(data), bounds)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnusableJson(f"{what} is not JSON: byte {error.start + 1:,} is not UTF-8.") from None


def _too_long(what: str, size: int, bounds: Bounds) -> UnusableJson:
    return UnusableJson(f"{what} has {size:,} bytes, more than {bounds.bytes:,}.", advice="Make it smaller.")


def _refuse_surrogates(text: str, path: Path, part: str, verb: str) -> None:
    if find_surrogate(part) is not None:
        raise _error_at(text, path, f"{verb} half a character (a lone surrogate)")


def _is_too_large(number: float, bounds: Bounds) -> bool:
    if isinstance(number, float):
        return not math.isfinite(number)
    return bounds.number is not None and abs(number) > bounds.number


def check_bounds(text: str, what: str, bounds: Bounds) -> None:
    """Raise UnusableJson if the text is too long, nested too deeply, or cannot be encoded as UTF-8."""
    if len(text) > bounds.bytes or utf8_size(text) > bounds.bytes:
        raise _too_long(what, utf8_size(text), bounds)
    if (position := find_surrogate(text)) is not None:
        line, column = line_and_column(text, position)
        message = f"{what} holds half a character (a lone surrogate) in line {line:,}, column {column:,}."
        raise UnusableJson(message, advice="Remove it.", line=line, column=column)
    if bounds.values is not None and sum(text.count(mark) for mark in ",[{") > bounds.values:
        raise UnusableJson(f"{what} has more than {bounds.values:,} values.", advice="Make it smaller.")
    if bounds.depth is None:
        return
    depth = 0
    for token in _BRACKET.finditer(text):
        if (sign := token[0]) in "[{":
            depth += 1
            if depth > bounds.depth:
                line, column = line_and_column(text, token.start())
                message = f"{what} is nested more than {bounds.depth} deep in line {line:,}."
                raise UnusableJson(message, advice="Use fewer levels.", line=line, column=column)
        elif sign in "]}":
            depth -= 1


def decode(text: str, what: str, start: int = 0, *, follows: bool = False) -> Any:
    """Return the value that begins at ``start``. Raises MalformedJson, or UnusableJson for what Python cannot parse.

    With ``follows`` the result is (value, end), and any text may follow the value. Unlike ``parse``, this accepts
    duplicate keys (see ``duplicate_key``), infinite numbers and lone surrogates.
    """
    decoder = json.JSONDecoder(
        object_pairs_hook=_object,
        parse_constant=_refuse_nan,
        parse_float=WrittenNumber,
        parse_int=_whole_number,
    )
    try:
        start += len(text[start:]) - len(text[start:].lstrip(" \t\r\n"))
        value, end = decoder.raw_decode(text, start)
        if follows:
            return value, end
        if rest := text[end:].strip(" \t\r\n"):
            raise json.JSONDecodeError("Extra data", text, text.index(rest, end))
    except json.JSONDecodeError as error:
        before = text[: error.pos].rstrip()
        position, words = error.pos, _WORDS.get(error.msg, error.msg)
        if before.endswith(",") and text[position : position + 1] in ("}", "]"):
            position, words = len(before) - 1, "a comma too many stands"
        line, column = line_and_column(text, position)
        unfinished = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        problem = f"{what} is not complete" if unfinished else f"{what} is not JSON"
        message = f"{problem}: {words} in line {line:,}, column {column:,}."
        raise MalformedJson(message, line=line, column=column, unfinished=unfinished) from None
    except _Constant as error:
        line, column = line_and_column(text, max(text.find(str(error), start), 0))
        message = f"{what} is not JSON: {error} in line {line:,} is no number of JSON."
        raise MalformedJson(message, line=line, column=column) from None
    except ValueError:  # Python parses no number of more than 4,300 digits
        raise UnusableJson(f"{what} has a number that is too large.") from None
    except RecursionError:
        raise UnusableJson(f"{what} is nested too deeply.", advice="Use fewer levels.") from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    duplicate, keys = _DuplicateKeys(value), set()
    duplicate.pairs = tuple(pairs)
    for key, _ in pairs:
        if key in keys:
            duplicate.key = key
        keys.add(key)
    return duplicate


def _whole_number(written: str) -> int | WrittenNumber:
    return WrittenNumber(written) if written == "-0" else int(written)


def _refuse_nan(name: str) -> float:
    raise _Constant(name)


def duplicate_key(value: Any) -> str | None:
    """Return the key that an object from ``decode`` had twice, None if there is none. Its last value was kept."""
    return value.key if isinstance(value, _DuplicateKeys) else None


def object_pairs(value: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Return the names and values of an object from ``decode``, also those of a name that it has twice."""
    return value.pairs if isinstance(value, _DuplicateKeys) else tuple(value.items())


def write_literal(value: Any) -> str:
    """Return a number, true, false or null from ``decode`` as it was written."""
    return value.written if isinstance(value, WrittenNumber) else json.dumps(value)


def walk(value: Any) -> Iterator[tuple[Path, Any]]:
    """Yield every value inside with its path, in reading order. Works at any depth: it does not recurse."""
    todo: list[Iterator[tuple[Path, Any]]] = [iter([((), value)])]
    while todo:
        entry = next(todo[-1], None)
        if entry is None:
            todo.pop()
            continue
        yield entry
        path, part = entry
        if isinstance(part, dict):
            todo.append(_extend_paths(path, part.items()))
        elif isinstance(part, list):
            todo.append(_extend_paths(path, enumerate(part)))


def _extend_paths(path: Path, entries: Any) -> Iterator[tuple[Path, Any]]:
    return (((*path, key), value) for key, value in entries)


def format_path(path: Path, root: str = "$") -> str:
    """Format a path: ``$.items[2].price``, with quotes around unusual keys."""
    parts = [root]
    for key in path:
        if isinstance(key, int):
            parts.append(f"[{key}]")
        elif len(key) <= 40 and _PLAIN_KEY.fullmatch(key):
            parts.append(f".{key}")
        else:
            parts.append(f"[{json.dumps(key[:40])}]")  # in ASCII: a key may hold any character
    return "".join(parts)


def _error_at(text: str, path: Path, words: str, *, last: bool = False) -> UnusableJson:
    if len(text) > _MAX_SEARCHED:
        return UnusableJson(f"{format_path(path)} {words}.")
    line, column = find_path(text, path, last=last)
    return UnusableJson(f"{format_path(path)} {words}, in line {line:,}.", line=line, column=column)


def find_path(text: str, path: Path, *, last: bool = False) -> tuple[int, int]:
    """Return line and column of a key or list entry in valid JSON; ``last``: of the last duplicate."""
    position = 0
    for other_path, other_position in _positions(text):
        if other_path == path:
            position = other_position
            if not last:
                break
    return line_and_column(text, position)


def _positions(text: str) -> Iterator[tuple[Path, int]]:
    """Yield the path of every value in valid JSON and its position: of the key in objects, else of the value."""
    above: list[str | int] = []
    brackets: list[str] = []  # those that are open
    expects_key = False
    yield (), 0
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if expects_key and sign.startswith('"'):
            above[-1] = json.loads(sign, strict=False)
            yield tuple(above), token.start()
            expects_key = False
            continue
        if sign == ",":
            expects_key = brackets[-1] == "{"
            if not expects_key:
                above[-1] = int(above[-1]) + 1
            continue
        if sign in "}]:":
            if sign != ":":
                brackets.pop()
                above.pop()
                expects_key = False
            continue
        if brackets and brackets[-1] == "[":
            yield tuple(above), token.start()
        if sign in "{[":
            brackets.append(sign)
            above.append("" if sign == "{" else 0)
            expects_key = sign == "{"


def line_and_column(text: str, position: int) -> tuple[int, int]:
    """Return line and column of a position, counted from 1."""
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


def quote_line(text: str, line: int, column: int) -> str:
    """Return two lines: the line of the text, shortened, with its number, and a mark below the column."""
    lines = text.split("\n")
    content = lines[line - 1].rstrip().replace("\t", " ") if 0 < line <= len(lines) else ""
    start = max(column - 1 - _MAX_QUOTED // 2, 0) if len(content) > _MAX_QUOTED else 0
    return f"{line:>4} {content[start : start + _MAX_QUOTED]}\n{' ' * (5 + column - 1 - start)}^"
