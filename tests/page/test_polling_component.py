"""A polling component looks on, in whatever order Streamlit starts its script for the changes of its data."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Route

from tests.page.conftest import StartApp, Visit

PAGE = Path(__file__).with_name("polling_page.py")
# In Streamlit's BidiComponent, 1.67: it waits for the import of the component's script before each start of it.
IMPORT = re.compile(r"await \w+\(\(\)=>import\(\w+\),\[\],import\.meta\.url\)")
HOLD_FIRST_START_JS = """
window.holdStart = () => window.release ? undefined : new Promise(go => { window.release = go })
"""


def _hold_starts(route: Route) -> None:
    reply = route.fetch()
    text, count = IMPORT.subn(lambda found: f"{found[0]};await window.holdStart()", reply.text())
    assert count == 1
    route.fulfill(response=reply, body=text)


def test_an_outdated_start_that_comes_last_stops_nothing(
    own: StartApp, visit: Visit, expected: list[str]
) -> None:
    expected.append("404")  # this page has no fonts
    tab = visit(own(PAGE).url)
    page = tab.page
    page.add_init_script(HOLD_FIRST_START_JS)
    page.route("**/BidiComponent*.js", _hold_starts)
    page.reload()
    page.wait_for_function("() => window.release")
    tab.by_key("again").locator("button").click()
    page.wait_for_function("() => window.looks?.[2] > 1")
    page.evaluate("() => window.release()")
    page.wait_for_function("() => window.starts.length === 2")
    assert page.evaluate("() => window.starts") == [2, 1]
    looks = page.evaluate("() => window.looks[2]")
    page.wait_for_function("looks => window.looks[2] > looks + 5", arg=looks)
    assert page.evaluate("() => window.looks[1]") is None
    # After that, a change of the data replaces it as always.
    tab.by_key("again").locator("button").click()
    page.wait_for_function("() => window.looks[3] > 1")
    looks = page.evaluate("() => window.looks[2]")
    page.wait_for_function("() => window.looks[3] > 6")
    assert page.evaluate("() => window.looks[2]") == looks
