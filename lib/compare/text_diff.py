"""Find the difference of two texts, word by word."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import Indel

# Time and memory grow with the product of both lengths in units: this one takes 50 MB and a tenth of a second.
_MAX_COMPARED = 400_000_000
# In scripts without spaces between words, each character counts as a word.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
# See _merge_changes. The second factor joins changes that only white space and marks separate.
_MERGE_FACTOR, _MERGE_SPACE_FACTOR = 2, 1_000_000
_JOINER = "\u200d"
_WORD, _SPACE, _MARK, _OTHER = range(4)


@dataclass(frozen=True)
class Same:
    """A piece of both texts."""

    text: str


@dataclass(frozen=True)
class Removed:
    """A piece of the first text only."""

    text: str


@dataclass(frozen=True)
class Added:
    """A piece of the second text only."""

    text: str


DiffPiece = Same | Removed | Added


def diff_words(before: str, after: str) -> tuple[DiffPiece, ...]:
    """Return the pieces in order: none empty, neighbours of different kinds, Removed before Added.

    All Same and Removed pieces joined are exactly ``before``, all Same and Added pieces exactly ``after``. Texts that
    are too long for words are compared by sentences, even longer ones by their common beginning and end.
    """
    changes = _merge_changes(_find_changes(before, after), _MERGE_SPACE_FACTOR)
    return tuple(_to_pieces(_merge_changes(changes, _MERGE_FACTOR)))


@dataclass(frozen=True)
class _Change:
    """Removed and added text, and the same text after it.

    ``size`` is the number of words in the longer of removed and added, ``between`` that of the same text.
    """

    removed: str
    added: str
    same: str
    size: int
    between: int


def _find_changes(before: str, after: str) -> Iterator[_Change]:
    old, new = list(_split_units(before)), list(_split_units(after))
    if len(old) * len(new) > _MAX_COMPARED:
        old, new = list(_split_sentences(before)), list(_split_sentences(after))
    if len(old) * len(new) > _MAX_COMPARED:
        start = _common_prefix_length(old, new)
        end = _common_prefix_length(old[start:][::-1], new[start:][::-1])
        middle, other = old[start : len(old) - end], new[start : len(new) - end]
        yield _make_change([], [], old[:start])
        yield _make_change(middle, other, old[len(old) - end :])
        return
    # The library compares hashes, and two texts may share a hash, so it gets numbers.
    numbers: dict[str, int] = {}
    ids = [[numbers.setdefault(unit, len(numbers)) for unit in units] for units in (old, new)]
    removed: list[str] = []
    added: list[str] = []
    for code in Indel.opcodes(ids[0], ids[1]):
        if code.tag == "equal":
            yield _make_change(removed, added, old[code.src_start : code.src_end])
            removed, added = [], []
        else:
            removed += old[code.src_start : code.src_end]
            added += new[code.dest_start : code.dest_end]
    yield _make_change(removed, added, [])


def _make_change(removed: list[str], added: list[str], same: list[str]) -> _Change:
    size = max(_count_words(removed), _count_words(added))
    return _Change("".join(removed), "".join(added), "".join(same), size, _count_words(same))


def _count_words(units: list[str]) -> int:
    return sum(_kind(unit[0]) == _WORD for unit in units)


def _merge_changes(changes: Iterable[_Change], factor: int) -> Iterator[_Change]:
    """Join two changes if each has at least ``factor`` times as many words as the text between them.

    The shortest difference of two unrelated texts would keep each “the” and each space.
    """
    last: _Change | None = None
    for change in changes:
        if last is None:
            last = change
        elif _is_change(last) and _is_change(change) and last.between * factor <= min(last.size, change.size):
            last = _Change(
                last.removed + last.same + change.removed,
                last.added + last.same + change.added,
                change.same,
                last.size + last.between + change.size,
                change.between,
            )
        else:
            yield last
            last = change
    if last is not None:
        yield last


def _is_change(change: _Change) -> bool:
    return bool(change.removed or change.added)


def _to_pieces(changes: Iterator[_Change]) -> Iterator[DiffPiece]:
    same = ""
    for change in changes:
        if _is_change(change):
            if same:
                yield Same(same)
                same = ""
            if change.removed:
                yield Removed(change.removed)
            if change.added:
                yield Added(change.added)
        same += change.same
    if same:
        yield Same(same)


def _common_prefix_length(old: list[str], new: list[str]) -> int:
    """Return the number of units that both begin with."""
    pairs = zip(old, new, strict=False)
    return next((n for n, (first, second) in enumerate(pairs) if first != second), min(len(old), len(new)))


def _split_sentences(text: str) -> Iterator[str]:
    return (match[0] for match in re.finditer(r"[^\n.!?。！？]*[\n.!?。！？]+|[^\n.!?。！？]+", text))


def _split_units(text: str) -> Iterator[str]:
    """Yield words, runs of white space, and other characters one by one, each with its combining marks."""
    start, unit_kind = 0, _OTHER
    for position, char in enumerate(text):
        kind = _kind(char)
        if char in "'’" and unit_kind == _WORD and _kind(text[position + 1 : position + 2]) == _WORD:
            continue  # don't
        joined = kind == _MARK or text[position - 1] == _JOINER
        alone = _UNSPACED.match(char) or _UNSPACED.match(text[position - 1])
        if position and not joined and (kind != unit_kind or kind == _OTHER or alone):
            yield text[start:position]
            start, unit_kind = position, kind
        elif not position:
            unit_kind = kind
    if text:
        yield text[start:]


@lru_cache(maxsize=10_000)
def _kind(char: str) -> int:
    if not char:
        return _OTHER
    if char.isspace():
        return _SPACE
    category = unicodedata.category(char)
    if category[0] == "M" or category == "Cf":
        return _MARK
    return _WORD if category[0] in "LN" or char == "_" else _OTHER
