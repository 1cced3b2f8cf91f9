"""What the tests of the page share: an upstream, the app in front of it, a browser, and the watch over all tabs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.page.app_process import AppProcess
from tests.page.browser_tab import DESKTOP, PHONE, BrowserTab, NetworkWatch, launch_chromium
from tests.page.upstream import Upstream

Visit = Callable[..., BrowserTab]
StartApp = Callable[..., AppProcess]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A last line, for a machine busier than any wait here foresees. The summary names what was tried twice."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def _upstream() -> Iterator[Upstream]:
    upstream = Upstream()
    yield upstream
    upstream.close()


@pytest.fixture
def upstream(_upstream: Upstream) -> Iterator[Upstream]:
    """The upstream, with nothing asked and nothing planned."""
    _upstream.reset()
    yield _upstream
    _upstream.reset()


@pytest.fixture(scope="session")
def app(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcess]:
    """Paddock with credentials in its environment, pointed at the upstream."""
    log = tmp_path_factory.mktemp("app") / "log"
    with AppProcess(_upstream.environment(), log) as app:
        yield app
        assert app.process.poll() is None, app.log
    _sound(app)


@pytest.fixture(scope="module")
def own(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartApp]:
    """Starts an application that is one module's alone: ``own(script, **options)``, as an Application's."""
    with contextlib.ExitStack() as stack:

        def own(script: str | Path = "app.py", **options: Any) -> AppProcess:
            log = tmp_path_factory.mktemp("own") / "log"
            app = AppProcess(_upstream.environment(), log, script, **options)
            stack.callback(lambda: _sound(app))
            return stack.enter_context(app)

        yield own


def _sound(app: AppProcess) -> None:
    assert "Traceback" not in app.log, app.log


@pytest.fixture(scope="session")
def twin_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcess]:
    """Paddock without credentials: it starts the twin."""
    log = tmp_path_factory.mktemp("twin") / "log"
    with AppProcess({}, log) as app:
        yield app
    _sound(app)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """For this package alone: Playwright occupies the main thread's event loop while it is open."""
    with sync_playwright() as playwright, launch_chromium(playwright) as browser:
        yield browser


@pytest.fixture
def expected() -> list[str]:
    """Parts of what the console may complain about in this test."""
    return []


@pytest.fixture(scope="package")
def desk(browser: Browser) -> Iterator[BrowserContext]:
    """One browser profile for every test at a desk, so that the page's files are fetched once."""
    with browser.new_context(viewport=DESKTOP) as context:
        yield context


@pytest.fixture
def visit(desk: BrowserContext, browser: Browser, expected: list[str]) -> Iterator[Visit]:
    """Opens tabs: ``visit(url, address="/", phone=False, stranger=False)``; a stranger has a browser of their own.

    At the end every tab's requests must have gone to the page's own port, and the console must be clean.
    """
    watches: dict[BrowserContext, NetworkWatch] = {desk: NetworkWatch(desk)}
    ports: set[int] = set()

    def visit(url: str, address: str = "/", *, phone: bool = False, stranger: bool = False) -> BrowserTab:
        ports.add(int(url.rpartition(":")[2]))
        context = desk
        if phone:
            context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
        elif stranger:
            context = browser.new_context(viewport=DESKTOP)
        if context is not desk:
            watches[context] = NetworkWatch(context)
        return BrowserTab(context.new_page(), url).open(address)

    yield visit
    for context, watch in watches.items():
        for page in context.pages:
            page.close()
        watch.close()
        if context is not desk:
            context.close()
    complaints = [text for watch in watches.values() for text in watch.complaints]
    assert [text for text in complaints if not any(part in text for part in expected)] == []
    for watch in watches.values():
        assert watch.foreign_requests(ports) == []


@pytest.fixture
def tab(visit: Visit, app: AppProcess, upstream: Upstream) -> BrowserTab:
    """One tab on the app before the upstream."""
    return visit(app.url)
