"""What a person or a network does to a page while an answer streams, by name; and what it cost the text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tests.page.tcp_proxy import Proxy
from tests.page.visitor import Visitor

OUTAGE = 3.0  # seconds

# What the browser says of its own about a connection that breaks.
NOISE = [
    "Client Error in reaching server",
    "WebSocket connection to",
    "net::ERR_",
    "WebSocket onerror",
    "Streamlit server is not responding",
    "Failed to load resource",
]


@dataclass
class Scene:
    """A tab that shows a live answer through a proxy, and a way to open another tab at an address."""

    tab: Visitor
    proxy: Proxy
    visit: Callable[[str], Visitor]

    @property
    def address(self) -> str:
        """The conversation's own."""
        return self.tab.page.url.removeprefix(self.tab.url)


def slider(scene: Scene) -> None:
    """A slider is moved by two steps."""
    handle = scene.tab.slider("temperature")
    before = handle.input_value()
    handle.press("ArrowRight" if float(before or 0) < 2 else "Home")
    scene.tab.until("the slider moves", lambda: handle.input_value() != before)


def number(scene: Scene) -> None:
    """A number is typed."""
    box = scene.tab.number("temperature")
    before = box.input_value()
    value = "1.37" if before != "1.37" else "0.42"
    box.fill(value)
    box.press("Enter")
    scene.tab.until("the slider follows", lambda: scene.tab.slider("temperature").input_value() == value)


def toggle(scene: Scene) -> None:
    """A parameter is switched."""
    switch = scene.tab.switch("top_k")
    before = switch.is_checked()
    scene.tab.flip("top_k")
    scene.tab.until("the switch turns", lambda: switch.is_checked() != before)
    note = scene.tab.key("parameter-top_k").get_by_text("not sent")
    scene.tab.until("the page's answer", lambda: note.count() == (1 if before else 0))


def button(scene: Scene) -> None:
    """A button is clicked: every one starts the script anew."""
    if not scene.tab.switch("seed").is_checked():
        scene.tab.flip("seed")
    box = scene.tab.number("seed")
    before = box.input_value()
    scene.tab.key("seed-roll").get_by_role("button").first.click()
    scene.tab.until("another seed", lambda: box.input_value() != before)


def pages(scene: Scene) -> None:
    """To the model's page and back."""
    scene.tab.page.get_by_role("link", name="Model", exact=True).first.click()
    scene.tab.page.get_by_text("As documented on").first.wait_for()
    scene.tab.page.get_by_role("link", name="Chat", exact=True).first.click()
    scene.tab.answers.last.wait_for()


def reload(scene: Scene) -> None:
    """The page is reloaded."""
    scene.tab.page.reload()
    scene.tab.answers.last.wait_for()


def drop(scene: Scene) -> None:
    """Every connection is reset once."""
    assert scene.proxy.drop()


def outage(scene: Scene) -> None:
    """No connection can be had for a while."""
    scene.proxy.down()
    scene.tab.page.wait_for_timeout(OUTAGE * 1000)
    scene.proxy.up()


def second_tab(scene: Scene) -> None:
    """Another tab looks at the same conversation, and is closed."""
    other = scene.visit(scene.address)
    other.grows()
    other.page.close()


def reopened(scene: Scene) -> None:
    """The tab is closed and opened again by its address."""
    address = scene.address
    scene.tab.page.close()
    scene.tab = scene.visit(address)


KINDS: dict[str, Callable[[Scene], None]] = {
    "slider": slider,
    "number box": number,
    "toggle": toggle,
    "button": button,
    "page switch": pages,
    "reload": reload,
    "socket drop": drop,
    "outage": outage,
    "second tab": second_tab,
    "closed and reopened": reopened,
}


def damage(sent: str, shown: str) -> tuple[int, int]:
    """How many characters of numbered words were lost, and how many are there once too often."""
    had, has = (Counter(re.findall(r"\S+", text)) for text in (sent, shown))
    lost = sum(len(word) * count for word, count in (had - has).items())
    doubled = sum(len(word) * count for word, count in (has - had).items())
    return lost, doubled
