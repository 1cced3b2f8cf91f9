"""An engine that fails: before the first token the answer is an error, after it the stream has no [DONE]."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from lib.local_models.model_source import ModelFile
from lib.twin.app import build_app
from lib.twin.engine import Engine
from lib.twin.engine_errors import BadPromptError, EngineCrashedError, EngineError
from lib.twin.engine_pool import EnginePool
from lib.twin.generation import GenerationJob, TextPiece
from lib.twin.model_setup import LoadedModel, ModelSetup
from lib.twin.served_models import ServedModels
from tests.twin.conftest import MODEL, TOKEN, parse_events

ACCOUNT = "a" * 32


class FailingEngine:
    """An engine that yields some texts and then fails."""

    slots, context, running_count, waiting_count = 1, 100, 0, 0

    def __init__(self, texts: list[str], failure: Exception) -> None:
        self.texts, self.failure = texts, failure
        self.closed = False
        self.reasons: list[str] = []

    def fail(self, reason: str) -> None:
        self.reasons.append(reason)

    def close(self) -> None:
        """Nothing is loaded."""

    async def generate(self, job: GenerationJob) -> AsyncGenerator[TextPiece, None]:
        try:
            for text in self.texts:
                yield TextPiece(text)
            raise self.failure
        finally:
            self.closed = True


def ask_failing_engine(engine: FailingEngine, path: str = f"run/{MODEL}", **body: Any) -> httpx.Response:
    file = Path("failing.gguf")
    setup, pool = ModelSetup(file, ModelFile(file), context=100), EnginePool()
    pool.add(LoadedModel.of(setup, cast(Engine, engine)))
    app = build_app(ServedModels(setup, "Failing"), pool, ACCOUNT, TOKEN)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        headers = {"authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=headers
        ) as client:
            messages = [{"role": "user", "content": "x"}]
            request = {"model": MODEL, "messages": messages, **body}
            return await client.post(f"/client/v4/accounts/{ACCOUNT}/ai/{path}", json=request)

    return asyncio.run(ask())


@pytest.mark.parametrize("path", [f"run/{MODEL}", "v1/chat/completions"])
def test_in_the_middle_of_a_stream(path: str) -> None:
    engine = FailingEngine(["One", " two"], EngineError("boom"))
    response = ask_failing_engine(engine, path, stream=True)
    assert response.status_code == 200, response.text
    assert "two" in response.text
    assert "[DONE]" not in parse_events(response.text)
    assert "usage" not in response.text
    assert engine.closed


@pytest.mark.parametrize("path", [f"run/{MODEL}", "v1/chat/completions"])
def test_a_crash_in_the_middle_of_a_stream_is_told(path: str) -> None:
    engine = FailingEngine(["One"], EngineCrashedError("boom"))
    response = ask_failing_engine(engine, path, stream=True)
    assert response.status_code == 200, response.text
    *_, last = parse_events(response.text)
    assert last == {"error": {"code": 5908, "message": "AiError: Model failed: boom"}}
    assert engine.reasons == ["boom"]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (EngineError("boom"), 500, 3043),
        (BadPromptError("no such role"), 400, 5006),
        (EngineCrashedError("boom"), 500, 5908),
    ],
)
def test_before_the_first_token(stream: bool, failure: Exception, status: int, code: int) -> None:
    engine = FailingEngine([], failure)
    response = ask_failing_engine(engine, stream=stream)
    assert response.status_code == status
    assert response.json()["errors"][0]["code"] == code
    assert engine.closed


def test_an_unexpected_exception() -> None:
    response = ask_failing_engine(FailingEngine([], ZeroDivisionError()))
    assert response.status_code == 500
    assert response.json() == {
        "errors": [{"message": "internal server error", "code": 3043}],
        "success": False,
        "result": {},
        "messages": [],
    }
