"""The front door in a real browser: foreign names, foreign frames, and nginx with TLS below a path."""

from __future__ import annotations

import contextlib
import http.server
import random
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from bench.faults import doors
from tests.page.app_process import AppProcess
from tests.page.browser_tab import DESKTOP, TIMEOUT, BrowserTab
from tests.page.conftest import StartApp, Visit
from tests.page.nginx_proxy import NginxProxy
from tests.page.upstream import Upstream

HOST, PATH = "paddock.test", "/lab"
MAX_OPEN_FILES = 128
SEED = 1


@pytest.fixture
def expected() -> list[str]:
    """Allow the errors of what is refused."""
    return ["403 (Forbidden)", "response code: 403"]


def test_a_site_whose_name_means_this_machine_stays_outside(visit: Visit, app: AppProcess) -> None:
    tab = visit(app.url)
    tab.page.goto(f"http://evil.test:{app.port}/")
    assert "PADDOCK_HOSTS=evil.test" in tab.page.inner_text("body")
    # Its script cannot connect either.
    opened = tab.page.evaluate(
        """url => new Promise(done => {
            const socket = new WebSocket(url)
            socket.onopen = () => done(true)
            socket.onerror = () => done(false)
        })""",
        f"ws://evil.test:{app.port}/_stcore/stream",
    )
    assert opened is False


def test_a_handshake_that_cannot_be_read_is_refused(app: AppProcess) -> None:
    """Streamlit starts uvicorn before it loads the application that replaces a method of uvicorn's."""
    head = f"GET /_stcore/stream HTTP/1.1\r\nHost: 127.0.0.1:{app.port}\r\nConnection: Upgrade\r\n"
    with socket.create_connection(("127.0.0.1", app.port), TIMEOUT) as connection:
        connection.sendall(f"{head}Upgrade: websocket\r\nX-Odd: a\x7fb\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")


@pytest.fixture
def foreign_page(app: AppProcess) -> Iterator[str]:
    """Serve a page of another site that shows the app in a frame; return its address."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f'<iframe src="{app.url}"></iframe>'.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://evil.test:{server.server_port}/"
        server.shutdown()


def test_no_other_site_frames_the_page(browser: Browser, app: AppProcess, foreign_page: str) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        with page.expect_event("requestfailed", lambda request: request.url.startswith(app.url)) as failed:
            page.goto(foreign_page)
        assert failed.value.failure == "net::ERR_BLOCKED_BY_RESPONSE"


@pytest.fixture
def behind(own: StartApp) -> AppProcess:
    """Start Paddock as its owner does behind a proxy on the same machine."""
    environment = {"PADDOCK_HOSTS": HOST, "PADDOCK_PROXIES": "127.0.0.1"}
    return own("app.py", environment, base_path=PATH)


def test_behind_nginx_everybody_is_a_visitor(
    browser: Browser, behind: AppProcess, tmp_path: Path, upstream: Upstream
) -> None:
    with (
        NginxProxy(tmp_path, behind.port, PATH) as nginx,
        browser.new_context(viewport=DESKTOP, ignore_https_errors=True) as context,
    ):
        tab = BrowserTab(context.new_page(), f"https://{HOST}:{nginx.port}{PATH}").open()
        tab.send("Whose is this?")
        tab.wait_for_end()
        cookies = context.cookies()
        assert {"paddock_visitor", "_streamlit_xsrf"} <= {cookie["name"] for cookie in cookies}
        assert {(cookie["secure"], cookie["path"]) for cookie in cookies} == {(True, PATH)}
        refused = httpx.get(
            f"https://127.0.0.1:{nginx.port}{PATH}/", headers={"Host": "evil.test"}, verify=False
        )
        assert refused.status_code == 403
    with sqlite3.connect(behind.database) as database:
        (owner,) = (owner for (owner,) in database.execute("SELECT owner FROM conversation"))
    assert owner.startswith("visitor:")


@pytest.fixture(scope="module")
def small(own: StartApp) -> AppProcess:
    """Start Paddock for a network, with few handles."""
    return own(
        environment={"PADDOCK_HOSTS": doors.SERVED_NAME}, address="0.0.0.0", max_open_files=MAX_OPEN_FILES
    )


def test_only_served_names_and_origins_come_in(small: AppProcess) -> None:
    print(f"seed {SEED}")
    wrong = []
    generator = random.Random(SEED)
    for _ in range(150):
        knock = doors.make_knock(generator, small.port)
        reply = doors.send(small.port, knock)
        if doors.is_admitted(reply) != knock.is_welcome:
            wrong.append((reply, knock))
    assert wrong == []


def test_without_free_handles_it_says_so_and_recovers(small: AppProcess) -> None:
    app = small
    with contextlib.ExitStack() as held:
        status = 200
        while status == 200:
            held.enter_context(socket.create_connection(("127.0.0.1", app.port)))
            reply = httpx.get(app.url)
            status = reply.status_code
        assert status == 503
        assert "Try again" in reply.text
        # Beyond the reserve nothing is accepted any more.
        for _ in range(MAX_OPEN_FILES):
            held.enter_context(socket.create_connection(("127.0.0.1", app.port)))
        until = time.monotonic() + TIMEOUT
        while "ulimit -n" not in app.log or not has_unaccepted_connections(app):
            assert time.monotonic() < until
            time.sleep(0.05)
    while httpx.get(app.url, timeout=TIMEOUT).status_code != 200:
        time.sleep(0.05)
    assert app.log.count("too many open files") == 1
    assert "Traceback" not in app.log


def has_unaccepted_connections(app: AppProcess) -> bool:
    """Return True if the process has no handle left."""
    return len(list(Path(f"/proc/{app.process.pid}/fd").iterdir())) >= MAX_OPEN_FILES
