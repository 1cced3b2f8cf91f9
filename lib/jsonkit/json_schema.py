"""JSON Schemas, for JSON mode and for tools: whether a text is one that can be used, and where it is not."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jsonschema
import referencing
import referencing.exceptions
import referencing.jsonschema
from jsonschema.exceptions import best_match

from lib.errors import BadInput
from lib.jsonkit import json_text, schema_keywords
from lib.jsonkit.json_text import Bounds, Path, UnusableJson, format_path
from lib.jsonkit.json_wording import describe_failure

MAX_BYTES = 64 * 1024  # far beyond what fits into a request beside a question
MAX_DEPTH = 64  # the library's checks take several Python frames for each level, of the thousand there are
MAX_PATTERN_CHARS = 1_000  # characters of a regular expression
MAX_VISITS = 10_000  # times that one value is looked at: references that double at each step ask for years
DEFAULT_DRAFT = jsonschema.Draft202012Validator

# Regular expressions of JavaScript's that are fine there and unknown to Python.
_FOREIGN = re.compile(r"\\[pP]\{|\\u\{|\\c[A-Za-z]|\(\?<[A-Za-z_]|\[\^?\]")


class BadSchema(UnusableJson):
    """A text that is no JSON Schema that can be used.

    ``path`` is the place in it, as in ``$.properties.age``, and ``words`` what is wrong there, without the line, for
    who shows the schema inside of something else; empty where the message is about the whole.
    """

    title = "This schema cannot be used"

    def __init__(
        self,
        message: str,
        *,
        advice: str = "",
        path: str = "$",
        words: str = "",
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        super().__init__(message, advice=advice, line=line, column=column)
        self.path = path
        self.reason = words


@dataclass(frozen=True)
class CheckedSchema:
    """A sound schema: its text, its value, and the validator class of its draft."""

    text: str
    value: Any
    draft: Any

    def validator(self, draft: Any = None) -> Any:
        """What checks answers. It fetches nothing."""
        kind = draft or self.draft
        formats = jsonschema.FormatChecker(formats=("date", "email", "ipv4", "ipv6", "uuid"))
        return kind(self.value, registry=referencing.Registry(), format_checker=formats)


@dataclass
class _Place:
    """A schema inside of the schema.

    ``same`` are the places below it that look at the same value as it does, ``refers`` those that it refers to.
    """

    path: Path
    value: Any
    resolver: Any
    known: bool = True  # stands where a keyword has a schema, so that the check of the whole has seen it
    same: list[Path] = field(default_factory=list)
    refers: list[Path] = field(default_factory=list)


def parse_schema(text: str) -> CheckedSchema:
    """The schema of that text. Raises BadInput (BadSchema, or json_text's BadText and Broken) with line and column.

    At most 64 kB and 64 levels; references point into the document; no circle of them looks at one value for ever,
    and none asks for an answer without end.
    """
    found = _checked(text)
    if isinstance(found, CheckedSchema):
        return found
    raise found.with_traceback(None)


@lru_cache(maxsize=256)
def _checked(text: str) -> CheckedSchema | BadInput:
    try:
        return _check(text)
    except BadInput as error:
        return error


def _check(text: str) -> CheckedSchema:
    if not text.strip():
        raise BadSchema(
            "There is no schema yet.", advice="Begin with a sample, or add a field.", line=1, column=1
        )
    value = json_text.parse(text, "The schema", Bounds(MAX_BYTES, MAX_DEPTH))
    if not isinstance(value, (dict, bool)):
        raise BadSchema("A schema is a JSON object: it begins with { and ends with }.", line=1, column=1)
    draft = _draft(text, value)
    try:
        _check_keywords(text, value, draft)
        places = list(_places(text, value, draft))
        for one in places:
            if not one.known:
                _check_keywords(text, one.value, draft, one.path)
            _check_patterns(text, one)
        _check_circles(text, places)
        _check_end(text, places)
    except RecursionError:
        raise BadSchema("The schema is nested too deeply.", advice="Make it flatter.") from None
    return CheckedSchema(text, value, draft)


def _wrong(text: str, path: Path, words: str, advice: str = "") -> BadSchema:
    line, column = json_text.find_path(text, path)
    message = f"{format_path(path)} {words} (line {line:,})."
    return BadSchema(message, advice=advice, path=format_path(path), words=words, line=line, column=column)


def _draft(text: str, value: Any) -> Any:
    named = value.get("$schema") if isinstance(value, dict) else None
    if named is None:
        return DEFAULT_DRAFT
    draft = jsonschema.validators.validator_for(value, default=None) if isinstance(named, str) else None
    if draft is None:
        words = "names a version of JSON Schema that is not known"
        raise _wrong(
            text, ("$schema",), words, "Leave it out, or name a draft: 3, 4, 6, 7, 2019-09, 2020-12."
        )
    return draft


def _check_keywords(text: str, value: Any, draft: Any, above: Path = ()) -> None:
    error = best_match(draft(draft.META_SCHEMA).iter_errors(value))
    if error is None:
        return
    path = (*above, *error.absolute_path)
    if path[-1:] == ("type",) and path[-2:-1] != ("properties",):
        words = "must be one of string, number, integer, boolean, object, array, null, or a list of some"
    else:
        words = describe_failure(error)
    raise _wrong(text, path, words)


def _places(text: str, value: Any, draft: Any) -> Iterator[_Place]:
    """Every schema in it, those that only a reference leads to included."""
    specification = referencing.jsonschema.specification_with(draft.META_SCHEMA["$schema"])
    root = specification.create_resource(value)
    registry: Any = referencing.Registry().with_resource(root.id() or "", root)
    todo = [_Place((), value, registry.resolver_with_root(root))]
    where = {id(found): path for path, found in json_text.walk(value) if isinstance(found, dict)}
    seen: set[Path] = set()
    pointed: list[_Place] = []
    while todo or pointed:
        one = todo.pop() if todo else pointed.pop()
        if one.path in seen or not isinstance(one.value, dict):
            continue
        seen.add(one.path)
        if one.path:
            one.resolver = one.resolver.in_subresource(specification.create_resource(one.value))
        for keyword, path, below in _below(one):
            todo.append(_Place(path, below, one.resolver))
            if keyword in schema_keywords.SAME_VALUE:
                one.same.append(path)
        for keyword in schema_keywords.REFERENCES:
            if isinstance(reference := one.value.get(keyword), str):
                target = _resolve(text, one, keyword, reference)
                path = where.get(id(target.contents), ())
                if isinstance(target.contents, dict):
                    one.refers.append(path)
                    pointed.append(_Place(path, target.contents, target.resolver, known=False))
        yield one


def _below(one: _Place) -> Iterator[tuple[str, Path, Any]]:
    for keyword, value in one.value.items():
        if keyword in schema_keywords.SINGLE_SCHEMA and isinstance(value, (dict, bool)):
            yield keyword, (*one.path, keyword), value
        elif keyword in schema_keywords.SCHEMA_LIST and isinstance(value, list):
            yield from ((keyword, (*one.path, keyword, number), below) for number, below in enumerate(value))
        elif keyword in (schema_keywords.SCHEMA_MAP | schema_keywords.DEFINITIONS) and isinstance(
            value, dict
        ):
            yield from ((keyword, (*one.path, keyword, name), below) for name, below in value.items())


def _resolve(text: str, one: _Place, keyword: str, reference: str) -> Any:
    at = (*one.path, keyword)
    try:
        target = one.resolver.lookup(reference)
    except (referencing.exceptions.Unresolvable, ValueError, TypeError, AttributeError):
        if reference.startswith("#"):
            raise _wrong(text, at, f"points at “{reference[:80]}”, which is not there") from None
        words = f"points outside of the schema, at “{reference[:80]}”"
        raise _wrong(
            text, at, words, "Nothing is fetched: put what it means under $defs, as #/$defs/name."
        ) from None
    if not isinstance(target.contents, (dict, bool)):
        raise _wrong(text, at, f"points at “{reference[:80]}”, which is no schema")
    return target


def _check_patterns(text: str, one: _Place) -> None:
    found = [(("pattern",), one.value.get("pattern"))]
    if isinstance(named := one.value.get("patternProperties"), dict):
        found += [(("patternProperties", pattern), pattern) for pattern in named]  # type: ignore[misc]
    for key, pattern in found:
        if not isinstance(pattern, str):
            continue
        at = (*one.path, *key)
        if len(pattern) > MAX_PATTERN_CHARS:
            words = f"is a pattern of {len(pattern):,} characters, more than {MAX_PATTERN_CHARS:,}"
            raise _wrong(text, at, words, "Make it shorter.")
        if _FOREIGN.search(pattern):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                re.compile(pattern)
        except (re.error, OverflowError) as error:
            raise _wrong(text, at, f"is no regular expression: {error}") from None
        except RecursionError:
            raise _wrong(text, at, "is no regular expression: it is nested too deeply") from None


def _check_circles(text: str, places: list[_Place]) -> None:
    """Refuse references that lead back to themselves without having gone into the value, or multiply without end."""
    graph = {one.path: one.same + one.refers for one in places}
    done: dict[Path, int] = {}  # how often a check of that place looks at the value
    for start in graph:
        trail: list[tuple[Path, Iterator[Path]]] = [(start, iter(graph[start]))]
        on_trail = {start}
        while trail:
            path, ahead = trail[-1]
            after = next(ahead, None)
            if after is None:
                done[path] = 1 + sum(done.get(one, 1) for one in graph[path])
                if done[path] > MAX_VISITS:
                    words = "takes too much work to check: its references multiply"
                    raise _wrong(text, path, words, "Let fewer parts refer to parts that refer further.")
                on_trail.discard(path)
                trail.pop()
            elif after in on_trail:
                words = "refers to itself, through nothing but references: that never ends"
                raise _wrong(text, path, words, "A reference back must stand inside of properties or items.")
            elif after not in done and after in graph:
                trail.append((after, iter(graph[after])))
                on_trail.add(after)


def _check_end(text: str, places: list[_Place]) -> None:
    """Refuse a schema whose every answer would have to hold another one like it, for ever."""
    needed = {one.path: list(_needed(one)) for one in places}
    ends = {path for path, groups in needed.items() if not groups}
    while True:
        more = {
            path
            for path, groups in needed.items()
            if path not in ends
            and all(any(one in ends or one not in needed for one in group) for group in groups)
        }
        if not more:
            break
        ends |= more
    path: Path = ()
    trail: list[Path] = []
    while path in needed and path not in ends and path not in trail:
        trail.append(path)
        group = next(group for group in needed[path] if not any(one in ends for one in group))
        path = group[0]
    if path in trail:
        words = "must hold another one like it, and that one another: no answer ever ends"
        raise _wrong(
            text, path, words, "Leave what refers back out of “required”, or let a list of it be empty."
        )


def _needed(one: _Place) -> Iterator[list[Path]]:
    """Groups of places; of each group one at least must have an end for this one to have one."""
    value, kind = one.value, one.value.get("type")
    if "enum" in value or "const" in value:
        return
    yield from ([path] for path in one.refers)
    if isinstance(parts := value.get("allOf"), list):
        yield from ([(*one.path, "allOf", number)] for number in range(len(parts)))
    for keyword in ("anyOf", "oneOf"):
        if isinstance(choices := value.get(keyword), list) and choices:
            yield [(*one.path, keyword, number) for number in range(len(choices))]
    properties, required = value.get("properties"), value.get("required")
    if kind == "object" and isinstance(properties, dict) and isinstance(required, list):
        yield from ([(*one.path, "properties", name)] for name in required if name in properties)
    least = value.get("minItems")
    if (
        kind == "array"
        and isinstance(least, (int, float))
        and least >= 1
        and isinstance(value.get("items"), dict)
    ):
        yield [(*one.path, "items")]
