"""The section of the settings with several models: presets ask theirs, and each one's settings are offered."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from lib.experiment import plan_grid
from lib.experiment.plan import Axis, Plan
from lib.experiment.results.cell_result import Result, Status
from lib.files.preset_file import Preset, write_preset
from lib.model.model_record import DEFAULT_MODEL_ID
from lib.model.settings import Settings
from lib.runner.experiment_run import create_run
from lib.store.stored_values import CellChange, SavedExperiment, SavedPreset
from lib.ui.experiment.experiment_draft import empty_plan
from lib.ui.experiment.results_view import SECTION, ResultsSection
from lib.ui.experiment.settings_section import ComparedSettings
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.experiment.results.sample_results import make_answer
from tests.model.catalogue_models import EFFORT
from tests.model.catalogue_records import LISTED, RECORDS, SCHEMAS
from tests.model.listed_models import LLAMA_70B
from tests.page.upstream import Upstream
from tests.runner.run_fixtures import numbers_plan
from tests.ui.app_test_page import AppTestPage, plain_text

DEFAULT_NAME, EFFORT_NAME = DEFAULT_MODEL_ID.rpartition("/")[2], EFFORT.id.rpartition("/")[2]


@pytest.fixture
def page(upstream: Upstream) -> AppTestPage:
    default = {**RECORDS[LLAMA_70B]["model"], "name": DEFAULT_MODEL_ID}
    upstream.models, upstream.schemas = [default, *LISTED], dict(SCHEMAS)
    page = AppTestPage(path="pages/experiment.py").click("section-settings-head")
    return page.click("ways-list-models")


def plan_of(page: AppTestPage) -> Plan:
    saved = registry().store.experiments.load(LOCAL_OWNER, page.test.session_state["experiment"])
    assert saved is not None
    return saved.plan


def keep_preset(name: str, settings: Settings) -> None:
    body = write_preset(Preset(name, None, settings))
    registry().store.presets.save(LOCAL_OWNER, SavedPreset(name, name, body))


def test_settings_that_only_another_model_has_are_offered(page: AppTestPage) -> None:
    assert not page.has_key("other-reasoning_effort-experiment")
    page.choose("ways-models", [DEFAULT_MODEL_ID, EFFORT.id])
    box = page.by_key("other-reasoning_effort-experiment")
    assert box.label == f"Reasoning effort (only {EFFORT_NAME})"
    page.choose("other-reasoning_effort-experiment", "high")
    assert plan_of(page).base.sent_values()["reasoning_effort"] == "high"
    # A reload, as in another tab, keeps it.
    page = page.reopen().click("section-settings-head")
    assert plan_of(page).base.sent_values()["reasoning_effort"] == "high"
    # Another choice of models keeps it as long as one of them has it.
    page.choose("ways-models", [EFFORT.id])
    assert plan_of(page).base.sent_values()["reasoning_effort"] == "high"
    page.choose("ways-models", [EFFORT.id, DEFAULT_MODEL_ID])
    assert plan_of(page).base.sent_values()["reasoning_effort"] == "high"
    page.choose("ways-models", [])
    assert not page.has_key("other-reasoning_effort-experiment")
    assert "reasoning_effort" not in plan_of(page).base.sent_values()


def test_a_number_of_another_model_can_be_swept(page: AppTestPage) -> None:
    page.choose("ways-models", [DEFAULT_MODEL_ID, EFFORT.id])
    page.choose("ways-swept", ["top_logprobs"])
    page.choose("sweep-top_logprobs", "1, 2, not sent")
    assert [(axis.name, axis.values) for axis in plan_of(page).axes] == [("top_logprobs", (1, 2, None))]
    assert page.by_keys("^sweep-top_logprobs")[0].label.endswith(f"(only {EFFORT_NAME})")
    page.choose("ways-models", [])
    assert plan_of(page).axes == ()


def test_a_preset_of_another_model_asks_it(page: AppTestPage) -> None:
    keep_preset("Deep", Settings.defaults(EFFORT).with_value("reasoning_effort", "high"))
    page.choose("ways-mode", ComparedSettings.PRESETS)
    page.choose("ways-presets", ["Balanced", "Deep"])
    assert [variant.settings.model for variant in plan_of(page).variants] == [DEFAULT_MODEL_ID, EFFORT.id]
    assert plan_of(page).variants[1].settings.sent_values()["reasoning_effort"] == "high"
    shown = page.text()
    assert f"Balanced asks {DEFAULT_NAME}, Deep asks {EFFORT_NAME}" in shown
    page.choose("ways-models", [DEFAULT_MODEL_ID])
    assert "the models that presets name are not used" in page.text()


def test_a_sample_over_several_models_is_filled_in_and_nothing_is_sent(upstream: Upstream) -> None:
    default = {**RECORDS[LLAMA_70B]["model"], "name": DEFAULT_MODEL_ID}
    upstream.models, upstream.schemas = [default, *LISTED], dict(SCHEMAS)
    page = AppTestPage(path="pages/experiment.py")
    page.click("experiment-sample-models")
    plan = plan_of(page)
    assert plan.models[0] == DEFAULT_MODEL_ID
    assert len(plan.models) == 3
    assert len(plan.inputs.rows) == 20
    shown = page.text()
    assert "3 models × 1 prompt × 20 inputs" in shown
    assert ":small[60 requests" in shown
    assert "$" in shown, "what it may cost"
    assert upstream.requests == []


def test_the_sample_says_that_an_account_has_no_models_for_it(upstream: Upstream) -> None:
    upstream.models = [{"name": DEFAULT_MODEL_ID}]
    page = AppTestPage(path="pages/experiment.py")
    page.click("experiment-sample-models")
    assert "no two models" in page.text()
    assert page.has_key("experiment-sample-models")


def test_a_sweep_of_a_setting_that_no_model_here_has_can_be_removed() -> None:
    """As in a file from a colleague whose account lists another model."""
    axes = (Axis("temperature", (0, 1)), Axis("reasoning_budget", (100, None)))
    id = uuid.uuid4().hex
    saved = SavedExperiment(id, "Theirs", replace(empty_plan(), axes=axes))
    registry().store.experiments.save(LOCAL_OWNER, saved)
    page = AppTestPage(f"/?e={id}", path="pages/experiment.py").click("section-settings-head")
    assert "None of the chosen models has reasoning_budget here." in plain_text(page.text())
    assert "100, not sent" in page.text()
    page.choose("ways-swept", ["temperature"])
    assert [axis.name for axis in plan_of(page).axes] == ["temperature"]


def test_a_run_over_a_setting_that_no_model_here_has_is_shown(upstream: Upstream) -> None:
    """Its model is not listed any more, or on another computer only."""
    base = replace(Settings.defaults(EFFORT), model="@cf/acme/gone")
    plan = replace(numbers_plan(1), base=base, axes=(Axis("top_logprobs", (1, None)),))
    experiment = SavedExperiment(uuid.uuid4().hex, "Gone", plan)
    store = registry().store
    store.experiments.save(LOCAL_OWNER, experiment)
    run = create_run(store, registry().client, LOCAL_OWNER, experiment.id, plan)
    results = [
        Result(plan_grid.cell_at(plan, number), Status.ANSWERED, make_answer("Yes")) for number in (0, 1)
    ]
    changes = [CellChange(result, position) for position, result in enumerate(results, start=1)]
    store.cells.write(LOCAL_OWNER, run.id, changes)
    page = AppTestPage(f"/?e={run.experiment}", path="pages/experiment.py")
    page.choose(SECTION, ResultsSection.ANSWERS)
    assert page.errors() == []
    (answers,) = page.test.dataframe
    assert answers.value["Setting"].tolist() == ["top_logprobs 1", "top_logprobs not sent"]
