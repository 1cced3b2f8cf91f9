"""Texts in Markdown, and their blocks as a CommonMark reference (markdown-it-py) finds them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

_EXAMPLES = Path(__file__).with_name("commonmark") / "examples.json"
_WORDS = ("alpha", "beta **bold**", "gamma `code`", "_delta_ text", "one & two", "x < y", "$5 ~ 3", "`a | b`")
_FENCES = ("```", "````", "~~~", "```bash", "~~~python", "``` js extra")
_MARKERS = ("- ", "* ", "+ ", "1. ", "2) ", "10. ", "-   ", "1.  ", "-\t")

# A block: its kind and its text or the blocks inside.
Blocks = list[Any]


def spec_examples() -> list[str]:
    """Return the inputs of all examples in the CommonMark specification 0.31.2."""
    texts: list[str] = json.loads(_EXAMPLES.read_text(encoding="utf-8"))
    return texts


def make_nestings(count: int, seed: int) -> list[str]:
    """Return texts with lists, quotes, fences and continuations in each other."""
    chance = random.Random(seed)
    return ["\n".join(_lines(chance, depth=0)) for _ in range(count)]


def _lines(chance: random.Random, depth: int) -> list[str]:
    """Return the lines of one to four blocks."""
    lines: list[str] = []
    for _ in range(chance.randint(1, 4)):
        if lines and chance.random() < 0.6:
            lines += [""] * chance.randint(1, 2)
        lines += _block(chance, depth)
    return lines


def _block(chance: random.Random, depth: int) -> list[str]:
    kind = chance.choice(("prose", "fence", "list", "list", "quote", "code", "other"))
    if depth > 3 and kind in ("list", "quote"):
        kind = "prose"
    match kind:
        case "prose":
            return [_indent(chance) + chance.choice(_WORDS) for _ in range(chance.randint(1, 3))]
        case "fence":
            return _fence(chance)
        case "code":
            return ["    " + chance.choice(("x = 1", "  $HOME", "- no list", "```")) for _ in range(2)]
        case "quote":
            marker = chance.choice(("> ", ">", ">  "))
            lines = [marker + line for line in _lines(chance, depth + 1)]
            return lines + ["lazy"] * (chance.random() < 0.3)
        case "list":
            return _list(chance, depth)
    return chance.choice(
        (["# Head"], ["***"], ["| a | b |", "|---|---|", "| 1 | `2` |"], ["Title", "==="], ["---"])
    )


def _fence(chance: random.Random) -> list[str]:
    opener, indent = chance.choice(_FENCES), _indent(chance)
    body = [chance.choice(("git log --oneline", "  indented", "", "- x", "> y", "``")) for _ in range(3)]
    closing = opener.rstrip("abcdefghijklmnopqrstuvwxyz ")
    return [
        indent + opener,
        *(indent + line for line in body),
        *([indent + closing] * (chance.random() < 0.8)),
    ]


def _list(chance: random.Random, depth: int) -> list[str]:
    lines: list[str] = []
    marker = chance.choice(_MARKERS)
    for _ in range(chance.randint(1, 3)):
        item = _lines(chance, depth + 1)
        width = len(marker.expandtabs(4)) + chance.choice((0, 0, 0, 0, -1, 1))
        lines.append(marker + item[0])
        lines += [" " * width + line if line else line for line in item[1:]]
        lines += [""] * (chance.random() < 0.3)
    return lines


def _indent(chance: random.Random) -> str:
    return " " * chance.choice((0, 0, 0, 0, 1, 2, 3))


def reference_blocks(text: str) -> Blocks:
    """Return the blocks of a text as CommonMark draws them, with GFM's tables and raw HTML as text."""
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 110}).enable(["table", "strikethrough"])
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    parser.normalizeLinkText = lambda url: url  # type: ignore[method-assign]
    parser.validateLink = lambda url: url.lower().startswith(("http://", "https://", "mailto:"))  # type: ignore[method-assign]
    return [_block_of(node) for node in SyntaxTreeNode(parser.parse(text)).children]


def _block_of(node: SyntaxTreeNode) -> Any:
    match node.type:
        case "fence" | "code_block":
            language = node.info.strip().replace("{", " ").split()[:1] if node.type == "fence" else []
            return ["code", "".join(language), node.content.removesuffix("\n")]
        case "hr":
            return ["hr"]
        case "heading":
            return ["heading", int(node.tag[1]), _text(node)]
        case "paragraph":
            return ["text", _text(node)]
        case "table":
            rows = [row for part in node.children for row in part.children]
            return ["table", [[_text(cell) for cell in row.children] for row in rows]]
        case "blockquote":
            return ["quote", [_block_of(child) for child in node.children]]
        case "bullet_list" | "ordered_list":
            items = [[_block_of(child) for child in item.children] for item in node.children]
            return [node.type, items]
    raise ValueError(node.type)


def _text(node: SyntaxTreeNode) -> str:
    """Return the text of a block as it is read."""
    parts = []
    for child in node.walk(include_self=False):
        match child.type:
            case "text" | "text_special" | "code_inline":
                parts.append(child.content)
            case "softbreak" | "hardbreak":
                parts.append("\n")
            case "image":
                parts.append("" if child.content else str(child.attrs["src"]))
    return "".join(parts)
