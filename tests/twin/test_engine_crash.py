"""An engine that fails while it writes: its model is loaded again, and the other models lose nothing."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace

import pytest

from lib.twin.engine_errors import EngineCrashedError
from lib.twin.engine_pool import EnginePool
from lib.twin.generation import GenerationJob, TextPiece
from lib.twin.model_setup import EngineOptions, LoadedModel, ModelSetup, choose_setup, load_model
from tests.twin.llama_model import BYTES, write_llama_model
from tests.twin.test_engine_pool import run, until


def test_a_crash_ends_the_answers_of_its_model_alone(tmp_path: Path) -> None:
    """An exception that is no refusal comes out of llama.cpp, while each of two models writes a long answer."""
    options = EngineOptions(slots=2, context=65_536)
    failing, other = (
        # Line breaks lead to the answer again, so these write until the limit.
        choose_setup(write_llama_model(tmp_path / f"{name}.gguf", answer=name, end=BYTES[ord("\n")]), options)
        for name in ("Yes", "No")
    )
    loads: list[ModelSetup] = []
    written = {failing.path: 0, other.path: 0}
    is_ending = asyncio.Event()

    def load(setup: ModelSetup) -> LoadedModel:
        loads.append(setup)
        return load_model(setup)

    def run_out_of_memory(*_: object) -> None:
        raise MemoryError("no room for the batch")

    pool = EnginePool(load, lambda used: 10**12)

    async def write(setup: ModelSetup, tokens: int = 60_000) -> str:
        job, text = GenerationJob(max_tokens=tokens, temperature=0, messages=(("user", "Hello"),)), ""
        async with pool.hold(setup) as loaded, aclosing(loaded.engine.generate(job)) as pieces:
            async for piece in pieces:
                text += piece.text if isinstance(piece, TextPiece) else ""
                written[setup.path] += 1
                if is_ending.is_set():
                    break
        return text

    async def work() -> None:
        running, bystander = asyncio.create_task(write(failing)), asyncio.create_task(write(other))
        await until(lambda: all(written.values()))
        loaded = pool.find(failing)
        assert loaded is not None
        loaded.engine._server = SimpleNamespace(handle_chat_completions=run_out_of_memory)
        for crashed in (asyncio.create_task(write(failing)), running):
            with pytest.raises(EngineCrashedError, match="no room for the batch"):
                await crashed
        assert (await write(failing, 3)).startswith("Yes")
        count = written[other.path]
        await until(lambda: written[other.path] > count)
        is_ending.set()
        assert (await bystander).startswith("No")

    run(work)
    assert sorted(setup.path.stem for setup in loads) == ["No", "Yes", "Yes"]
    pool.close()
