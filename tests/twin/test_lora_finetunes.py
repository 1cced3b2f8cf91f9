"""LoRA adapters: the files that are loaded, the API's lists, and the effect on requests that name one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cloudflare
import pytest

from lib.model.model_record import default_model
from lib.twin import lora_finetunes, weights
from lib.twin.api_errors import TwinApiError
from lib.twin.engine_errors import CannotStartError
from tests.twin import lora_files
from tests.twin.conftest import MODEL, STORY, TOKEN, RunningTwin, parse_events

SMALL = "@local/smollm2-135m"
ANSWER: dict[str, Any] = {"prompt": STORY, "temperature": 0, "max_tokens": 24}


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two adapters that fit, and files that do not."""
    folder = tmp_path_factory.mktemp("adapters")
    facts = {"general__name": "Odd speech", "general__description": "Speaks oddly."}
    lora_files.write_adapter(folder / "a.gguf", lora_files.random_tensors(1), **facts)
    lora_files.write_adapter(folder / "second.gguf", lora_files.random_tensors(2))
    lora_files.write_adapter(folder / "wide.gguf", lora_files.random_tensors(3, [1], hidden=2048))
    lora_files.write_adapter(folder / "model.gguf", lora_files.random_tensors(3, [1]), general__type="model")
    (folder / "broken.gguf").write_bytes(b"GGUF")
    (folder / "notes.txt").write_text("not an adapter")
    return folder


@pytest.fixture(scope="module")
def adapted(spawn: Callable[..., RunningTwin], adapters: Path) -> RunningTwin:
    return spawn(PADDOCK_ADAPTERS=str(adapters))


@pytest.fixture(scope="module")
def whole_adapted(spawn: Callable[..., RunningTwin], adapters: Path) -> RunningTwin:
    """Return a twin with the shipped model, which the shipped adapter fits."""
    return spawn(whole=True, PADDOCK_ADAPTERS=str(adapters))


def ask_adapter(twin: RunningTwin, **more: Any) -> str:
    return twin.answer(**{**ANSWER, **more})


@pytest.mark.applied_by_twin("lora")
def test_each_changes_the_answer_by_name_and_by_id_alike(adapted: RunningTwin) -> None:
    plain, first, second = (
        ask_adapter(adapted, **more) for more in ({}, {"lora": "Odd speech"}, {"lora": "second"})
    )
    assert len({plain, first, second}) == 3
    by_id = {item["name"]: ask_adapter(adapted, lora=item["id"]) for item in listed(adapted)[MODEL]}
    assert by_id == {"Odd speech": first, "second": second}


def listed(twin: RunningTwin, path: str = "finetunes") -> dict[str, list[dict[str, Any]]]:
    """Return the items of a list by their models."""
    models: dict[str, list[dict[str, Any]]] = {}
    for item in twin.client.get(twin.path(path)).json()["result"]:
        models.setdefault(item["model"], []).append(item)
    return models


def test_each_model_has_those_that_fit_it(adapted: RunningTwin) -> None:
    """The twin was started with the short model, which is too short for the shipped adapter."""
    own, public = listed(adapted), listed(adapted, "finetunes/public")
    assert [[item["name"] for item in own[model]] for model in (MODEL, SMALL)] == [
        ["Odd speech", "second"]
    ] * 2
    assert MODEL not in public
    [pirate] = public[SMALL]
    ids = [item["id"] for items in (*own.values(), *public.values()) for item in items]
    assert len(set(ids)) == len(ids)

    def ask(**more: Any) -> str:
        reply = adapted.client.post(adapted.path(f"run/{SMALL}"), json={**ANSWER, **more})
        assert reply.status_code == 200, reply.text
        return str(reply.json()["result"]["response"])

    answers = {ask(), *(ask(lora=item["id"]) for item in (pirate, *own[SMALL]))}
    assert len(answers) == 4
    # The model is loaded now: it has what its engine has.
    assert (listed(adapted), listed(adapted, "finetunes/public")) == (own, public)
    reason = adapted.client.get(adapted.path("paddock/adapters")).json()["result"]["skipped"]
    assert "pirate.gguf" in [file["file"] for file in reason]
    files = adapted.client.get(adapted.path("paddock/adapters"), params={"model": SMALL}).json()["result"]
    assert "pirate.gguf" in [file["file"] for file in files["adapters"]]


def test_it_applies_to_raw_text_and_to_a_stream(adapted: RunningTwin) -> None:
    assert ask_adapter(adapted, raw=True, lora="second") != ask_adapter(adapted, raw=True)
    *texts, _, _ = parse_events(adapted.ask(**ANSWER, lora="second", stream=True).text)
    assert "".join(event["response"] for event in texts) == ask_adapter(adapted, lora="second")


def test_beside_messages_it_has_no_effect(adapted: RunningTwin) -> None:
    # The documented form has no such property, and unknown properties are accepted.
    body = {"messages": [{"role": "user", "content": STORY}], "temperature": 0, "max_tokens": 24}
    assert adapted.ask(**body, lora="second").json()["result"]["response"] == ask_adapter(adapted)
    assert adapted.ask(**body, lora="none of them").status_code == 200


def test_two_at_once_answer_as_each_does_alone(adapted: RunningTwin) -> None:
    kinds: list[dict[str, Any]] = [{}, {"lora": "Odd speech"}, {"lora": "second"}]
    body = {**ANSWER, "max_tokens": 60, "stream": True}
    alone = [adapted.ask(**body, **kind).text for kind in kinds]

    def texts(stream: str) -> list[str]:
        return [event["response"] for event in parse_events(stream)[:-2]]

    with ThreadPoolExecutor(2) as pool:
        for pair in ((0, 1), (1, 2), (2, 0)):
            both = list(pool.map(lambda number: adapted.ask(**body, **kinds[number]).text, pair))
            assert [texts(stream) for stream in both] == [texts(alone[number]) for number in pair]


def test_the_prompt_cache_carries_nothing_from_one_to_the_other(adapted: RunningTwin) -> None:
    # Without a seed and with a temperature, the prompt comes from the slot's cache; top_k 1 makes it repeatable.
    body = {"prompt": STORY, "temperature": 1, "top_k": 1, "max_tokens": 24}
    expected = {name: ask_adapter(adapted, **name_of(name)) for name in ("", "Odd speech", "second")}
    for name in ("", "Odd speech", "", "", "second", "second", "Odd speech", "Odd speech", "", "second", ""):
        # One for each slot.
        for _ in range(2):
            assert adapted.answer(**body, **name_of(name)) == expected[name], name
    usage = adapted.ask(**body).json()["result"]["usage"]
    # Else this test would prove nothing.
    assert usage["prompt_tokens_details"]["cached_tokens"] > 0


def name_of(name: str) -> dict[str, str]:
    return {"lora": name} if name else {}


@pytest.mark.parametrize(
    "name",
    ["other", "../../etc/passwd", "/etc/passwd", "a.gguf", "./a", "odd speech", "x\0y", "é" * 500_000, "🦊"],
)
def test_a_name_that_is_not_there(adapted: RunningTwin, name: str) -> None:
    # Recorded in September 2026: code 5033, "Finetune not found: … does not exist or is not accessible".
    response = adapted.ask(**ANSWER, lora=name)
    shown = name if len(name) <= 100 else name[:100] + "…"
    message = f"AiError: Finetune not found: {shown} does not exist or is not accessible"
    error = {"message": f"{message} ({response.headers['cf-ai-req-id']})", "code": 5033}
    assert response.status_code == 400
    assert response.json() == {"errors": [error], "success": False, "result": {}, "messages": []}


def test_an_adapter_that_does_not_fit(adapted: RunningTwin) -> None:
    # Recorded in September 2026: code 3030, "Lora not compatible with model".
    response = adapted.ask(**ANSWER, lora="wide")
    message = f"AiError: Lora not compatible with model ({response.headers['cf-ai-req-id']})"
    assert response.json()["errors"] == [{"message": message, "code": 3030}]


@pytest.mark.parametrize("value", [1, None, [], {"id": 0}])
def test_a_value_that_is_no_name_is_bad_input(adapted: RunningTwin, value: Any) -> None:
    assert adapted.ask(**ANSWER, lora=value).json()["errors"][0]["code"] == 5006


def test_without_adapters_lora_is_not_supported() -> None:
    # Documented: 5005 "The model X does not support LoRa inference".
    with pytest.raises(TwinApiError) as caught:
        lora_finetunes.NO_ADAPTERS.find_number(default_model(), {"prompt": "x", "lora": "mine"})
    error = caught.value.response
    assert (error.status, error.code) == (405, 5005)
    assert error.message == f"The model {MODEL} does not support LoRa inference"


def test_lists(whole_adapted: RunningTwin) -> None:
    # Documented items: id, created_at, model, modified_at, name, public, and in some description.
    body = whole_adapted.client.get(whole_adapted.path("finetunes")).json()
    assert list(body) == ["result", "success", "errors", "messages"]
    first, second = (item for item in body["result"] if item["model"] == MODEL)
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert list(first) == ["id", "model", "name", "description", "public", "created_at", "modified_at"]
    assert (first["name"], first["description"], first["model"]) == ("Odd speech", "Speaks oddly.", MODEL)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", first["id"])
    assert re.fullmatch(time, first["created_at"])
    assert (second["name"], "description" in second, second["public"]) == ("second", False, False)
    public = listed(whole_adapted, "finetunes/public")[MODEL]
    assert len(public) == len(list(lora_finetunes.SHIPPED_FOLDER.glob("*.gguf")))
    assert all(item["public"] and item["description"] for item in public)


def test_skipped_files_are_listed_with_the_reason(whole_adapted: RunningTwin) -> None:
    result = whole_adapted.client.get(whole_adapted.path("paddock/adapters")).json()["result"]
    assert {item["file"] for item in result["adapters"] if not item["public"]} == {"a.gguf", "second.gguf"}
    assert result["skipped"] == [
        {"file": "broken.gguf", "name": "", "reason": "it is not a GGUF file, or it is cut off"},
        {
            "file": "wide.gguf",
            "name": "wide",
            "reason": "its blk.1.attn_q.weight is for 2048 × 2048, and the model's is 576 × 576",
        },
    ]


@pytest.fixture
def sdk(adapted: RunningTwin) -> Iterator[cloudflare.Cloudflare]:
    with cloudflare.Cloudflare(api_token=TOKEN, base_url=adapted.base_url) as client:
        yield client


def test_the_sdk_lists_and_runs_them(adapted: RunningTwin, sdk: cloudflare.Cloudflare) -> None:
    own = sdk.ai.finetunes.list(account_id=adapted.account)
    # The SDK's type is one object, but the service, and so the twin, sends a list.
    names = [item.name for item in own if item.model == MODEL]  # type: ignore[union-attr]
    assert names == ["Odd speech", "second"]
    public = list(sdk.ai.finetunes.public.list(account_id=adapted.account))
    assert all(item.public and item.created_at for item in public)
    result = sdk.ai.run(MODEL, account_id=adapted.account, **ANSWER, lora="second")
    assert result["response"] == ask_adapter(adapted, lora="second")  # type: ignore[call-overload,index]
    with pytest.raises(cloudflare.BadRequestError) as caught:
        sdk.ai.run(MODEL, account_id=adapted.account, prompt=STORY, lora="../second")
    assert caught.value.errors[0].code == 5033


# The engine's loader refuses these, or they end its process: an alpha of another type, the embedding.
T = lora_files.random_tensors(1, [10])
ALPHA = "its adapter.lora.alpha is not a 32-bit floating-point number"
UNFIT: list[tuple[list[lora_files.Tensor], dict[str, Any], str]] = [
    (
        T,
        {"general__architecture": "qwen2"},
        "it is made for the architecture 'qwen2', and the model is 'llama'",
    ),
    (T, {"adapter__type": "control_vector"}, "its adapter.type is 'control_vector', not 'lora'"),
    (T, {"adapter__lora__alpha": 8}, ALPHA),
    (T, {"general__alignment": 3}, "its general.alignment is no power of two"),
    (T, {"adapter__alora__x": 1}, "it is an activated LoRA, which applies to a part of the prompt only"),
    (T, {"version": 1}, "its GGUF version is 1, not 2 or 3"),
    ([], {}, "it has no tensors"),
    (T[1:], {}, "one of the two sides of its blk.10.attn_q.weight is missing"),
    (T + T[:1], {}, "its blk.10.attn_q.weight.lora_a is no side of a LoRA"),
    (lora_files.random_tensors(1, [40]), {}, "the model has no tensor blk.40.attn_q.weight"),
    (
        [(T[0][0], T[0][1][::-1], T[0][2]), *T[1:]],
        {},
        "the two sides of its blk.10.attn_q.weight do not belong together",
    ),
    (
        [("token_embd.weight.lora_a", (4, 9), lora_files.random_numbers(1, 36, 1)), *T],
        {},
        "it changes the embedding, which the engine cannot do",
    ),
]


@pytest.mark.parametrize(("tensors", "facts", "reason"), UNFIT)
def test_unfit(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tensors: list[lora_files.Tensor],
    facts: dict[str, Any],
    reason: str,
) -> None:
    monkeypatch.setenv("PADDOCK_ADAPTERS", str(tmp_path))
    lora_files.write_adapter(tmp_path / "bad.gguf", tensors, **facts)
    lora_files.write_adapter(tmp_path / "good.gguf", T)
    catalog = lora_finetunes.scan_adapters(weights.ensure_weights(), shipped=tmp_path / "none")
    assert [adapter.name for adapter in catalog.adapters] == ["good"]
    assert [(skipped.name, skipped.reason) for skipped in catalog.skipped] == [("bad", reason)]


@pytest.mark.parametrize("size", [0, 3, 30, 100, 400, -4, -400])
def test_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setenv("PADDOCK_ADAPTERS", str(tmp_path))
    file = lora_files.write_adapter(tmp_path / "cut.gguf", T)
    file.write_bytes(file.read_bytes()[:size])
    catalog = lora_finetunes.scan_adapters(weights.ensure_weights(), shipped=tmp_path / "none")
    assert not catalog.adapters
    # If its type cannot be read, it is reported as well.
    assert [skipped.path.name for skipped in catalog.skipped] == ["cut.gguf"]


def test_shipped_adapters_that_do_not_fit_the_users_model_are_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PADDOCK_ADAPTERS", raising=False)
    own = lora_files.write_adapter(
        tmp_path / "own.gguf", [], general__type="model", general__architecture="qwen2"
    )
    (tmp_path / "shipped").mkdir()
    lora_files.write_adapter(tmp_path / "shipped" / "voice.gguf", T)
    catalog = lora_finetunes.scan_adapters(own, shipped=tmp_path / "shipped")
    assert not catalog.adapters
    assert "'qwen2'" in catalog.skipped[0].reason


def test_the_users_adapter_wins_over_a_shipped_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("own", "shipped"):
        (tmp_path / folder).mkdir()
        lora_files.write_adapter(tmp_path / folder / "x.gguf", T, general__name="voice")
    monkeypatch.setenv("PADDOCK_ADAPTERS", str(tmp_path / "own"))
    catalog = lora_finetunes.scan_adapters(weights.ensure_weights(), shipped=tmp_path / "shipped")
    assert [(adapter.path.parent.name, adapter.public) for adapter in catalog.adapters] == [("own", False)]
    assert catalog.skipped[0].reason == "x.gguf has the same name, “voice”"


def test_a_folder_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PADDOCK_ADAPTERS", str(tmp_path / "none"))
    with pytest.raises(CannotStartError) as caught:
        lora_finetunes.scan_adapters(weights.ensure_weights())
    assert "PADDOCK_ADAPTERS" in str(caught.value)
    assert json.dumps(caught.value.advice)
