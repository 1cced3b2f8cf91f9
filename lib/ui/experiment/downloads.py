"""The menu that downloads the results as CSV, XLSX, JSON Lines or an HTML report."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import streamlit as st

from lib.experiment.results import html_report, result_export
from lib.experiment.results.cell_result import Result
from lib.files.xlsx_export import XLSX_MEDIA_TYPE
from lib.ui.experiment.results_view import PREFIX, ResultsView


def draw_download_menu(view: ResultsView, name: str) -> None:
    """Draw the menu of files. Each holds the results that have arrived when it is clicked."""
    resolved, run = view.resolved, view.run
    stem = re.sub(r"[^\w-]+", "-", name.lower()).strip("-")[:60] or "experiment"

    def latest() -> list[Result]:
        # Read from the run and not from the view: the files are written in a thread of the server.
        return list({result.cell.number: result for result in run.results()}.values())

    def write_csv() -> bytes:
        return b"".join(result_export.write_csv(resolved, latest()))

    def write_xlsx() -> bytes:
        return result_export.write_xlsx(resolved, latest())

    def write_json_lines() -> bytes:
        return b"".join(result_export.write_json_lines(resolved, latest()))

    def write_report() -> bytes:
        report = html_report.render_report(name, resolved, latest(), datetime.now(UTC))
        return report.encode("utf-8", "replace")

    def draw_button(
        label: str,
        ending: str,
        media_type: str,
        write: Callable[[], bytes],
        help: str,
        icon: str | None = None,
    ) -> None:
        st.download_button(
            label,
            write,
            f"{stem}.{ending}",
            media_type,
            key=f"{PREFIX}{ending}",
            help=help,
            on_click="ignore",
            icon=icon,
            width="stretch",
        )

    with st.popover("Download", icon=":material/download:", key=f"{PREFIX}download"):
        draw_button("CSV", "csv", "text/csv", write_csv, "For a spreadsheet")
        draw_button("XLSX", "xlsx", XLSX_MEDIA_TYPE, write_xlsx, "For Excel. 10,000 rows take a few seconds")
        draw_button(
            "JSONL",
            "jsonl",
            "application/jsonl",
            write_json_lines,
            "For programs: one line of JSON per answer, with its request",
        )
        draw_button(
            "Report (HTML)",
            "html",
            "text/html",
            write_report,
            "One page with the charts, to share",
            ":material/description:",
        )
