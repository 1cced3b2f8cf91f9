"""Hypothesis strategies: fields of a schema form, and JSON values that mostly fit them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from lib.jsonkit.schema_form import SchemaField

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
whole = st.integers(-(2**53), 2**53)
real = st.floats(allow_nan=False, allow_infinity=False)


def enums(of: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Return a strategy for tuples of up to three different values."""
    return st.lists(of, unique=True, max_size=3).map(tuple)


def fields(name: st.SearchStrategy[str], required: st.SearchStrategy[bool]) -> st.SearchStrategy[SchemaField]:
    """Return a strategy for fields of any type."""
    common = {"name": name, "required": required, "description": names}
    simple = st.one_of(
        st.builds(SchemaField, type=st.just("string"), enum=enums(names), **common),
        st.builds(SchemaField, type=st.just("number"), enum=enums(real), **common),
        st.builds(SchemaField, type=st.just("integer"), enum=enums(whole), **common),
        st.builds(SchemaField, type=st.just("boolean"), **common),
    )

    def deeper(inner: st.SearchStrategy[SchemaField]) -> st.SearchStrategy[SchemaField]:
        entry = inner.map(lambda one: SchemaField(**vars(one) | {"name": "", "required": True}))
        inside = st.lists(inner, max_size=4, unique_by=lambda one: one.name).map(tuple)
        return st.one_of(
            st.builds(SchemaField, type=st.just("array"), items=st.none() | entry, **common),
            st.builds(SchemaField, type=st.just("object"), fields=inside, closed=st.booleans(), **common),
        )

    return st.recursive(simple, deeper, max_leaves=12)


roots = fields(names, st.booleans()).map(
    lambda one: SchemaField(**vars(one) | {"name": "", "required": True})
)


@st.composite
def answers(draw: st.DrawFn, field: SchemaField) -> Any:
    """Draw a value that fits the field most of the time."""
    if draw(st.integers(0, 11)) == 0:
        return draw(st.none() | st.booleans() | whole | names | st.lists(whole, max_size=2))
    if field.enum:
        return draw(st.sampled_from(field.enum))
    match field.type:
        case "string":
            return draw(names)
        case "number":
            return draw(whole | real)
        case "integer":
            return draw(whole)
        case "boolean":
            return draw(st.booleans())
        case "array":
            return draw(st.lists(answers(field.items) if field.items else whole, max_size=3))
    kept = [one for one in field.fields if one.required or draw(st.booleans())]
    return {one.name: draw(answers(one)) for one in kept} | draw(st.dictionaries(names, whole, max_size=1))
