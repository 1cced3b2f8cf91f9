"""Rows: the fields of a schema as controls, one row a field, with what is inside of a field indented below it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Literal

import streamlit as st

from lib.errors import BadInput
from lib.jsonkit.schema_form import EnumValue, SchemaField
from lib.ui.widgets.fill import fill

TYPES = {
    "string": "Text",
    "number": "Number",
    "integer": "Whole number",
    "boolean": "Yes or no",
    "object": "Group of fields",
    "array": "List",
}
VALUED = ("string", "number", "integer")  # those that can be held to certain values
ANYTHING = "Anything"
UP, DOWN, DUPLICATE, REMOVE = "Move up", "Move down", "Duplicate", "Remove"
_NEW = "new_field"


@dataclass
class SchemaRow:
    """A field as it is being edited: it keeps what its type of the moment has no use for.

    The values of ``enum`` are as they were typed; ``items`` is what a list's entries are, ``anything`` any of them.
    """

    name: str = ""
    type: str = "string"
    required: bool = True
    description: str = ""
    enum: list[str] = field(default_factory=list)
    entry: SchemaRow | None = None
    anything: bool = False
    rows: list[SchemaRow] = field(default_factory=list)
    closed: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])


def row_from_field(one: SchemaField) -> SchemaRow:
    """The field as rows."""
    return SchemaRow(
        one.name,
        one.type,
        one.required,
        one.description,
        [value if isinstance(value, str) else json.dumps(value) for value in one.enum],
        None if one.items is None else row_from_field(one.items),
        one.type == "array" and one.items is None,
        [row_from_field(below) for below in one.fields],
        one.closed,
    )


def field_from_row(row: SchemaRow) -> SchemaField:
    """The rows as a field. Raises BadInput where one has no name, or a value that is no number."""
    one = SchemaField(row.name, row.type, row.required, row.description)
    match row.type:
        case "object":
            if any(not below.name.strip() for below in row.rows):
                raise BadInput("A field has no name.", advice="Give it one, or remove it.")
            fields = tuple(field_from_row(below) for below in row.rows)
            return SchemaField(**vars(one) | {"fields": fields, "closed": row.closed})
        case "array":
            items = None if row.anything else field_from_row(row.entry or SchemaRow())
            return SchemaField(**vars(one) | {"items": items})
        case "string" | "number" | "integer":
            return SchemaField(**vars(one) | {"enum": tuple(_value(text, row) for text in row.enum)})
    return one


def _value(text: str, row: SchemaRow) -> EnumValue:
    if row.type == "string":
        return text
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    wanted = (int,) if row.type == "integer" else (int, float)
    if not isinstance(value, wanted) or isinstance(value, bool):
        name = f" of “{row.name}”" if row.name else ""
        raise BadInput(
            f"The value “{text}”{name} is no {TYPES[row.type].lower()}.",
            advice="Take it out, or change the type.",
        )
    return value


class SchemaRows:
    """The drawing of rows. ``changed`` is called after each change, ``removed`` with the name before one goes."""

    def __init__(self, key: str, changed: Callable[[], None], removed: Callable[[str], None]) -> None:
        self._key = key
        self._changed = changed
        self._removed = removed

    def draw(self, root: SchemaRow) -> None:
        """The fields of the whole answer."""
        self._text(root, "description", "What the answer as a whole is, for the model (optional)")
        if root.type == "object":
            self._group(root)
        else:
            st.caption("The whole answer is:")
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                self._type(root, TYPES)
                self._values(root)
            self._inside(root)

    def _group(self, group: SchemaRow) -> None:
        for number, row in enumerate(group.rows):
            with st.container(border=True, gap="xsmall", key=f"{self._key}-row-{row.id}"):
                self._row(group, number, row)
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.button(
                "Add a field",
                key=self._at(group, "add"),
                icon=":material/add:",
                on_click=self._add,
                args=(group,),
            )
            self._check(
                group,
                "closed",
                "No other fields",
                "The answer may hold these fields alone (additionalProperties: false)",
            )

    def _row(self, group: SchemaRow, number: int, row: SchemaRow) -> None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            self._text(row, "name", "Name")
            self._type(row, TYPES)
            self._check(row, "required", "Required")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            valued = row.type in VALUED
            if valued:
                self._text(row, "description", "What it means, for the model")
            # As wide as a phone, where it stands alone.
            width: int | Literal["stretch"] = 340 if valued else "stretch"
            with st.container(
                horizontal=True, vertical_alignment="center", gap="small", wrap=False, width=width
            ):
                if valued:
                    self._values(row)
                else:
                    self._text(row, "description", "What it means, for the model")
                actions = [UP] * (number > 0) + [DOWN] * (number < len(group.rows) - 1) + [DUPLICATE, REMOVE]
                st.menu_button(
                    "⋯",
                    actions,
                    key=self._at(row, "menu"),
                    type="tertiary",
                    help="Move, duplicate, remove",
                    on_click=self._act,
                    args=(group, row),
                )
        self._inside(row)

    def _inside(self, row: SchemaRow) -> None:
        """What a list or a group holds."""
        if row.type == "array":
            row.entry = row.entry or SchemaRow()
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(":material/subdirectory_arrow_right: Each entry:", width="content")
                self._type(row.entry, TYPES | {"": ANYTHING}, row)
                if not row.anything:
                    self._values(row.entry)
            if not row.anything:
                if row.entry.description or row.entry.type in ("object", "array"):
                    self._text(row.entry, "description", "What each entry is, for the model")
                self._inside(row.entry)
        elif row.type == "object":
            self._group(row)

    def _at(self, row: SchemaRow, what: str) -> str:
        return f"{self._key}-{what}-{row.id}"

    def _text(self, row: SchemaRow, name: str, words: str) -> None:
        key = self._at(row, name)
        st.text_input(
            words,
            fill(key, getattr(row, name)),
            key=key,
            placeholder=words,
            label_visibility="collapsed",
            on_change=self._take,
            args=(row, name, key),
            width="stretch",
        )

    def _check(self, row: SchemaRow, name: str, words: str, help: str | None = None) -> None:
        key = self._at(row, name)
        st.checkbox(
            words,
            fill(key, getattr(row, name)),
            key=key,
            help=help,
            on_change=self._take,
            args=(row, name, key),
            width="content",
        )

    def _type(self, row: SchemaRow, types: dict[str, str], inside: SchemaRow | None = None) -> None:
        key = self._at(row, "type")
        now = "" if inside is not None and inside.anything else row.type
        st.selectbox(
            "Type",
            list(types),
            list(types).index(fill(key, now)),
            key=key,
            format_func=types.__getitem__,
            label_visibility="collapsed",
            on_change=self._retype,
            args=(row, key, inside),
            width=156,
        )

    def _values(self, row: SchemaRow) -> None:
        if row.type not in VALUED:
            return
        key = self._at(row, "enum")
        st.multiselect(
            "Only these values",
            list(row.enum),
            fill(key, list(row.enum)),
            key=key,
            placeholder="Any value; type to allow only some",
            accept_new_options=True,
            label_visibility="collapsed",
            on_change=self._take,
            args=(row, "enum", key),
            width="stretch",
        )

    def _take(self, row: SchemaRow, name: str, key: str) -> None:
        value = st.session_state[key]
        setattr(row, name, value.strip() if isinstance(value, str) else value)
        self._changed()

    def _retype(self, row: SchemaRow, key: str, inside: SchemaRow | None) -> None:
        chosen = st.session_state[key]
        if inside is not None:
            inside.anything = not chosen
        if chosen:
            row.type = chosen
            if chosen == "object" and not row.rows:
                row.rows.append(SchemaRow(_NEW))
        self._changed()

    def _add(self, group: SchemaRow) -> None:
        group.rows.append(SchemaRow(_free(_NEW, group)))
        self._changed()

    def _act(self, group: SchemaRow, row: SchemaRow) -> None:
        at = next(number for number, one in enumerate(group.rows) if one.id == row.id)
        match st.session_state[self._at(row, "menu")]:
            case "Move up":
                group.rows.insert(at - 1, group.rows.pop(at))
            case "Move down":
                group.rows.insert(at + 1, group.rows.pop(at))
            case "Duplicate":
                copy = _renewed(row)
                copy.name = _free(row.name, group)
                group.rows.insert(at + 1, copy)
            case "Remove":
                self._removed(row.name)
                group.rows.pop(at)
        self._changed()


def _free(name: str, group: SchemaRow) -> str:
    taken = {row.name for row in group.rows}
    number = 2
    free = name
    while free in taken:
        free = f"{name}_{number}"
        number += 1
    return free


def _renewed(row: SchemaRow) -> SchemaRow:
    """A copy that is another row to the page, and so are those inside of it."""
    copy = deepcopy(row)
    todo = [copy]
    while todo:
        one = todo.pop()
        one.id = SchemaRow().id
        todo += one.rows
        if one.entry is not None:
            todo.append(one.entry)
    return copy
