"""The catalogue of an account's models: pages, hostile replies, and what is kept on disk."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lib.api import model_catalogue
from lib.api.backend import Backend, Secret, twin_backend
from lib.api.client import WorkersAI
from lib.api.model_catalogue import ModelCatalogue
from lib.errors import CredentialsRefused, PaddockError, Unintelligible
from lib.model.catalogue_entry import Ability, CatalogueEntry, parse_entries
from lib.model.model_record import DEFAULT_MODEL_ID, default_model
from tests import sample_values
from tests.model.catalogue_records import LISTED, RECORDS, SCHEMAS

REMOTE = replace(sample_values.make_backend("https://api.example.com"), base_url="https://api.example.com/v4")


class FakeClient(WorkersAI):
    """Answers from a list of replies by path; counts what is asked."""

    def __init__(
        self, items: list[Any] | None = None, per_page: int = 4, ignores_pages: bool = False
    ) -> None:
        super().__init__()
        self.items = LISTED if items is None else items
        self.per_page, self.ignores_pages = per_page, ignores_pages
        self.paths: list[str] = []
        self.problem: PaddockError | None = None

    def fetch(self, backend: Backend, path: str) -> str:
        self.paths.append(path)
        if self.problem is not None:
            raise self.problem
        if path.startswith("models/schema?model="):
            [id] = [id for id in SCHEMAS if path.endswith(id.replace("/", "%2F").replace("@", "%40"))]
            return json.dumps({"success": True, "result": {"input": SCHEMAS[id], "output": {}}})
        page = 1 if self.ignores_pages else int(path.split("&page=")[1].split("&")[0])
        start = (page - 1) * self.per_page
        return json.dumps({"success": True, "result": self.items[start : start + self.per_page]})


def test_every_page_is_read(tmp_path: Path) -> None:
    client = FakeClient()
    catalogue = ModelCatalogue(client, tmp_path).refresh(REMOTE)
    assert [entry.id for entry in catalogue.entries] == list(RECORDS)
    assert client.paths == [
        f"models/search?task=Text%20Generation&page={page}&per_page=100" for page in range(1, 5)
    ]


def test_what_an_item_says() -> None:
    entries = {entry.id: entry for entry in parse_entries(LISTED)}
    qwen = entries["@cf/qwen/qwen3.8-27b"]
    assert (qwen.input_price, qwen.output_price, qwen.cached_input_price) == (
        Decimal("0.45"),
        Decimal("3.2"),
        Decimal("0.05"),
    )
    assert qwen.context_window == 262_144
    assert qwen.abilities == {Ability.FUNCTIONS, Ability.REASONING, Ability.VISION}
    lora = entries["@cf/meta-llama/llama-2-7b-chat-hf-lora"]
    assert (lora.input_price, lora.output_price, lora.is_beta) == (None, None, True)
    assert lora.abilities == {Ability.LORA}
    assert entries["@cf/zai-org/glm-5.3-flash"].needs_paid_plan


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (None, []),
        ({"name": 3}, []),
        ({"name": "@cf/../../secret"}, []),
        ({"name": "@cf/a b"}, []),
        ({"name": "@cf/x/y?z=1"}, []),
        ({"name": "@cf/x/" + "y" * 300}, []),
        ({"name": "@cf/x/y", "task": {"name": "Text-to-Image"}}, []),
        ({"name": "@cf/x/y", "task": {"name": "text generation"}}, [CatalogueEntry("@cf/x/y")]),
        (
            {
                "name": "@hf/x/y-1.5_z",
                "description": ["no text"],
                "properties": [
                    None,
                    {"property_id": "context_window", "value": "-5"},
                    {"property_id": "context_window"},
                    {
                        "property_id": "price",
                        "value": [{"unit": "per M input tokens", "price": True, "currency": "USD"}],
                    },
                    {"property_id": "terms", "value": "javascript:alert(1)"},
                    {"property_id": "planned_deprecation_date", "value": "soon"},
                ],
            },
            [CatalogueEntry("@hf/x/y-1.5_z")],
        ),
        (
            {
                "name": "@cf/x/y",
                "properties": [
                    {"property_id": "planned_deprecation_date", "value": "2026-12-31T00:00:00Z"},
                    {"property_id": "context_window", "value": 4096},
                    {
                        "property_id": "price",
                        "value": [{"unit": "per M output tokens", "price": 1, "currency": "EUR"}],
                    },
                ],
            },
            [CatalogueEntry("@cf/x/y", context_window=4096, retires_on=date(2026, 12, 31))],
        ),
    ],
)
def test_items_of_other_shapes(item: Any, expected: list[CatalogueEntry]) -> None:
    assert list(parse_entries([item])) == expected


def test_a_server_without_pages(tmp_path: Path) -> None:
    client = FakeClient(ignores_pages=True)
    assert len(ModelCatalogue(client, tmp_path).refresh(REMOTE).entries) == 4
    assert len(client.paths) == 2


def test_the_twin_says_which_page_is_the_last(tmp_path: Path) -> None:
    """It is asked often. Whether Cloudflare's result_info counts all pages is not documented."""
    twin = twin_backend("http://127.0.0.1:1/client/v4", "a" * 32, Secret("token"), "Small", 100)
    paths: list[str] = []

    def fetch(backend: Backend, path: str) -> str:
        paths.append(path)
        page = int(path.split("&page=")[1].split("&")[0])
        info = {"page": page, "per_page": 2, "total_count": 4}
        items = [{"name": f"@local/{page}-{number}", "task": {"name": "Text Generation"}} for number in "ab"]
        return json.dumps({"success": True, "result": items if page < 3 else [], "result_info": info})

    client = FakeClient()
    client.fetch = fetch  # type: ignore[method-assign]
    for backend, count in ((twin, 2), (REMOTE, 3)):
        paths.clear()
        assert len(ModelCatalogue(client, tmp_path).refresh(backend).entries) == 4
        assert len(paths) == count


def test_a_list_without_an_end(tmp_path: Path) -> None:
    client = FakeClient([{"name": f"@cf/x/model-{number}"} for number in range(5_000)], per_page=30)
    assert len(ModelCatalogue(client, tmp_path).refresh(REMOTE).entries) == 30 * model_catalogue.MAX_PAGES
    client = FakeClient([{"name": f"@cf/x/model-{number}"} for number in range(5_000)], per_page=2_000)
    assert len(ModelCatalogue(client, tmp_path).refresh(REMOTE).entries) == model_catalogue.MAX_MODELS


@pytest.mark.parametrize("reply", ['{"success":true}', '{"success":true,"result":{}}', "[]", "[" * 100_000])
def test_replies_that_are_no_list(tmp_path: Path, reply: str) -> None:
    client = FakeClient()
    client.fetch = lambda backend, path: reply  # type: ignore[method-assign]
    catalogue = ModelCatalogue(client, tmp_path)
    with pytest.raises(Unintelligible):
        catalogue.refresh(REMOTE)
    with pytest.raises(Unintelligible):
        catalogue.fetch_schema(REMOTE, "@cf/x/y")


def test_the_list_and_schemas_are_kept_on_disk(tmp_path: Path) -> None:
    model = "@cf/openai/gpt-oss-20b"
    first = FakeClient()
    catalogue = ModelCatalogue(first, tmp_path)
    fresh, schema = catalogue.refresh(REMOTE), catalogue.fetch_schema(REMOTE, model)
    assert schema == SCHEMAS[model]
    offline = FakeClient()
    offline.problem = CredentialsRefused("no")
    restarted = ModelCatalogue(offline, tmp_path)
    assert restarted.find(REMOTE) == fresh
    assert restarted.fetch_schema(REMOTE, model) == schema
    assert offline.paths == []
    # Another account has lists of its own.
    assert restarted.find(replace(REMOTE, account_id="f" * 32)) is None
    # A refresh that fails keeps what there was; one that succeeds fetches the schemas again.
    with pytest.raises(CredentialsRefused):
        restarted.refresh(REMOTE)
    assert restarted.find(REMOTE) == fresh
    offline.problem = None
    restarted.refresh(REMOTE)
    offline.paths.clear()
    restarted.fetch_schema(REMOTE, model)
    assert len(offline.paths) == 1
    assert sample_values.TOKEN not in "".join(file.read_text("utf-8") for file in tmp_path.iterdir())


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"version":1}', '{"version":1,"replies":[3],"fetched_at":"x"}', '{"version":9}'],
)
def test_damaged_files_are_fetched_again(tmp_path: Path, content: str) -> None:
    catalogue = ModelCatalogue(FakeClient(), tmp_path)
    catalogue.refresh(REMOTE)
    catalogue.fetch_schema(REMOTE, "@cf/openai/gpt-oss-20b")
    for file in tmp_path.iterdir():
        file.write_text(content, encoding="utf-8")
    again = ModelCatalogue(FakeClient(), tmp_path)
    assert again.find(REMOTE) is None
    assert again.fetch_schema(REMOTE, "@cf/openai/gpt-oss-20b") == SCHEMAS["@cf/openai/gpt-oss-20b"]


def test_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "file"
    folder.write_text("in the way")
    catalogue = ModelCatalogue(FakeClient(), folder)
    assert len(catalogue.refresh(REMOTE).entries) == len(RECORDS)
    assert catalogue.find(REMOTE) is not None


def test_old_files_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_catalogue, "MAX_FILES", 3)
    catalogue = ModelCatalogue(FakeClient(), tmp_path)
    for number in range(6):
        catalogue.refresh(replace(REMOTE, account_id=f"{number:032x}"))
    assert len(list(tmp_path.iterdir())) == 3


def test_a_server_on_this_computer_is_not_kept_on_disk(tmp_path: Path) -> None:
    local = replace(REMOTE, base_url="http://127.0.0.1:9/client/v4")
    ModelCatalogue(FakeClient(), tmp_path).refresh(local)
    assert list(tmp_path.iterdir()) == []


def test_models_are_found_by_their_ids(tmp_path: Path) -> None:
    client = FakeClient()
    catalogue = ModelCatalogue(client, tmp_path)
    id = "@cf/qwen/qwen3.8-27b"
    assert catalogue.find_model(id) is None
    assert catalogue.find_model(DEFAULT_MODEL_ID) == default_model()
    catalogue.refresh(REMOTE)
    assert catalogue.find_model(id) is None, "its schema was never fetched"
    fetched = catalogue.fetch_model(REMOTE, id)
    assert fetched is not None
    assert fetched.parameter("reasoning_effort").choices == ("low", "medium", "high")
    assert catalogue.find_model(id) == fetched
    asked = len(client.paths)
    assert ModelCatalogue(client, tmp_path).find_model(id) == fetched, "from disk"
    assert len(client.paths) == asked
    assert catalogue.fetch_model(REMOTE, "@cf/acme/none") is None


def test_a_model_is_found_while_its_list_is_renewed(tmp_path: Path) -> None:
    client = FakeClient()
    catalogue = ModelCatalogue(client, tmp_path)
    id = "@cf/qwen/qwen3.8-27b"
    catalogue.refresh(REMOTE)
    model = catalogue.fetch_model(REMOTE, id)
    catalogue.refresh(REMOTE)
    assert catalogue.find_model(id) == model
    client.problem = CredentialsRefused("No.")
    assert catalogue.fetch_model(REMOTE, id) == model, "what is stored is better than nothing"
    client.problem = None
    asked = len(client.paths)
    catalogue = ModelCatalogue(client, tmp_path)
    catalogue.find(REMOTE)
    assert catalogue.fetch_model(REMOTE, id) == model
    assert client.paths[asked:] == ["models/schema?model=%40cf%2Fqwen%2Fqwen3.8-27b"], (
        "it is older than the list"
    )
