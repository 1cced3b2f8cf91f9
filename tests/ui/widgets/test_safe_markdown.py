"""Splitting Markdown into blocks and making it safe, for any text in any pieces."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lib.ui.widgets.safe_markdown import (
    Block,
    BlockSplitter,
    Code,
    Prose,
    escape_markdown,
    make_safe,
    split_blocks,
)

# Parts of Markdown, so that the generated texts have the cases that are hard to split.
BITS = (
    "\n",
    "\n\n",
    "```",
    "````",
    "~~~",
    "```python\n",
    "\n```\n",
    "`",
    "``",
    "$",
    "$$",
    "\\",
    "\\$",
    "![",
    "[",
    "](",
    ")",
    "!",
    "* ",
    "- ",
    "1. ",
    "| a | b |\n",
    "    ",
    "\t",
    "**",
    "__",
    "<img src=x>",
    ":red[",
    ":material/x:",
    ":smile:",
    "word ",
    "x" * 120,
    "w" * 301,
    "é",
    "👩‍👩‍👧",
    "\r\n",
    "\u2028",
    " ",
    "#",
    "![x](http://h/x)",
    "\u2060",
)
texts = st.lists(st.one_of(st.sampled_from(BITS), st.text(max_size=8)), max_size=40).map("".join)


def cut_up(text: str, cuts: Iterable[int]) -> list[str]:
    """Cut the text at these places."""
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[start:end] for start, end in itertools.pairwise(places)]


@given(texts, st.lists(st.integers(0, 10_000), max_size=12))
@example("```\na\n``", [5, 7])
@example("text\n\n```python\nx = 1\n```\nmore", [3, 10, 11, 12, 20, 25])
def test_pieces_make_no_difference(text: str, cuts: list[int]) -> None:
    whole = BlockSplitter()
    whole.feed(text)
    pieces = BlockSplitter()
    seen: list[Block] = []
    for piece in cut_up(text, cuts):
        pieces.feed(piece)
        pieces.tail()
        assert pieces.finished[: len(seen)] == seen  # what is finished never changes
        seen = list(pieces.finished)
    assert pieces.finished == whole.finished
    assert pieces.tail() == whole.tail()
    assert pieces.tail(ended=True) == whole.tail(ended=True)


@given(texts)
def test_one_character_at_a_time(text: str) -> None:
    growing = BlockSplitter()
    for character in text:
        growing.feed(character)
        growing.tail()
    last = growing.tail(ended=True)
    assert [*growing.finished, *([] if last is None else [last])] == list(split_blocks(text))


@given(texts)
def test_nothing_is_lost(text: str) -> None:
    """Except for fences, all visible text is in the blocks, in order."""
    shown = "\n".join(block.text for block in split_blocks(text))
    rest = iter("".join(text.split()))
    for character in "".join(shown.split()):
        assert any(character == other for other in rest), "a character that was not in the text"
    if "`" not in text and "~" not in text:
        assert "".join(shown.split()) == "".join(text.split())


@given(texts)
def test_the_tail_of_an_ended_text_is_exact(text: str) -> None:
    for block in split_blocks(text):
        if isinstance(block, Prose):
            for line in block.text.split("\n"):
                assert line.strip() in text


@given(texts)
@example("`![a](http://h)`")
@example("``![a](http://h)`")
@example("[![a](b)](c)")
@example("!\u2060[")
def test_no_image_is_left(text: str) -> None:
    assert "![" not in make_safe(text)
    for block in split_blocks(text):
        if isinstance(block, Prose):
            assert "![" not in make_safe(block.text)


@given(st.text(alphabet="$\\ax ", max_size=30))
def test_no_dollar_opens_a_formula(text: str) -> None:
    drawn = make_safe(text)
    for at, character in enumerate(drawn):
        if character == "$":
            before = drawn[:at]
            assert (len(before) - len(before.rstrip("\\"))) % 2 == 1


def test_code_is_exact() -> None:
    code = "let v = vec![1];\n\n    *p = `x` $5 ![a](b) :smile: <b>\n"
    assert list(split_blocks(f"Look:\n```rust\n{code}\n```\nThere.")) == [
        Prose("Look:"),
        Code(code, "rust"),
        Prose("There."),
    ]


@pytest.mark.parametrize("fence", ["```", "````", "~~~"])
def test_a_fence_is_closed_by_its_like_alone(fence: str) -> None:
    other = "~~~" if fence[0] == "`" else "```"
    assert list(split_blocks(f"{fence}\na\n{other}\nb\n{fence}\n")) == [Code(f"a\n{other}\nb", None)]


def test_a_fence_that_never_closes_is_code_to_the_end() -> None:
    assert list(split_blocks("```python\nx = 1\n\ny = 2")) == [Code("x = 1\n\ny = 2", "python")]


def test_long_prose_is_cut_at_blank_lines() -> None:
    paragraphs = [f"{letter * 200}." for letter in "abcdef"]
    cut = list(split_blocks("\n\n".join(paragraphs)))
    assert len(cut) == 3
    assert "".join(block.text for block in cut).replace("\n", "") == "".join(paragraphs)


def test_a_list_is_not_torn_from_its_continuation() -> None:
    text = "1. " + "a" * 320 + "\n\n   the same item\n2. another"
    assert list(split_blocks(text)) == [Prose(text)]


HOSTILE: dict[str, Callable[[int], str]] = {
    "ticks": lambda n: "`" * n,
    "lone ticks": lambda n: "` " * n,
    "growing ticks": lambda n: " ".join("`" * (i % 50 + 1) for i in range(n // 25)),
    "dollars": lambda n: "$" * n,
    "backslashes": lambda n: "\\" * n,
    "backslash dollars": lambda n: "\\$" * n,
    "images": lambda n: "![" * n,
    "colons": lambda n: ":a" * n,
    "long shortcode": lambda n: ":" + "a" * n,
    "spaces": lambda n: " " * n,
    "lines": lambda n: "\n" * n,
    "stars": lambda n: "*" * n,
    "one line": lambda n: "x" * n,
    "tick and text": lambda n: "`" + "a" * n,
    "tick and lines": lambda n: "`" + "a\n" * n,
    "two ticks, one": lambda n: "``" + "`a " * n,
    "indented": lambda n: (" " * 50 + "x\n") * (n // 50),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_time_is_linear(kind: str) -> None:
    """Eight times the text takes well under the 64 times of quadratic work."""

    def seconds(text: str) -> float:
        best = float("inf")
        for _ in range(3):
            begun = time.process_time()
            for block in split_blocks(text):
                make_safe(block.text)
            growing = BlockSplitter()
            growing.feed(text)
            growing.tail()
            best = min(best, time.process_time() - begun)
        return best

    make = HOSTILE[kind]
    small, large = seconds(make(4_000)), seconds(make(32_000))
    assert large < max(small, 0.002) * 32, (small, large)


@pytest.mark.parametrize(
    "text",
    ["http://h/x", "HTTPS://h", "see www.h.example", "WWW.h.example", "a@h.example", "mailto:a@h.example"],
)
def test_a_label_shows_an_address_and_does_not_link_it(text: str) -> None:
    shown = escape_markdown(text)
    # GFM makes a link of these, escaped or not (micromark-extension-gfm-autolink-literal); the joiner prevents it.
    assert not any(sign in shown.replace("\\", "").lower() for sign in ("://", "www.", "@h"))
    assert shown.replace("\u2060", "").replace("\\", "") == text


def test_a_lone_surrogate_is_replaced() -> None:
    assert escape_markdown("a\ud800*") == "a\ufffd\\*"
