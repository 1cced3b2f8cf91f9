"""Columns: the heads of the columns with what differs between them, and the settings of one of them at a time."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import streamlit as st

from lib.compare.comparison import MAX_COLUMNS, MIN_COLUMNS, ComparisonColumn, SetupFields
from lib.ui.answer import answer_stats
from lib.ui.chat.request_preview import RequestPreview
from lib.ui.compare.comparison_tab import ComparisonTab
from lib.ui.settings import conflict_fix, option_controls, parameter_controls, preset_menu
from lib.ui.widgets.bound import bind
from lib.ui.widgets.safe_markdown import escape_markdown

_PICK = "compare-pick"


class ColumnAction(StrEnum):
    """The entries of a column's menu, with their labels."""

    DUPLICATE = "Duplicate"
    REMOVE = "Remove"
    KEEP_AS_PRESET = "Keep as a preset"


def draw_column_heads(board: ComparisonTab, seen: Mapping[str, RequestPreview]) -> None:
    """One for each column. While names are hidden there is nothing to say of any."""
    if board.is_hidden:
        return
    found, columns = board.setting_differences(), board.comparison.columns
    for column, at in zip(columns, st.columns(len(columns)), strict=True):
        with at, st.container(key=f"head-{column.name}", gap="xxsmall"):
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", wrap=False):
                here = column.id == board.selected_column.id
                st.button(
                    f"Column {column.name}",
                    key=f"select-{column.id}",
                    type="tertiary",
                    icon=":material/tune:",
                    on_click=_open,
                    args=(board, column),
                    help="Its settings are in the sidebar" if here else "Put its settings into the sidebar",
                )
                if wrong := seen[column.id].conflicts:
                    st.badge(
                        str(len(wrong)),
                        icon=":material/warning:",
                        color="orange",
                        help="\n\n".join(escape_markdown(one.text) for one in wrong),
                    )
                st.space("stretch")
                key = f"column-menu-{column.id}"
                st.menu_button(
                    "⋯",
                    _possible_actions(len(columns)),
                    key=key,
                    type="tertiary",
                    on_click=_do_action,
                    args=(board, column, key),
                    help="Duplicate and change one thing, remove, keep as a preset",
                )
            st.caption(_told(found[column.id]))


def _possible_actions(column_count: int) -> list[ColumnAction]:
    impossible = set()
    if column_count >= MAX_COLUMNS:
        impossible.add(ColumnAction.DUPLICATE)
    if column_count <= MIN_COLUMNS:
        impossible.add(ColumnAction.REMOVE)
    return [action for action in ColumnAction if action not in impossible]


def _told(facts: SetupFields) -> str:
    if not facts:
        return "Set like the others: change one thing"
    return " · ".join(f"{what} **{escape_markdown(value)}**" for what, value in facts)


def _do_action(board: ComparisonTab, column: ComparisonColumn, key: str) -> None:
    match st.session_state[key]:
        case ColumnAction.DUPLICATE:
            board.duplicate(column.id)
        case ColumnAction.REMOVE:
            board.remove(column.id)
        case ColumnAction.KEEP_AS_PRESET:
            board.keep_as_preset(column.id, None)


def draw_column_settings(board: ComparisonTab, seen: Mapping[str, RequestPreview], *, busy: bool) -> None:
    """The controls of the column that is chosen: the chat's own."""
    if board.is_hidden:
        st.caption(":material/visibility_off: Settings are hidden until the answers are rated or revealed.")
        return
    column = board.selected_column
    columns = {one.id: one.name for one in board.comparison.columns}
    picked = bind(_PICK, column.id, lambda chosen: _pick(board, chosen))
    st.segmented_control(
        "Settings of column",
        list(columns),
        default=picked.value,
        key=picked.key,
        required=True,
        format_func=lambda id: columns.get(id, ""),
        width="stretch",
        on_change=picked.on_change,
    )
    panel, conflicts = board.panels[column.id], seen[column.id].conflicts
    answer_stats.draw_context_gauge(*panel.context_used, panel.context_window)
    preset_menu.draw_preset_menu(panel)
    option_controls.draw_options(panel, conflicts, busy=busy)

    def below(name: str) -> None:
        conflict_fix.draw_conflicts(panel, conflicts, name)
        _others(board, column, name)

    parameter_controls.draw_parameters(panel, below)


def _pick(board: ComparisonTab, chosen: str | None) -> None:
    if chosen is not None:
        board.select_column(chosen)


def _others(board: ComparisonTab, column: ComparisonColumn, name: str) -> None:
    """What the other columns have a parameter at, where that is not the same."""
    values = {
        one.name: board.panels[one.id].chat.settings.sent_values().get(name)
        for one in board.comparison.columns
    }
    if len(set(values.values())) > 1:
        told = (
            f"{other} {'not sent' if value is None else f'{value:g}'}"
            for other, value in values.items()
            if other != column.name
        )
        st.caption(f":material/difference: {' · '.join(told)}")


def _open(board: ComparisonTab, column: ComparisonColumn) -> None:
    board.select_column(column.id)
    # On a phone the sidebar is closed, and a page cannot open it without closing it again at the next touch.
    st.toast(f"The sidebar has the settings of column {column.name}.", icon=":material/tune:")
