"""The form of a schema: one row of controls for each field, with the fields inside of it below."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import streamlit as st

from lib.errors import BadInput
from lib.jsonkit.schema_form import EnumValue, SchemaField, free_name
from lib.ui.editors.field_rows import RowAction, change_rows, numbered, possible_actions
from lib.ui.widgets.bound import Bound, bind, draw_selectbox
from lib.ui.widgets.take_focus import draw_added_focus, focus_added

TYPES = {
    "string": "Text",
    "number": "Number",
    "integer": "Whole number",
    "boolean": "Yes or no",
    "object": "Group of fields",
    "array": "List",
}
VALUED = ("string", "number", "integer")  # types whose values can be limited to a list
ANYTHING = "Anything"
_NEW = "new_field"


@dataclass
class SchemaRow:
    """A field as it is being edited. It keeps what its current type does not use, in case the type changes back.

    ``enum`` has the values as they were typed. ``entry`` is the field of a list's entries; ``anything`` allows any.
    ``has_sample_texts``: its description and values are a sample's, which do not fit a field of another name.
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
    has_sample_texts: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])


def row_from_field(field: SchemaField) -> SchemaRow:
    """Return the row of a field, with the rows inside of it."""
    return SchemaRow(
        field.name,
        field.type,
        field.required,
        field.description,
        [value if isinstance(value, str) else json.dumps(value) for value in field.enum],
        None if field.items is None else row_from_field(field.items),
        field.type == "array" and field.items is None,
        [row_from_field(inner) for inner in field.fields],
        field.closed,
    )


def field_from_row(row: SchemaRow) -> SchemaField:
    """Return the field of a row. Raise BadInput if a field has no name, or a value that is not a number."""
    plain = SchemaField(row.name, row.type, row.required, row.description)
    match row.type:
        case "object":
            if any(not inner.name.strip() for inner in row.rows):
                raise BadInput("A field has no name.", advice="Give it one, or remove it.")
            fields = tuple(field_from_row(inner) for inner in row.rows)
            return replace(plain, fields=fields, closed=row.closed)
        case "array":
            items = None if row.anything else field_from_row(row.entry or SchemaRow())
            return replace(plain, items=items)
        case "string" | "number" | "integer":
            return replace(plain, enum=tuple(_value(text, row) for text in row.enum))
    return plain


def _value(text: str, row: SchemaRow) -> EnumValue:
    if row.type == "string":
        return text
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    number_types = (int,) if row.type == "integer" else (int, float)
    if not isinstance(value, number_types) or isinstance(value, bool):
        name = f" of “{row.name}”" if row.name else ""
        raise BadInput(
            f"The value “{text}”{name} is not a {TYPES[row.type].lower()}.",
            advice="Remove it, or change the type.",
        )
    return value


class SchemaRows:
    """Draws rows.

    ``changed`` is called after each change, and before that ``save_for_undo``, with words for the change, if it is
    more than one control's.
    """

    def __init__(self, key: str, changed: Callable[[], None], save_for_undo: Callable[[str], None]) -> None:
        self._key = key
        self._changed = changed
        self._save_for_undo = save_for_undo

    def draw(self, root: SchemaRow) -> None:
        """Draw the fields of the whole answer."""
        self._text(root, "description", "What the answer is about (optional; the model reads it)")
        if root.type == "object":
            self._group(root)
        else:
            st.caption("The whole answer is:")
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                self._type(root, TYPES)
                self._draw_allowed_values(root)
            self._draw_nested_rows(root)
        draw_added_focus(self._row_key(""))

    def _group(self, group: SchemaRow, place: str = "") -> None:
        """Draw the fields of a group. ``place`` is the group's own number: those of its fields begin with it."""
        for number, row in enumerate(group.rows):
            with st.container(border=True, gap="xsmall", key=self._row_key(row.id)):
                self._draw_row(group, number, row, f"{place}{number + 1}")
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.button(
                "Add a field",
                key=self._widget_key(group, "add"),
                icon=":material/add:",
                on_click=self._add,
                args=(group,),
            )
            self._check(
                group,
                "closed",
                "Allow only these fields",
                "The answer must not have any other field (additionalProperties: false)",
            )

    def _draw_row(self, group: SchemaRow, number: int, row: SchemaRow, place: str) -> None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            self._text(row, "name", "Name", place)
            self._type(row, TYPES, place=place)
            self._check(row, "required", "Required")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            valued = row.type in VALUED
            if valued:
                self._text(row, "description", "What it means (the model reads it)", place)
            # As wide as a phone, where it has a line of its own.
            width: int | Literal["stretch"] = 340 if valued else "stretch"
            with st.container(
                horizontal=True, vertical_alignment="center", gap="small", wrap=False, width=width
            ):
                if valued:
                    self._draw_allowed_values(row, place)
                else:
                    self._text(row, "description", "What it means (the model reads it)", place)
                st.menu_button(
                    f"Actions for field {place}",
                    possible_actions(number, len(group.rows)),
                    icon=":material/more_horiz:",
                    key=self._widget_key(row, "menu"),
                    type="tertiary",
                    help="Move, duplicate, remove",
                    on_click=self._apply_row_action,
                    args=(group, row),
                )
        self._draw_nested_rows(row, place)

    def _draw_nested_rows(self, row: SchemaRow, place: str = "") -> None:
        if row.type == "array":
            row.entry = row.entry or SchemaRow()
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(":material/subdirectory_arrow_right: Each entry:", width="content")
                self._type(row.entry, TYPES | {"": ANYTHING}, row, place)
                if not row.anything:
                    self._draw_allowed_values(row.entry, place)
            if not row.anything:
                if row.entry.description or row.entry.type in ("object", "array"):
                    self._text(row.entry, "description", "What each entry is (the model reads it)", place)
                self._draw_nested_rows(row.entry, place)
        elif row.type == "object":
            self._group(row, f"{place}." if place else "")

    def _row_key(self, id: str) -> str:
        return f"{self._key}-row-{id}"

    def _widget_key(self, row: SchemaRow, what: str) -> str:
        return f"{self._key}-{what}-{row.id}"

    def _text(self, row: SchemaRow, name: str, words: str, place: str = "") -> None:
        box = self._bind(row, name)
        st.text_input(
            numbered(words, _field(place)), placeholder=words, label_visibility="collapsed", **box.arguments()
        )

    def _check(self, row: SchemaRow, name: str, words: str, help: str | None = None) -> None:
        box = self._bind(row, name)
        st.checkbox(words, help=help, width="content", **box.arguments())

    def _type(
        self, row: SchemaRow, types: dict[str, str], inside: SchemaRow | None = None, place: str = ""
    ) -> None:
        now = "" if inside is not None and inside.anything else row.type
        box = bind(self._widget_key(row, "type"), now, lambda chosen: self._retype(row, chosen, inside))
        draw_selectbox(
            numbered("Type", _field(place)),
            list(types),
            box,
            format_func=types.__getitem__,
            label_visibility="collapsed",
            width=156,
        )

    def _draw_allowed_values(self, row: SchemaRow, place: str = "") -> None:
        if row.type not in VALUED:
            return
        st.multiselect(
            numbered("Allowed values", _field(place)),
            row.enum,
            placeholder="Allowed values (optional)",
            accept_new_options=True,
            label_visibility="collapsed",
            **self._bind(row, "enum").arguments("default"),
        )

    def _bind(self, row: SchemaRow, name: str) -> Bound[Any]:
        return bind(self._widget_key(row, name), getattr(row, name), partial(self._take, row, name))

    def _take(self, row: SchemaRow, name: str, value: Any) -> None:
        if row.has_sample_texts and name == "name" and (row.description or row.enum):
            self._save_for_undo(f"“{row.name}” was renamed, so the sample's texts about it were removed.")
            row.description, row.enum = "", []
        if name in ("name", "description", "enum"):
            row.has_sample_texts = False
        setattr(row, name, value.strip() if isinstance(value, str) else value)
        self._changed()

    def _retype(self, row: SchemaRow, chosen: str, inside: SchemaRow | None) -> None:
        if inside is not None:
            inside.anything = not chosen
        if chosen:
            row.type = chosen
            if chosen == "object" and not row.rows:
                row.rows.append(SchemaRow(_NEW))
        self._changed()

    def _add(self, group: SchemaRow) -> None:
        row = SchemaRow(free_name(_NEW, [other.name for other in group.rows]))
        group.rows.append(row)
        focus_added(self._row_key(row.id))
        self._changed()

    def _apply_row_action(self, group: SchemaRow, row: SchemaRow) -> None:
        position = next(number for number, other in enumerate(group.rows) if other.id == row.id)
        action = st.session_state[self._widget_key(row, "menu")]
        if action == RowAction.REMOVE:
            self._save_for_undo(f"“{row.name}” was removed.")
        copy = _copy_with_new_ids(row)
        copy.name = free_name(row.name, [other.name for other in group.rows])
        group.rows[:] = change_rows(group.rows, position, action, copy)
        self._changed()


def _field(place: str) -> str:
    return f"field {place}" if place else ""


def _copy_with_new_ids(row: SchemaRow) -> SchemaRow:
    """Return a copy with new ids, also of the rows inside of it."""
    entry = None if row.entry is None else _copy_with_new_ids(row.entry)
    rows = [_copy_with_new_ids(inner) for inner in row.rows]
    return replace(row, enum=list(row.enum), entry=entry, rows=rows, id=SchemaRow().id)
