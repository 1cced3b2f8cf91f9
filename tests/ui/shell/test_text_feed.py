"""The feeds of running answers: their text, whom they are for, and when the script must send the text itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from lib.ui.shell import text_feed
from lib.ui.shell.text_feed import FeedReader, TextFeed
from lib.ui.shell.text_feed_endpoint import PATH, TextFeedEndpoint
from tests.ui.shell.asgi_requests import Behind, make_scope


class Run:
    """Stands for an AnswerRun."""

    def __init__(self, *parts: str) -> None:
        self.parts = list(parts)
        self.is_running = True
        self.listeners: list[Callable[[], None]] = []
        self.add_listener, self.remove_listener = self.listeners.append, self.listeners.remove

    def read_parts(self, count: int) -> tuple[bool, list[str]]:
        return self.is_running, self.parts[count:]

    def change(self, part: str = "", *, ends: bool = False) -> None:
        """Add a part or end, as the run's thread does."""
        self.parts += [part] if part else []
        self.is_running = not ends
        thread = threading.Thread(target=lambda: [listener() for listener in list(self.listeners)])
        thread.start()
        thread.join()


@pytest.fixture
def run() -> Run:
    return Run("One ", "two ")


@pytest.fixture
def feed(run: Run) -> TextFeed:
    feed = TextFeed(run, "Before. ", "visitor:ann")  # type: ignore[arg-type]
    text_feed._feeds[feed.name] = feed
    return feed


class Browser:
    """A browser's WebSocket to the endpoint."""

    def __init__(self, name: str, owner: str | None) -> None:
        self.behind = Behind()
        self._scope = make_scope(
            f"/lab{PATH}{name}", scheme="ws", headers={} if owner is None else {"x-paddock-owner": owner}
        )
        self._to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def __aenter__(self) -> Browser:
        self._to_server.put_nowait({"type": "websocket.connect"})
        endpoint = TextFeedEndpoint(self.behind)
        self._task = asyncio.create_task(
            endpoint(self._scope, self._to_server.get, self._from_server.put)  # type: ignore[arg-type]
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await self._task

    async def receive(self) -> str:
        """Return the next text; the kind of a message without one."""
        message = await self._from_server.get()
        return str(message.get("text", message["type"].removeprefix("websocket.")))

    def confirm(self, text: str) -> None:
        self._to_server.put_nowait({"type": "websocket.receive", "text": text})


async def refuse(name: str, owner: str | None) -> list[str]:
    """Return what the endpoint sends to a reader whom it refuses."""
    async with Browser(name, owner) as browser:
        return [await browser.receive(), await browser.receive()]


async def wait_until(is_true: Callable[[], bool]) -> None:
    while not is_true():
        await asyncio.sleep(0.001)


def test_the_text_is_sent_as_it_grows_until_it_is_complete(feed: TextFeed, run: Run) -> None:
    async def read() -> None:
        async with Browser(feed.name, "visitor:ann") as browser:
            assert [await browser.receive() for _ in range(2)] == ["accept", "Before. One two "]
            run.change("thr\ud800ee")
            assert await browser.receive() == "thr\ufffdee"
            run.change("!", ends=True)
            assert [await browser.receive() for _ in range(2)] == ["!", "close"]

    asyncio.run(read())
    assert (run.listeners, feed.readers) == ([], set())


def test_the_script_sends_the_text_unless_a_browser_has_confirmed_it(feed: TextFeed) -> None:
    async def read() -> None:
        async with Browser(feed.name, "visitor:ann") as browser:
            assert [await browser.receive() for _ in range(2)] == ["accept", "Before. One two "]
            assert feed.readers
            assert not feed.is_read
            browser.confirm("no number")
            browser.confirm("16")
            await wait_until(lambda: feed.is_read)

    asyncio.run(read())
    assert not feed.is_read


@pytest.mark.parametrize("owner", ["visitor:bob", "local", None])
def test_a_feed_is_for_its_owner_only(feed: TextFeed, owner: str | None) -> None:
    assert asyncio.run(refuse(feed.name, owner)) == ["accept", "close"]


def test_a_feed_is_found_by_its_whole_name_only(feed: TextFeed) -> None:
    for name in ("", feed.name[:-1], f"{feed.name}x"):
        assert asyncio.run(refuse(name, "visitor:ann")) == ["accept", "close"]


def test_a_silent_browser_is_not_relied_on(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(text_feed.time, "monotonic", lambda: now)
    reader = FeedReader()
    reader.note_sent("Hello 👩")
    assert not reader.is_up_to_date
    reader.note_confirmed(8)
    assert reader.is_up_to_date
    now += 60  # nothing new came
    assert reader.is_up_to_date
    reader.note_sent("!")
    assert reader.is_up_to_date
    now += 3
    assert not reader.is_up_to_date
    reader.note_confirmed(9)
    assert reader.is_up_to_date
