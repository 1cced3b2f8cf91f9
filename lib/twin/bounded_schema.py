"""Narrow a JSON Schema, so that a small model's answer in JSON mode ends before ``max_tokens``.

The engine constrains an answer to a schema (llama.cpp by llguidance), but it does not limit strings, lists and
numbers that the schema leaves unlimited, and a small model does not end them by itself. The narrowed schema allows
part of what the user's schema allows: strings and lists get a limit, numbers get few digits, and objects get only
their named properties. It leaves out ``not``, ``if``, ``uniqueItems``, ``contains`` and the parts of patterns that
the engine does not know (``lib/jsonkit/engine_pattern.py``), so the answer still has to be validated.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lib.jsonkit import engine_pattern
from lib.jsonkit.json_validation import find_matches
from lib.twin import bounded_numbers
from lib.twin.user_schema import UnsatisfiableSchemaError, UserSchema

# Characters of a string that the schema leaves unlimited.
MIN_FREE_STRING, MAX_FREE_STRING = 24, 600
# Items that a list without a limit may have beyond its minimum.
MAX_EXTRA_ITEMS = 4
# Characters of a string and items of a list, whatever the schema allows.
MAX_LENGTH = 1_500
# Required properties without a schema of their own: each may be any value, which takes 1 ms and a long grammar.
MAX_UNDESCRIBED_PROPERTIES = 100

TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
KEYWORDS_BY_TYPE = {
    "object": (
        *("properties", "required", "additionalProperties", "minProperties"),
        *("patternProperties", "propertyNames"),
    ),
    "array": ("items", "prefixItems", "minItems", "maxItems"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
# Keywords that are checked at once; a pattern could take forever.
CHEAP_KEYWORDS = ("type", "enum", "const", "minLength", "maxLength", *KEYWORDS_BY_TYPE["number"])

_DATE = "(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
_TIME = "(0[1-9]|1[0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"
_OCTET = "(1[0-9]{1,2}|[1-9][0-9]?)"
FORMAT_PATTERNS = {
    "date": f"^{_DATE}$",
    "time": f"^{_TIME}$",
    "date-time": f"^{_DATE}T{_TIME}$",
    "uuid": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
    "email": "^[a-z0-9]{1,20}@[a-z0-9]{1,20}\\.[a-z]{2,6}$",
    "uri": "^https://[a-z0-9]{1,20}\\.[a-z]{2,6}(/[a-z0-9-]{0,20}){0,3}$",
    "ipv4": rf"^({_OCTET}\.){{3}}{_OCTET}$",
    "ipv6": "^([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}$",
}
# A small model likes to begin a string with what it expects after the string.
_FIRST_CHARACTER = r"[^\x00-\x20\x7f{}\[\]:,]"
_CHARACTER = r"[^\x00-\x08\x0b-\x1f\x7f]"
MAX_PROPERTY_NAME = 31


def dump_json(value: Any) -> str:
    """Write JSON with the spaces that the engine's grammar uses."""
    return json.dumps(value, ensure_ascii=False)


def narrow_schema(schema: UserSchema, string_chars: int) -> dict[str, Any]:
    """Return the narrowed schema. Raises UnsatisfiableSchemaError, RecursionError.

    ``string_chars`` is how many characters all unlimited strings of an answer may have together.
    """
    strings = _count_unlimited_strings(schema.resolved) or 1
    max_string = max(MIN_FREE_STRING, min(MAX_FREE_STRING, string_chars // strings))
    return _Narrower(max_string, schema.draft).narrow(schema.resolved)


class _Narrower:
    def __init__(self, max_free_string: int, draft: Any) -> None:
        self.max_free_string, self.draft = max_free_string, draft

    def narrow(self, schema: Any) -> dict[str, Any]:
        if schema is False:
            raise UnsatisfiableSchemaError("nothing is valid")
        if schema is True or not schema:
            return self._any_value()
        if "const" in schema:
            return self._enum_schema(schema, [schema["const"]])
        if "enum" in schema:
            return self._enum_schema(schema, schema["enum"])
        for name in ("anyOf", "oneOf"):
            if name in schema:
                rest = {key: value for key, value in schema.items() if key != name}
                branches = [_merge([rest, branch]) for branch in schema[name]]
                return _any_of(branches, self.narrow)
        if "allOf" in schema:
            rest = {key: value for key, value in schema.items() if key != "allOf"}
            return self.narrow(_merge([rest, *schema["allOf"]]))
        types = _as_list(schema["type"]) if "type" in schema else _implied_types(schema)
        return _any_of(types, lambda kind: self._bound_type(kind, schema))

    def _enum_schema(self, schema: Mapping[str, Any], values: Sequence[Any]) -> dict[str, Any]:
        # Not against the list itself: that takes time with the square of its length, minutes for 9,000 values.
        checked = (key for key in CHEAP_KEYWORDS if key in schema and schema[key] is not values)
        cheap = self.draft({key: schema[key] for key in checked})
        valid = [value for value in values if cheap.is_valid(value)]
        if not valid:
            raise UnsatisfiableSchemaError("none of the listed values is valid")
        return {"enum": valid}

    def _bound_type(self, kind: str, schema: Mapping[str, Any], depth: int = 4) -> dict[str, Any]:
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "string":
                return self._string(schema)
            case "number" | "integer":
                return bounded_numbers.narrow_number(kind, schema)
            case _:
                return {"type": kind}

    def _any_value(self, depth: int = 3) -> dict[str, Any]:
        """Allow any JSON value of at most this depth."""
        kinds = ["string", "number", "boolean", "null"]
        if depth:
            kinds += ["array", "object"]
        return {"anyOf": [self._bound_type(kind, {}, depth) for kind in kinds]}

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties: dict[str, Any] = dict(schema.get("properties") or {})
        required = list(dict.fromkeys(schema.get("required") or ()))
        additional = schema.get("additionalProperties", True)
        undescribed = [name for name in required if name not in properties]
        if len(undescribed) > MAX_UNDESCRIBED_PROPERTIES:
            raise UnsatisfiableSchemaError("too many required properties have no schema")
        patterns = schema.get("patternProperties") or {}
        matches = find_matches(list(patterns), [*properties, *undescribed]) if patterns else {}
        properties |= {name: True if matches.get(name) else additional for name in undescribed}
        for name, matching in matches.items():
            properties[name] = _merge([properties[name], *(patterns[pattern] for pattern in matching)])
        if not properties:
            return self._map(schema, additional, depth)
        least, most = schema.get("minProperties", 0), schema.get("maxProperties", len(properties))
        narrowed: dict[str, Any] = {}
        for name, value in sorted(properties.items(), key=lambda item: item[0] not in required):
            try:
                if len(narrowed) < most or name in required:
                    narrowed[name] = self.narrow(value)
            except UnsatisfiableSchemaError:
                if name in required:
                    raise
        more = [name for name in narrowed if name not in required]
        required += more[: max(0, least - len(required))]
        ordered = {name: narrowed[name] for name in properties if name in narrowed}
        return {"type": "object", "properties": ordered, "required": required, "additionalProperties": False}

    def _map(self, schema: Mapping[str, Any], value: Any, depth: int) -> dict[str, Any]:
        """Narrow an object whose properties have no names of their own."""
        least, most = _limits(schema, "minProperties", "maxProperties")
        # The engine refuses patterns that a name can match together, so all names are of one kind.
        pattern, value = next(iter((schema.get("patternProperties") or {}).items()), ("", value))
        if value is False or most == 0:
            if least:
                raise UnsatisfiableSchemaError("properties are required, and none is allowed")
            return {"type": "object", "additionalProperties": False}
        value = self._any_value(depth - 1) if value is True or not value else self.narrow(value)
        names = self._property_names(schema.get("propertyNames", True), pattern)
        if isinstance(names, list):
            if len(names) < least:
                raise UnsatisfiableSchemaError("more properties are required than there are names")
            allowed = dict.fromkeys(names[:most], value)
            return {
                "type": "object",
                "properties": allowed,
                "required": names[:least],
                "additionalProperties": False,
            }
        return {
            "type": "object",
            "patternProperties": {names: value},
            "additionalProperties": False,
            "minProperties": least,
            "maxProperties": most,
        }

    def _property_names(self, schema: Any, pattern: str) -> str | list[str]:
        """Return the names that an object's properties may have: all of them, or the engine's pattern for them."""
        schema = schema if isinstance(schema, dict) else {}
        if "allOf" in schema:
            rest = {key: value for key, value in schema.items() if key != "allOf"}
            return self._property_names(_merge([rest, *schema["allOf"]]), pattern)
        if branches := schema.get("anyOf") or schema.get("oneOf"):
            rest = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}
            return self._property_names(_merge([rest, branches[0]]), pattern)
        if "const" in schema or "enum" in schema:
            listed = self._enum_schema(schema, schema.get("enum", [schema.get("const")]))["enum"]
            return [name for name in listed if isinstance(name, str)]
        for own in filter(None, (pattern, *_as_list(schema.get("pattern", ())))):
            if parts := engine_pattern.translate(own).parts:
                return _bound_name(parts[-1])
        if preset := FORMAT_PATTERNS.get(schema.get("format", "")):
            return preset
        most = min(schema.get("maxLength", MAX_PROPERTY_NAME), MAX_LENGTH)
        least = max(1, schema.get("minLength", 1))
        if least > max(most, MAX_PROPERTY_NAME):
            raise UnsatisfiableSchemaError("a longer name is required than allowed")
        return f"^[a-zA-Z_][a-zA-Z0-9_]{{{least - 1},{max(most, least) - 1}}}$"

    def _array(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        items = schema.get("items", True)
        first = schema.get("prefixItems", items if isinstance(items, list) else [])
        rest = schema.get("additionalItems", True) if isinstance(items, list) else items
        least, most = _limits(schema, "minItems", "maxItems", len(first))
        if first:
            narrowed = [self.narrow(item) for item in first[:most]]
            size = {"minItems": len(narrowed), "maxItems": len(narrowed)}
            return {"type": "array", "prefixItems": narrowed, "items": False, **size}
        try:
            item = self._any_value(depth - 1) if rest is True or rest == {} else self.narrow(rest)
        except UnsatisfiableSchemaError:
            if least:
                raise
            return {"type": "array", "maxItems": 0}
        return {"type": "array", "items": item, "minItems": least, "maxItems": most}

    def _string(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        most = min(schema.get("maxLength", max(self.max_free_string, schema.get("minLength", 0))), MAX_LENGTH)
        # An empty string is an answer that a small model likes.
        least = schema.get("minLength", min(most, 1))
        if least > most:
            raise UnsatisfiableSchemaError("a longer string is required than allowed")
        patterns = [
            part
            for own in _as_list(schema.get("pattern", ()))
            for part in engine_pattern.translate(own).parts
        ]
        if not patterns and (preset := FORMAT_PATTERNS.get(schema.get("format", ""))):
            patterns = [preset]
        if patterns:
            size = {"minLength": schema.get("minLength", 0), "maxLength": most}
            if len(patterns) == 1:
                return {"type": "string", "pattern": patterns[0], **size}
            return {"allOf": [{"type": "string", "pattern": pattern} for pattern in patterns], **size}
        if not most:
            return {"const": ""}
        # One pattern: the engine cannot always combine a pattern with a minimum length.
        text = f"{_FIRST_CHARACTER}{_CHARACTER}{{{max(0, least - 1)},{most - 1}}}"
        return {"type": "string", "pattern": f"^{text}$" if least else f"^({text})?$"}


def _bound_name(pattern: str) -> str:
    """Return the engine's pattern for a name of bounded length that matches a pattern."""
    more = "" if pattern.endswith("$") else f"[a-zA-Z0-9_]{{0,{MAX_PROPERTY_NAME - 1}}}$"
    if pattern.startswith("^") and "|" not in pattern:
        return pattern + more
    return f"^(?:{pattern}){more}"


def _as_list(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else list(value)


def _any_of(alternatives: Iterable[Any], narrow: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """Combine the alternatives that can be satisfied."""
    narrowed = []
    for alternative in alternatives:
        try:
            narrowed.append(narrow(alternative))
        except UnsatisfiableSchemaError:
            continue
    if not narrowed:
        raise UnsatisfiableSchemaError("no alternative is possible")
    return narrowed[0] if len(narrowed) == 1 else {"anyOf": narrowed}


def _limits(schema: Mapping[str, Any], minimum: str, maximum: str, usual: int = 0) -> tuple[int, int]:
    least = schema.get(minimum, 0)
    most = min(schema.get(maximum, max(least, usual) + MAX_EXTRA_ITEMS), MAX_LENGTH)
    if least > most:
        raise UnsatisfiableSchemaError(f"{minimum} is greater than {maximum}")
    return least, most


def _implied_types(schema: Mapping[str, Any]) -> list[str]:
    """Return the types whose keywords a schema without ``type`` has, or all types if it has none."""
    implied = [kind for kind, names in KEYWORDS_BY_TYPE.items() if any(name in schema for name in names)]
    return implied or [kind for kind in TYPES if kind != "integer"]


def _merge(schemas: Iterable[Any]) -> Any:
    """Return about what all schemas require. Where two disagree it takes a guess: validation decides."""
    merged: dict[str, Any] = {}
    for schema in schemas:
        if schema is False:
            return False
        for name, value in {} if schema is True else schema.items():
            if name not in merged:
                merged[name] = value
            elif name in ("anyOf", "oneOf"):
                merged["allOf"] = [*merged.get("allOf", ()), {name: value}]
            else:
                merged[name] = _merge_keyword(name, merged[name], value)
    return merged


def _merge_keyword(name: str, first: Any, second: Any) -> Any:
    if name in ("properties", "patternProperties"):
        shared = {key: _merge([first[key], second[key]]) for key in first if key in second}
        return {**first, **second, **shared}
    if name in ("required", "allOf"):
        return [*first, *second]
    if name == "pattern":
        return [*_as_list(first), *_as_list(second)]
    if name in ("propertyNames", "additionalProperties"):
        return _merge([first, second])
    if name == "enum":
        return [value for value in first if value in second]
    if name == "type":
        return _shared_types(first, second)
    if name.startswith(("min", "exclusiveMin")):
        return max(first, second)
    if name.startswith(("max", "exclusiveMax")):
        return min(first, second)
    return first


def _shared_types(first: Any, second: Any) -> list[str]:
    first_types, second_types = _as_list(first), _as_list(second)
    if "number" in first_types and "integer" in second_types:
        first_types.append("integer")
    if "integer" in first_types and "number" in second_types:
        second_types.append("integer")
    return [kind for kind in first_types if kind in second_types]


def _count_unlimited_strings(schema: Any) -> int:
    """Return about how many strings without a limit of their own a value has."""
    if not isinstance(schema, dict):
        return 0
    count = int("string" in schema.get("type", ()) and not {"maxLength", "enum", "const"} & schema.keys())
    count += sum(map(_count_unlimited_strings, (schema.get("properties") or {}).values()))
    count += sum(map(_count_unlimited_strings, schema.get("prefixItems") or ()))
    count += sum(map(_count_unlimited_strings, schema.get("allOf") or ()))
    branches = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    count += max(map(_count_unlimited_strings, branches), default=0)
    repeated = sum(_count_unlimited_strings(schema.get(name)) for name in ("items", "additionalProperties"))
    return count + MAX_EXTRA_ITEMS * repeated
