"""LangChain's Workers AI client, unmodified, against the twin: a third client beside the official SDKs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from langchain_cloudflare import ChatCloudflareWorkersAI
from langchain_core.tools import tool
from pydantic import BaseModel

from tests.twin.conftest import MODEL, STORY, TOKEN, RunningTwin


class Fox(BaseModel):
    """A fox."""

    age: int
    wild: bool


@tool
def weather(city: str) -> str:
    """The weather now in a city"""
    return f"rain in {city}"


@pytest.fixture
def model(whole_twin: RunningTwin) -> Iterator[ChatCloudflareWorkersAI]:
    built = ChatCloudflareWorkersAI(
        account_id=whole_twin.account,
        api_token=TOKEN,
        base_url=whole_twin.base_url,
        model=MODEL,
        temperature=0,
        max_tokens=80,
    )
    yield built
    # It does not close by itself.
    built.client.close()


def test_invoke_and_stream(whole_twin: RunningTwin, model: ChatCloudflareWorkersAI) -> None:
    message = [{"role": "user", "content": STORY}]
    # After a longer answer, the first one is elsewhere in the engine's memory, and its last bits differ (seen after
    # test_json_mode). This test is about the client's reading of an answer.
    whole_twin.answer(temperature=0, max_tokens=80)
    text = model.invoke(message).content
    assert text == whole_twin.answer(temperature=0, max_tokens=80)
    assert "".join(str(chunk.content) for chunk in model.stream(message)) == text


def test_tools(model: ChatCloudflareWorkersAI) -> None:
    # It sends parameters without descriptions. (In streams it knows only the flat format of calls.)
    (call,) = model.bind_tools([weather]).invoke("Is it raining in London?").tool_calls
    assert call["name"] == "weather"
    assert set(call["args"]) == {"city"}


def test_structured_output(model: ChatCloudflareWorkersAI) -> None:
    # Its default method is a tool.
    assert isinstance(model.with_structured_output(Fox).invoke("Invent a fox"), Fox)
