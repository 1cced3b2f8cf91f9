"""What was said outlives the server: a restart, kill -9 in mid-answer, a database that takes nothing for a while."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.page.app_process import Application, data_folder
from tests.page.conftest import Visit
from tests.page.interruptions import NOISE
from tests.page.upstream import Stream, Upstream
from tests.page.visitor import PATIENCE, Visitor, holds, squeezed

UNSAVED = "Conversations are kept in memory, but cannot be saved at the moment"


class House:
    """An application that can be ended and started again: at the same address, with the same data."""

    def __init__(self, upstream: Upstream, folder: Path) -> None:
        self._environment = upstream.environment() | {"PADDOCK_DATA_DIR": str(data_folder(folder / "data"))}
        self._log = folder / "log"
        self.app = Application(self._environment, self._log)

    def start(self) -> None:
        """Start it again."""
        self.app = Application(self._environment, self._log, port=self.app.port)


@pytest.fixture
def expected() -> list[str]:
    return [*NOISE, "Client Error in reaching server endpoint"]


@pytest.fixture
def house(upstream: Upstream, tmp_path: Path) -> Iterator[House]:
    house = House(upstream, tmp_path)
    yield house
    house.app.close()
    assert "Traceback" not in house.app.log, house.app.log


@pytest.fixture
def tab(visit: Visit, house: House) -> Visitor:
    return visit(house.app.url)


def comes_back(tab: Visitor, house: House) -> Visitor:
    """Start the application again and open the same address."""
    address = tab.page.url.removeprefix(tab.url)
    house.start()
    return tab.open(address)


def test_a_restart_finds_everything(tab: Visitor, visit: Visit, house: House, upstream: Upstream) -> None:
    tab.key("system").locator("textarea").fill("Be brief.")
    tab.number("temperature").fill("0.83")
    tab.number("temperature").press("Enter")
    tab.until("the slider follows", lambda: tab.slider("temperature").input_value() == "0.83")
    tab.flip("top_p")
    tab.slider("top_p").wait_for()
    upstream.plan(Stream("One."), Stream("Another one."))
    tab.say("Go")
    tab.ended()
    tab.button("Regenerate").click()
    tab.until("the second", lambda: tab.text() == "Another one.")
    line = tab.ended()
    sent = dict(upstream.asked[-1].body)
    house.app.close()
    comes_back(tab, house)
    tab.reads("Another one.")
    tab.until("its figures", lambda: tab.figures() == line)
    assert tab.said() == "Go"
    assert tab.answers.last.get_by_text("2/2").is_visible()
    tab.until("the system prompt", lambda: tab.key("system").locator("textarea").input_value() == "Be brief.")
    holds(tab.number("temperature"), "0.83")
    tab.say("More")
    tab.ended(which=1)
    body = upstream.asked[-1].body
    assert [turn["content"] for turn in body["messages"]] == ["Be brief.", "Go", "Another one.", "More"]
    assert {name: body[name] for name in body if name != "messages"} == {
        name: sent[name] for name in sent if name != "messages"
    }
    assert body["temperature"] == 0.83
    assert "top_p" in body


def test_kill_9_in_mid_answer_loses_less_than_a_second(
    tab: Visitor, house: House, upstream: Upstream
) -> None:
    upstream.plan(Stream(endless=True, rate=100))
    tab.say("Count")
    tab.grows(200)
    asked = upstream.asked[0]
    early = asked.sent
    begun = asked.last_sent
    tab.until("a second more", lambda: asked.last_sent > begun + 1.0)
    house.app.kill()
    assert asked.hung_up.wait(PATIENCE)
    comes_back(tab, house)
    tab.ended("cut off")
    kept = tab.text()
    assert kept.startswith(squeezed(early))
    assert squeezed(asked.sent).startswith(kept)
    assert tab.answers.count() == tab.questions.count() == 1
    upstream.plan(Stream("and the rest."))
    tab.button("Continue").click()
    tab.ended("finished")
    prefill = upstream.asked[1].body["messages"][-1]
    assert (prefill["role"], squeezed(prefill["content"])) == ("assistant", kept)
    tab.reads(f"{prefill['content']}and the rest.")
    assert tab.alert.count() == 0


def test_a_second_tab_shows_the_same(tab: Visitor, visit: Visit, house: House, upstream: Upstream) -> None:
    tab.say("Go")
    tab.ended()
    house.app.close()
    comes_back(tab, house)
    other = visit(house.app.url, tab.page.url.removeprefix(tab.url))
    for one in (tab, other):
        one.reads("A short answer.")
    other.say("More")
    other.ended(which=1)
    tab.page.reload()
    tab.until("the other's message", lambda: tab.answers.count() == 2)


def test_a_database_that_takes_nothing_for_a_while(tab: Visitor, house: House, upstream: Upstream) -> None:
    tab.say("Begin")
    tab.ended()
    upstream.plan(Stream(endless=True, rate=100))
    tab.say("Count")
    tab.until("another answer", lambda: tab.answers.count() == 2)
    tab.grows(100)
    warning = tab.page.get_by_text(UNSAVED)
    assert warning.count() == 0
    lock = sqlite3.connect(house.app.database, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    tab.until("the page says so, in mid-answer", lambda: warning.count() == 1)
    assert upstream.asked[1].live
    tab.grows(100)
    upstream.asked[1].release()
    tab.ended("finished", which=1)
    sent = upstream.asked[1].sent
    tab.reads(sent)
    lock.execute("ROLLBACK")
    lock.close()

    def gone() -> bool:
        tab.page.reload()
        tab.reads(sent)
        return warning.count() == 0

    tab.until("all is well again", gone)
    house.app.kill()  # what is there now was written
    comes_back(tab, house)
    tab.reads(sent)
    tab.until("its figures", lambda: "finished" in tab.figures())
