"""The sections of the Model page, and how to open them."""

from __future__ import annotations

from tests.page.browser_tab import BrowserTab, squeeze

SECTIONS = ("Parameters", "Next token", "Price", "Capabilities", "Schemas", "Endpoints", "Other models")


def open_model_page(tab: BrowserTab, *, twin: bool = False) -> BrowserTab:
    """Open the Model page; with ``twin``, wait until the twin is up first."""
    if twin:
        tab.wait_until("the twin is up", lambda: "on this computer (" in tab.by_key("place").inner_text(), 90)
    tab.go_to_page("Model")
    tab.page.get_by_text("As documented on").first.wait_for()
    return tab


def open_section(tab: BrowserTab, section: str) -> str:
    """Open that section; return its text."""
    tab.wait_until_idle()
    tab.by_key("section").get_by_role("radio", name=section, exact=True).click()
    place = tab.by_key(f"section-{SECTIONS.index(section)}")
    place.wait_for()
    tab.wait_until_idle()
    return squeeze(place.inner_text())
