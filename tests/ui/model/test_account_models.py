"""The section of the account's other models: the list, a chosen model's settings, and what goes wrong."""

from __future__ import annotations

import json

import pytest

from lib.model.model_record import default_model
from tests.model.catalogue_records import LISTED, RECORDS, SCHEMAS
from tests.page.upstream import Upstream
from tests.ui.app_test_page import AppTestPage, plain_text

QWEN = "@cf/qwen/qwen3.8-27b"


def open_models(page: AppTestPage) -> str:
    page.choose("section", "Other models")
    return page.text(page.by_key("section-6"))


def short(id: str) -> str:
    return id.rpartition("/")[2]


@pytest.fixture
def account(upstream: Upstream) -> Upstream:
    ending = [{"property_id": "planned_deprecation_date", "value": "2027-01-31"}]
    upstream.models = [*LISTED, {"name": default_model().id, "properties": ending}]
    upstream.schemas = dict(SCHEMAS)
    return upstream


def test_every_model_is_listed(account: Upstream) -> None:
    page = AppTestPage(path="pages/model.py")
    text = open_models(page)
    assert f"{len(LISTED) + 1} text models of" in text
    table = page.test.dataframe[0].value
    assert list(table["Model"]) == [short(id) for id in sorted([*RECORDS, default_model().id])]
    columns = json.loads(page.test.dataframe[0].proto.columns)
    for name in ("Model", "Abilities"):
        assert columns[name]["width"] >= 6.5 * table[name].str.len().max(), "whole at its widest"
    row = table[table["Model"] == short(QWEN)].iloc[0]
    assert (row["Context"], row["Reading, $"], row["Writing, $"]) == (262_144, 0.45, 3.2)
    assert row["Abilities"] == "functions, reasoning, pictures"
    assert table[table["Model"] == short(default_model().id)].iloc[0]["Abilities"] == "ends 2027-01-31"
    assert [warning.value for warning in page.test.warning] == [
        "Cloudflare will end this model on 2027-01-31."
    ]
    # 500 tokens to read and 200 to write, then twice as many to write.
    assert row["1,000 answers, $"] == pytest.approx(0.5 * 0.45 + 0.2 * 3.2)
    assert table["1,000 answers, $"].isna().sum() == 2
    page.choose("other-out", 400)
    table = page.test.dataframe[0].value
    assert table[table["Model"] == short(QWEN)].iloc[0]["1,000 answers, $"] == pytest.approx(
        0.5 * 0.45 + 0.4 * 3.2
    )
    # The default model's settings are those of the shipped record.
    assert page.by_key("other-model").value == default_model().id
    assert all(f"`{parameter.name}`" in text for parameter in default_model().parameters)


def test_each_models_settings_are_those_of_its_schema(account: Upstream) -> None:
    page = AppTestPage(path="pages/model.py")
    open_models(page)
    for id, record in RECORDS.items():
        text = page.choose("other-model", id).text(page.by_key("section-6"))
        expected = record["expected"]
        if expected["parameters"]:
            settings = page.text(page.by_key("other-model-settings"))
            assert [name for name in expected["parameters"] if f"`{name}`" not in settings] == []
        else:
            assert "documents no settings" in text
        assert (f"Not offered as a setting: {len(expected['omitted'])}" in str(page.test)) == bool(
            expected["omitted"]
        )
    page.choose("other-model", QWEN)
    text = plain_text(page.text(page.by_key("section-6")))
    assert "`n` · whole number, 1 to 128 · default 1 How many" in text
    assert "`reasoning_effort` · low, medium, high · no documented default" in text
    assert "`store` · on or off · default off" in text
    assert "`seed` · whole number · no documented default" in text
    assert "`stop`: free text" in text
    assert "0.05 to read again (cached)" in text


def test_a_list_that_cannot_be_loaded(account: Upstream) -> None:
    account.models = {"no": "list"}  # type: ignore[assignment]
    page = AppTestPage(path="pages/model.py")
    assert "cannot be read" in open_models(page)
    account.models = LISTED[:1]
    assert "1 text model of" in page.click("other-models-refresh").text(page.by_key("section-6"))


def test_what_the_service_writes_is_shown_as_text(account: Upstream) -> None:
    account.models = [{"name": "@cf/x/y", "description": "**bold** ![x](https://tracker.example/x.png) $1$"}]
    account.schemas = {
        "@cf/x/y": {
            "properties": {
                "messages": {},
                "a`*b": {"type": "number", "description": "|x| ![y](https://tracker.example) \n\n# z"},
            }
        }
    }
    page = AppTestPage(path="pages/model.py")
    open_models(page)
    markdown = [element.value for element in page.test.markdown]
    assert not any("![" in text and "\\!\\[" not in text for text in markdown)
    assert any("`a�*b`" in text for text in markdown)
