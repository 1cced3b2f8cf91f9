"""The menu of saved comparisons, the download of the answers, and the button for a new comparison."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from lib.compare.comparison_table import comparison_rows
from lib.errors import PaddockError
from lib.files.csv_export import SheetRow, write_csv
from lib.files.markdown_export import make_file_name
from lib.files.xlsx_export import XLSX_MEDIA_TYPE, write_xlsx
from lib.ui.compare.comparison_tab import ComparisonTab
from lib.ui.shell.account_catalogue import find_model
from lib.ui.shell.registry import registry
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.safe_markdown import escape_markdown


def draw_comparison_menu(tab: ComparisonTab) -> None:
    with st.popover("Comparisons", type="tertiary", icon=":material/history:", key="comparisons"):
        try:
            saved = registry().store.comparisons.newest(tab.owner)
        except PaddockError as error:
            draw_error(error, "Earlier comparisons cannot be read at the moment")
            return
        if not saved:
            st.caption("None yet. A comparison is saved with its first message.")
        for comparison in saved:
            with st.container(
                horizontal=True,
                vertical_alignment="center",
                wrap=False,
                key=f"saved-comparison-{comparison.id}",
            ):
                is_open = comparison.id == tab.session.id
                st.button(
                    ("Open now · " if is_open else "") + (escape_markdown(comparison.title) or "Untitled"),
                    key=f"open-{comparison.id}",
                    type="tertiary",
                    disabled=is_open,
                    on_click=tab.open_comparison,
                    args=(comparison.id,),
                )
                st.space("stretch")
                st.button(
                    "Delete",
                    key=f"forget-{comparison.id}",
                    type="tertiary",
                    on_click=tab.delete_comparison,
                    args=(comparison.id,),
                    help="Its conversations move to the bin on the History page",
                )
    if tab.comparison.rounds and not tab.is_hidden:
        _draw_download_menu(tab)
    if tab.comparison.rounds:
        st.button(
            "New comparison",
            key="compare-new",
            icon=":material/add:",
            type="tertiary",
            shortcut="Alt+N",
            on_click=tab.new_comparison,
            help="Starts again with the same columns and no messages",
        )


def _draw_download_menu(tab: ComparisonTab) -> None:
    """Draw the menu of files. Each holds the answers that have arrived when it is clicked."""
    session = tab.session
    stem = make_file_name(session.comparison.rounds[0].text)

    def rows() -> list[SheetRow]:
        return comparison_rows(find_model, session.comparison, session.conversations())

    def draw_button(label: str, media_type: str, write: Callable[[], bytes], help: str) -> None:
        ending = label.lower()
        st.download_button(
            label,
            write,
            f"{stem}.{ending}",
            media_type,
            key=f"compare-{ending}",
            on_click="ignore",
            width="stretch",
            help=help,
        )

    with st.popover("Download", type="tertiary", icon=":material/download:", key="compare-download"):
        st.caption("One row per answer, with its settings, stars, tokens and cost.")
        draw_button("CSV", "text/csv", lambda: b"".join(write_csv(rows())), "For any spreadsheet")
        draw_button("XLSX", XLSX_MEDIA_TYPE, lambda: write_xlsx(rows(), "Comparison"), "For Excel")
