"""Generates docs/api-coverage.md: each documented property of a request, its control, and the tests that cover it.

A test is marked ``@pytest.mark.reaches_wire("messages[].role")`` if it proves that the page sends a property, and
``@pytest.mark.applied_by_twin("seed")`` if it proves that the twin applies it. ``python -m tests.api_coverage``
writes the page.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.model import model_record

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "api-coverage.md"
MARKERS = ("reaches_wire", "applied_by_twin")
MAX_DEPTH = 5

# What the reader operates for a property; the sampling parameters share one kind of control.
CONTROLS = {
    "messages[].role": "the conversation; roles by “Add a message below”",
    "messages[].content": "the message box; each message is editable",
    "messages[].tool_calls": "cards of the calls, their results typed or run",
    "messages[].tool_call_id": "cards of the calls",
    "messages[].name": "cards of the calls",
    "prompt": "How to ask → Single prompt",
    "lora": "Adapter (LoRA): a list, or any name typed",
    "raw": "No template; with a single prompt in an editor of its own",
    "stream": "Stream",
    "response_format.type": "Answer → JSON, JSON with fields",
    "response_format.json_schema": "Edit fields: as a form, or as JSON",
    "tools[].name": "Edit tools: as a form, or as JSON",
    "tools[].description": "Edit tools",
    "tools[].parameters": "Edit tools",
    "tools[].type": "Edit tools → the format OpenAI",
    "tools[].function": "Edit tools → the format OpenAI",
    "functions[].name": "Edit tools → Functions",
    "functions[].code": "Edit tools → Functions",
}
PARAMETER_CONTROL = "a slider and a number; a switch sends it or not"

# Documented by Cloudflare's function-calling guide, not by the schema's list of properties.
UNDOCUMENTED = ("messages[].tool_calls", "messages[].tool_call_id", "messages[].name")

HEAD = """# API coverage

For people who want to know which parts of the API Paddock covers, and how that is tested.

Generated from the tests' markers by `.venv/bin/python -m tests.api_coverage`; do not edit.

| property | shape | control | sent by the page | applied by the twin |
|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Coverage:
    """One property, the shapes of a request that have it, and its tests by marker, as ``file::test``."""

    property: str
    shapes: tuple[str, ...]
    control: str
    tests: Mapping[str, tuple[str, ...]]


def documented_properties() -> dict[str, tuple[str, ...]]:
    """Return the documented properties of a request as paths, with the shapes (messages, prompt) that have them."""
    shapes: defaultdict[str, list[str]] = defaultdict(list)
    for shape in model_record.default_model().input_schema["oneOf"]:
        name = shape["required"][0]
        for path in _paths(shape, "", 0):
            if name not in shapes[path]:
                shapes[path].append(name)
    return {path: tuple(names) for path, names in shapes.items()}


def _paths(schema: Mapping[str, Any], prefix: str, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        return
    for name, below in (schema.get("properties") or {}).items():
        path = f"{prefix}{name}"
        # A tool's parameters are a JSON Schema of the user's; a nested function repeats the flat tool's properties.
        ends_here = path in ("tools[].parameters", "tools[].function", "response_format.json_schema")
        children = [] if ends_here else list(_children(below, path, depth))
        yield from children or [path]


def _children(schema: Mapping[str, Any], path: str, depth: int) -> Iterator[str]:
    yield from _paths(schema, f"{path}.", depth + 1)
    if isinstance(schema.get("items"), dict):
        yield from _children(schema["items"], f"{path}[]", depth + 1)
    for alternative in schema.get("oneOf", ()):
        yield from _children(alternative, path, depth + 1)


def marked_tests() -> dict[str, dict[str, list[str]]]:
    """Return, for each marker, the tests that carry it by property: ``{marker: {property: ["file::test", …]}}``."""
    marked: dict[str, dict[str, list[str]]] = {marker: {} for marker in MARKERS}
    for file in sorted((ROOT / "tests").glob("**/test_*.py")):
        if "node_modules" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for marker, property in _marks(node):
                    name = f"{file.relative_to(ROOT / 'tests').with_suffix('')}::{node.name}"
                    marked[marker].setdefault(property, []).append(name)
    return marked


def _marks(function: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    for decorator in function.decorator_list:
        match decorator:
            case ast.Call(func=ast.Attribute(attr=marker), args=arguments) if marker in MARKERS:
                for argument in arguments:
                    yield marker, ast.literal_eval(argument)


def coverage() -> list[Coverage]:
    """Return a row for each documented property, in the schema's order."""
    properties = documented_properties()
    for path in UNDOCUMENTED:
        properties.setdefault(path, ("messages",))
    parameters = {parameter.name for parameter in model_record.default_model().parameters}
    marked = marked_tests()
    rows = []
    for path, shapes in properties.items():
        control = PARAMETER_CONTROL if path in parameters else CONTROLS.get(path, "")
        tests = {marker: tuple(marked[marker].get(path, ())) for marker in MARKERS}
        rows.append(Coverage(path, shapes, control, tests))
    return rows


def render(rows: list[Coverage]) -> str:
    """Return the page as Markdown."""
    lines = []
    for row in rows:
        shape = "both" if len(row.shapes) > 1 else row.shapes[0]
        cells = [f"`{row.property}`", shape, row.control]
        cells += ["<br>".join(f"`{test}`" for test in row.tests[marker]) for marker in MARKERS]
        lines.append(f"| {' | '.join(cells)} |")
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render(coverage()), encoding="utf-8")
