"""Find what the twin cannot hold its answers to in a JSON Schema, to be said where the schema is edited.

The twin's engine leaves these keywords and parts of patterns out. The twin checks the whole answer, and refuses one
that does not fit (code 5024). A schema that refers to itself it refuses at once (code 5006).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from lib.errors import BadInput
from lib.jsonkit import engine_pattern
from lib.jsonkit.json_schema import list_subschemas, parse_schema, refers_to_itself
from lib.jsonkit.json_text import format_path

_UNHELD_KEYWORDS = (
    *("not", "if", "uniqueItems", "contains", "dependencies", "dependentRequired", "dependentSchemas"),
    *("unevaluatedItems", "unevaluatedProperties"),
)


@dataclass(frozen=True)
class SchemaLimits:
    """``unheld`` are parts of the schema with their places. ``is_refused``: the schema refers to itself."""

    unheld: tuple[str, ...] = ()
    is_refused: bool = False


@lru_cache(maxsize=64)
def find_schema_limits(schema: str) -> SchemaLimits:
    """Return what the twin cannot do with a schema; nothing for a text that is not a schema."""
    try:
        checked = parse_schema(schema)
    except BadInput:
        return SchemaLimits()
    unheld = [
        f"{part} at {format_path(path)}"
        for path, value in list_subschemas(checked)
        for part in _find_unheld(value)
    ]
    return SchemaLimits(tuple(unheld), refers_to_itself(checked))


def _find_unheld(value: dict[str, object]) -> Iterator[str]:
    yield from (f"“{keyword}”" for keyword in _UNHELD_KEYWORDS if value.get(keyword))
    patterns = [value["pattern"]] if isinstance(value.get("pattern"), str) else []
    if isinstance(named := value.get("patternProperties"), dict):
        patterns += named
    for pattern in patterns:
        yield from engine_pattern.translate(str(pattern)).left_out
