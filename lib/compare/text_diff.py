"""Difference: what was taken out of a text and put in, word by word, to come from one to another."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import Indel

# Time and memory grow with the product of the two lengths, in units: at this one 50 MB and a tenth of a second.
_MAX_COMPARED = 400_000_000
# Scripts that put no spaces between words: there each character counts as one.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
# What stands between two changes is shown as part of them where both have so many times its words.
_LEAST, _ALL = 2, 1_000_000  # the latter: white space and marks alone
_JOINER = "\u200d"
_WORD, _SPACE, _MARK, _OTHER = range(4)


@dataclass(frozen=True)
class Same:
    """Stands in both texts."""

    text: str


@dataclass(frozen=True)
class Removed:
    """Stands in the first alone."""

    text: str


@dataclass(frozen=True)
class Added:
    """Stands in the second alone."""

    text: str


DiffPiece = Same | Removed | Added


def diff_words(before: str, after: str) -> tuple[DiffPiece, ...]:
    """The pieces in order, none empty, no two alike beside each other; of a change, what was removed comes first.

    Exact: Same and Removed joined are ``before``, Same and Added joined ``after``, white space and all. What is too
    long to be compared by words is compared by sentences, and beyond that by what both begin and end with.
    """
    return tuple(_to_pieces(_merge_changes(_merge_changes(_find_changes(before, after), _ALL), _LEAST)))


@dataclass(frozen=True)
class _Change:
    """What was removed, what was added, and what stands in both after it.

    ``size``: the words of the longer of the first two; ``between``: those of the last.
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
    # Numbers: the library compares hashes, and two texts may have one hash.
    numbers: dict[str, int] = {}
    ids = [[numbers.setdefault(unit, len(numbers)) for unit in units] for units in (old, new)]
    removed: list[str] = []
    added: list[str] = []
    for one in Indel.opcodes(ids[0], ids[1]):
        if one.tag == "equal":
            yield _make_change(removed, added, old[one.src_start : one.src_end])
            removed, added = [], []
        else:
            removed += old[one.src_start : one.src_end]
            added += new[one.dest_start : one.dest_end]
    yield _make_change(removed, added, [])


def _make_change(removed: list[str], added: list[str], same: list[str]) -> _Change:
    size = max(_count_words(removed), _count_words(added))
    return _Change("".join(removed), "".join(added), "".join(same), size, _count_words(same))


def _count_words(units: list[str]) -> int:
    return sum(_kind(unit[0]) == _WORD for unit in units)


def _merge_changes(changes: Iterable[_Change], least: int) -> Iterator[_Change]:
    """What two changes have between them is part of the change where each of the two is ``least`` times as long.

    The shortest difference of two texts that have nothing to do with each other keeps each “the” and each space.
    """
    last: _Change | None = None
    for one in changes:
        if last is None:
            last = one
        elif _is_change(last) and _is_change(one) and last.between * least <= min(last.size, one.size):
            last = _Change(
                last.removed + last.same + one.removed,
                last.added + last.same + one.added,
                one.same,
                last.size + last.between + one.size,
                one.between,
            )
        else:
            yield last
            last = one
    if last is not None:
        yield last


def _is_change(one: _Change) -> bool:
    return bool(one.removed or one.added)


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
    """How many units both begin with."""
    pairs = zip(old, new, strict=False)
    return next((n for n, (one, other) in enumerate(pairs) if one != other), min(len(old), len(new)))


def _split_sentences(text: str) -> Iterator[str]:
    return (match[0] for match in re.finditer(r"[^\n.!?。！？]*[\n.!?。！？]+|[^\n.!?。！？]+", text))


def _split_units(text: str) -> Iterator[str]:
    """Words, runs of white space, and all else character by character, each with the marks that stand on it."""
    start, of = 0, _OTHER
    for at, char in enumerate(text):
        kind = _kind(char)
        if char in "'’" and of == _WORD and _kind(text[at + 1 : at + 2]) == _WORD:
            continue  # don't
        joined = kind == _MARK or text[at - 1] == _JOINER
        alone = _UNSPACED.match(char) or _UNSPACED.match(text[at - 1])
        if at and not joined and (kind != of or kind == _OTHER or alone):
            yield text[start:at]
            start, of = at, kind
        elif not at:
            of = kind
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
