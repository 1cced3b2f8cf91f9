"""The README's table of the API's fields: each documented property has its row, and each test in it is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lib.model import model_record

ROOT = Path(__file__).resolve().parent.parent
HEAD = "| property | shape | control | reaches the wire | applied by the twin |"


def rows() -> list[list[str]]:
    """The cells of each row."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").partition(HEAD)[2].strip().splitlines()[1:]
    table = [line for line in lines[: lines.index("") if "" in lines else None] if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


def documented(schema: Any, shape: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """The properties of a shape, and those of what is in them, with the shape's name."""
    for name, below in (schema.get("properties") or {}).items():
        yield shape, name
        if depth < 2:
            yield from documented(below, shape, depth + 1)
    for below in [schema.get("items"), *schema.get("oneOf", ())]:
        if isinstance(below, dict) and depth < 3:
            yield from documented(below, shape, depth)


def test_every_documented_property_has_a_row() -> None:
    named: set[tuple[str, str]] = set()
    for property, shape, *_ in rows():
        for word in re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`]*)`", property))):
            named |= {(one, word) for one in (("messages", "prompt") if shape == "both" else (shape,))}
    wanted = {
        pair
        for shape in model_record.default_model().input_schema["oneOf"]
        for pair in documented(shape, shape["required"][0])
        # What a tool's parameters may hold is JSON Schema's, not the API's.
        if pair[1] not in ("required", "properties")
    }
    assert wanted - named == set()


def test_no_cell_is_empty() -> None:
    assert len(rows()) >= 19
    for row in rows():
        assert len(row) == 5
        assert all(row)


def test_each_test_is_there() -> None:
    for row in rows():
        for cell in row[3:]:
            found = re.findall(r"`([\w/]+)::(\w+)`", cell)
            assert found, cell
            for file, name in found:
                source = (ROOT / "tests" / f"{file}.py").read_text(encoding="utf-8")
                assert re.search(rf"^def {name}\(", source, re.MULTILINE), f"{file}::{name}"
