"""Every page in every state, light and dark, on a desktop and on a phone: what axe-core finds against WCAG 2.2 AA."""

from __future__ import annotations

import contextlib

import pytest
from playwright.sync_api import TimeoutError

from tests.page.app_process import AppProcess
from tests.page.axe import Violation, find_violations
from tests.page.browser_tab import MESSAGE_BOX, BrowserTab
from tests.page.conftest import Visit
from tests.page.page_states import BEGINNINGS, STATES
from tests.page.upstream import Upstream

# On an element of the page, and on what is drawn outside of it, such as a dialog.
SCHEMES_JS = """() => ['html', '.stApp'].map(
    selector => getComputedStyle(document.querySelector(selector)).colorScheme)"""

# Streamlit dims what the page's script has not drawn again yet: for a moment it is paler than when a person reads it.
IS_FRESH_JS = """() => ![...document.querySelectorAll('[data-stale=true]')].some(
    part => part.innerText.trim() && part.checkVisibility({visibilityProperty: true}))"""

# What is drawn over the page, and the button that opened it. The page below was looked at before.
OVERLAYS = "[data-testid=stPopoverBody], [role=dialog], [role=menu], dialog[open]"
OPENERS = "[aria-expanded=true]"


def set_scheme(tab: BrowserTab, scheme: str) -> None:
    """Switch between light and dark, as the system does."""
    tab.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    tab.wait_until(scheme, lambda: tab.page.evaluate(SCHEMES_JS) == [scheme] * 2)


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", STATES)
def test_no_rule_is_broken(
    visit: Visit,
    app: AppProcess,
    upstream: Upstream,
    name: str,
    request: pytest.FixtureRequest,
    *,
    phone: bool,
) -> None:
    url = request.getfixturevalue("twin_app").url if name == "Model" else app.url
    address, shows = BEGINNINGS.get(name, ("/", MESSAGE_BOX))
    tab = visit(url, address, phone=phone, shows=shows)
    if not phone:
        tab.page.set_viewport_size({"width": 1440, "height": 900})
    # The last scheme of a state is the first of the next: a switch draws the whole page again.
    schemes = ["dark", "light"]
    found: list[tuple[str, Violation]] = []
    for state in STATES[name](tab, upstream):
        # If something stays dim, axe says so.
        with contextlib.suppress(TimeoutError):
            tab.page.wait_for_function(IS_FRESH_JS, timeout=10_000)
        within = f"{OVERLAYS}, {OPENERS}" if tab.page.locator(OVERLAYS).count() else "html"
        for scheme in schemes:
            set_scheme(tab, scheme)
            # In the dark, only contrast: the other rules have nothing to do with colours.
            rules = ["color-contrast"] if scheme == "dark" else []
            found += [(state, violation) for violation in find_violations(tab.page, within, rules)]
        schemes.reverse()
    assert not found, "\n".join(f"{state}: {violation}" for state, violation in found)
