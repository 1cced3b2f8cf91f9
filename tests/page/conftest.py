"""Fixtures of the browser tests: an upstream, the app that sends to it, and watched browser tabs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.page.app_process import AppProcess
from tests.page.browser_tab import DESKTOP, MESSAGE_BOX, PHONE, BrowserTab, NetworkWatch, launch_chromium
from tests.page.upstream import Upstream

Visit = Callable[..., BrowserTab]
StartApp = Callable[..., AppProcess]

# Serves a page that is only for tests.
PAGE_SERVER = Path(__file__).with_name("page_server.py")


@pytest.fixture(scope="session")
def _upstream() -> Iterator[Upstream]:
    upstream = Upstream()
    yield upstream
    upstream.close()


@pytest.fixture
def upstream(_upstream: Upstream) -> Iterator[Upstream]:
    """Return the upstream, without requests and plans."""
    _upstream.reset()
    yield _upstream
    _upstream.reset()


@pytest.fixture(scope="session")
def app(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcess]:
    """Start Paddock with credentials for the upstream in its environment."""
    log = tmp_path_factory.mktemp("app") / "log"
    with AppProcess(_upstream.environment(), log) as app:
        yield app
        assert app.process.poll() is None, app.log
    _sound(app)


@pytest.fixture(scope="module")
def own(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartApp]:
    """Return a function that starts an app for one module: ``own(script, **options)``, with AppProcess's options."""
    with contextlib.ExitStack() as stack:

        def own(
            script: str | Path = "app.py",
            environment: Mapping[str, str] = MappingProxyType({}),
            **options: Any,
        ) -> AppProcess:
            log = tmp_path_factory.mktemp("own") / "log"
            if script != "app.py":
                environment, script = {**environment, "TEST_PAGE": str(script)}, PAGE_SERVER
            app = AppProcess(_upstream.environment() | environment, log, script, **options)
            stack.callback(lambda: _sound(app))
            return stack.enter_context(app)

        yield own


def _sound(app: AppProcess) -> None:
    assert "Traceback" not in app.log, app.log


@pytest.fixture(scope="session")
def twin_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcess]:
    """Start Paddock without credentials, so that it starts the twin."""
    log = tmp_path_factory.mktemp("twin") / "log"
    with AppProcess({}, log) as app:
        yield app
    _sound(app)


@pytest.fixture(scope="session")
def json_mode_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcess]:
    """Start a page with only the schema editor and the checked answer."""
    log = tmp_path_factory.mktemp("json-mode") / "log"
    page = {"TEST_PAGE": str(PAGE_SERVER.with_name("json_mode_bench.py"))}
    with AppProcess(page, log, PAGE_SERVER) as app:
        yield app
    _sound(app)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Start a browser for this package only: an open Playwright occupies the event loop of the main thread."""
    with sync_playwright() as playwright, launch_chromium(playwright) as browser:
        yield browser


@pytest.fixture
def expected() -> list[str]:
    """Return parts of the console errors that this test may cause."""
    return []


def new_context(browser: Browser, *, phone: bool = False) -> BrowserContext:
    """Return a new context of a user who wants no animations: they take a third of the browser's processor time."""
    if phone:
        return browser.new_context(viewport=PHONE, reduced_motion="reduce", has_touch=True, is_mobile=True)
    return browser.new_context(viewport=DESKTOP, reduced_motion="reduce")


@pytest.fixture(scope="package")
def shared_contexts(browser: Browser) -> Iterator[dict[bool, BrowserContext]]:
    """Return browser contexts for desktops (False) and phones (True); a new context would fetch all files again."""
    with (
        new_context(browser) as desktop,
        new_context(browser, phone=True) as phone,
    ):
        yield {False: desktop, True: phone}


@pytest.fixture
def visit(
    browser: Browser, shared_contexts: dict[bool, BrowserContext], expected: list[str]
) -> Iterator[Visit]:
    """Return a function that opens tabs: ``visit(url, address="/", phone=False, stranger=False)``.

    It waits until what the selector ``shows`` names is drawn. A stranger has a browser of their own. At the end every
    tab's requests must have gone to the page's own port, and the console must be clean.
    """
    watches: dict[BrowserContext, NetworkWatch] = {}
    ports: set[int] = set()

    def visit(
        url: str,
        address: str = "/",
        *,
        phone: bool = False,
        stranger: bool = False,
        shows: str = MESSAGE_BOX,
    ) -> BrowserTab:
        ports.add(int(url.rpartition(":")[2]))
        # A stranger's browser has no cached files either: a page from the cache would bring no cookie.
        context = new_context(browser) if stranger else shared_contexts[phone]
        if context not in watches:
            watches[context] = NetworkWatch(context)
        return BrowserTab(context.new_page(), url).open(address, shows)

    yield visit
    for context, watch in watches.items():
        for page in context.pages:
            page.close()
        watch.close()
        if context not in shared_contexts.values():
            context.close()
    complaints = [text for watch in watches.values() for text in watch.complaints]
    assert [text for text in complaints if not any(part in text for part in expected)] == []
    for watch in watches.values():
        assert watch.foreign_requests(ports) == []


@pytest.fixture
def tab(visit: Visit, app: AppProcess, upstream: Upstream) -> BrowserTab:
    """Open a tab on the app that sends to the upstream."""
    return visit(app.url)
