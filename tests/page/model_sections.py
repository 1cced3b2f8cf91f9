"""The Model page's sections, and the way to each."""

from __future__ import annotations

from tests.page.visitor import Visitor, squeezed

SECTIONS = ("Parameters", "Next token", "Price", "Capabilities", "Schemas", "Endpoints")


def opened(tab: Visitor, *, twin: bool = False) -> Visitor:
    """The same tab at the Model page; with ``twin`` not before the twin is up."""
    if twin:
        tab.until("the twin is up", lambda: tab.page.locator(".st-key-starter0 button:enabled").count(), 90)
    tab.go("Model")
    tab.page.get_by_text("As documented on").first.wait_for()
    return tab


def turn_to(tab: Visitor, section: str) -> str:
    """Open that section; what it reads."""
    tab.rest()
    tab.key("section").get_by_role("radio", name=section, exact=True).click()
    place = tab.key(f"section-{SECTIONS.index(section)}")
    place.wait_for()
    tab.rest()
    return squeezed(place.inner_text())
