"""Interruptions of a page while an answer streams, by users and by the network, and a count of lost text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tests.page.browser_tab import BrowserTab
from tests.page.tcp_proxy import TcpProxy

OUTAGE_SECONDS = 3.0

# The browser's own messages about a connection that breaks.
CONNECTION_ERRORS = [
    "Client Error in reaching server",
    "WebSocket connection to",
    "net::ERR_",
    "WebSocket onerror",
    "Streamlit server is not responding",
    "Failed to load resource",
    # On a busy machine a server that starts may let the page wait for longer than 15 s.
    "DoInitPings timed out",
    "Connection timed out.",
    # The page reports the emptied message box up to 0.6 s after a send. Streamlit keeps what it cannot report.
    "Cannot send rerun backMessage when disconnected",
]


@dataclass
class LiveAnswer:
    """A tab that shows a live answer through a proxy, and a way to open another tab at an address."""

    tab: BrowserTab
    proxy: TcpProxy
    visit: Callable[[str], BrowserTab]

    @property
    def address(self) -> str:
        """Return the conversation's address."""
        return self.tab.page.url.removeprefix(self.tab.url)


def move_slider(scene: LiveAnswer) -> None:
    """Move a slider by two steps."""
    handle = scene.tab.slider("temperature")
    before = handle.input_value()
    handle.press("ArrowRight" if float(before or 0) < 2 else "Home")
    scene.tab.wait_until("the slider moves", lambda: handle.input_value() != before)
    # Its number box is replaced by one with the new value: nothing may be typed into the old one.
    box = scene.tab.number_box("temperature")
    scene.tab.wait_until(
        "the number follows",
        lambda: box.count() == 1 and float(box.input_value()) == float(handle.input_value()),
    )


def type_number(scene: LiveAnswer) -> None:
    """Type a number."""
    box = scene.tab.number_box("temperature")
    before = box.input_value()
    value = "1.37" if before != "1.37" else "0.42"
    box.fill(value)
    box.press("Enter")
    scene.tab.wait_until("the slider follows", lambda: scene.tab.slider("temperature").input_value() == value)


def toggle_parameter(scene: LiveAnswer) -> None:
    """Switch a parameter."""
    switch = scene.tab.parameter_switch("top_k")
    before = switch.is_checked()
    scene.tab.toggle_parameter("top_k")
    scene.tab.wait_until("the switch turns", lambda: switch.is_checked() != before)
    note = scene.tab.by_key("parameter-top_k").get_by_text("off", exact=True)
    scene.tab.wait_until("the page's answer", lambda: note.count() == (1 if before else 0))


def click_button(scene: LiveAnswer) -> None:
    """Click a button: every button reruns the script."""
    if not scene.tab.parameter_switch("seed").is_checked():
        scene.tab.toggle_parameter("seed")
    box = scene.tab.number_box("seed")
    before = box.input_value()
    scene.tab.by_key("seed-roll").get_by_role("button").first.click()
    scene.tab.wait_until("another seed", lambda: box.input_value() != before)


def switch_pages(scene: LiveAnswer) -> None:
    """Go to the Model page and back."""
    scene.tab.page.get_by_role("link", name="Model", exact=True).first.click()
    scene.tab.page.get_by_text("As documented on").first.wait_for()
    scene.tab.page.get_by_role("link", name="Chat", exact=True).first.click()
    scene.tab.answers.last.wait_for()


def reload_page(scene: LiveAnswer) -> None:
    scene.tab.reload()
    scene.tab.answers.last.wait_for()


def drop_connections(scene: LiveAnswer) -> None:
    """Reset every connection once."""
    assert scene.proxy.drop_connections()


def cause_outage(scene: LiveAnswer) -> None:
    """Refuse connections for a while."""
    scene.proxy.go_down()
    scene.tab.page.wait_for_timeout(OUTAGE_SECONDS * 1000)
    scene.proxy.come_up()


def open_second_tab(scene: LiveAnswer) -> None:
    """Open the same conversation in another tab, then close that tab."""
    other = scene.visit(scene.address)
    other.wait_for_growth()
    other.page.close()


def reopen_tab(scene: LiveAnswer) -> None:
    """Close the tab and open its address again."""
    address = scene.address
    scene.tab.page.close()
    scene.tab = scene.visit(address)


INTERRUPTIONS: dict[str, Callable[[LiveAnswer], None]] = {
    "slider": move_slider,
    "number box": type_number,
    "toggle": toggle_parameter,
    "button": click_button,
    "page switch": switch_pages,
    "reload": reload_page,
    "socket drop": drop_connections,
    "outage": cause_outage,
    "second tab": open_second_tab,
    "closed and reopened": reopen_tab,
}


def count_damage(sent: str, shown: str) -> tuple[int, int]:
    """Return how many characters of numbered words are lost, and how many are repeated."""
    had, has = (Counter(re.findall(r"\S+", text)) for text in (sent, shown))
    lost = sum(len(word) * count for word, count in (had - has).items())
    doubled = sum(len(word) * count for word, count in (has - had).items())
    return lost, doubled
