"""The models of this computer on the pages: a chat, columns and an experiment ask each through the twin."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.api.backend import Backend, Secret, cloudflare_backend, twin_backend
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.plan import Limits, Plan, PromptVersion
from lib.local_models.supervised_twin import Ready
from lib.local_models.supervisor import Supervisor
from lib.model.model_record import DEFAULT_MODEL_ID, default_model
from lib.model.settings import Settings
from lib.runner.experiment_run import create_run
from lib.runner.progress import RunState
from lib.store.stored_values import SavedExperiment
from lib.ui.settings import model_picker
from lib.ui.shell.account_catalogue import listed_entries
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page.upstream import Upstream
from tests.twin.conftest import TOKEN, end_twin, start_ready_twin
from tests.twin.installed_models import install, make_data_folder
from tests.twin.llama_model import write_llama_model
from tests.ui.app_test_page import AppTestPage

SMALL, YES = "@local/smollm2-135m", "@local/yes"
LABEL = "Practice model on this computer (SmolLM2-135M, free)"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def served(data: Path) -> Iterator[Backend]:
    """Return a twin with the practice model as its default one."""
    process, ready = start_ready_twin("--slots", "2", PADDOCK_DATA_DIR=str(data))
    name, window = ready["model"], ready["context_window"]
    yield twin_backend(ready["base_url"], ready["account_id"], Secret(TOKEN), name, window)
    assert end_twin(process) == 0


@pytest.fixture
def one(served: Backend, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """Let the pages use the twin."""
    state = Ready(served, "model.gguf", os.getpid())
    monkeypatch.setattr(Supervisor, "state", property(lambda self: state))
    return served


@pytest.fixture
def two(one: Backend, data: Path, tmp_path: Path) -> Iterator[Backend]:
    """Let there be a second model, which answers “Yes”."""
    file = install(data, "address-1", write_llama_model(tmp_path / "Yes.gguf", answer="Yes"))
    yield one
    for path in (file, file.with_name("installed.json")):
        path.unlink()
    file.parent.rmdir()


def test_with_one_model_there_is_nothing_to_choose(one: Backend) -> None:
    assert not AppTestPage().has_key("models")
    experiment = AppTestPage(path="pages/experiment.py").click("section-settings-head")
    assert not experiment.has_key("ways-models")
    assert not experiment.has_key("experiment-sample-models"), "it would ask one model twice"
    assert listed_entries(one) == {}


def test_a_chat_asks_the_model_that_is_chosen(two: Backend) -> None:
    page = AppTestPage()
    assert page.by_key("choose-model").options == [
        LABEL,
        "smollm2-135m · free · 8k · functions",
        "yes · free · 60k · functions",
    ]
    page.choose("choose-model", YES)
    assert "Yes, on this computer. Built with Llama" in page.text(page.by_key("models"))
    page.send("Hello")
    assert not page.errors()
    assert page.first_texts()[-1] == "Yes"
    assert "60,000" in page.everything()
    # It is another model for the same conversation.
    page.choose("choose-model", DEFAULT_MODEL_ID).choose("max_tokens-number", 3).send("Go on")
    assert len(page.answers) == 2
    assert page.first_texts()[-1] not in ("Yes", "")


def test_a_model_that_is_gone_is_said(two: Backend, data: Path) -> None:
    page = AppTestPage().choose("choose-model", YES)
    (data / "models" / "address-1" / "installed.json").rename(data / "gone.json")
    try:
        page.send("Hello")
        assert "5007" in " ".join(page.errors()) or "No such model" in " ".join(page.errors())
    finally:
        (data / "gone.json").rename(data / "models" / "address-1" / "installed.json")


def test_columns_ask_the_models_that_are_compared(two: Backend) -> None:
    page = AppTestPage(path="pages/compare.py")
    page.choose("compare-models", [YES, SMALL])
    page.send("Hello")
    assert not page.errors()
    texts = page.texts()
    assert "Yes" in texts


def test_an_experiment_asks_model_by_model(two: Backend) -> None:
    page = AppTestPage(path="pages/experiment.py").click("section-settings-head")
    assert page.by_key("ways-models").options == [LABEL, "smollm2-135m · free", "yes · free"]
    page.choose("ways-models", [DEFAULT_MODEL_ID, YES])
    model, store = default_model(), registry().store
    plan = Plan(
        prompts=(PromptVersion("A", "", "Hello"), PromptVersion("B", "", "Good day")),
        inputs=Inputs(),
        base=Settings.defaults(model).with_value("max_tokens", 2).with_value("temperature", 0),
        models=(YES, DEFAULT_MODEL_ID),
        repetitions=2,
        limits=Limits(per_minute=100_000, concurrency=1),
    )
    store.experiments.save(LOCAL_OWNER, SavedExperiment("x", "Models", plan))
    run = create_run(store, registry().client, LOCAL_OWNER, "x", plan, registry().catalogue.find_model)
    run.start(two)
    assert run.join(120)
    assert run.progress().state is RunState.DONE
    answers = [result.answer for result in run.results()]
    assert [answer.request.model for answer in answers if answer] == [YES] * 4 + [DEFAULT_MODEL_ID] * 4
    assert {answer.text for answer in answers[:4] if answer} == {"Yes"}


def test_a_chat_of_a_model_that_the_backend_does_not_have(
    two: Backend, data: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chat says so, and leads back to the default model."""
    assert model_picker._foreign_model(two, YES) == ""
    assert model_picker._foreign_model(two, DEFAULT_MODEL_ID) == ""
    assert "Cloudflare account" in model_picker._foreign_model(two, "@cf/qwen/qwen3.8-27b")
    assert "not on this computer" in model_picker._foreign_model(two, "@local/gone")
    account = cloudflare_backend("a" * 32, "token", upstream.url)
    assert model_picker._foreign_model(account, YES) == "a model of this computer"
    assert model_picker._foreign_model(account, "@cf/qwen/qwen3.8-27b") == ""
