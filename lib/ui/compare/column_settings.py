"""The heads of the columns with their differences, and the settings of the selected column in the sidebar."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import streamlit as st

from lib.compare.comparison import MAX_COLUMNS, MIN_COLUMNS, ComparisonColumn, SetupFields
from lib.model.model_record import format_value
from lib.ui.answer import answer_stats
from lib.ui.chat.request_preview import RequestPreview
from lib.ui.compare.comparison_tab import ComparisonTab
from lib.ui.settings import conflict_fix, model_picker, preset_menu, settings_panel
from lib.ui.widgets.bound import bind, draw_choice
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.safe_markdown import escape_markdown

_PICK = "compare-pick"  # the control that selects the column


class ColumnAction(StrEnum):
    """The entries of a column's menu, with their labels."""

    DUPLICATE = "Duplicate"
    REMOVE = "Remove"
    KEEP_AS_PRESET = "Save as preset"


def draw_column_heads(tab: ComparisonTab, previews: Mapping[str, RequestPreview]) -> None:
    """Draw a head for each column, unless names and settings are hidden."""
    if tab.is_hidden:
        return
    differences, columns = tab.setting_differences(), tab.comparison.columns
    for column, place in zip(columns, st.columns(len(columns)), strict=True):
        with place, st.container(key=f"head-{column.name}", gap="xxsmall"):
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", wrap=False):
                is_selected = column.id == tab.selected_column.id
                st.button(
                    f"Column {column.name}",
                    key=f"select-{column.id}",
                    type="tertiary",
                    icon=":material/tune:",
                    on_click=_show_settings,
                    args=(tab, column),
                    help="The sidebar shows its settings"
                    if is_selected
                    else "Show its settings in the sidebar",
                )
                if conflicts := previews[column.id].conflicts:
                    st.badge(
                        str(len(conflicts)),
                        icon=":material/warning:",
                        color="orange",
                        help="\n\n".join(escape_markdown(conflict.text) for conflict in conflicts),
                    )
                st.space("stretch")
                key = f"column-menu-{column.id}"
                st.menu_button(
                    f"Actions for column {column.name}",
                    _possible_actions(len(columns)),
                    key=key,
                    icon=":material/more_horiz:",
                    type="tertiary",
                    on_click=_do_action,
                    args=(tab, column, key),
                    help="Duplicate, remove or save as preset",
                )
                if column is columns[-1] and len(columns) < MAX_COLUMNS:
                    st.button(
                        "Add column",
                        key="add-column",
                        icon=":material/add:",
                        type="tertiary",
                        on_click=tab.duplicate,
                        args=(column.id,),
                        help=f"Adds a copy of column {column.name}, up to {MAX_COLUMNS} columns",
                    )
            st.caption(_differences_text(differences[column.id]))


def _possible_actions(column_count: int) -> list[ColumnAction]:
    impossible = set()
    if column_count >= MAX_COLUMNS:
        impossible.add(ColumnAction.DUPLICATE)
    if column_count <= MIN_COLUMNS:
        impossible.add(ColumnAction.REMOVE)
    return [action for action in ColumnAction if action not in impossible]


def _differences_text(differences: SetupFields) -> str:
    if not differences:
        return "Same settings as the others"
    return " · ".join(f"{field} **{escape_markdown(value)}**" for field, value in differences)


def _do_action(tab: ComparisonTab, column: ComparisonColumn, key: str) -> None:
    match st.session_state[key]:
        case ColumnAction.DUPLICATE:
            tab.duplicate(column.id)
        case ColumnAction.REMOVE:
            tab.remove(column.id)
        case ColumnAction.KEEP_AS_PRESET:
            tab.keep_as_preset(column.id, None)


def draw_column_settings(tab: ComparisonTab, previews: Mapping[str, RequestPreview], *, busy: bool) -> None:
    """Draw the controls of the selected column, the same as on the Chat page. ``busy``: an answer is coming."""
    if tab.is_hidden:
        st.caption(":material/visibility_off: Settings are hidden until you rate or reveal the answers.")
        return
    column = tab.selected_column
    names = {other.id: other.name for other in tab.comparison.columns}
    selected = bind(_PICK, column.id, tab.select_column)
    draw_choice(
        "Settings of column", list(names), selected, format_func=lambda id: names.get(id, ""), width="stretch"
    )
    panel, conflicts = tab.panels[column.id], previews[column.id].conflicts
    answer_stats.draw_context_gauge(*panel.context_used, panel.known_context_window, panel.chat.model)
    if (error := panel.pop_error()) is not None:
        draw_error(error)
    with st.container(horizontal=True, gap="small"):
        model_picker.draw_model_menu(panel)
        preset_menu.draw_preset_menu(panel)
    model_picker.draw_model_notes(panel)

    def draw_notes(name: str) -> None:
        conflict_fix.draw_conflicts(panel, conflicts, name)
        _draw_other_values(tab, column, name)

    settings_panel.draw_settings(panel, conflicts, busy=busy, draw_notes=draw_notes)


def _draw_other_values(tab: ComparisonTab, column: ComparisonColumn, name: str) -> None:
    """Draw the values that a parameter has in the other columns, unless all are equal."""
    values = {
        other.name: tab.panels[other.id].chat.settings.sent_values().get(name)
        for other in tab.comparison.columns
    }
    if len(set(values.values())) > 1:
        others = (
            f"{other} {'off' if value is None else escape_markdown(format_value(value))}"
            for other, value in values.items()
            if other != column.name
        )
        st.caption(f":material/difference: {' · '.join(others)}")


def _show_settings(tab: ComparisonTab, column: ComparisonColumn) -> None:
    tab.select_column(column.id)
    # On a phone the sidebar is closed. A page can open it only by closing it again at the next touch.
    st.toast(f"The sidebar now shows the settings of column {column.name}.", icon=":material/tune:")
