"""Takes the pictures of the documentation again, over the practice model: .venv/bin/python -m tests.page.pictures"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright

from tests.page.app_process import ROOT, AppProcess
from tests.page.browser_tab import BrowserTab, launch_chromium
from tests.page.chat_controls import open_next_send, toggle_option
from tests.page.test_compare_page import of_column, open_compare_page, type_parameter

SIZE: ViewportSize = {"width": 1440, "height": 900}
PATIENCE = 180.0  # seconds for the answers


def show_chat(tab: BrowserTab) -> None:
    """Show an answer with fields, and the next request before it is sent."""
    tab.by_key("choose-format").get_by_role("radio").nth(2).click()
    fields = tab.page.locator("[class*='st-key-choose-fields']:visible input")
    fields.wait_for()
    tab.wait_until_idle()
    fields.fill("name, job, city")
    fields.press("Enter")
    tab.wait_until_idle()
    toggle_option(tab, "stream")
    type_parameter(tab, "temperature", "0")
    tab.wait_until_idle()
    tab.send("Invent a person.")
    tab.wait_until("the answer", lambda: tab.figures(), PATIENCE)
    tab.wait_until_idle()
    tab.chat_box.fill("Another one, from Peru.")
    open_next_send(tab)
    tab.wait_until_idle()


def show_comparison(tab: BrowserTab) -> None:
    """Show three columns, and how their answers differ."""
    open_compare_page(tab)
    tab.page.locator("[class*='st-key-add-column'] button:visible").click()
    tab.by_key("head-C").wait_for()
    for name, temperature in (("A", "0"), ("B", "0.4"), ("C", "0")):
        of_column(tab, name)
        type_parameter(tab, "max_tokens", "90")
        tab.wait_until_idle()
        type_parameter(tab, "temperature", temperature)
        tab.wait_until_idle()
    system = tab.page.locator("[class*='st-key-system']:visible textarea").first
    system.fill("Answer like a patient teacher.")
    system.press("Tab")
    tab.wait_until_idle()
    tab.send("Why is the sky blue? Two sentences.")
    stars = tab.page.locator("[class*='st-key-stars-']:visible")
    tab.wait_until("all answers", lambda: stars.count() == 3 and tab.is_idle, PATIENCE)
    tab.by_key("cell-0-0").get_by_test_id("stFeedback").get_by_role("radio").nth(2).click()
    tab.wait_until_idle()
    tab.by_key("compare-from").get_by_role("radio", name="A", exact=True).click()
    tab.wait_until_idle()


def show_experiment(tab: BrowserTab) -> None:
    """Show what a sample experiment found."""
    tab.go_to_page("Experiment")
    tab.page.locator("[class*='st-key-experiment-sample-0'] button:visible").click()
    tab.page.locator("[class*='st-key-run-start'] button:visible").click()
    tab.wait_until("the end", lambda: "Done." in tab.page.inner_text("body"), 4 * PATIENCE)
    tab.wait_until_idle()


PICTURES: dict[str, Callable[[BrowserTab], None]] = {
    "chat": show_chat,
    "compare": show_comparison,
    "experiment": show_experiment,
}


def take_picture(tab: BrowserTab, name: str) -> None:
    """Take the picture of that name in light and dark."""
    tab.wait_until("the model", lambda: "on this computer (" in tab.by_key("place").inner_text(), PATIENCE)
    tab.wait_until_idle()
    PICTURES[name](tab)
    for sidebar in tab.page.get_by_test_id("stSidebarContent").all():
        sidebar.evaluate("sidebar => sidebar.scrollTo(0, 0)")
    for scheme in ("light", "dark"):
        tab.page.emulate_media(color_scheme=scheme)
        tab.page.mouse.move(0, 0)
        tab.page.wait_for_timeout(1500)
        tab.page.screenshot(path=ROOT / "docs" / f"{name}-{scheme}.png")


def main() -> None:
    chosen = sys.argv[1:] or list(PICTURES)
    with (
        tempfile.TemporaryDirectory() as folder,
        AppProcess({}, Path(folder) / "log") as app,
        sync_playwright() as playwright,
        launch_chromium(playwright) as browser,
    ):
        for name in chosen:
            context = browser.new_context(viewport=SIZE, reduced_motion="reduce", color_scheme="light")
            tab = BrowserTab(context.new_page(), app.url).open()
            take_picture(tab, name)
            print(name, flush=True)
            context.close()


if __name__ == "__main__":
    main()
