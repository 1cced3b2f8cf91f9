"""The front door: who comes in, as whom, with which cookie and headers."""

from __future__ import annotations

import asyncio
import stat
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lib.ui.shell import upload_limits
from lib.ui.shell.access_rules import AccessRules
from lib.ui.shell.front_door import FrontDoor
from lib.ui.shell.visitor_cookie import VisitorCookies, load_key
from tests.ui.shell.asgi_requests import Behind, Door, Reply, make_scope

OPEN = AccessRules("0.0.0.0", ("paddock.example",))
SECURITY = {
    "content-security-policy": "frame-ancestors 'self'",
    "x-frame-options": "SAMEORIGIN",
    "x-content-type-options": "nosniff",
    "permissions-policy": "camera=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
}


def owner(door: Door) -> str | None:
    headers = dict(door.app.scopes[-1]["headers"])
    return headers[b"x-paddock-owner"].decode() if b"x-paddock-owner" in headers else None


def visitor_cookie(reply: Reply) -> str | None:
    """Return the name and the value of the cookie that the reply sets."""
    (cookie,) = reply.header("set-cookie") or [None]
    return None if cookie is None else cookie.partition(";")[0]


@pytest.mark.parametrize("scheme", ["http", "ws"])
def test_a_foreign_name_or_origin_does_not_come_in(scheme: str) -> None:
    door = Door()
    for headers in (
        {"host": "evil.example"},
        {"host": "localhost:8501", "origin": "http://evil.example"},
        {"host": "localhost:8501", "origin": "null"},
    ):
        reply = Reply(door.request(make_scope(headers=headers, scheme=scheme)))
        assert (reply.status, door.app.scopes) == (403, [])
        assert "PADDOCK_HOSTS" in reply.text
        assert reply.header("x-frame-options") == ["SAMEORIGIN"]
    assert Reply(door.request(make_scope(headers={}, scheme=scheme))).status == 400


def test_a_refused_websocket_is_closed_where_the_server_takes_no_reply() -> None:
    scope = make_scope(headers={"host": "evil.example"}, scheme="ws") | {"extensions": {}}
    assert [message["type"] for message in Door().request(scope)] == ["websocket.close"]


def test_what_a_request_says_is_shown_as_text() -> None:
    assert "<script>" not in Door().get(origin="http://<script>alert(1)</script>").text


def test_the_owner_is_the_front_doors_word() -> None:
    door = Door(OPEN)
    door.get(x_paddock_owner="visitor:x")
    assert owner(door) == "local"
    door.get(host="paddock.example", x_paddock_owner="local")
    assert owner(door) is None
    cookie = visitor_cookie(door.get(host="paddock.example"))
    assert cookie is not None
    door.get(host="paddock.example", cookie=f"a=b; {cookie}", X_Paddock_Owner="local")
    assert (owner(door) or "").startswith("visitor:")
    assert cookie not in (owner(door) or "")


def test_only_signed_cookies_count() -> None:
    door = Door(OPEN)
    cookie = visitor_cookie(door.get(host="paddock.example")) or ""
    assert visitor_cookie(door.get(host="paddock.example", cookie=cookie)) is None
    other = Door(OPEN, cookies=VisitorCookies(b"x" * 32))
    for planted in (
        "paddock_visitor=planted-by-somebody",
        "paddock_visitor=",
        cookie.rpartition(".")[0],
        cookie + "x",
        cookie.replace("=", "=x", 1),
        visitor_cookie(other.get(host="paddock.example")) or "",
        "paddock_visitor=\udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
    ):
        reply = door.get(host="paddock.example", cookie=planted)
        assert owner(door) is None
        assert visitor_cookie(reply) not in (None, planted)


def test_a_cookie_comes_with_the_page_and_with_what_a_cached_page_asks_for() -> None:
    door = Door(OPEN, Behind({"content-type": "application/json"}))
    assert visitor_cookie(door.get("/_stcore/health", host="paddock.example")) is None
    assert visitor_cookie(door.get("/_stcore/host-config", host="paddock.example"))
    assert visitor_cookie(Door(OPEN).get()) is None


def test_cookies_are_bound_to_the_path_and_the_connection() -> None:
    streamlits = {"content-type": "text/html", "set-cookie": "_streamlit_xsrf=2; Path=/; SameSite=Lax"}
    rules = AccessRules("127.0.0.1", ("paddock.example",), AccessRules().proxies)
    door = Door(rules, Behind(streamlits), "/lab/paddock")
    cookies = door.get("/lab/paddock/", host="paddock.example", scheme="https").header("set-cookie")
    assert len(cookies) == 2
    assert all("; Path=/lab/paddock" in cookie and "; Secure" in cookie for cookie in cookies)
    plain = door.get("/lab/paddock/", host="paddock.example").header("set-cookie")
    assert not any("Secure" in cookie for cookie in plain)


@pytest.mark.parametrize(
    "path", ["/_stcore/metrics", "/lab/_stcore/metrics", "/lab/_stcore/agent/openapi.json"]
)
def test_closed_paths(path: str) -> None:
    door = Door(base_path="/lab" if path.startswith("/lab") else "/")
    assert (door.get(path).status, door.app.scopes) == (404, [])


def test_every_response_has_the_security_headers() -> None:
    broken = Door(app=Behind(failure=RuntimeError("secret")))
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    door = FrontDoor(broken.app, broken.rules, broken.cookies)
    with pytest.raises(RuntimeError):
        asyncio.run(door(make_scope(headers={"host": "localhost"}), send, send))
    failed = Reply(sent)
    assert failed.status == 500
    assert "secret" not in failed.text
    twice = Door(app=Behind({"content-type": "text/plain", "X-Content-Type-Options": "sniff"})).get()
    for reply in (
        failed,
        twice,
        Door().get(),
        Door().get(host="evil.example"),
        Door().get("/_stcore/metrics"),
    ):
        for name, part in SECURITY.items():
            (value,) = reply.header(name) or [""]
            assert (name == "cross-origin-opener-policy" and reply.status == 403) or part in value
    # Over plain HTTP from another machine, browsers ignore this one and complain.
    assert Door(OPEN).get(host="paddock.example").header("cross-origin-opener-policy") == []


def test_embedding_is_for_those_who_are_named() -> None:
    reply = Door(AccessRules(embedders=("https://wiki.example",))).get()
    (policy,) = reply.header("content-security-policy")
    assert "frame-ancestors 'self' https://wiki.example" in policy
    assert reply.header("x-frame-options") == []


def test_the_key_is_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    keys: list[bytes] = []
    threads = [threading.Thread(target=lambda: keys.append(load_key(tmp_path / "data"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert {len(key) for key in keys} == {32}
    assert set(keys) == {load_key(tmp_path / "data")}
    (file,) = (tmp_path / "data").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_used_costs_the_key_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "data").write_text("a file")
    first, second = load_key(tmp_path / "data"), load_key(tmp_path / "data")
    assert len(first) == 32
    assert first != second
    assert "cookies cannot be kept" in caplog.text
    (tmp_path / "visitor-key").write_bytes(b"")
    assert len(load_key(tmp_path)) == 32
    assert (tmp_path / "visitor-key").read_bytes() == b""


@pytest.fixture
def uploaded(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, SimpleNamespace]]:
    """Return the files of each session, as Streamlit keeps them."""
    files: dict[str, dict[str, SimpleNamespace]] = {}
    instance = SimpleNamespace(uploaded_file_mgr=SimpleNamespace(file_storage=files))
    monkeypatch.setattr(upload_limits.runtime, "exists", lambda: True)
    monkeypatch.setattr(upload_limits.runtime, "get_instance", lambda: instance)
    monkeypatch.setattr(upload_limits, "MAX_SESSION_BYTES", 100)
    monkeypatch.setattr(upload_limits, "MAX_BYTES", 150)
    return files


def put(door: Door, session: str, **headers: str) -> int:
    named = {"host": "localhost"} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope = make_scope(f"/_stcore/upload_file/{session}/file", headers=named, method="PUT")
    return Reply(door.request(scope)).status


def test_uploads_are_bounded_before_they_are_read(uploaded: dict[str, dict[str, SimpleNamespace]]) -> None:
    door = Door()
    assert put(door, "ann", content_length="100") == 200
    assert put(door, "ann", content_length="101") == 413
    assert put(door, "ann", transfer_encoding="chunked") == 413
    assert put(door, "ann", content_length="1", transfer_encoding="chunked") == 413
    assert put(door, "ann") == 413
    uploaded["ann"] = {"x": SimpleNamespace(data=b"x" * 60)}
    assert put(door, "ann", content_length="41") == 413
    assert put(door, "ann", content_length="40") == 200
    assert put(door, "bob", content_length="91") == 413
    assert put(door, "bob", content_length="90") == 200
    assert len(door.app.scopes) == 3


def test_uploads_under_way_count(uploaded: dict[str, dict[str, SimpleNamespace]]) -> None:
    door = Door()

    class Within(Behind):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            statuses.append(await asyncio.to_thread(put, door, "ann", content_length="50"))
            await super().__call__(scope, receive, send)

    statuses: list[int] = []
    outer = Door(app=Within())
    assert put(outer, "ann", content_length="60") == 200
    assert statuses == [413]
    assert put(door, "ann", content_length="50") == 200
