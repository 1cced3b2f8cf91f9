"""The editor of a JSON Schema, as a form and as JSON. Nothing that was typed is lost."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial

import streamlit as st

from lib.errors import BadInput
from lib.jsonkit.json_schema import parse_schema
from lib.jsonkit.json_text import UnusableJson, quote_line
from lib.jsonkit.schema_form import SampleSchema, from_schema, sample_schemas, summarize_schema, to_schema
from lib.ui.editors import saved_schemas
from lib.ui.editors.edit_mode import EditMode
from lib.ui.editors.schema_rows import SchemaRow, SchemaRows, field_from_row, row_from_field
from lib.ui.widgets import code_box
from lib.ui.widgets.bound import bind, draw_choice
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.safe_markdown import escape_markdown
from lib.ui.widgets.undo_line import draw_undo_line

OnSchema = Callable[[str], None]


@dataclass
class _SchemaDraft:
    """The state of an editor, in the session's state.

    ``used`` is the schema in use, ``text`` the text of the JSON box. ``root`` has the rows of the form, None if it
    cannot show the schema; ``hidden`` says why. ``problem`` is the error in the last edit, in the view ``place``.
    """

    used: str
    text: str
    root: SchemaRow | None
    mode: EditMode
    hidden: str = ""
    problem: BadInput | None = None
    place: EditMode | None = None
    before: tuple[str, _SchemaDraft] | None = None  # for Undo: what happened, and the state before it
    sample: SampleSchema | None = None


def _start_draft(text: str) -> _SchemaDraft:
    if not text.strip():
        return _SchemaDraft(text, text, SchemaRow(type="object"), EditMode.FORM)
    try:
        root = row_from_field(from_schema(text))
        if any(sample.schema == text for sample in sample_schemas()):
            _mark_sample_texts(root)
        return _SchemaDraft(text, text, root, EditMode.FORM)
    except BadInput as error:
        draft = _SchemaDraft(text, text, None, EditMode.JSON, hidden=f"{error.message} {error.advice}")
    try:
        parse_schema(text)
    except BadInput as error:
        draft.problem, draft.place = error, EditMode.JSON
    return draft


def _mark_sample_texts(row: SchemaRow) -> None:
    row.has_sample_texts = True
    for inner in (*row.rows, *([row.entry] if row.entry is not None else [])):
        _mark_sample_texts(inner)


def _current_draft(key: str, text: str) -> _SchemaDraft:
    draft: _SchemaDraft | None = st.session_state.get(f"{key}-draft")
    if draft is None or draft.used != text:
        new = _start_draft(text)
        if draft is not None and draft.problem is not None:
            new.before = ("Other fields were loaded.", draft)
        st.session_state[f"{key}-draft"] = draft = new
    return draft


def draw_schema_editor(key: str, text: str, on_change: OnSchema) -> None:
    """Draw the editor of the schema ``text``. ``on_change`` gets each new text that is a valid schema.

    Use one key for each object that has a schema: the rows and Undo belong to the key. The editor may be drawn in a
    dialog, and in a column of 300 pixels or more.
    """
    draft = _current_draft(key, text)
    with st.container(
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute",
        gap="small",
        key=f"{key}-bar",
    ):
        mode = bind(f"{key}-mode", draft.mode, lambda value: _set_mode(key, value))
        draw_choice("Edit as", tuple(EditMode), mode, label_visibility="collapsed")
        with st.container(
            horizontal=True, vertical_alignment="center", gap="small", wrap=False, width="content"
        ):
            _draw_samples(key, on_change)
            saved_schemas.draw_saved_schemas(
                f"{key}-saved", draft.used, lambda name, body: _replace(key, name, body, on_change)
            )
    _draw_last_change(key, draft, on_change)
    if draft.mode == EditMode.JSON:
        _draw_json(key, draft, on_change)
    else:
        _draw_form(key, draft, on_change)


def _draw_samples(key: str, on_change: OnSchema) -> None:
    with st.popover("Samples", icon=":material/lightbulb:", key=f"{key}-samples"):
        st.caption("An example replaces your fields. Undo brings them back.")
        for number, sample in enumerate(sample_schemas()):
            st.button(
                sample.name,
                key=f"{key}-sample-{number}",
                help=sample.about,
                width="stretch",
                on_click=_replace,
                args=(key, sample.name, sample.schema, on_change, sample),
            )


def _draw_last_change(key: str, draft: _SchemaDraft, on_change: OnSchema) -> None:
    """Draw what happened last, with Undo, and the sample's text to try it with."""
    if draft.before is not None:
        draw_undo_line(draft.before[0], f"{key}-undo", _undo, key, on_change)
    if draft.sample is not None:
        st.caption("A text to try it with:")
        st.code(draft.sample.ask, language=None, wrap_lines=True)


def _draw_form(key: str, draft: _SchemaDraft, on_change: OnSchema) -> None:
    if draft.problem is not None and draft.place == EditMode.JSON:
        st.warning(
            "The JSON has an error, so the form cannot show it. Correct it there, or discard your changes.",
            icon=":material/code_off:",
        )
        _draw_ways_out(key, EditMode.JSON, "Go to the JSON")
        return
    if draft.root is None:
        st.info(escape_markdown(draft.hidden), icon=":material/code:")
        st.button("Edit as JSON", key=f"{key}-as-json", on_click=_set_mode, args=(key, EditMode.JSON))
        return
    if draft.problem is not None:
        draw_error(draft.problem, "This form is not complete")
        _draw_schema_in_use(draft)
    elif not draft.root.rows and draft.root.type == "object":
        st.caption("Add the first field of the answer, or start with a sample.")
    SchemaRows(
        key,
        lambda: _take_form(draft, on_change),
        partial(_save_for_undo, draft),
    ).draw(draft.root)


def _draw_json(key: str, draft: _SchemaDraft, on_change: OnSchema) -> None:
    in_form = draft.problem is not None and draft.place == EditMode.FORM
    if in_form:
        st.warning(
            "The form is not complete, so this is the last complete version. Complete the form, or discard your "
            "changes.",
            icon=":material/edit_off:",
        )
        _draw_ways_out(key, EditMode.FORM, "Go to the form")
    shown = draft.used if in_form else draft.text
    code_box.draw_code_box(
        "JSON Schema",
        f"{key}-text",
        shown,
        lambda text: _take_text(draft, text, on_change),
        height=360,
        disabled=in_form,
        label_visibility="collapsed",
        placeholder='{"type": "object", "properties": {…}}',
    )
    if draft.problem is None:
        st.caption("Checked when you leave the box, or press Ctrl+Enter.")
    elif not in_form:
        draw_error(draft.problem)
        if isinstance(draft.problem, UnusableJson) and draft.problem.line is not None:
            st.code(quote_line(draft.text, draft.problem.line, draft.problem.column or 1), language=None)
        _draw_schema_in_use(draft)


def _draw_schema_in_use(draft: _SchemaDraft) -> None:
    try:
        parse_schema(draft.used)
    except BadInput:
        st.caption("There is no earlier valid version, so nothing can be sent yet.")
    else:
        st.caption(
            f"Until then the last valid version stays in use: {escape_markdown(summarize_schema(draft.used))}."
        )


def _draw_ways_out(key: str, place: EditMode, words: str) -> None:
    with st.container(horizontal=True, gap="small"):
        st.button(words, key=f"{key}-mend", type="primary", on_click=_set_mode, args=(key, place))
        st.button("Discard changes", key=f"{key}-back", on_click=_take_back, args=(key,))


def _set_mode(key: str, mode: EditMode | None) -> None:
    if mode is not None:
        st.session_state[f"{key}-draft"].mode = mode


def _save_for_undo(draft: _SchemaDraft, words: str) -> None:
    """Save the state for Undo, before an edit that changes more than one control."""
    draft.before = (words, replace(draft, root=deepcopy(draft.root), before=None))


def _take_form(draft: _SchemaDraft, on_change: OnSchema) -> None:
    assert draft.root is not None  # noqa: S101
    try:
        text = to_schema(field_from_row(draft.root))
        parse_schema(text)
    except BadInput as error:
        draft.problem, draft.place = error, EditMode.FORM
        return
    draft.problem = None
    draft.used = draft.text = text
    on_change(text)


def _take_text(draft: _SchemaDraft, text: str, on_change: OnSchema) -> None:
    draft.text = text
    try:
        parse_schema(text)
    except BadInput as error:
        draft.problem, draft.place = error, EditMode.JSON
        return
    draft.problem = None
    draft.used = text
    fresh = _start_draft(text)
    draft.root, draft.hidden = fresh.root, fresh.hidden
    on_change(text)


def _replace(key: str, name: str, body: str, on_change: OnSchema, sample: SampleSchema | None = None) -> None:
    """Replace the schema. Raise BadInput if ``body`` is not a schema."""
    parse_schema(body)
    draft: _SchemaDraft = st.session_state[f"{key}-draft"]
    _save_for_undo(draft, f"“{name}” replaced your fields.")
    new = _start_draft(body)
    new.before, new.sample = draft.before if draft.text.strip() else None, sample
    st.session_state[f"{key}-draft"] = new
    on_change(body)


def _undo(key: str, on_change: OnSchema) -> None:
    draft: _SchemaDraft = st.session_state[f"{key}-draft"]
    assert draft.before is not None  # noqa: S101
    before = draft.before[1]
    draft.before = None
    # Undo can be undone in turn: the draft has what was typed since.
    before.before = ("The change was undone.", draft)
    st.session_state[f"{key}-draft"] = before
    if before.used != draft.used:
        on_change(before.used)


def _take_back(key: str) -> None:
    draft: _SchemaDraft = st.session_state[f"{key}-draft"]
    new = _start_draft(draft.used)
    _save_for_undo(draft, "Your changes were discarded.")
    new.before, new.mode = draft.before, draft.mode
    st.session_state[f"{key}-draft"] = new
