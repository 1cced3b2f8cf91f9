"""A JSON Schema as a grammar in llama.cpp's notation (GBNF), so that the model can say nothing else.

The grammar allows a part of what the schema allows, chosen so that a small model comes to an end: one spelling of
the spaces, strings and lists without a bound get one, numbers have few digits, no property that is not named. It
does not know ``not``, ``if``, ``uniqueItems`` or ``contains``: who generates by it validates afterwards.
llama.cpp can make a grammar of a schema by itself, but leaves strings and lists without an end.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lib.twin import pattern_grammar
from lib.twin.range_grammar import decimal_alternatives, integer_alternatives
from lib.twin.user_schema import UserSchema

MAX_FREE_STRING, MIN_FREE_STRING = (
    600,
    24,
)  # characters of a string that the schema leaves unbounded: at most, at least
MAX_EXTRA_ITEMS = 4  # items beyond the least of a list that the schema leaves unbounded
MAX_REPEATS = 1_500  # llama.cpp refuses to repeat a rule more than 2,000 times
MAX_GRAMMAR = 256 * 1024

TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
KEYWORDS_BY_TYPE = {
    "object": ("properties", "required", "additionalProperties", "minProperties", "patternProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
CHEAP_KEYWORDS = ("type", "enum", "const", "minLength", "maxLength")
FORMAT_RULES = {
    "date": '("19" | "20") [0-9]{2} "-" ("0" [1-9] | "1" [0-2]) "-" ("0" [1-9] | "1" [0-9] | "2" [0-8])',
    "time": '("0" [1-9] | "1" [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] "Z"',
    "uuid": '[0-9a-f]{8} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{12}',
    "email": '[a-z0-9]{1,20} "@" [a-z0-9]{1,20} "." [a-z]{2,6}',
    "uri": '"https://" [a-z0-9]{1,20} "." [a-z]{2,6} ("/" [a-z0-9-]{0,20}){0,3}',
    "ipv4": 'OCTET "." OCTET "." OCTET "." OCTET'.replace("OCTET", '("1" [0-9]{1,2} | [1-9] [0-9]?)'),
}
FORMAT_RULES["date-time"] = f'{FORMAT_RULES["date"]} "T" {FORMAT_RULES["time"]}'


class UnsatisfiableSchemaError(Exception):
    """No value is valid, or none that the grammar can describe."""


def quote_terminal(text: str) -> str:
    """The text as a terminal of a grammar."""
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(escapes.get(c) or (c if c >= " " else f"\\x{ord(c):02x}") for c in text) + '"'


def dump_json(value: Any) -> str:
    """JSON as the grammar spells it."""
    return json.dumps(value, ensure_ascii=False)


class GrammarBuilder:
    """Rules, as they are needed. ``budget`` is how many characters an answer has for its strings."""

    def __init__(self, schemas: Iterable[UserSchema], budget: int) -> None:
        schemas = list(schemas)
        strings = sum(_unbounded(schema.resolved) for schema in schemas) or 1
        self.max_free_string = max(MIN_FREE_STRING, min(MAX_FREE_STRING, budget // strings))
        self.validator_class = schemas[0].validator_class if schemas else None
        self.rules: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def render(self, root: str) -> str:
        """The whole grammar. Raises ImpossibleError."""
        text = "\n".join([f"root ::= {root}", *(f"{name} ::= {body}" for name, body in self.rules.items())])
        if len(text) > MAX_GRAMMAR:
            raise UnsatisfiableSchemaError("the grammar is too large")
        return text + "\n"

    def add_rule(self, body: str) -> str:
        """The name of a rule with that body; equal bodies share one."""
        if body not in self._names:
            self._names[body] = name = f"r{len(self._names)}"
            self.rules[name] = body
        return self._names[body]

    def _choice(self, alternatives: Iterable[str]) -> str:
        bodies = list(dict.fromkeys(alternatives))
        if not bodies:
            raise UnsatisfiableSchemaError("no alternative is possible")
        return bodies[0] if len(bodies) == 1 else self.add_rule(" | ".join(bodies))

    def add_value(self, schema: Any) -> str:
        """The symbol for a value of that schema. Raises ImpossibleError."""
        if schema is False:
            raise UnsatisfiableSchemaError("nothing is valid")
        if schema is True or not schema:
            return self.add_any_value()
        for name, listed in (("const", [schema.get("const")]), ("enum", schema.get("enum"))):
            if name in schema:
                return self._one_of(schema, listed)
        for name in ("anyOf", "oneOf"):
            if name in schema:
                return self._branches(schema, name)
        if "allOf" in schema:
            rest = {key: value for key, value in schema.items() if key != "allOf"}
            return self.add_value(_merged([rest, *schema["allOf"]]))
        kinds = schema.get("type", _kinds(schema))
        return self._possible(
            [kinds] if isinstance(kinds, str) else kinds, lambda kind: self._of(kind, schema)
        )

    def _possible(self, ways: Iterable[Any], symbol: Callable[[Any], str]) -> str:
        found = []
        for way in ways:
            try:
                found.append(symbol(way))
            except UnsatisfiableSchemaError:
                continue
        return self._choice(found)

    def _one_of(self, schema: Mapping[str, Any], values: list[Any]) -> str:
        # By what costs nothing to check; a pattern, for one, could take for ever.
        simple = {
            name: schema[name] for name in (*CHEAP_KEYWORDS, *KEYWORDS_BY_TYPE["number"]) if name in schema
        }
        valid = [
            value
            for value in values
            if self.validator_class is None or self.validator_class(simple).is_valid(value)
        ]
        return self._choice(quote_terminal(dump_json(value)) for value in valid)

    def _branches(self, schema: Mapping[str, Any], name: str) -> str:
        rest = {key: value for key, value in schema.items() if key != name}
        return self._possible(schema[name], lambda branch: self.add_value(_merged([rest, branch])))

    def _of(self, kind: str, schema: Mapping[str, Any]) -> str:
        match kind:
            case "object":
                return self._object(schema)
            case "array":
                return self._array(schema)
            case "string":
                return self._string(schema)
            case "integer":
                return self.add_rule(" | ".join(_ranged(integer_alternatives, schema)))
            case "number":
                return self.add_rule(" | ".join(_ranged(decimal_alternatives, schema)))
            case "boolean":
                return self.add_rule('"true" | "false"')
            case _:
                return '"null"'

    def add_any_value(self, depth: int = 3) -> str:
        """Any JSON value, so deep at most."""
        plain = [
            self._string({}),
            self._of("number", {}),
            self._of("boolean", {}),
            '"null"',
        ]
        if depth:
            plain += [self._array({}, depth), self._object({}, depth)]
        return self.add_rule(" | ".join(plain))

    def _object(self, schema: Mapping[str, Any], depth: int = 4) -> str:
        properties: dict[str, Any] = dict(schema.get("properties") or {})
        required = list(dict.fromkeys(schema.get("required") or ()))
        extra = schema.get("additionalProperties", True)
        for name in required:
            properties.setdefault(name, extra)
        if not properties:
            return self._map(schema, extra, depth)
        order = list(properties)
        pairs: dict[str, str] = {}
        for name in order:
            try:
                value = self.add_value(properties[name])
            except UnsatisfiableSchemaError:
                if name in required:
                    raise
                continue
            pairs[name] = self.add_rule(f"{quote_terminal(dump_json(name) + ': ')} {value}")
        return self._members([(pairs[name], name in required) for name in order if name in pairs])

    def _members(self, members: list[tuple[str, bool]]) -> str:
        """The members in their order; those that are not required may be left out, and the commas fit."""
        after = '""'  # what may follow once a member stands: built from the end
        first: list[str] = []  # what may begin
        tails: list[str] = []
        for pair, needed in reversed(members):
            tails.append(after)
            follow = f'", " {pair} {after}'
            after = self.add_rule(follow if needed else f"{follow} | {after}")
        for (pair, needed), tail in zip(members, reversed(tails), strict=True):
            first.append(f"{pair} {tail}")
            if needed:
                break
        else:
            first.append('""')
        return self.add_rule(f'"{{" ({" | ".join(first)}) "}}"')

    def _map(self, schema: Mapping[str, Any], extra: Any, depth: int) -> str:
        least = schema.get("minProperties", 0)
        most = min(schema.get("maxProperties", least + MAX_EXTRA_ITEMS), MAX_REPEATS)
        if extra is False or most == 0:
            if least:
                raise UnsatisfiableSchemaError("members are wanted, and none is allowed")
            return '"{}"'
        anything = extra is True or not extra
        value = self.add_any_value(depth - 1) if anything else self.add_value(extra)
        pair = self.add_rule(f'"\\"" [a-zA-Z_] [a-zA-Z0-9_]{{0,30}} "\\": " {value}')
        return self.add_rule(f'"{{" {_list(pair, least, most)} "}}"')

    def _array(self, schema: Mapping[str, Any], depth: int = 4) -> str:
        items = schema.get("items", True)
        fixed = schema.get("prefixItems", items if isinstance(items, list) else [])
        rest = schema.get("additionalItems", True) if isinstance(items, list) else items
        least = schema.get("minItems", 0)
        most = min(schema.get("maxItems", max(least, len(fixed)) + MAX_EXTRA_ITEMS), MAX_REPEATS)
        if least > most:
            raise UnsatisfiableSchemaError("more items are wanted than allowed")
        head = [self.add_value(item) for item in fixed[:most]]
        if head:
            listed = ' ", " '.join(head)
            return self.add_rule(f'"[" {listed} "]"')
        if not most:
            return '"[]"'
        try:
            item = self.add_any_value(depth - 1) if rest is True or rest == {} else self.add_value(rest)
        except UnsatisfiableSchemaError:
            if least:
                raise
            return '"[]"'
        return self.add_rule(f'"[" {_list(item, least, most)} "]"')

    def _string(self, schema: Mapping[str, Any]) -> str:
        most = min(
            schema.get("maxLength", max(self.max_free_string, schema.get("minLength", 0))), MAX_REPEATS
        )
        least = schema.get("minLength", min(most, 1))  # an empty string is an answer that a small model likes
        if least > most:
            raise UnsatisfiableSchemaError("a longer string is wanted than allowed")
        if "pattern" in schema and (found := pattern_grammar.pattern_rule(schema["pattern"])):
            return self.add_rule(f'"\\"" {found} "\\""')
        if (known := FORMAT_RULES.get(schema.get("format", ""))) and not schema.keys() & {
            "minLength",
            "maxLength",
        }:
            return self.add_rule(f'"\\"" {known} "\\""')
        # No \u: half a character could be said with it.
        char = self.add_rule(r'[^"\\\x00-\x1f\x7f] | "\\" ["\\nt]')
        if not most:
            return r'"\"\""'
        # A small model likes to begin with what it thinks belongs after the string.
        first = self.add_rule(r'[^"\\\x00-\x20\x7f{}\[\]:,]')
        some = f"{first} {char}{{{max(0, least - 1)},{most - 1}}}"
        return self.add_rule(f'"\\"" {some if least else f"({some})?"} "\\""')


def _list(item: str, least: int, most: int) -> str:
    if most < least:
        raise UnsatisfiableSchemaError("more are wanted than allowed")
    body = item if most == 1 else f'{item} (", " {item}){{{max(0, least - 1)},{most - 1}}}'
    return body if least else f"({body})?"


def _ranged(write: Callable[..., list[str]], schema: Mapping[str, Any]) -> list[str]:
    found = write(*_bounds(schema), schema.get("multipleOf"))
    if not found:
        raise UnsatisfiableSchemaError("no number lies between the bounds")
    return found


def _bounds(schema: Mapping[str, Any]) -> tuple[float, float, bool, bool]:
    """Lower and upper bound, and whether each is itself left out."""
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    below, above = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if isinstance(below, bool) or isinstance(above, bool):  # draft 4: a flag beside the bound
        return low, high, below is True, above is True
    below = -math.inf if below is None else below
    above = math.inf if above is None else above
    return max(low, below), min(high, above), low <= below > -math.inf, high >= above < math.inf


def _kinds(schema: Mapping[str, Any]) -> list[str]:
    """The types that a schema without ``type`` speaks of; all of them if of none."""
    spoken = [kind for kind, words in KEYWORDS_BY_TYPE.items() if any(word in schema for word in words)]
    return spoken or [kind for kind in TYPES if kind != "integer"]


def _merged(schemas: list[Any]) -> Any:
    """About what all of them say at once. Where two disagree the stricter is a guess: validation decides."""
    if False in schemas:
        return False
    merged: dict[str, Any] = {}
    for schema in schemas:
        if schema is True:
            continue
        for name, value in schema.items():
            if name not in merged:
                merged[name] = value
            elif name == "properties":
                both = {key: _merged([one, value[key]]) for key, one in merged[name].items() if key in value}
                merged[name] = {**merged[name], **value, **both}
            elif name in ("required", "allOf"):
                merged[name] = [*merged[name], *value]
            elif name in ("anyOf", "oneOf"):
                merged["allOf"] = [*merged.get("allOf", ()), {name: value}]
            elif name == "enum":
                merged[name] = [one for one in merged[name] if one in value]
            elif name == "type":
                merged[name] = _both(merged[name], value)
            elif name.startswith(("min", "exclusiveMin")):
                merged[name] = max(merged[name], value)
            elif name.startswith(("max", "exclusiveMax")):
                merged[name] = min(merged[name], value)
    return merged


def _both(one: Any, other: Any) -> list[str]:
    first, second = ([kinds] if isinstance(kinds, str) else list(kinds) for kinds in (one, other))
    if "number" in first and "integer" in second:
        first.append("integer")
    if "integer" in first and "number" in second:
        second.append("integer")
    return [kind for kind in first if kind in second]


def _unbounded(schema: Any) -> int:
    """About how many strings without a bound of their own a value has."""
    if not isinstance(schema, dict):
        return 0
    count = int("string" in schema.get("type", ()) and not {"maxLength", "enum", "const"} & schema.keys())
    count += sum(map(_unbounded, (schema.get("properties") or {}).values()))
    count += sum(map(_unbounded, schema.get("prefixItems") or ()))
    count += sum(map(_unbounded, schema.get("allOf") or ()))
    count += max(map(_unbounded, [*schema.get("anyOf", ()), *schema.get("oneOf", ())]), default=0)
    return count + MAX_EXTRA_ITEMS * sum(
        _unbounded(schema.get(name)) for name in ("items", "additionalProperties")
    )
