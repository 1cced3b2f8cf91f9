"""The twin lists all models of this computer, and answers for each under its own id."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lib.model.model_record import default_model
from lib.twin.served_models import check_served_id
from tests.twin.conftest import MODEL, RunningTwin, end_twin, read_states, start_twin
from tests.twin.installed_models import install, make_data_folder
from tests.twin.llama_model import write_llama_model

OTHER = "@cf/qwen/qwen3-30b-a3b-fp8"
SMALL, YES, NO, BROKEN = "@local/smollm2-135m", "@local/yes-model-q8_0", "@local/no", "@local/broken"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with the shipped model and three others, one of which only looks like a model."""
    data, models = make_data_folder(tmp_path_factory.mktemp("data")), tmp_path_factory.mktemp("models")
    install(data, "address-1", write_llama_model(models / "Yes Model-Q8_0.gguf", answer="Yes"))
    whole = write_llama_model(models / "broken.gguf").read_bytes()
    models.joinpath("broken.gguf").write_bytes(whole[: len(whole) // 2])
    install(data, "address-2", models / "broken.gguf")
    models.joinpath("noise.gguf").write_bytes(b"GGUF")
    install(data, "address-3", models / "noise.gguf")
    return data


@pytest.fixture(scope="module")
def many(
    spawn: Callable[..., RunningTwin], data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningTwin]:
    """Return a twin that was started with a model of its own."""
    own = write_llama_model(tmp_path_factory.mktemp("own") / "No.gguf", answer="No", general__name="No Model")
    twin = spawn("--model", str(own), "--as", OTHER, whole=True, PADDOCK_DATA_DIR=str(data))
    yield twin
    assert end_twin(twin.process) == 0


def listed(twin: RunningTwin) -> dict[str, dict[str, Any]]:
    items = twin.client.get(twin.path("models/search")).json()["result"]
    return {
        item["name"]: {entry["property_id"]: entry["value"] for entry in item["properties"]} for item in items
    }


def ask(twin: RunningTwin, model: str) -> str:
    body = {"messages": [{"role": "user", "content": "Hello"}], "temperature": 0, "max_tokens": 8}
    reply = twin.client.post(twin.path(f"run/{model}"), json=body)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["result"]["response"])


def test_each_model_of_the_list_answers(many: RunningTwin) -> None:
    models = listed(many)
    assert list(models) == [MODEL, OTHER, SMALL, YES, BROKEN, NO]
    assert {id: ask(many, id) for id in (MODEL, OTHER, NO, YES)} == {
        MODEL: "No",
        OTHER: "No",
        NO: "No",
        YES: "Yes",
    }
    assert ask(many, SMALL) not in ("No", "Yes", "")
    chat = {"model": YES, "messages": [{"role": "user", "content": "Hello"}], "temperature": 0}
    answer = many.client.post(many.path("v1/chat/completions"), json=chat).json()
    assert (answer["model"], answer["choices"][0]["message"]["content"]) == (YES, "Yes")
    streamed = many.client.post(many.path(f"run/{YES}"), json={**chat, "stream": True}).text
    assert '"response":"Yes"' in streamed
    # Those that were asked are in memory now.
    assert many.slots()["slots"] == 6


def test_what_is_listed(many: RunningTwin) -> None:
    models = listed(many)
    assert models[SMALL]["context_window"] == "8192"
    assert models[YES]["context_window"] == "60000"
    for id in (OTHER, SMALL, YES, NO):
        assert [price["price"] for price in models[id]["price"]] == [0, 0]
    schemas = {"input": default_model().input_schema, "output": default_model().output_schema}
    for id in models:
        schema = many.client.get(many.path("models/schema"), params={"model": id}).json()
        assert schema["result"] == json.loads(json.dumps(schemas))
    found = many.client.get(many.path("models/search"), params={"search": "yes-model"}).json()["result"]
    assert [item["name"] for item in found] == [YES]
    # These models were made with Llama's licence, which wants it said.
    assert found[0]["description"] == "Yes Model-Q8_0, on this computer. Built with Llama."


@pytest.mark.parametrize("id", ["@local/other", "@local/noise", "@local/../no", "@cf/x/y", "no"])
def test_a_model_that_is_not_here(many: RunningTwin, id: str) -> None:
    reply = many.client.post(many.path("v1/chat/completions"), json={"model": id, "messages": []})
    assert (reply.status_code, reply.json()["errors"][0]["code"]) == (400, 5007)


def test_a_model_that_cannot_be_loaded_leaves_the_others(many: RunningTwin) -> None:
    for stream in (True, False):
        reply = many.client.post(many.path(f"run/{BROKEN}"), json={"prompt": "Hello", "stream": stream})
        assert reply.status_code == 400
        (error,) = reply.json()["errors"]
        assert error["code"] == 5907
        assert "cannot be loaded" in error["message"]
    assert ask(many, YES) == "Yes"


def test_a_wrong_request_is_refused_before_a_model_is_loaded(many: RunningTwin) -> None:
    reply = many.client.post(many.path(f"run/{BROKEN}"), json={"prompt": "Hello", "temperature": 9})
    assert reply.json()["errors"][0]["code"] == 5006


def test_the_prompt_and_the_next_token_of_each_model(many: RunningTwin) -> None:
    body = {"messages": [{"role": "user", "content": "Hello"}]}
    shown = {
        id: many.client.post(many.path("paddock/prompt"), params={"model": id}, json=body).json()["result"]
        for id in (YES, SMALL)
    }
    assert {id: prompt["chat_format"] for id, prompt in shown.items()} == {YES: "Llama 3", SMALL: "ChatML"}
    assert shown[SMALL]["context_window"] == 8192
    path = many.path("paddock/probabilities")
    tokens = many.client.post(path, params={"model": YES}, json=body).json()["result"]["candidates"]
    assert tokens[0]["token"] == "Yes"


def test_a_model_that_comes_while_the_twin_runs(many: RunningTwin, data: Path, tmp_path: Path) -> None:
    file = install(data, "address-4", write_llama_model(tmp_path / "later.gguf", answer="Later"))
    assert "@local/later" in listed(many)
    assert ask(many, "@local/later") == "Later"
    file.with_name("installed.json").unlink()
    assert "@local/later" not in listed(many)
    reply = many.client.post(many.path("run/@local/later"), json={"prompt": "Hello"})
    assert reply.json()["errors"][0]["code"] == 5007


@pytest.mark.parametrize("text", ["llama", "@local/x", "@cf/llama", "@cf/meta/../x", "@cf/meta/llama 3", ""])
def test_ids_that_no_model_is_served_as(text: str) -> None:
    with pytest.raises(ValueError, match="@cf/meta"):
        check_served_id(text)


def test_an_id_of_the_environment_must_be_one() -> None:
    process = start_twin("--supervised", "--port", "0", PADDOCK_SERVE_AS="@cf/meta/a nonsense")
    *_, last = read_states(process)
    assert end_twin(process) == 1
    assert "PADDOCK_SERVE_AS" in last["reason"]
