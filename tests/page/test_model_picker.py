"""The choice of the model in a browser: found by typing, changed while an answer comes, one for each column."""

from __future__ import annotations

import pytest

from lib.model.model_record import default_model
from tests.model.catalogue_records import LISTED, SCHEMAS
from tests.page.app_process import AppProcess
from tests.page.browser_tab import PHONE, BrowserTab
from tests.page.conftest import StartApp, Visit
from tests.page.thoughts_reply import ThoughtsReply
from tests.page.upstream import StreamReply, Upstream

MODEL = default_model()
LARGE = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
THINKING = "@cf/openai/gpt-oss-20b"


@pytest.fixture(scope="module")
def app(own: StartApp) -> AppProcess:
    """Start an app of this file's own: the list of models is kept by the server, and other tests list others."""
    return own()


@pytest.fixture(autouse=True)
def _listed(upstream: Upstream) -> None:
    upstream.models = [*LISTED, {"name": MODEL.id}]
    upstream.schemas = dict(SCHEMAS)


def open_menu(tab: BrowserTab) -> None:
    """Open the menu of models, and list them if no test has done that before."""
    box = tab.page.locator("[class*='st-key-choose-model']:visible input")
    if not box.count():
        tab.page.locator("[class*='st-key-models'] button:visible").first.click()
    load = tab.page.locator("[class*='st-key-load-models'] button:visible")
    tab.wait_until("the menu", lambda: box.count() or load.count())
    if load.count():
        load.click()
    box.wait_for()


def menu_label(tab: BrowserTab) -> str:
    return tab.page.locator("[class*='st-key-models']").first.inner_text()


def pick(tab: BrowserTab, id: str) -> None:
    """Choose a model by typing a part of its name."""
    open_menu(tab)
    box = tab.page.locator("[class*='st-key-choose-model']:visible input")
    name = id.rpartition("/")[2]
    before = tab.message_count
    box.fill(name)
    tab.page.get_by_role("option", name=name).first.click()
    tab.wait_until("the choice", lambda: tab.message_count > before)
    tab.page.keyboard.press("Escape")


def test_a_model_is_found_by_typing_and_answers(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply("From the large one.", usage=(1_000, 100)))
    pick(tab, LARGE)
    tab.wait_until(
        "its name", lambda: "llama-3.3-70b" in tab.page.locator("[class*='st-key-models']").first.inner_text()
    )
    tab.wait_until_idle()
    tab.send("Hi")
    figures = tab.wait_for_end()
    assert upstream.requests[0].path.endswith(f"/ai/run/{LARGE}")
    assert "$0.000515" in figures, "1,000 tokens at $0.29 and 100 at $2.25 per million"
    tab.reload()
    tab.wait_until(
        "its name", lambda: "llama-3.3-70b" in tab.page.locator("[class*='st-key-models']").first.inner_text()
    )


def test_the_model_changes_while_an_answer_comes(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply(endless=True), StreamReply("The other one."))
    tab.send("Hi")
    request = upstream.wait_for_request()
    tab.wait_until_drawn()
    pick(tab, THINKING)
    tab.wait_for_growth()
    request.release()
    tab.wait_for_end()
    tab.wait_for_answer(request.sent_text)
    assert request.path.endswith(f"/ai/run/{MODEL.id}")
    tab.send("And you?")
    tab.wait_for_answer("The other one.")
    assert upstream.requests[1].path.endswith(f"/ai/run/{THINKING}")


def test_each_column_has_a_model(visit: Visit, app: AppProcess, upstream: Upstream) -> None:
    tab = visit(app.url, "/compare")
    tab.button("Column B").click()
    tab.wait_until_idle()
    pick(tab, LARGE)
    tab.wait_until("the head", lambda: "llama-3.3-70b" in tab.by_key("head-B").inner_text())
    tab.wait_until_idle()
    tab.send("Why?")
    upstream.wait_for_request(1)
    assert {request.path.partition("/ai/run/")[2] for request in upstream.requests} == {MODEL.id, LARGE}


def test_on_a_phone(visit: Visit, app: AppProcess) -> None:
    tab = visit(app.url, phone=True)
    sidebar = tab.page.locator("[data-testid=stSidebar][data-collapsed=false]")
    tab.page.get_by_test_id("stExpandSidebarButton").click()
    sidebar.wait_for()
    pick(tab, LARGE)
    tab.wait_until("its name", lambda: "llama-3.3-70b" in menu_label(tab))
    open_menu(tab)
    box = tab.page.locator("[data-testid=stPopoverBody]:visible").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    # The browser remembers it for the tests that follow.
    tab.page.keyboard.press("Escape")
    tab.page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    sidebar.wait_for(state="detached")


THOUGHTS = "First I *count*:\n\n  1 and 1.\n" + "Then I think on. " * 40


def open_thoughts(tab: BrowserTab) -> None:
    """Unfold the box of the last answer's thoughts."""
    box = tab.answers.last.locator("[class*='st-key-thoughts']")
    box.locator("summary").click()
    tab.wait_until("its text", lambda: box.locator(".plain").is_visible())


def thoughts_text(tab: BrowserTab) -> str:
    texts = tab.answers.last.locator("[class*='st-key-thoughts'] .plain").all_text_contents()
    return "".join(texts).strip()


def test_thoughts_can_be_read_while_they_come(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(ThoughtsReply(THOUGHTS, "Two."))
    pick(tab, THINKING)
    tab.wait_until_idle()
    tab.send("Hi")
    request = upstream.wait_for_request()
    tab.wait_until("all thoughts", lambda: thoughts_text(tab) == THOUGHTS.strip())
    assert request.is_live
    assert not tab.answers.last.locator(".plain").first.is_visible(), (
        "they are folded until somebody opens them"
    )
    open_thoughts(tab)
    assert "Thinking" in tab.answers.last.inner_text()
    request.release()
    tab.wait_for_end()
    assert tab.answers.last.locator(".plain").first.is_visible(), "the end does not fold them"
    assert thoughts_text(tab) == THOUGHTS.strip()
    tab.reload()
    open_thoughts(tab)
    assert thoughts_text(tab) == THOUGHTS.strip()


def test_a_reload_and_stop_lose_no_thoughts(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(ThoughtsReply(THOUGHTS, "Two."))
    pick(tab, THINKING)
    tab.wait_until_idle()
    tab.send("Hi")
    tab.wait_until("all thoughts", lambda: thoughts_text(tab) == THOUGHTS.strip())
    tab.reload()
    tab.wait_until("all thoughts again", lambda: thoughts_text(tab) == THOUGHTS.strip())
    assert upstream.requests[0].is_live
    tab.stop_by_escape()
    tab.wait_for_end("stopped")
    tab.reload()
    tab.wait_until("all thoughts after Stop", lambda: thoughts_text(tab) == THOUGHTS.strip())
