"""Conversations outlive the server: a restart, kill -9 during an answer, a database that refuses writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.files.conversation_import_export import read_conversations
from lib.model.model_record import default_model
from tests.page.app_process import AppProcess, make_data_folder
from tests.page.browser_tab import TIMEOUT, BrowserTab, squeeze, wait_for_value
from tests.page.conftest import Visit
from tests.page.interruption_kinds import CONNECTION_ERRORS
from tests.page.upstream import StreamReply, Upstream

UNSAVED = "Conversations cannot be saved at the moment"


class RestartableApp:
    """An application that tests end and start again, at the same address and with the same data."""

    def __init__(self, upstream: Upstream, folder: Path) -> None:
        self._environment = upstream.environment() | {
            "PADDOCK_DATA_DIR": str(make_data_folder(folder / "data"))
        }
        self._log = folder / "log"
        self.app = AppProcess(self._environment, self._log)

    def start(self) -> None:
        """Start the application again."""
        self.app = AppProcess(self._environment, self._log, port=self.app.port)


@pytest.fixture
def expected() -> list[str]:
    return [*CONNECTION_ERRORS, "Client Error in reaching server endpoint"]


@pytest.fixture
def house(upstream: Upstream, tmp_path: Path) -> Iterator[RestartableApp]:
    house = RestartableApp(upstream, tmp_path)
    yield house
    house.app.close()
    assert "Traceback" not in house.app.log, house.app.log


@pytest.fixture
def tab(visit: Visit, house: RestartableApp) -> BrowserTab:
    return visit(house.app.url)


def restart_and_reopen(tab: BrowserTab, house: RestartableApp) -> BrowserTab:
    """Start the application again and open the same address."""
    address = tab.page.url.removeprefix(tab.url)
    house.start()
    return tab.open(address)


def test_a_restart_finds_everything(
    tab: BrowserTab, visit: Visit, house: RestartableApp, upstream: Upstream
) -> None:
    tab.by_key("system").locator("textarea").fill("Be brief.")
    tab.number_box("temperature").fill("0.83")
    tab.number_box("temperature").press("Enter")
    tab.wait_until("the slider follows", lambda: tab.slider("temperature").input_value() == "0.83")
    tab.toggle_parameter("top_p")
    tab.slider("top_p").wait_for()
    upstream.plan_replies(StreamReply("One."), StreamReply("Another one."))
    tab.send("Go")
    tab.wait_for_end()
    tab.button("Regenerate").click()
    tab.wait_until("the second", lambda: tab.answer_text() == "Another one.")
    line = tab.wait_for_end()
    sent = dict(upstream.requests[-1].body)
    house.app.close()
    restart_and_reopen(tab, house)
    tab.wait_for_answer("Another one.")
    tab.wait_until("its figures", lambda: tab.figures() == line)
    assert tab.question_text() == "Go"
    assert tab.answers.last.get_by_text("2/2").is_visible()
    tab.wait_until(
        "the system prompt", lambda: tab.by_key("system").locator("textarea").input_value() == "Be brief."
    )
    wait_for_value(tab.number_box("temperature"), "0.83")
    tab.send("More")
    tab.wait_for_end(which=1)
    body = upstream.requests[-1].body
    assert [turn["content"] for turn in body["messages"]] == ["Be brief.", "Go", "Another one.", "More"]
    assert {name: body[name] for name in body if name != "messages"} == {
        name: sent[name] for name in sent if name != "messages"
    }
    assert body["temperature"] == 0.83
    assert "top_p" in body


def test_kill_9_in_mid_answer_loses_less_than_a_second(
    tab: BrowserTab, house: RestartableApp, upstream: Upstream
) -> None:
    upstream.plan_replies(StreamReply(endless=True, rate=100))
    tab.send("Count")
    tab.wait_for_growth(200)
    request = upstream.requests[0]
    early = request.sent_text
    begun = request.last_sent
    tab.wait_until("a second more", lambda: request.last_sent > begun + 1.0)
    house.app.kill()
    assert request.client_gone.wait(TIMEOUT)
    restart_and_reopen(tab, house)
    tab.wait_for_end("cut off")
    saved = tab.answer_text()
    assert saved.startswith(squeeze(early))
    assert squeeze(request.sent_text).startswith(saved)
    assert tab.answers.count() == tab.questions.count() == 1
    upstream.plan_replies(StreamReply("and the rest."))
    tab.button("Continue").click()
    tab.wait_for_end("finished")
    prefill = upstream.requests[1].body["messages"][-1]
    assert (prefill["role"], squeeze(prefill["content"])) == ("assistant", saved)
    tab.wait_for_answer(f"{prefill['content']}and the rest.")
    assert tab.alerts.count() == 0


def test_a_second_tab_shows_the_same(
    tab: BrowserTab, visit: Visit, house: RestartableApp, upstream: Upstream
) -> None:
    tab.send("Go")
    tab.wait_for_end()
    house.app.close()
    restart_and_reopen(tab, house)
    other = visit(house.app.url, tab.page.url.removeprefix(tab.url))
    for viewer in (tab, other):
        viewer.wait_for_answer("A short answer.")
    other.send("More")
    other.wait_for_end(which=1)
    tab.page.reload()
    tab.wait_until("the other's message", lambda: tab.answers.count() == 2)


def test_a_database_that_takes_nothing_for_a_while(
    tab: BrowserTab, visit: Visit, house: RestartableApp, upstream: Upstream
) -> None:
    """The pages say so without a click: the one that streams, and one where nothing happens."""
    tab.send("Begin")
    tab.wait_for_end()
    other = visit(house.app.url)
    other.go_to_page("Model")
    other.wait_until_idle()
    elsewhere = other.page.get_by_text(UNSAVED)
    upstream.plan_replies(StreamReply(endless=True, rate=100))
    tab.send("Count")
    tab.wait_until("another answer", lambda: tab.answers.count() == 2)
    tab.wait_for_growth(100)
    warning = tab.page.get_by_text(UNSAVED)
    assert warning.count() == 0
    lock = sqlite3.connect(house.app.database, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    tab.wait_until("the page says so, in mid-answer", lambda: warning.count() == 1)
    other.wait_until("another page says so", lambda: elsewhere.count() == 1)
    with other.page.expect_download() as download:
        other.page.get_by_text("Download unsaved conversations").click()
    (unsaved, *_) = read_conversations(download.value.path().read_bytes(), default_model())
    assert [message.content for message in unsaved.conversation.path()][:3:2] == ["Begin", "Count"]
    assert upstream.requests[1].is_live
    tab.wait_for_growth(100)
    upstream.requests[1].release()
    tab.wait_for_end("finished", which=1)
    sent = upstream.requests[1].sent_text
    tab.wait_for_answer(sent)
    lock.execute("ROLLBACK")
    lock.close()

    for each, place in ((tab, warning), (other, elsewhere)):
        each.wait_until("all is well again", lambda place=place: place.count() == 0)
    # The database has everything that the page shows now.
    house.app.kill()
    restart_and_reopen(tab, house)
    tab.wait_for_answer(sent)
    tab.wait_until("its figures", lambda: "finished" in tab.figures())
