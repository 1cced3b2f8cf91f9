"""An engine that fails: before the first token the answer is an error, after it the stream has no [DONE]."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import threading
from collections.abc import AsyncGenerator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
from lib.twin.llama_server import LlamaServerClient
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


class _LlamaServer(BaseHTTPRequestHandler):
    """Answers as llama.cpp's server does."""

    def do_GET(self) -> None:
        body = json.dumps({"prompt": "a prompt"}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Write nothing."""


def test_the_engine_has_failed_only_if_its_server_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A twin that has no file descriptor left cannot ask it, but the answers that are being written go on."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _LlamaServer)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    client = LlamaServerClient(f"http://127.0.0.1:{server.server_port}", "key")

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    async def render() -> str:
        return await client.apply_template({})

    try:
        assert asyncio.run(render()) == "a prompt"
        with monkeypatch.context() as patch:
            patch.setattr(socket, "create_connection", fail)
            with pytest.raises(EngineError, match="Too many") as raised:
                asyncio.run(render())
        assert not isinstance(raised.value, EngineCrashedError)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    with pytest.raises(EngineCrashedError, match="refused"):
        asyncio.run(render())
    client.close()
    with pytest.raises(EngineCrashedError, match="closed"):
        asyncio.run(render())
