"""Schemas of a model's input that no documentation would have: nested, referring, typeless, hostile in size.

``python -m tests.model.generated_schemas`` reads 2,000 of them and prints the slowest.
"""

from __future__ import annotations

import random
import time
from typing import Any

from lib.model.schema_reader import read_input_schema

_TYPES = ["string", "number", "integer", "boolean", "object", "array", "null", "novelty"]
_NUMBERS = (0, 1, -1, 2, 0.5, 1e308, -1e308, 10**400, float("nan"), float("inf"), True, "1", None)
_VALUES = [*_NUMBERS, [], {}, "x" * 5_000, "low", "high", False, None]
_LONG_TEXT = "words " * 10_000
_KEYWORDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "default", "const", "nullable")
_DEFINITIONS = ("a", "b", "c", "d")


def generate_schema(seed: int) -> Any:
    """Return the schema of that seed: one of the documented families, with odd members."""
    dice = random.Random(seed)
    forms = [
        {"title": name.title(), "properties": {name: _node(dice, 3), **_properties(dice)}, "required": [name]}
        for name in dice.sample(("prompt", "messages", "input", "requests", "text"), dice.randint(1, 3))
    ]
    schema: dict[str, Any] = {dice.choice(("oneOf", "anyOf", "allOf")): forms, "type": "object"}
    for _ in range(dice.choice((0, 0, 1, 2, 40))):
        schema = {dice.choice(("oneOf", "anyOf")): [schema, *dice.choices(forms, k=dice.randint(0, 2))]}
    schema["$defs"] = {name: _node(dice, 3) for name in _DEFINITIONS}
    return schema if dice.random() < 0.97 else dice.choice((schema["$defs"], [schema], forms, None, {}))


def _properties(dice: random.Random) -> dict[str, Any]:
    count, depth = dice.choice(((0, 0), (3, 4), (10, 3), (40, 2), (300, 0)))
    names = ("x", "temperature", "audio", "a b", "n" * 300, "")
    return {dice.choice(names) + str(number): _node(dice, depth) for number in range(count)}


def _node(dice: random.Random, depth: int) -> Any:
    if dice.random() < 0.04:
        return dice.choice((True, None, [], "x", 1))
    node: dict[str, Any] = {}
    if dice.random() < 0.7:
        node["type"] = dice.choice((*_TYPES, [], ["number", "null"], ["string", "integer"], _TYPES * 60))
    for keyword in _KEYWORDS:
        if dice.random() < 0.15:
            node[keyword] = dice.choice(_VALUES)
    if dice.random() < 0.2:
        node["enum"] = dice.choice(([], _VALUES[-4:], _VALUES, _VALUES * 30))
    if dice.random() < 0.3:
        node["description"] = dice.choice(("Words.", _LONG_TEXT))
    if dice.random() < 0.2:
        definition = f"#/$defs/{dice.choice(_DEFINITIONS)}"
        node["$ref"] = dice.choice(("#", definition, "#/oneOf/0", "https://x.example", 3, "#/" + "a/" * 500))
    if depth and dice.random() < 0.5:
        members = dice.choice((1, 2, 2, 60 if depth == 1 and dice.random() < 0.1 else 2))
        node[dice.choice(("oneOf", "anyOf", "allOf"))] = [_node(dice, depth - 1) for _ in range(members)]
    if depth and dice.random() < 0.2:
        node["properties"] = {name: _node(dice, depth - 1) for name in ("image_url", "y", "z")}
    return node


def main() -> None:
    """Print the slowest of 2,000 schemas."""
    slowest: list[tuple[float, int]] = []
    for seed in range(2_000):
        schema = generate_schema(seed)
        start = time.process_time()
        read_input_schema(schema)
        slowest.append((time.process_time() - start, seed))
    slowest.sort(reverse=True)
    for seconds, seed in slowest[:3]:
        print(f"seed {seed}: {seconds * 1000:.1f} ms")
    print(f"median: {slowest[1_000][0] * 1000:.2f} ms")


if __name__ == "__main__":
    main()
