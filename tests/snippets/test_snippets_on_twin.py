"""Every snippet runs against the twin and prints the text that the page shows for the same request and seed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lib.api import wire
from lib.api.backend import Backend, Secret
from lib.api.cancellation import CancelToken
from lib.api.client import WorkersAI
from lib.api.events import Event, TextDelta
from lib.api.request import Messages, Prompt, Request, RequestInput, Turn, build_request
from lib.model import model_record
from lib.snippets.snippet import Snippet
from lib.snippets.snippet_builder import build_snippets
from tests.snippets.snippet_runner import COMMANDS, run_snippet
from tests.snippets.worker_runtime import compile_workers, serve_worker

NAMES = [
    "curl",
    "Python (httpx)",
    "Python (cloudflare)",
    "Python (openai)",
    "JavaScript (fetch)",
    "TypeScript (Worker)",
]
SETTINGS = {"max_tokens": 24, "seed": 7, "temperature": 0.8, "top_k": 30, "repetition_penalty": 1.2}
TALK = Messages(
    (
        Turn(
            "system",
            "You are a storyteller.\nSpeak of \"animals\" and `rivers` for ${money} — it's 'fun' 🦊.",
        ),
        Turn("user", "Write a short story about a fox and a river."),
    )
)
RAW = Prompt("<|im_start|>user\nSay something nice.<|im_end|>\n<|im_start|>assistant\n", raw=True)
INPUTS: dict[str, tuple[RequestInput, bool]] = {
    "messages-stream": (TALK, True),
    "messages-whole": (TALK, False),
    "prompt-stream": (Prompt("Tell me about \\ and \u2028."), True),
    "raw-whole": (RAW, False),
}
REQUESTS = {
    key: build_request(model_record.default_model(), input, SETTINGS, stream=stream)
    for key, (input, stream) in INPUTS.items()
}


def join_text(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


@pytest.fixture(scope="module")
def texts(backend: Backend) -> dict[str, str]:
    """Return the texts that the page would show."""
    client = WorkersAI()
    return {
        key: join_text(list(client.stream(backend, request, CancelToken())))
        for key, request in REQUESTS.items()
    }


def snippet_named(name: str, request: Request, backend: Backend) -> Snippet:
    [program] = [program for program in build_snippets(request, backend) if program.name == name]
    return program


def test_names_and_files(backend: Backend) -> None:
    written = build_snippets(REQUESTS["raw-whole"], backend)
    assert [program.name for program in written] == NAMES
    assert len({program.file for program in written}) == len(NAMES)


def test_different_requests_have_different_texts(texts: dict[str, str]) -> None:
    assert texts["messages-stream"] == texts["messages-whole"]
    assert len(set(texts.values())) == 3
    assert all(len(text) > 20 for text in texts.values())


@pytest.mark.parametrize("key", REQUESTS)
@pytest.mark.parametrize("name", NAMES[:-1])
def test_the_same_text(backend: Backend, texts: dict[str, str], tmp_path: Path, name: str, key: str) -> None:
    program = snippet_named(name, REQUESTS[key], backend)
    done = run_snippet(program, tmp_path, backend)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    printed = done.stdout.decode()
    if name == "Python (openai)" and key.startswith("raw"):
        assert "left out" in program.note
        assert printed.strip()
        assert printed != texts[key] + "\n"  # this endpoint takes the prompt as a message
    else:
        assert printed == texts[key] + "\n"


def test_workers(backend: Backend, texts: dict[str, str], tmp_path: Path) -> None:
    workers = {key: snippet_named(NAMES[-1], request, backend) for key, request in REQUESTS.items()}
    for key, script in compile_workers(workers, tmp_path).items():
        with serve_worker(script, tmp_path, backend) as visitor:
            answer = visitor.get("/")
        assert answer.status_code == 200
        if REQUESTS[key].stream:
            assert answer.headers["content-type"] == "text/event-stream"
            lines = answer.text.removesuffix("\n\n").split("\n\n")
            events = [event for line in lines for event in wire.decode_event(line.removeprefix("data: "))]
        else:
            events = list(wire.decode_answer(answer.text))
        assert join_text(events) == texts[key]


@pytest.mark.parametrize("key", ["messages-stream", "messages-whole"])
@pytest.mark.parametrize("name", NAMES[:-1])
def test_a_wrong_token(backend: Backend, tmp_path: Path, name: str, key: str) -> None:
    stranger = replace(backend, token=Secret("a" * 40))
    done = run_snippet(snippet_named(name, REQUESTS[key], stranger), tmp_path, stranger)
    assert done.returncode != 0
    assert "Authentication error" in done.stderr.decode()
    assert done.stdout == b""


@pytest.mark.parametrize("key", ["messages-stream", "messages-whole"])
def test_a_refused_worker(backend: Backend, tmp_path: Path, key: str) -> None:
    stranger = replace(backend, token=Secret("a" * 40))
    scripts = compile_workers({key: snippet_named(NAMES[-1], REQUESTS[key], stranger)}, tmp_path)
    with serve_worker(scripts[key], tmp_path, stranger) as visitor:
        answer = visitor.get("/")
    assert answer.status_code == 502
    assert "Authentication error" in answer.text


def test_every_file_type_can_be_run(backend: Backend) -> None:
    kinds = {Path(program.file).suffix for program in build_snippets(REQUESTS["raw-whole"], backend)}
    assert kinds == {*COMMANDS, ".ts"}
