"""Prompts that are partly in the engine's cache: only what is new is read, and the same seed gives the same text."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lib.twin import weights
from lib.twin.engine import Engine
from lib.twin.generation import EndPiece, GenerationJob, TextPiece
from lib.twin.gguf_file import ModelFileInfo, read_info
from lib.twin.model_setup import has_exact_cache
from tests.twin.conftest import STORY, RunningTwin

needs_exact_cache = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="measured on x86 only"
)
# More than 512 tokens: from there on, two threads would share the attention of a token.
LONG = " ".join(f"{number} foxes ran over {number * 7} rivers." for number in range(60))
UNRELATED = "Entirely different words."


@pytest.fixture(params=[1, 2])
def engine(request: pytest.FixtureRequest, short_model: Path) -> Iterator[Engine]:
    """Return an engine with one slot, and one thread or two."""
    engine = Engine(short_model, slots=1, threads=request.param, context=1024, exact_cache=True)
    yield engine
    engine.close()


def generate(engine: Engine, prompt: str, max_tokens: int = 60) -> tuple[str, EndPiece]:
    """Return the answer to a prompt with a seed, and its end."""

    async def collect() -> tuple[str, EndPiece]:
        job = GenerationJob(max_tokens=max_tokens, temperature=1.0, prompt=prompt, seed=5)
        text = ""
        async for piece in engine.generate(job):
            if isinstance(piece, TextPiece):
                text += piece.text
            elif isinstance(piece, EndPiece):
                return text, piece
        raise AssertionError

    return asyncio.run(collect())


@needs_exact_cache
def test_the_same_seed_gives_the_same_text_whatever_is_in_the_cache(engine: Engine) -> None:
    text, end = generate(engine, LONG)
    assert (end.cached_tokens, end.prompt_tokens > 512) == (0, True)
    # The whole prompt but its last token comes from the cache, as for another answer to the same message.
    repeated, end = generate(engine, LONG)
    assert end.cached_tokens == end.prompt_tokens - 1
    assert repeated == text
    # The answer comes from the cache too, as in the next turn of a conversation.
    turn = f"{LONG}{text} And then?"
    reused, end = generate(engine, turn)
    assert end.prompt_tokens - end.cached_tokens < 60
    generate(engine, UNRELATED, max_tokens=1)
    read_anew, end = generate(engine, turn)
    assert end.cached_tokens < 10
    assert read_anew == reused
    # Of a prompt with another end, the beginning comes from the cache.
    generate(engine, UNRELATED, max_tokens=1)
    generate(engine, LONG[: len(LONG) // 3], max_tokens=1)
    partly, end = generate(engine, LONG)
    assert 50 < end.cached_tokens < end.prompt_tokens - 50
    assert partly == text


@needs_exact_cache
@pytest.mark.parametrize("settings", [{"seed": 3}, {"temperature": 0}, {}], ids=["seed", "greedy", "random"])
def test_a_turn_reads_only_what_is_new(twin: RunningTwin, settings: dict[str, float]) -> None:
    messages = [{"role": "user", "content": STORY}]
    for turn in range(5):
        body = {"messages": messages, "max_tokens": 20, **settings}
        result: dict[str, Any] = twin.client.post(twin.run, json=body).json()["result"]
        usage = result["usage"]
        messages += [
            {"role": "assistant", "content": result["response"]},
            {"role": "user", "content": f"{turn}?"},
        ]
    # The answer may be divided into other tokens when it is read than when it was written.
    assert usage["prompt_tokens"] - usage["prompt_tokens_details"]["cached_tokens"] < 50
    assert usage["prompt_tokens"] > 150


def test_only_measured_models_have_an_exact_cache() -> None:
    shipped = read_info(weights.ensure_weights())
    assert has_exact_cache(shipped, "x86_64")
    assert has_exact_cache(shipped, "AMD64")
    assert not has_exact_cache(shipped, "arm64")
    q4_k = 12
    assert not has_exact_cache(ModelFileInfo("mine", 0, "", layer_types=frozenset({0, q4_k})), "x86_64")
    assert not has_exact_cache(ModelFileInfo("mine", 0, ""), "x86_64")
