"""Downloads: the results as files, made when somebody asks for them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import streamlit as st

from lib.experiment.results import html_report, result_export
from lib.experiment.results.cell_result import Result
from lib.files import spreadsheet
from lib.ui.experiment.results_view import PREFIX, ResultsView


def draw_download_menu(board: ResultsView, name: str) -> None:
    """The menu of files. Each holds what has come by the time of the click."""
    with st.popover("Download", icon=":material/download:", key=f"{PREFIX}download"):
        plan, model = board.plan, board.model
        stem = re.sub(r"[^\w-]+", "-", name.lower()).strip("-")[:60] or "experiment"

        def latest() -> list[Result]:
            """Not the board's: this is called in a thread of the server."""
            return list({one.cell.number: one for one in board.run.results()}.values())

        for kind, help, mime, make in (
            (
                "csv",
                "For a spreadsheet",
                "text/csv",
                lambda: b"".join(result_export.write_csv(plan, model, latest())),
            ),
            (
                "xlsx",
                "For Excel; 10,000 rows take some seconds",
                spreadsheet.XLSX_MEDIA_TYPE,
                lambda: result_export.write_xlsx(plan, model, latest()),
            ),
            (
                "jsonl",
                "A line of JSON for each answer, with its request: for programs",
                "application/jsonl",
                lambda: b"".join(result_export.write_json_lines(plan, model, latest())),
            ),
            (
                "html",
                "One page with the charts, to show to somebody",
                "text/html",
                lambda: html_report.render_report(name, plan, model, latest(), datetime.now(UTC)).encode(
                    "utf-8", "replace"
                ),
            ),
        ):
            st.download_button(
                "Report (HTML)" if kind == "html" else kind.upper(),
                make,
                f"{stem}.{kind}",
                mime,
                help=help,
                key=f"{PREFIX}{kind}",
                on_click="ignore",
                icon=":material/description:" if kind == "html" else None,
                width="stretch",
            )
