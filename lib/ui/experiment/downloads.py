"""The menu that downloads the results as CSV, XLSX, JSON Lines or an HTML report."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st

from lib.experiment.results import html_report, result_export
from lib.experiment.results.cell_result import Result
from lib.files.xlsx_export import XLSX_MEDIA_TYPE
from lib.ui.experiment.results_view import PREFIX, ResultsView


@dataclass(frozen=True)
class _Format:
    """A file format: the file's ending, its button, and the function that writes the results that have arrived."""

    ending: str
    label: str
    help: str
    media_type: str
    write: Callable[[], bytes]
    icon: str | None = None


def draw_download_menu(view: ResultsView, name: str) -> None:
    """Draw the menu of files. Each holds the results that have arrived when it is clicked."""
    with st.popover("Download", icon=":material/download:", key=f"{PREFIX}download"):
        stem = re.sub(r"[^\w-]+", "-", name.lower()).strip("-")[:60] or "experiment"
        for format in _formats(view, name):
            st.download_button(
                format.label,
                format.write,
                f"{stem}.{format.ending}",
                format.media_type,
                help=format.help,
                key=f"{PREFIX}{format.ending}",
                on_click="ignore",
                icon=format.icon,
                width="stretch",
            )


def _formats(view: ResultsView, name: str) -> tuple[_Format, ...]:
    plan, model, run = view.plan, view.model, view.run

    def latest() -> list[Result]:
        # Read from the run and not from the view: the files are written in a thread of the server.
        return list({result.cell.number: result for result in run.results()}.values())

    return (
        _Format(
            "csv",
            "CSV",
            "For a spreadsheet",
            "text/csv",
            lambda: b"".join(result_export.write_csv(plan, model, latest())),
        ),
        _Format(
            "xlsx",
            "XLSX",
            "For Excel; 10,000 rows take some seconds",
            XLSX_MEDIA_TYPE,
            lambda: result_export.write_xlsx(plan, model, latest()),
        ),
        _Format(
            "jsonl",
            "JSONL",
            "A line of JSON for each answer, with its request: for programs",
            "application/jsonl",
            lambda: b"".join(result_export.write_json_lines(plan, model, latest())),
        ),
        _Format(
            "html",
            "Report (HTML)",
            "One page with the charts, to show to somebody",
            "text/html",
            lambda: html_report.render_report(name, plan, model, latest(), datetime.now(UTC)).encode(
                "utf-8", "replace"
            ),
            ":material/description:",
        ),
    )
