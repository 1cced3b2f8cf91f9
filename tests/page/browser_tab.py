"""A browser tab on Paddock for tests: it acts on the page, reads it, and records requests and console errors."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Playwright,
    Request,
    TimeoutError,
    WebError,
    expect,
)

T = TypeVar("T")

# Seconds. Only a page that hangs takes longer, even on a slow machine.
TIMEOUT = 45.0
# Seconds. The first run of an app imports everything.
FIRST_DRAW_TIMEOUT = 180.0
# The headless shell is first: it draws no window, so a visit takes a third less processor time.
CHROMIUM_NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
CHROMIUM_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Names below .test are names of this machine, which the local network knows it by.
    "--host-resolver-rules=MAP *.test 127.0.0.1",
)
# What a page shows once it is drawn. Some pages have no message box.
MESSAGE_BOX = "[data-testid=stChatInputTextArea]"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}

# Returns the text of a message, block by block, without captions, labels, errors and buttons.
READ_BLOCKS_JS = """message => [...message.querySelectorAll(
        '.model-text > *, [data-testid=stMarkdownContainer], [data-testid=stCode], [data-testid=stText]')]
    .filter(part => !part.closest('[data-testid=stCaptionContainer], button, [data-testid=stAlert]'))
    .filter(part => part.offsetParent !== null)
    .map(part => (part.querySelector(':scope pre code') ?? part).innerText)"""

# Notes when the page last sent a message to the server, how many it sent, and when it last received one.
COUNT_MESSAGES_JS = """
    window.paddock = {lastSent: 0, sentCount: 0, lastReceived: 0}
    window.WebSocket = class extends WebSocket {
        constructor(...args) {
            super(...args)
            this.addEventListener('message', () => { paddock.lastReceived = performance.now() })
        }
        send(data) {
            paddock.lastSent = performance.now()
            paddock.sentCount += 1
            super.send(data)
        }
    }"""
# Returns true once the script is idle and each message has an answer, over a few turns of the browser's loop, enough
# to send a click; false if that takes longer. A message has no answer if its connection broke.
IS_IDLE_JS = """() => new Promise(done => {
    const begun = performance.now()
    let turns = 0
    const look = () => {
        const now = performance.now(), app = document.querySelector('[data-testid=stApp]')
        const still = app?.getAttribute('data-test-script-state') === 'notRunning'
            && (paddock.lastReceived >= paddock.lastSent || now - paddock.lastSent > 5000)
            && !document.querySelector('[data-testid=stSkeleton]')
        turns = still ? turns + 1 : 0
        if (turns > 3) done(true)
        else if (now - begun > 500) done(false)
        else setTimeout(look, 20)
    }
    look()
})"""


def launch_chromium(playwright: Playwright) -> Browser:
    """Start the first Chromium that is installed. Raises RuntimeError if there is none."""
    path = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if path is None:
        raise RuntimeError(
            "These tests need Chromium on the PATH. Debian: apt install chromium-headless-shell"
        )
    return playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_OPTIONS))


def wait_for_value(box: Locator, text: str) -> None:
    """Wait until a box has that text. Streamlit draws a box empty first."""
    expect(box).to_have_value(text, timeout=TIMEOUT * 1000)


def squeeze(text: str) -> str:
    """Return the text with every run of white space as one space."""
    return " ".join(text.split())


def _is_this_machine(url: str) -> bool:
    name = urlsplit(url).hostname or ""
    return name == "127.0.0.1" or name.endswith(".test")


class NetworkWatch:
    """Records the requests of the tabs of one browser context, and the errors in their consoles."""

    def __init__(self, context: BrowserContext) -> None:
        self.requested: list[str] = []
        self.complaints: list[str] = []
        self._context = context
        self._listeners = {"request": self._asks, "console": self._says, "weberror": self._fails}
        for event, listener in self._listeners.items():
            context.on(event, listener)  # type: ignore[call-overload]

    def close(self) -> None:
        """Stop recording."""
        for event, listener in self._listeners.items():
            self._context.remove_listener(event, listener)

    def _asks(self, request: Request) -> None:
        self.requested.append(request.url)

    def _says(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def _fails(self, error: WebError) -> None:
        self.complaints.append(str(error.error))

    def foreign_requests(self, ports: set[int]) -> list[str]:
        """Return the requests to anywhere but these ports of this machine."""
        return [
            url
            for url in self.requested
            if urlsplit(url).scheme in ("http", "https", "ws", "wss")
            and not (_is_this_machine(url) and urlsplit(url).port in ports)
        ]


class BrowserTab:
    """A browser tab on a page of Paddock."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        page.set_default_timeout(TIMEOUT * 1000)
        page.add_init_script(COUNT_MESSAGES_JS)

    def open(self, address: str = "/", shows: str = MESSAGE_BOX) -> BrowserTab:
        """Open that address, and wait until the page and what that selector names are drawn."""
        self.page.goto(self.url + address)
        return self._drawn(shows)

    def reload(self) -> BrowserTab:
        """Reload the page and wait until it is drawn, with the code of each kind of control."""
        self.page.reload()
        return self._drawn()

    def _drawn(self, shows: str = MESSAGE_BOX) -> BrowserTab:
        self.page.locator(shows).first.wait_for(timeout=FIRST_DRAW_TIMEOUT * 1000)
        # Streamlit draws a skeleton while the browser fetches a control's code.
        skeletons = self.page.locator("[data-testid=stSkeleton]")
        self.wait_until("all of it is drawn", lambda: skeletons.count() == 0)
        return self

    @property
    def chat_box(self) -> Locator:
        """Return the message box."""
        return self.page.locator(MESSAGE_BOX)

    @property
    def answers(self) -> Locator:
        """Return the answers, in order."""
        return self.page.locator("[class*='st-key-assistant-']")

    @property
    def questions(self) -> Locator:
        """Return the questions, in order."""
        return self.page.locator("[class*='st-key-user-']")

    @property
    def alerts(self) -> Locator:
        """Return the errors and notes on the page."""
        return self.page.locator("[data-testid=stAlert]")

    def button(self, name: str | re.Pattern[str]) -> Locator:
        """Return the button of that name."""
        return self.page.get_by_role("button", name=name).first

    @property
    def messages(self) -> Locator:
        """Return all messages, in order."""
        return self.page.locator("[data-testid=stChatMessage]")

    def choose_in_menu(self, message: Locator, action: str) -> None:
        """Choose an action in a message's menu, once the page is idle."""
        self.wait_until_idle()
        message.locator("[class*='st-key-menu-'] button:visible").first.click()
        self.page.get_by_role("menuitem", name=action, exact=True).click()

    def go_to_page(self, page: str) -> None:
        """Open another page by its link at the top."""
        self.page.get_by_role("link", name=page, exact=True).first.click()

    def by_key(self, key: str) -> Locator:
        """Return the control or container of that key that is on display.

        While the page's script runs, a bound control that was replaced stays in the page, hidden, beside its new
        version (``key--2``).
        """
        return self.page.locator(f".st-key-{key}:visible, [class*='st-key-{key}--']:visible")

    def parameter_switch(self, name: str) -> Locator:
        """Return the checkbox that decides if that parameter is sent."""
        return self.page.locator(f"[class*='st-key-{name}-send']:visible input")

    def toggle_parameter(self, name: str) -> None:
        """Switch that parameter on or off."""
        self.page.locator(f"[class*='st-key-{name}-send']:visible label").first.click()

    def number_box(self, name: str) -> Locator:
        """Return that parameter's number box."""
        return self.page.locator(f"[class*='st-key-{name}-number']:visible input")

    def slider(self, name: str) -> Locator:
        """Return that parameter's slider."""
        return self.page.locator(f"[class*='st-key-{name}-slide-']:visible input")

    def send(self, text: str) -> None:
        """Type a message and send it."""
        self.chat_box.fill(text)
        self.chat_box.press("Enter")

    def answer_blocks(self, which: int = -1) -> list[str]:
        """Return the blocks of an answer as the reader sees them."""
        return self._blocks(self.answers, which)

    def answer_text(self, which: int = -1) -> str:
        """Return an answer's text as the reader sees it, with white space squeezed."""
        return squeeze(" ".join(self.answer_blocks(which)))

    def question_text(self, which: int = -1) -> str:
        """Return a question exactly as it is shown."""
        return "".join(self._blocks(self.questions, which))

    def _blocks(self, messages: Locator, which: int) -> list[str]:
        count = messages.count()
        index = which if which >= 0 else count + which
        if not 0 <= index < count:
            return []
        return list(messages.nth(index).evaluate(READ_BLOCKS_JS))

    def figures(self, which: int = -1) -> str:
        """Return the line of figures under an answer, or "" if there is none yet."""
        answer = self.answers.nth(which) if which >= 0 else self.answers.last
        line = answer.locator("[class*='st-key-figures-'] [data-testid=stCaptionContainer]")
        return line.first.inner_text() if line.count() else ""

    def wait_until(self, what: str, condition: Callable[[], T], patience: float = TIMEOUT) -> T:
        """Return the condition's value once it is true. Raises AssertionError if that takes too long."""
        end = time.monotonic() + patience
        while True:
            if value := condition():
                return value
            if time.monotonic() > end:
                raise AssertionError(f"never came: {what}; the page reads:\n{self.page.inner_text('body')}")
            self.page.wait_for_timeout(50)

    @property
    def is_idle(self) -> bool:
        """Return true if each message has an answer and the script is idle."""
        return bool(self.page.evaluate(IS_IDLE_JS))

    @property
    def message_count(self) -> int:
        """Return the number of messages that the page sent to the server."""
        return int(self.page.evaluate("paddock.sentCount"))

    def stop_by_escape(self) -> None:
        """Press Escape once the Stop button, which takes the key, is there."""
        self.wait_until_drawn()
        # A button takes its key a moment after it is drawn.
        self.page.evaluate("() => new Promise(done => requestIdleCallback(() => done()))")
        self.page.keyboard.press("Escape")

    def wait_until_idle(self) -> None:
        """Wait until each message has an answer and the script is idle."""
        self.wait_until("the page rests", lambda: self.is_idle)

    def pick_option(self, select: Locator, name: str, *, exact: bool = False) -> None:
        """Choose an option in a list that opens."""

        def open() -> None:
            # A page that scrolls later closes the list.
            select.evaluate("select => select.scrollIntoView({block: 'center'})")
            self.wait_until_idle()
            select.click()

        self._take(name, open, self.page.get_by_role("option", name=name, exact=exact).first)

    def add_option(self, select: Locator, text: str) -> None:
        """Type an option that the list does not have, and add it."""
        self._take(text, lambda: select.fill(text), self.page.get_by_text(f"Add: {text}"))

    def _take(self, name: str, open: Callable[[], object], option: Locator) -> None:
        def taken() -> bool:
            open()
            count = self.message_count
            # The list closes when the page scrolls or is redrawn.
            with contextlib.suppress(TimeoutError):
                option.click(timeout=3000)
            # The option was not hit if the list scrolled between the mouse button's press and release. If it was, the
            # page may send its message a moment later.
            end = time.monotonic() + 2.0
            while self.message_count == count and time.monotonic() < end:
                self.page.wait_for_timeout(50)
            return self.message_count > count

        self.wait_until(f"the option “{name}”", taken)
        self.wait_until_idle()

    def wait_for_answer_part(self, *texts: str) -> None:
        """Wait until the last answer and the lines under it contain these texts."""
        for text in texts:
            self.wait_until(f"“{text}”", lambda text=text: text in self.answers.last.inner_text())

    def wait_for_end(self, how: str = "finished", which: int = -1) -> str:
        """Wait until the answer ended in that way and the page is idle; return its line of figures."""
        self.wait_until(f"an answer that {how}", lambda: how in self.figures(which))
        self.wait_until_idle()
        return self.figures(which)

    def wait_for_answer(self, text: str, which: int = -1) -> None:
        """Wait until the answer is exactly that text, apart from white space."""
        self.wait_until(f"“{text}”", lambda: self.answer_text(which) == squeeze(text))

    def wait_until_drawn(self) -> None:
        """Wait until the page around a live answer is drawn. Its text, which may come before, shows nothing of it."""
        # Drawn last.
        self.by_key("stop").locator("button:visible").first.wait_for()

    def wait_for_growth(self, by: int = 60) -> None:
        """Wait until the last answer has grown by that many characters."""
        length = len(self.answer_text())
        self.wait_until("more text", lambda: len(self.answer_text()) >= length + by)
