"""Menu: what holds for all columns: repetitions, blind rating, differences; other comparisons; the rounds so far."""

from __future__ import annotations

import streamlit as st

from lib.compare.comparison_table import comparison_rows
from lib.errors import PaddockError
from lib.files import spreadsheet
from lib.files.markdown_export import make_file_name
from lib.files.spreadsheet import SheetRow
from lib.ui.compare.comparison_tab import ComparisonTab
from lib.ui.shell.registry import registry
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.safe_markdown import escape_markdown


def draw_comparison_menu(board: ComparisonTab) -> None:
    """Earlier comparisons, and a new one."""
    with st.popover("Comparisons", type="tertiary", icon=":material/history:", key="comparisons"):
        try:
            kept = registry().store.comparisons(board.owner)
        except PaddockError as error:
            draw_error(error, "Earlier comparisons cannot be read at the moment")
            return
        if not kept:
            st.caption("None yet: a comparison is kept from its first send on.")
        for one in kept:
            with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
                st.button(
                    escape_markdown(one.title) or "Untitled",
                    key=f"open-{one.id}",
                    type="tertiary",
                    disabled=one.id == board.session.id,
                    on_click=board.open_comparison,
                    args=(one.id,),
                )
                st.space("stretch")
                st.button(
                    "Delete",
                    key=f"forget-{one.id}",
                    type="tertiary",
                    on_click=board.delete_comparison,
                    args=(one.id,),
                    help="Its conversations go into the bin of the History page",
                )
    if board.comparison.rounds and not board.is_hidden:
        _download(board)
    if board.comparison.rounds:
        st.button(
            "New comparison",
            key="compare-new",
            icon=":material/add:",
            type="tertiary",
            on_click=board.new_comparison,
            help="Columns set as these are, with empty threads",
        )


def _download(board: ComparisonTab) -> None:
    """All answers as files, each with what has come by the time of the click."""
    contest, model = board.session, board.model
    stem = make_file_name(contest.comparison.rounds[0].text)

    def rows() -> list[SheetRow]:
        return comparison_rows(model, contest.comparison, contest.conversations())

    with st.popover("Download", type="tertiary", icon=":material/download:", key="compare-download"):
        st.caption("A row for each answer: what it was asked with, what it says, its stars, tokens and cost.")
        st.download_button(
            "CSV",
            lambda: b"".join(spreadsheet.write_csv(rows())),
            f"{stem}.csv",
            "text/csv",
            key="compare-csv",
            on_click="ignore",
            width="stretch",
            help="For any spreadsheet",
        )
        st.download_button(
            "XLSX",
            lambda: spreadsheet.write_xlsx(rows(), "Comparison"),
            f"{stem}.xlsx",
            spreadsheet.XLSX_MEDIA_TYPE,
            key="compare-xlsx",
            on_click="ignore",
            width="stretch",
            help="For Excel",
        )
