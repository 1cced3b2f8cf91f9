"""The models in memory: as many as fit, and the others in turn.

A request for a model that is not loaded waits until there is room for it. Models that are in use give room once their
running answers have ended. While others wait, a loaded model goes on taking new requests for its turn only, so that
it is neither changed for each request nor kept for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from lib.local_models.memory import estimate_free_memory
from lib.twin.engine import MAX_QUEUED_PER_SLOT
from lib.twin.engine_errors import (
    CannotStartError,
    EngineBusyError,
    EngineCrashedError,
    EngineError,
    ModelNotLoadedError,
)
from lib.twin.model_setup import LoadedModel, ModelSetup, load_checked

# A model takes new requests for so long while another one waits for its memory. Loading takes 0.5 s to some seconds.
TURN_SECONDS = 15.0
# A client that asks one question after the other needs this long, at most, from an answer to its next request.
LINGER_SECONDS = 0.25
# Memory that stays free if a model is loaded beside others: for the page, the browser, and what estimates leave out.
RESERVE_BYTES = 768 * 1024 * 1024


@dataclass(eq=False)
class _Place:
    """A model in memory. While another waits for its memory, it takes new requests until ``turn_ends``."""

    model: LoadedModel
    last_used: float
    users: int = 0
    turn_ends: float | None = None
    is_closed_to_new: bool = False

    def stay(self) -> None:
        self.turn_ends, self.is_closed_to_new = None, False


@dataclass(eq=False)
class _Waiter:
    setup: ModelSetup
    place: asyncio.Future[_Place]


class EnginePool:
    """Loads models when they are asked for. Only the event loop's thread uses it, after ``add``."""

    def __init__(
        self,
        load: Callable[[ModelSetup], LoadedModel] = load_checked,
        free_memory: Callable[[int], int | None] = estimate_free_memory,
    ) -> None:
        self._load, self._free_memory = load, free_memory
        self._places: dict[Path, _Place] = {}
        # Models whose engines have failed, until they are unloaded.
        self._failed: list[_Place] = []
        self._waiters: list[_Waiter] = []
        self._change: asyncio.Task[None] | None = None
        # The file that is being loaded.
        self._loading: Path | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model loading")
        self._is_ending = False

    def add(self, loaded: LoadedModel) -> None:
        """Take a model that is loaded already, before any request."""
        self._places[loaded.setup.path] = _Place(loaded, 0.0)

    @property
    def loaded(self) -> tuple[LoadedModel, ...]:
        return tuple(place.model for place in self._places.values())

    def find(self, setup: ModelSetup) -> LoadedModel | None:
        """Return the model if it is loaded."""
        place = self._places.get(setup.path)
        return None if place is None else place.model

    @property
    def waiting_count(self) -> int:
        """The number of requests that wait for their model."""
        return len(self._waiters)

    def count_slots(self) -> dict[str, int]:
        """Return the slots of the loaded models, and the generations that have one and that wait for one."""
        engines = [model.engine for model in self.loaded]
        return {
            "slots": sum(engine.slots for engine in engines),
            "running": sum(engine.running_count for engine in engines),
            "waiting": sum(engine.waiting_count for engine in engines) + self.waiting_count,
        }

    @asynccontextmanager
    async def hold(
        self, setup: ModelSetup, *, waits: bool = True, unloads: bool = True
    ) -> AsyncGenerator[LoadedModel, None]:
        """Keep a model in memory for as long as the context lasts; it is loaded first if need be.

        Without ``waits``, it does not wait for the answers of other models; without ``unloads``, no other model has
        to leave for it. Raises EngineError.
        """
        is_here = setup.path in self._places or setup.path == self._loading
        if not unloads and not is_here and (self._waiters or self._choose_leaving(setup)):
            raise EngineBusyError("there is no room for another model")
        place = await self._enter(setup, waits=waits)
        try:
            yield place.model
        except EngineCrashedError as error:
            self._give_up(place, str(error))
            raise
        finally:
            self._leave(place)

    async def _enter(self, setup: ModelSetup, *, waits: bool) -> _Place:
        place = self._places.get(setup.path)
        if place is not None and not place.is_closed_to_new:
            place.users += 1
            return place
        if self._is_ending:
            raise EngineError("the twin is ending")
        waiting = sum(waiter.setup.path == setup.path for waiter in self._waiters)
        if waiting >= setup.slots * (1 + MAX_QUEUED_PER_SLOT):
            raise EngineBusyError("too many requests wait for this model")
        waiter = _Waiter(setup, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        self._dispatch()
        try:
            if not waits and not waiter.place.done() and self._loading != setup.path:
                raise EngineBusyError("another model answers")
            return await waiter.place
        except asyncio.CancelledError:
            if waiter.place.done() and not waiter.place.cancelled() and waiter.place.exception() is None:
                # The client has left in the moment in which it got its place.
                self._leave(waiter.place.result())
            raise
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
                self._dispatch()

    def _leave(self, place: _Place) -> None:
        place.users -= 1
        place.last_used = asyncio.get_running_loop().time()
        self._dispatch()

    def _give_up(self, place: _Place, reason: str) -> None:
        """End all requests of a model whose engine has failed. It is unloaded, and loaded again for the next one."""
        path = place.model.setup.path
        if self._places.get(path) is place:
            del self._places[path]
            self._failed.append(place)
            place.model.engine.fail(reason)

    def _dispatch(self) -> None:
        """Give places to those who wait, and change the loaded models for the first one without its model."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # First, so that a model that was just loaded is in use before another one is wanted.
        self._give_places()
        if self._change is None and not self._is_ending and self._failed:
            failed, self._failed = self._failed, []
            self._change = asyncio.get_running_loop().create_task(self._replace(None, failed))
        if self._change is None and not self._is_ending:
            wanted = next((waiter for waiter in self._waiters if waiter.setup.path not in self._places), None)
            leaving = [] if wanted is None else self._choose_leaving(wanted.setup)
            for place in self._places.values():
                if place not in leaving:
                    place.stay()
            if wanted is not None:
                self._change_when_idle(wanted.setup, leaving)
            # To those whose model need no longer leave.
            self._give_places()

    def _give_places(self) -> None:
        """Let those go on who wait for a model that takes requests."""
        for waiter in tuple(self._waiters):
            found = self._places.get(waiter.setup.path)
            if found is not None and not found.is_closed_to_new:
                self._waiters.remove(waiter)
                if not waiter.place.done():
                    found.users += 1
                    waiter.place.set_result(found)

    def _choose_leaving(self, setup: ModelSetup) -> list[_Place]:
        """Return the models whose memory is needed: idle ones first, then those used longest ago."""
        # Those that were to leave already come first: their turns go on to end.
        places = sorted(
            self._places.values(),
            key=lambda place: (place.turn_ends is None, place.users > 0, place.last_used),
        )
        if (free := self._free_bytes()) is None:
            # Nothing is known about the memory: one model at a time.
            return places
        leaving: list[_Place] = []
        for place in places:
            if free >= setup.memory + RESERVE_BYTES:
                break
            leaving.append(place)
            free += place.model.setup.memory
        return leaving

    def _free_bytes(self) -> int | None:
        """Return the memory for another model. The files of the loaded ones count as free, but are needed."""
        setups = [place.model.setup for place in self._places.values()]
        free = self._free_memory(sum(setup.own_bytes for setup in setups))
        return None if free is None else free - sum(setup.file_bytes for setup in setups)

    def _change_when_idle(self, setup: ModelSetup, leaving: list[_Place]) -> None:
        """Unload models and load another one, as soon as those are idle."""
        loop, free = asyncio.get_running_loop(), self._free_bytes()
        if free is not None:
            free += sum(place.model.setup.memory for place in leaving)
            if free < setup.memory:
                self._refuse(setup, ModelNotLoadedError(_too_large(setup, free)))
                loop.call_soon(self._dispatch)
                return
        now, times = loop.time(), []
        for place in leaving:
            if place.turn_ends is None:
                place.turn_ends = now + TURN_SECONDS
            place.is_closed_to_new = now >= place.turn_ends
            if not place.is_closed_to_new:
                idle_from = place.turn_ends if place.users else place.last_used + LINGER_SECONDS
                times.append(min(place.turn_ends, idle_from))
        if all(not place.users for place in leaving) and all(time <= now for time in times):
            for place in leaving:
                del self._places[place.model.setup.path]
            self._loading = setup.path
            self._change = loop.create_task(self._replace(setup, leaving))
        elif later := [time for time in times if time > now]:
            self._timer = loop.call_at(min(later), self._dispatch)

    async def _replace(self, setup: ModelSetup | None, leaving: list[_Place]) -> None:
        """Free the models that leave, then load one, or none."""
        loop = asyncio.get_running_loop()
        failure: ModelNotLoadedError | None = None
        try:
            for place in leaving:
                await loop.run_in_executor(self._thread, place.model.engine.close)
            if setup is not None:
                loaded = await loop.run_in_executor(self._thread, self._load, setup)
                self._places[setup.path] = _Place(loaded, loop.time())
        except CannotStartError as error:
            failure = ModelNotLoadedError(error.reason)
        except Exception as error:
            # Nothing else would report it to those who wait.
            failure = ModelNotLoadedError(f"the model cannot be loaded: {error!r}")
        self._change = self._loading = None
        if failure is not None and setup is not None:
            self._refuse(setup, failure)
        self._dispatch()

    def _refuse(self, setup: ModelSetup, failure: EngineError) -> None:
        """End the waiting of all requests for a model."""
        for waiter in tuple(self._waiters):
            if waiter.setup.path == setup.path:
                self._waiters.remove(waiter)
                if not waiter.place.done():
                    waiter.place.set_exception(failure)

    def stop(self) -> None:
        """Stop all generations, and those that wait for a model."""
        self._is_ending = True
        for waiter in tuple(self._waiters):
            self._refuse(waiter.setup, EngineError("the twin is ending"))
        for place in self._places.values():
            place.model.engine.stop()

    def close(self) -> None:
        """Free all models. A process that exits before this may abort."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        for place in [*self._places.values(), *self._failed]:
            place.model.engine.close()


def _too_large(setup: ModelSetup, free: int) -> str:
    return (
        f"the model needs {setup.memory / 1e9:.1f} GB of memory, and {max(0, free) / 1e9:.1f} GB are free, even "
        "without the other models"
    )
