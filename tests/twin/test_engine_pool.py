"""The pool of models: as many as fit, the others in turn, and nothing of a running answer is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lib.local_models.model_source import ModelFile
from lib.twin import engine_pool
from lib.twin.engine_errors import (
    CannotStartError,
    EngineBusyError,
    EngineCrashedError,
    EngineError,
    ModelNotLoadedError,
)
from lib.twin.engine_pool import RESERVE_BYTES, EnginePool
from lib.twin.generation import GenerationJob, TextPiece
from lib.twin.model_setup import EngineOptions, LoadedModel, ModelSetup, choose_setup, load_model
from tests.twin.llama_model import write_llama_model

GIGABYTE = 10**9


def setup_of(name: str, gigabytes: int = 2) -> ModelSetup:
    path = Path(f"{name}.gguf")
    return ModelSetup(path, ModelFile(path), file_bytes=gigabytes * GIGABYTE)


A, B, C = map(setup_of, "abc")


class Computer:
    """A computer with so much memory. It knows which models are in it, and what was loaded in which order."""

    def __init__(self, gigabytes: float | None) -> None:
        self.bytes = None if gigabytes is None else int(gigabytes * GIGABYTE)
        self.present: list[str] = []
        self.loads: list[str] = []
        self.broken: set[str] = set()
        self.failures: list[str] = []
        self.pool = EnginePool(self.load, self.free)

    def free(self, used: int) -> int | None:
        # As Linux counts: the files of loaded models are cached files, which count as free.
        return None if self.bytes is None else self.bytes - used

    def load(self, setup: ModelSetup) -> LoadedModel:
        name = setup.path.stem
        self.loads.append(name)
        if name in self.broken:
            raise CannotStartError("the file is damaged", "Download it again.")
        self.present.append(name)
        engine = SimpleNamespace(
            close=lambda: self.present.remove(name), stop=lambda: None, fail=self.failures.append
        )
        return LoadedModel.of(setup, cast(Any, engine))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns that end soon."""
    monkeypatch.setattr(engine_pool, "TURN_SECONDS", 0.05)
    monkeypatch.setattr(engine_pool, "LINGER_SECONDS", 0.0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


class Holder:
    """A request that holds a model from ``begin`` to ``end``."""

    def __init__(self, pool: EnginePool, setup: ModelSetup) -> None:
        self._end, self.is_answering = asyncio.Event(), False
        self.task = asyncio.ensure_future(self._hold(pool, setup))

    async def _hold(self, pool: EnginePool, setup: ModelSetup) -> None:
        async with pool.hold(setup) as loaded:
            assert loaded.setup is setup
            self.is_answering = True
            await self._end.wait()

    async def end(self) -> None:
        self._end.set()
        await self.task


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(60):
            await work()

    asyncio.run(within())


def test_models_that_fit_are_kept() -> None:
    computer = Computer(6)

    async def work() -> None:
        async with AsyncExitStack() as stack:
            for setup in (A, B):
                await stack.enter_async_context(computer.pool.hold(setup))
        async with computer.pool.hold(A), computer.pool.hold(B):
            assert computer.present == ["a", "b"]

    run(work)
    assert computer.loads == ["a", "b"]
    computer.pool.close()
    assert computer.present == []


def test_a_third_model_takes_the_place_of_the_one_that_was_used_longest_ago(quick: None) -> None:
    computer = Computer(6)

    async def work() -> None:
        for setup in (A, B, A, C):
            async with computer.pool.hold(setup):
                pass
        assert computer.present == ["a", "c"]

    run(work)


@pytest.mark.parametrize("gigabytes", [3, None])
def test_another_model_waits_for_the_running_answers(quick: None, gigabytes: float | None) -> None:
    computer = Computer(gigabytes)

    async def work() -> None:
        first, second = Holder(computer.pool, A), Holder(computer.pool, A)
        await until(lambda: first.is_answering and second.is_answering)
        other = Holder(computer.pool, B)
        await first.end()
        await asyncio.sleep(0.2)
        assert not other.is_answering
        assert computer.present == ["a"]
        assert computer.pool.waiting_count == 1
        await second.end()
        await until(lambda: other.is_answering)
        assert computer.present == ["b"]
        await other.end()

    run(work)


def test_requests_for_the_loaded_model_go_on_during_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_pool, "TURN_SECONDS", 30.0)
    computer = Computer(3)

    async def work() -> None:
        first = Holder(computer.pool, A)
        await until(lambda: first.is_answering)
        others = [Holder(computer.pool, B) for _ in range(3)]
        await asyncio.sleep(0)
        for _ in range(5):
            following = Holder(computer.pool, A)
            await until(lambda holder=following: holder.is_answering)  # type: ignore[misc]
            await first.end()
            first = following
        await first.end()
        await until(lambda: all(other.is_answering for other in others))
        for other in others:
            await other.end()

    run(work)
    assert computer.loads == ["a", "b"]


def test_no_model_keeps_the_others_out_for_ever(quick: None) -> None:
    computer, counts = Computer(3), {"a": 0, "b": 0, "c": 0}

    async def ask(setup: ModelSetup) -> None:
        while min(counts.values()) < 12:
            async with computer.pool.hold(setup):
                await asyncio.sleep(0.005)
            counts[setup.path.stem] += 1

    async def work() -> None:
        # There is always a request for each of them.
        await asyncio.gather(*(ask(setup) for setup in (A, A, A, B, B, C)))

    run(work)
    # The models are not changed for each request.
    assert 2 * sum(counts.values()) >= 3 * len(computer.loads)


def test_who_leaves_the_queue_frees_its_place(quick: None) -> None:
    computer = Computer(3)

    async def work() -> None:
        first = Holder(computer.pool, A)
        await until(lambda: first.is_answering)
        other = Holder(computer.pool, B)
        # The turn of A is over: its new requests wait behind the other model.
        await asyncio.sleep(0.1)
        following = Holder(computer.pool, A)
        await asyncio.sleep(0.02)
        assert computer.pool.waiting_count == 2
        assert not following.is_answering
        other.task.cancel()
        with suppress(asyncio.CancelledError):
            await other.task
        await until(lambda: following.is_answering)
        assert computer.pool.waiting_count == 0
        for holder in (first, following):
            await holder.end()

    run(work)
    assert computer.loads == ["a"]


def test_a_request_that_is_cancelled_while_its_model_loads(quick: None) -> None:
    computer = Computer(3)

    async def work() -> None:
        other = Holder(computer.pool, A)
        await asyncio.sleep(0)
        other.task.cancel()
        with suppress(asyncio.CancelledError):
            await other.task
        async with computer.pool.hold(B):
            assert computer.present == ["b"]

    run(work)


def test_a_model_that_does_not_fit_even_alone(quick: None) -> None:
    computer = Computer(5)

    async def work() -> None:
        first = Holder(computer.pool, A)
        await until(lambda: first.is_answering)
        with pytest.raises(ModelNotLoadedError, match=r"needs 7\.1 GB of memory, and 5\.0 GB are free"):
            async with computer.pool.hold(setup_of("large", 7)):
                pass
        # Nothing was unloaded for it.
        assert computer.present == ["a"]
        await first.end()

    run(work)
    assert computer.loads == ["a"]


def test_a_model_that_cannot_be_loaded(quick: None) -> None:
    computer = Computer(3)
    computer.broken.add("b")

    async def work() -> None:
        first = Holder(computer.pool, A)
        await until(lambda: first.is_answering)
        others = [Holder(computer.pool, B), Holder(computer.pool, B)]
        await asyncio.sleep(0)
        await first.end()
        for other in others:
            with pytest.raises(ModelNotLoadedError, match="damaged"):
                await other.task
        async with computer.pool.hold(A):
            assert computer.present == ["a"]
        # It is tried again, because the file may have been replaced.
        computer.broken.clear()
        async with computer.pool.hold(B):
            assert computer.present == ["b"]

    run(work)


def test_a_model_whose_engine_fails_is_loaded_again(quick: None) -> None:
    computer = Computer(6)

    async def work() -> None:
        other, running = Holder(computer.pool, B), Holder(computer.pool, A)
        await until(lambda: other.is_answering and running.is_answering)
        for _ in range(2):
            with pytest.raises(EngineCrashedError, match="boom"):
                async with computer.pool.hold(A):
                    raise EngineCrashedError("boom")
            assert [loaded.setup for loaded in computer.pool.loaded] == [B]
        async with computer.pool.hold(A):
            # What held the model that has failed is not counted as a user of the new one.
            await running.end()
            assert sorted(computer.present) == ["a", "b"]
        async with computer.pool.hold(C):
            assert sorted(computer.present) == ["b", "c"]
        await other.end()

    run(work)
    assert computer.failures == ["boom", "boom"]
    assert computer.loads == ["b", "a", "a", "a", "c"]


def test_a_request_that_does_not_wait(quick: None) -> None:
    computer = Computer(3)

    async def work() -> None:
        async with computer.pool.hold(A, waits=False):
            with pytest.raises(EngineBusyError):
                async with computer.pool.hold(B, waits=False):
                    pass
            async with computer.pool.hold(A, waits=False):
                pass
        assert computer.pool.waiting_count == 0

    run(work)


def test_too_many_wait_for_one_model() -> None:
    computer = Computer(3)

    async def work() -> None:
        first = Holder(computer.pool, A)
        await until(lambda: first.is_answering)
        waiting = [Holder(computer.pool, B) for _ in range(9)]
        await asyncio.sleep(0)
        with pytest.raises(EngineBusyError):
            async with computer.pool.hold(B):
                pass
        computer.pool.stop()
        for holder in waiting:
            with pytest.raises(EngineError, match="ending"):
                await holder.task
        await first.end()

    run(work)


def test_real_models_answer_in_turn(quick: None, tmp_path: Path) -> None:
    setups = [
        choose_setup(
            write_llama_model(tmp_path / f"{name}.gguf", answer=name), EngineOptions(slots=2, context=1024)
        )
        for name in ("Yes", "No")
    ]
    # Room for one.
    pool = EnginePool(load_model, lambda used: max(setup.memory for setup in setups) + RESERVE_BYTES - used)
    job = GenerationJob(max_tokens=5, temperature=0, messages=(("user", "Hello"),))

    async def ask(setup: ModelSetup) -> str:
        async with pool.hold(setup) as loaded:
            assert [other.setup for other in pool.loaded] == [setup]
            pieces = [piece async for piece in loaded.engine.generate(job)]
        return "".join(piece.text for piece in pieces if isinstance(piece, TextPiece))

    async def work() -> None:
        texts = await asyncio.gather(*(ask(setups[number % 2]) for number in range(8)))
        assert texts == ["Yes", "No"] * 4

    run(work)
    pool.close()
