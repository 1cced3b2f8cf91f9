"""Columns: the heads of the columns with what differs between them, and the settings of one of them at a time."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from lib.compare.comparison import FEWEST, MOST, Column, Facts
from lib.ui.answer import answer_stats
from lib.ui.chat.request_preview import Outlook
from lib.ui.compare.comparison_tab import Board
from lib.ui.settings import conflict_fix, option_controls, parameter_controls, preset_menu
from lib.ui.widgets.fill import fill
from lib.ui.widgets.safe_markdown import label

_DUPLICATE, _REMOVE, _KEEP = "Duplicate", "Remove", "Keep as a preset"
_PICK = "compare-pick"


def heads(board: Board, seen: Mapping[str, Outlook]) -> None:
    """One for each column. While names are hidden there is nothing to say of any."""
    if board.hidden:
        return
    found, columns = board.differences(), board.comparison.columns
    for column, at in zip(columns, st.columns(len(columns)), strict=True):
        with at, st.container(key=f"head-{column.name}", gap="xxsmall"):
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", wrap=False):
                here = column.id == board.selected.id
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
                        help="\n\n".join(label(one.text) for one in wrong),
                    )
                st.space("stretch")
                key = f"column-menu-{column.id}"
                actions = [_DUPLICATE] * (len(columns) < MOST) + [_REMOVE] * (len(columns) > FEWEST) + [_KEEP]
                st.menu_button(
                    "⋯",
                    actions,
                    key=key,
                    type="tertiary",
                    on_click=_chosen,
                    args=(board, column, key),
                    help="Duplicate and change one thing, remove, keep as a preset",
                )
            st.caption(_told(found[column.id]))


def _told(facts: Facts) -> str:
    if not facts:
        return "Set like the others: change one thing"
    return " · ".join(f"{what} **{label(value)}**" for what, value in facts)


def _chosen(board: Board, column: Column, key: str) -> None:
    match st.session_state[key]:
        case "Duplicate":
            board.duplicate(column.id)
        case "Remove":
            board.remove(column.id)
        case "Keep as a preset":
            board.keep(column.id, None)


def settings(board: Board, seen: Mapping[str, Outlook], *, busy: bool) -> None:
    """The controls of the column that is chosen: the chat's own."""
    if board.hidden:
        st.caption(":material/visibility_off: Settings are hidden until the answers are rated or revealed.")
        return
    column = board.selected
    columns = {one.id: one.name for one in board.comparison.columns}
    st.segmented_control(
        "Settings of column",
        list(columns),
        default=fill(_PICK, column.id),
        key=_PICK,
        required=True,
        format_func=lambda id: columns.get(id, ""),
        width="stretch",
        on_change=_pick,
        args=(board,),
    )
    panel, conflicts = board.panels[column.id], seen[column.id].conflicts
    answer_stats.context_gauge(*panel.used, panel.window)
    preset_menu.draw(panel)
    option_controls.draw(panel, conflicts, busy=busy)

    def below(name: str) -> None:
        conflict_fix.draw(panel, conflicts, name)
        _others(board, column, name)

    parameter_controls.draw(panel, below)


def _pick(board: Board) -> None:
    if (chosen := st.session_state[_PICK]) is not None:
        board.select(chosen)


def _others(board: Board, column: Column, name: str) -> None:
    """What the other columns have a parameter at, where that is not the same."""
    values = {
        one.name: board.panels[one.id].chat.settings.sent().get(name) for one in board.comparison.columns
    }
    if len(set(values.values())) > 1:
        told = (
            f"{other} {'not sent' if value is None else f'{value:g}'}"
            for other, value in values.items()
            if other != column.name
        )
        st.caption(f":material/difference: {' · '.join(told)}")


def _open(board: Board, column: Column) -> None:
    board.select(column.id)
    # On a phone the sidebar is closed, and a page cannot open it without closing it again at the next touch.
    st.toast(f"The sidebar has the settings of column {column.name}.", icon=":material/tune:")
