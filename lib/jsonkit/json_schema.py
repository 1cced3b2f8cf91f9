"""Parse JSON Schemas for JSON mode and tools; errors name the place in the schema."""

from __future__ import annotations

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
from lib.jsonkit import ecma_regex, json_text, schema_keywords
from lib.jsonkit.ecma_regex import MAX_PATTERN_CHARS, BadPattern
from lib.jsonkit.json_text import Bounds, Path, UnusableJson, format_path
from lib.jsonkit.json_wording import describe_failure

MAX_BYTES = 64 * 1024  # far more than fits into a request together with a question
MAX_DEPTH = 64  # jsonschema takes several Python frames for each level, and there are a thousand in all
# How often the references of a schema may check the same value: references that double at each step never finish.
MAX_VISITS = 10_000
DEFAULT_DRAFT = jsonschema.Draft202012Validator


class BadSchema(UnusableJson):
    """A text that is not a usable JSON Schema.

    ``path`` is the place of the error, as in ``$.properties.age``. ``reason`` is the message without the place and
    the line, for callers that show the schema as a part of something else; empty if the message has no place.
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
    """A valid schema: its text, its value, and the validator class of its draft."""

    text: str
    value: Any
    draft: Any

    def validator(self, draft: Any = None) -> Any:
        """Return a validator of this schema; it fetches nothing. ``draft`` replaces the validator class."""
        validator_class = draft or self.draft
        formats = jsonschema.FormatChecker(formats=("date", "email", "ipv4", "ipv6", "uuid"))
        return validator_class(self.value, registry=referencing.Registry(), format_checker=formats)


@dataclass
class _Subschema:
    """A subschema: the root, or a schema inside of it.

    ``same`` are the paths of its own subschemas that check the same value as it does; ``refers`` are the paths that
    it refers to.
    """

    path: Path
    value: Any
    resolver: Any
    is_checked_with_root: bool = True  # False: only references lead to it, no keyword does
    same: list[Path] = field(default_factory=list)
    refers: list[Path] = field(default_factory=list)


def parse_schema(text: str) -> CheckedSchema:
    """Parse and check a schema. Raises UnusableJson with line and column; mostly its subclass BadSchema.

    Refused are: more than 64 kB or 64 levels, references to other documents, circles of references that would check
    the same value forever, and schemas that only an infinite answer could fit.
    """
    result = _parse_or_error(text)
    if isinstance(result, CheckedSchema):
        return result
    raise result.with_traceback(None)


@lru_cache(maxsize=256)
def _parse_or_error(text: str) -> CheckedSchema | BadInput:
    try:
        return _parse(text)
    except BadInput as error:
        return error


def _parse(text: str) -> CheckedSchema:
    if not text.strip():
        advice = "Begin with a sample, or add a field."
        raise BadSchema("There is no schema yet.", advice=advice, line=1, column=1)
    value = json_text.parse(text, "The schema", Bounds(MAX_BYTES, MAX_DEPTH))
    if not isinstance(value, (dict, bool)):
        raise BadSchema("A schema is a JSON object: it begins with { and ends with }.", line=1, column=1)
    try:
        draft = _draft(value)
        _check_keywords(value, draft)
        subschemas = list(_subschemas(value, draft))
        for subschema in subschemas:
            if not subschema.is_checked_with_root:
                _check_keywords(subschema.value, draft, subschema.path)
            _check_patterns(subschema)
        _check_circles(subschemas)
        _check_finite(subschemas)
    except _Fault as fault:
        place, words = format_path(fault.path), fault.words
        line, column = json_text.find_path(text, fault.path)
        message = f"{place} {words} (line {line:,})."
        raise BadSchema(
            message, advice=fault.advice, path=place, words=words, line=line, column=column
        ) from None
    except RecursionError:
        raise BadSchema("The schema is nested too deeply.", advice="Use fewer levels.") from None
    return CheckedSchema(text, value, draft)


class _Fault(Exception):
    """``words`` continue the sentence after the place."""

    def __init__(self, path: Path, words: str, advice: str = "") -> None:
        super().__init__(words)
        self.path, self.words, self.advice = path, words, advice


def list_subschemas(schema: CheckedSchema) -> list[tuple[Path, dict[str, Any]]]:
    """Return the path and the value of each subschema that is an object, in reading order."""
    found = {subschema.path: subschema.value for subschema in _subschemas(schema.value, schema.draft)}
    return [(path, value) for path, value in json_text.walk(schema.value) if path in found]


def refers_to_itself(schema: CheckedSchema) -> bool:
    """Return True if a reference leads to a schema that it stands in, so that answers may be nested without end."""
    graph = {
        subschema.path: [*(path for _, path, _ in _children(subschema)), *subschema.refers]
        for subschema in _subschemas(schema.value, schema.draft)
    }
    # Remove what leads nowhere, again and again: a circle stays.
    while ends := [path for path, ahead in graph.items() if not any(other in graph for other in ahead)]:
        for path in ends:
            del graph[path]
    return bool(graph)


def _draft(value: Any) -> Any:
    named = value.get("$schema") if isinstance(value, dict) else None
    if named is None:
        return DEFAULT_DRAFT
    draft = jsonschema.validators.validator_for(value, default=None) if isinstance(named, str) else None
    if draft is None:
        advice = "Leave it out, or name a draft: 3, 4, 6, 7, 2019-09, 2020-12."
        raise _Fault(("$schema",), "names a version of JSON Schema that is not known", advice)
    return draft


def _check_keywords(value: Any, draft: Any, above: Path = ()) -> None:
    error = best_match(draft(draft.META_SCHEMA).iter_errors(value))
    if error is None:
        return
    path = (*above, *error.absolute_path)
    if path[-1:] == ("type",) and path[-2:-1] != ("properties",):
        words = "must be one of string, number, integer, boolean, object, array, null, or a list of some"
    else:
        words = describe_failure(error)
    raise _Fault(path, words)


def _subschemas(value: Any, draft: Any) -> Iterator[_Subschema]:
    """Yield every subschema, also those that only a reference leads to."""
    specification = referencing.jsonschema.specification_with(draft.META_SCHEMA["$schema"])
    root = specification.create_resource(value)
    registry: Any = referencing.Registry().with_resource(root.id() or "", root)
    todo = [_Subschema((), value, registry.resolver_with_root(root))]
    where = {id(part): path for path, part in json_text.walk(value) if isinstance(part, dict)}
    visited: set[Path] = set()
    pointed: list[_Subschema] = []
    while todo or pointed:
        subschema = todo.pop() if todo else pointed.pop()
        if subschema.path in visited or not isinstance(subschema.value, dict):
            continue
        visited.add(subschema.path)
        if subschema.path:
            resource = specification.create_resource(subschema.value)
            subschema.resolver = subschema.resolver.in_subresource(resource)
        for keyword, path, below in _children(subschema):
            todo.append(_Subschema(path, below, subschema.resolver))
            if keyword in schema_keywords.SAME_VALUE:
                subschema.same.append(path)
        for keyword in schema_keywords.REFERENCES:
            if isinstance(reference := subschema.value.get(keyword), str):
                target = _resolve(subschema, keyword, reference)
                path = where.get(id(target.contents), ())
                if isinstance(target.contents, dict):
                    subschema.refers.append(path)
                    pointed.append(
                        _Subschema(path, target.contents, target.resolver, is_checked_with_root=False)
                    )
        yield subschema


def _children(subschema: _Subschema) -> Iterator[tuple[str, Path, Any]]:
    schemas_by_name = schema_keywords.SCHEMA_MAP | schema_keywords.DEFINITIONS
    for keyword, value in subschema.value.items():
        path = (*subschema.path, keyword)
        if keyword in schema_keywords.SINGLE_SCHEMA and isinstance(value, (dict, bool)):
            yield keyword, path, value
        elif keyword in schema_keywords.SCHEMA_LIST and isinstance(value, list):
            yield from ((keyword, (*path, number), below) for number, below in enumerate(value))
        elif keyword in schemas_by_name and isinstance(value, dict):
            yield from ((keyword, (*path, name), below) for name, below in value.items())


def _resolve(subschema: _Subschema, keyword: str, reference: str) -> Any:
    path = (*subschema.path, keyword)
    try:
        target = subschema.resolver.lookup(reference)
    except (referencing.exceptions.Unresolvable, ValueError, TypeError, AttributeError):
        if reference.startswith("#"):
            raise _Fault(path, f"points at “{reference[:80]}”, which is not there") from None
        advice = "Nothing is fetched: put what it means under $defs, as #/$defs/name."
        raise _Fault(path, f"points outside of the schema, at “{reference[:80]}”", advice) from None
    if not isinstance(target.contents, (dict, bool)):
        raise _Fault(path, f"points at “{reference[:80]}”, which is no schema")
    return target


def _check_patterns(subschema: _Subschema) -> None:
    if isinstance(pattern := subschema.value.get("pattern"), str):
        _check_pattern(pattern, (*subschema.path, "pattern"))
    if isinstance(named := subschema.value.get("patternProperties"), dict):
        for pattern in named:
            _check_pattern(pattern, (*subschema.path, "patternProperties", pattern))


def _check_pattern(pattern: str, path: Path) -> None:
    if len(pattern) > MAX_PATTERN_CHARS:
        words = f"is a pattern of {len(pattern):,} characters, more than {MAX_PATTERN_CHARS:,}"
        raise _Fault(path, words, "Make it shorter.")
    try:
        ecma_regex.check_pattern(pattern)
    except BadPattern as error:
        raise _Fault(path, f"is no regular expression: {error}") from None


def _check_circles(subschemas: list[_Subschema]) -> None:
    """Refuse references that return to themselves at the same value, or that multiply beyond MAX_VISITS."""
    graph = {subschema.path: subschema.same + subschema.refers for subschema in subschemas}
    done: dict[Path, int] = {}  # how often a check of that subschema visits its value
    for start in graph:
        trail: list[tuple[Path, Iterator[Path]]] = [(start, iter(graph[start]))]
        on_trail = {start}
        while trail:
            path, ahead = trail[-1]
            after = next(ahead, None)
            if after is None:
                done[path] = 1 + sum(done.get(target, 1) for target in graph[path])
                if done[path] > MAX_VISITS:
                    words = "takes too much work to check: its references multiply"
                    raise _Fault(path, words, "Let fewer parts refer to parts that refer further.")
                on_trail.discard(path)
                trail.pop()
            elif after in on_trail:
                words = "refers to itself, through nothing but references: that never ends"
                raise _Fault(path, words, "A reference back must stand inside of properties or items.")
            elif after not in done and after in graph:
                trail.append((after, iter(graph[after])))
                on_trail.add(after)


def _check_finite(subschemas: list[_Subschema]) -> None:
    """Refuse a schema whose answers would each have to contain another answer of the same kind."""
    needed = {subschema.path: list(_needed_paths(subschema)) for subschema in subschemas}
    ends = {path for path, groups in needed.items() if not groups}
    while True:
        more = {
            path
            for path, groups in needed.items()
            if path not in ends
            and all(any(target in ends or target not in needed for target in group) for group in groups)
        }
        if not more:
            break
        ends |= more
    path: Path = ()
    trail: list[Path] = []
    while path in needed and path not in ends and path not in trail:
        trail.append(path)
        group = next(group for group in needed[path] if not any(target in ends for target in group))
        path = group[0]
    if path in trail:
        words = "must hold another one like it, and that one another: no answer ever ends"
        raise _Fault(path, words, "Leave what refers back out of “required”, or let a list of it be empty.")


def _needed_paths(subschema: _Subschema) -> Iterator[list[Path]]:
    """Yield groups of paths: a finite answer exists only if one path of each group allows a finite answer."""
    value, kind = subschema.value, subschema.value.get("type")
    if "enum" in value or "const" in value:
        return
    yield from ([path] for path in subschema.refers)
    if isinstance(parts := value.get("allOf"), list):
        yield from ([(*subschema.path, "allOf", number)] for number in range(len(parts)))
    for keyword in ("anyOf", "oneOf"):
        if isinstance(choices := value.get(keyword), list) and choices:
            yield [(*subschema.path, keyword, number) for number in range(len(choices))]
    properties, required = value.get("properties"), value.get("required")
    if kind == "object" and isinstance(properties, dict) and isinstance(required, list):
        yield from ([(*subschema.path, "properties", name)] for name in required if name in properties)
    least = value.get("minItems")
    needs_item = kind == "array" and isinstance(least, (int, float)) and least >= 1
    if needs_item and isinstance(value.get("items"), dict):
        yield [(*subschema.path, "items")]
