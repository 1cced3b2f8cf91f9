"""Do ten everyday jobs on the page and count what a person does for each; fail if one takes more than its limit.

An action is a click, a key press, or a text that is typed or a file that is chosen. A job starts on a fresh Chat page
with one answer. A click that puts the cursor into a box counts; a box that has the cursor already needs none.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, sync_playwright

from tests.page.app_process import AppProcess
from tests.page.browser_tab import DESKTOP, BrowserTab, launch_chromium
from tests.page.upstream import JsonReply, StreamReply, Upstream, UpstreamHandler, UpstreamRequest

INPUTS = "review,expected\n" + "".join(
    f"Review number {number},{'yes' if number % 2 else 'no'}\n" for number in range(50)
)


class Person:
    """Someone at the page whose actions are counted. Waiting is no action."""

    def __init__(self, tab: BrowserTab, upstream: Upstream) -> None:
        self.tab, self.upstream = tab, upstream
        self.actions: list[str] = []

    def click(self, what: Locator) -> None:
        what.first.wait_for()
        self.tab.wait_until_idle()
        what.first.click()
        self.actions.append("click")
        self.tab.wait_until_idle()

    def type(self, text: str) -> None:
        """Type at the cursor, in the place of what stands there."""
        self.tab.page.keyboard.press("ControlOrMeta+a")
        self.tab.page.keyboard.insert_text(text)
        self.actions.append("text")

    def type_into(self, box: Locator, text: str) -> None:
        """Click into a box, unless it has the cursor, and type."""
        box.first.wait_for()
        if not box.first.evaluate("box => box === document.activeElement"):
            self.click(box)
        self.type(text)

    def press(self, key: str) -> None:
        self.tab.page.keyboard.press(key)
        self.actions.append(key)

    def choose_file(self, box: Locator, name: str, content: str) -> None:
        box.set_input_files({"name": name, "mimeType": "text/csv", "buffer": content.encode()})
        self.actions.append("file")
        self.tab.wait_until_idle()

    def keyed(self, prefix: str, inside: str = "") -> Locator:
        """Return what is visible of the controls whose key begins so."""
        return self.tab.page.locator(f"[class*='st-key-{prefix}']:visible {inside}".rstrip())

    def wait(self, what: str, condition: Callable[[], Any]) -> Any:
        return self.tab.wait_until(what, condition)

    @property
    def sent(self) -> list[dict[str, Any]]:
        return [request.body for request in self.upstream.requests]


def fix_temperature_and_seed(person: Person) -> None:
    person.type_into(person.tab.number_box("temperature"), "0")
    person.click(person.keyed("seed-send", "label"))
    person.tab.send("Check")
    person.wait("it is sent", lambda: len(person.sent) == 2)
    assert person.sent[-1]["temperature"] == 0
    assert "seed" in person.sent[-1]


def repeat_an_answer_next_week(person: Person) -> None:
    person.click(person.keyed("seed-send", "label"))
    person.click(person.keyed("again-", "button"))
    person.wait("it is sent", lambda: len(person.sent) == 2)
    person.tab.wait_for_end()
    # A week later, at the conversation's address: its settings are there as they were left.
    person.tab.reload()
    person.tab.wait_until_idle()
    person.click(person.keyed("again-", "button"))
    person.wait("it is sent", lambda: len(person.sent) == 3)
    assert "seed" in person.sent[1]
    assert person.sent[2] == person.sent[1]


def raise_the_limit_and_go_on(person: Person) -> None:
    person.click(person.keyed("more-", "button"))
    person.wait("it is sent", lambda: len(person.sent) == 2)
    assert person.sent[1]["max_tokens"] == 2 * person.sent[0]["max_tokens"]
    assert person.sent[1]["messages"][-1]["role"] == "assistant"


def read_the_cost_of_a_thousand(person: Person) -> None:
    line = person.tab.by_key("ahead").locator("summary")
    person.wait("the cost", lambda: re.search(r"\$[\d.,]+.*1,000", line.inner_text()))


def ask_for_three_fields(person: Person) -> None:
    person.upstream.plan_replies(
        JsonReply({"response": {"title": "Alien", "year": "1979", "director": "Scott"}})
    )
    person.click(person.tab.by_key("choose-format").get_by_role("radio").nth(2))
    person.type_into(person.keyed("choose-fields", "input"), "title, year, director")
    person.type_into(person.tab.chat_box, "A film about a spaceship")
    person.press("Enter")
    person.wait("it is sent", lambda: len(person.sent) == 2)
    schema = person.sent[1]["response_format"]["json_schema"]
    assert list(schema["properties"]) == schema["required"] == ["title", "year", "director"]


def compare_four_temperatures(person: Person) -> None:
    person.click(person.tab.page.get_by_role("link", name="Compare", exact=True))
    person.type_into(person.keyed("compare-values-text", "input"), "0, 0.5, 1, 1.5")
    person.type_into(person.tab.chat_box, "Tell me a story")
    person.press("Enter")
    person.wait("all are sent", lambda: len(person.sent) == 5)
    assert sorted(body["temperature"] for body in person.sent[1:]) == [0, 0.5, 1, 1.5]


def see_which_of_fifty_fail(person: Person) -> None:
    def reply(handler: UpstreamHandler, request: UpstreamRequest) -> None:
        number = int(re.findall(r"\d+", json.dumps(request.body["messages"][-1]))[-1])
        JsonReply({"response": "yes" if number % 2 or number > 40 else "no"})(handler, request)

    person.upstream.plan_replies(*([reply] * 50))
    person.click(person.tab.page.get_by_role("link", name="Experiment", exact=True))
    person.type_into(person.keyed("prompt-user-0", "textarea"), "Is it good? {{review}}")
    person.choose_file(
        person.tab.page.locator("[class*='st-key-inputs-file'] input[type=file]"), "r.csv", INPUTS
    )
    person.click(person.keyed("inputs-check-equals", "button"))
    person.click(person.keyed("run-start", "button"))
    person.click(person.keyed("results-show-failed", "button"))
    # Of the numbers 41 to 49, those that are even.
    person.wait("the failures", lambda: "4 of 50 answers" in person.tab.page.inner_text("body"))


def change_a_message(person: Person) -> None:
    person.click(person.keyed("edit-now-", "button"))
    person.type_into(person.tab.questions.last.locator("textarea"), "What else?")
    person.click(person.keyed("resend-", "button"))
    person.wait("it is sent", lambda: len(person.sent) == 2)
    assert person.sent[1]["messages"][-1]["content"] == "What else?"


def hand_over_the_setup(person: Person) -> None:
    person.click(person.keyed("share", "button"))
    link = person.tab.page.locator("[data-testid=stPopoverBody] [data-testid=stCode]")
    link.first.hover()
    person.click(link.get_by_role("button"))
    copied = person.tab.page.evaluate("navigator.clipboard.readText()")
    assert "?s=" in copied, copied


def take_it_into_code(person: Person) -> None:
    person.click(person.tab.answers.last.locator("[class*='st-key-menu-'] button"))
    person.click(person.tab.page.get_by_role("menuitem", name="Code", exact=True))
    code = person.keyed("code-", ".model-text code")
    person.wait("the program", lambda: code.count() and "Tell me" in code.first.inner_text())


JOBS: dict[str, tuple[int, Callable[[Person], None]]] = {
    "temperature 0 and a seed": (3, fix_temperature_and_seed),
    "the same answer next week": (3, repeat_an_answer_next_week),
    "raise the limit and go on": (1, raise_the_limit_and_go_on),
    "the cost of 1,000": (1, read_the_cost_of_a_thousand),
    "three JSON fields": (7, ask_for_three_fields),
    "four temperatures": (6, compare_four_temperatures),
    "fifty rows and the failures": (8, see_which_of_fifty_fail),
    "change my message": (3, change_a_message),
    "hand over the set-up": (2, hand_over_the_setup),
    "take it into code": (2, take_it_into_code),
}


def do_job(browser: Browser, app: AppProcess, upstream: Upstream, job: Callable[[Person], None]) -> list[str]:
    """Do a job on a fresh Chat page with one answer, and return the actions."""
    upstream.reset()
    upstream.plan_replies(StreamReply("It was a dark and stormy night. " * 3, usage=(21, 256)))
    with browser.new_context(viewport=DESKTOP, permissions=["clipboard-read", "clipboard-write"]) as context:
        tab = BrowserTab(context.new_page(), app.url).open()
        tab.wait_until_idle()
        tab.send("Tell me a story")
        tab.wait_until("the answer", lambda: tab.figures())
        tab.wait_until_idle()
        person = Person(tab, upstream)
        job(person)
        return person.actions


def main() -> int:
    upstream, above = Upstream(), 0
    with (
        tempfile.TemporaryDirectory() as folder,
        AppProcess(upstream.environment(), Path(folder) / "log") as app,
        sync_playwright() as playwright,
        launch_chromium(playwright) as browser,
    ):
        for name, (limit, job) in JOBS.items():
            if len(sys.argv) > 1 and sys.argv[1] not in name:
                continue
            actions = do_job(browser, app, upstream, job)
            is_above = len(actions) > limit
            above += is_above
            verdict = "TOO MANY" if is_above else "ok"
            print(
                f"{len(actions)} of at most {limit}  {name}: {', '.join(actions) or 'none'}  {verdict}",
                flush=True,
            )
    upstream.close()
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
