"""The report and the tables of a run over several models name each answer's model, and which one is enough."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import openpyxl

from lib.experiment.plan import Axis
from lib.experiment.results.html_report import render_report
from lib.experiment.results.result_export import export_rows, write_json_lines, write_xlsx
from lib.model.model_record import DEFAULT_MODEL_ID, default_model
from tests.experiment.plan_fixtures import resolve
from tests.experiment.results.made_up_models import made_up_plan, made_up_results
from tests.experiment.results.test_html_report import ReportPage
from tests.model.listed_models import LLAMA_70B, MISTRAL, QWEN, listed

MODEL = default_model()
PLAN = replace(made_up_plan(40), models=(DEFAULT_MODEL_ID, LLAMA_70B, MISTRAL))
RESULTS = made_up_results(PLAN, 3, lambda cell: cell.row < (12, 36, 35)[cell.variant])
WHEN = datetime(2026, 11, 26, 12, 0)


def test_the_report_says_which_model_is_enough() -> None:
    html = render_report("Claims", resolve(PLAN), RESULTS, WHEN)
    page = ReportPage(html)
    said = " ".join(page.text.replace("\u00a0", " ").split())
    for words in (
        f"{MODEL.name} ( {DEFAULT_MODEL_ID} ), llama-3.3-70b-instruct-fp8-fast ( {LLAMA_70B} )",
        "Which model is enough mistral-small-3.1-24b-instruct passes 57 points more than llama-3.2-1b-instruct (",
        "; llama-3.3-70b-instruct-fp8-fast cannot be told apart from mistral-small-3.1-24b-instruct (",
        "and costs 3.3 times as much.",
        "3 pairs of models were compared",
        "2. mistral-small-3.1-24b-instruct enough best for its price 35 / 40",
    ):
        assert words in said, (words, said)
    price = listed(MISTRAL).price
    dollars = (100 * price.input_per_million + 200 * price.output_per_million) / 1000
    assert dollars == Decimal("0.147")
    assert "$0.15" in said
    assert html.count('class="plot"') == 1
    # The models are the only settings, so they are not listed again.
    assert "By setting" not in said
    assert "script" not in page.tags


def test_the_report_lists_settings_too_if_there_are_several() -> None:
    plan = replace(made_up_plan(10), models=PLAN.models[:2], axes=(Axis("temperature", (0, 1)),))
    results = made_up_results(plan, 4, lambda cell: cell.variant != 0)
    said = ReportPage(render_report("Claims", resolve(plan), results, WHEN)).text
    assert "By setting" in said
    assert "llama-3.2-1b-instruct · Temperature 1" in said


def test_tables_have_a_column_for_the_model() -> None:
    head, *rows = export_rows(resolve(PLAN), RESULTS)
    place = head.index("Model")
    assert [row[place] for row in rows[:4]] == [*PLAN.models, DEFAULT_MODEL_ID]
    assert rows[1][place + 1] == "llama-3.3-70b-instruct-fp8-fast"
    sheet = openpyxl.load_workbook(io.BytesIO(write_xlsx(resolve(PLAN), RESULTS))).active
    assert sheet is not None
    assert [sheet.cell(number, place + 1).value for number in (1, 2, 3)] == ["Model", *PLAN.models[:2]]
    lines = [json.loads(line) for line in write_json_lines(resolve(PLAN), RESULTS)]
    assert [line["model"] for line in lines[:3]] == list(PLAN.models)
    # A run of the default model alone is written as before.
    alone = replace(PLAN, models=())
    head, *_ = export_rows(resolve(alone), RESULTS[:1])
    assert "Model" not in head


def test_a_setting_that_only_another_model_has_is_called_by_its_label() -> None:
    plan = replace(made_up_plan(2), models=(MISTRAL, QWEN), axes=(Axis("top_logprobs", (1, 2)),))
    results = made_up_results(plan, 4, lambda cell: True)
    head, *_ = export_rows(resolve(plan), results)
    assert "Top logprobs" in head
    assert "Top logprobs: 1, 2" in ReportPage(render_report("Claims", resolve(plan), results, WHEN)).text
