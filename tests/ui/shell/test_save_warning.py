"""Every page says that conversations are not saved, offers them for download, and takes the warning away again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest

from lib.api.backend import cloudflare_backend
from lib.chat.answer import Ending
from lib.errors import StorageFailed
from lib.files.conversation_import_export import dump_zip, read_conversations
from lib.model.known_models import find_record
from lib.ui.shell import server_state
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page.upstream import ACCOUNT, TOKEN, StreamReply, Upstream
from tests.ui.app_test_page import MODEL, WHOLE_APP, AppTestPage
from tests.waiting import wait_until

PAGES = ("chat", "compare", "experiment", "history", "model")
DOWNLOAD = "Download unsaved conversations"


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Let each save fail while the patch lasts, as on a full disk; afterwards everything is saved."""

    def fail(*_: object) -> None:
        raise StorageFailed("The disk is full.", advice="Free some space.", retryable=True)

    with monkeypatch.context() as patch:
        patch.setattr(registry().store.conversations, "save", fail)
        yield patch
    assert registry().autosave.save()


def warnings(page: AppTestPage) -> list[str]:
    return [text for text in page.errors() if "cannot be saved" in text]


@pytest.mark.usefixtures("upstream")
def test_every_page_shows_it_and_offers_the_text(full_disk: pytest.MonkeyPatch) -> None:
    page = AppTestPage(path=WHOLE_APP).send("On a full disk")
    assert not registry().autosave.save()
    for name in PAGES:
        page.go_to(name)
        assert len(warnings(page)) == 1, name
        assert "lost if Paddock is closed now" in page.text()
        assert DOWNLOAD in page.texts()
    data = dump_zip(registry().unsaved_conversations(LOCAL_OWNER), find_record)
    texts = [
        [message.content for message in each.conversation.path()] for each in read_conversations(data, MODEL)
    ]
    assert ["On a full disk", "A short answer."] in texts
    assert registry().unsaved_conversations("visitor:x") == []
    full_disk.undo()
    assert registry().autosave.save()
    for name in PAGES:
        assert warnings(page.go_to(name)) == []
        assert DOWNLOAD not in page.texts()


def test_a_running_answer_can_be_downloaded(upstream: Upstream, full_disk: pytest.MonkeyPatch) -> None:
    upstream.plan_replies(StreamReply(endless=True, rate=100))
    chat = registry().new_chat(LOCAL_OWNER)
    chat.send("Count", cloudflare_backend(ACCOUNT, TOKEN, upstream.url))
    try:
        wait_until(lambda: bool((live := chat.snapshot()[1]) and live.run.text))
        begun = chat.snapshot()[1]
        assert begun is not None
        text = begun.run.text
        (unsaved,) = [
            file.conversation
            for file in registry().unsaved_conversations(LOCAL_OWNER)
            if file.conversation.id == chat.id
        ]
        assert unsaved.path()[-1].content.startswith(text)
    finally:
        chat.stop()
    full_disk.undo()


def test_a_request_and_its_answer_are_saved_at_once(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not after the interval: a kill must not forget what may have been paid."""
    upstream.plan_replies(StreamReply("A whole answer.", held=5))
    autosave, store = registry().autosave, registry().store.conversations

    def stored() -> list[tuple[str, Ending]]:
        saved = store.load(LOCAL_OWNER, chat.id)
        messages = saved.conversation.messages if saved else ()
        return [(message.content, answer.ending) for message in messages for answer in message.answers]

    with monkeypatch.context() as patch:
        patch.setattr(autosave, "_interval", 3600.0)
        autosave.wake()
        chat = registry().new_chat(LOCAL_OWNER)
        chat.send("Go", cloudflare_backend(ACCOUNT, TOKEN, upstream.url))
        wait_until(lambda: len(stored()) == 1)
        assert stored()[0][1] is Ending.CUT_OFF, "it is running"
        upstream.wait_for_request().release()
        wait_until(lambda: stored() == [("A whole answer.", Ending.FINISHED)])
    autosave.wake()


async def _ask(app: server_state.StateEndpoint, path: str) -> list[MutableMapping[str, Any]]:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app({"type": "http", "method": "GET", "path": path, "headers": []}, receive, send)
    return sent


def test_the_endpoint_tells_the_number_and_leaves_other_paths_alone(full_disk: pytest.MonkeyPatch) -> None:
    passed: list[str] = []

    async def app(scope: MutableMapping[str, Any], *_: object) -> None:
        passed.append(scope["path"])

    endpoint = server_state.StateEndpoint(app)
    registry().new_chat(LOCAL_OWNER).set_system("Be brief.")
    numbers = []
    for is_full in (True, False):
        if not is_full:
            full_disk.undo()
        registry().autosave.save()
        sent = asyncio.run(_ask(endpoint, server_state.PATH))
        numbers.append(json.loads(sent[1]["body"])["saving"])
        assert sent[0]["status"] == 200
    assert numbers[1] > numbers[0]
    asyncio.run(_ask(endpoint, "/_stcore/health"))
    assert passed == ["/_stcore/health"]
