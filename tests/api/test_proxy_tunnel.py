"""Requests through a proxy: plain, over TLS and over SOCKS5, alike for a chat and for an experiment."""

from __future__ import annotations

import base64
import ssl
from contextlib import closing

import pytest

from lib.api.cancellation import Cancelled
from lib.errors import PaddockError, TimedOut, Unreachable
from tests import sample_values
from tests.api.both_clients import ask_both_ways
from tests.api.cancel_driver import assert_cancels
from tests.api.relaying_proxy import relays_to, socks_relays_to
from tests.scripted_server import (
    TIMEOUT,
    Peer,
    ReceivedRequest,
    Script,
    ScriptedServer,
    read_request,
    response_head,
    sends,
    sends_then_waits,
    streams,
)

# An unresolvable name, which the test's certificate holds.
URL = "https://api.example/client/v4"
LONG_TEXT = "Grüße 👋 " * 20_000
BASIC = "Basic " + base64.b64encode(b"ann:s@lt").decode()


def keeps_alive(peer: Peer, _: ReceivedRequest) -> None:
    """Answer three requests over one connection."""
    body = b'{"result":{"response":"Hi"},"success":true}'
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    peer.send(head.encode() + body)
    for _number in range(2):
        read_request(peer.connection)
        peer.send(head.encode() + body)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.usefixtures("trusted")
def test_http_proxy(monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext, scheme: str) -> None:
    """The proxy gets the server's name and its own password, and never the token."""
    outer = tls if scheme == "https" else None
    with (
        ScriptedServer(streams("Hel", LONG_TEXT), tls=tls) as server,
        ScriptedServer(relays_to(server.port), tls=outer) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://ann:s%40lt@127.0.0.1:{proxy.port}")
        alone, over = ask_both_ways(URL, sample_values.make_client(attempts=1))
    assert alone == over == ("Hel" + LONG_TEXT, None, True)
    for request in proxy.requests:
        assert (request.method, request.target) == ("CONNECT", "api.example:443")
        assert request.headers == {"host": "api.example:443", "proxy-authorization": BASIC}
    assert [request.headers["host"] for request in server.requests] == ["api.example"] * 2


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.usefixtures("trusted")
def test_many_requests_over_one_tunnel(
    monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext, scheme: str
) -> None:
    outer = tls if scheme == "https" else None
    with (
        ScriptedServer(keeps_alive, tls=tls) as server,
        ScriptedServer(relays_to(server.port), tls=outer) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://127.0.0.1:{proxy.port}")
        client, request = sample_values.make_client(), sample_values.make_request("x" * 500_000)
        with closing(client.open_connection(sample_values.make_backend(URL))) as connection:
            answers = [list(client.stream_over(connection, request)) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert len(proxy.peers) == len(server.peers) == 1


@pytest.mark.parametrize("password", [None, (b"ann", b"s@lt")])
@pytest.mark.usefixtures("trusted")
def test_socks_proxy(
    monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext, password: tuple[bytes, bytes] | None
) -> None:
    asked: list[bytes] = []
    with (
        ScriptedServer(streams("Hel", LONG_TEXT), tls=tls) as server,
        ScriptedServer(socks_relays_to(server.port, password, asked), reads=False) as proxy,
    ):
        monkeypatch.setenv("ALL_PROXY", f"socks5h://ann:s%40lt@127.0.0.1:{proxy.port}")
        alone, over = ask_both_ways(URL, sample_values.make_client(attempts=1))
        assert alone == over == ("Hel" + LONG_TEXT, None, True)
        # An address is asked for as one; its certificate is not the server's.
        for address in ("10.1.2.3", "[2001:db8::1]"):
            ask_both_ways(f"https://{address}:8443/v4", sample_values.make_client(attempts=1))
    name = b"api.example" + (443).to_bytes(2, "big")
    four, six = bytes((10, 1, 2, 3)), bytes.fromhex("20010db8") + bytes(11) + b"\1"
    port = (8443).to_bytes(2, "big")
    assert asked == [name, name, four + port, four + port, six + port, six + port]


REFUSALS: dict[str, tuple[str, Script, type[PaddockError], str, bool]] = {
    "407": ("http", sends(response_head(407)), Unreachable, "did not accept the user name", False),
    "403": ("http", sends(response_head(403)), Unreachable, "refused the connection (HTTP 403)", False),
    "502": ("http", sends(response_head(502)), Unreachable, "refused the connection (HTTP 502)", True),
    "no HTTP": ("http", sends(b"SSH-2.0-x\r\n"), Unreachable, "cannot be reached", True),
    "closes": ("http", sends(), Unreachable, "cannot be reached", True),
    "silence": ("http", sends_then_waits(), TimedOut, "did not answer within 0.3 s", True),
    "no TLS": ("https", sends(b"HTTP/1.1 400 X\r\n\r\n"), Unreachable, "cannot be reached", True),
    "TLS silence": ("https", sends_then_waits(), TimedOut, "did not answer within 0.3 s", True),
    "no SOCKS": (
        "socks5",
        sends_then_waits(b"HTTP/1.1 400 X\r\n\r\n"),
        Unreachable,
        "no SOCKS5 proxy",
        False,
    ),
    "SOCKS closes": ("socks5", sends(b"\5"), Unreachable, "cannot be reached", True),
    "SOCKS silence": ("socks5", sends_then_waits(b"\5"), TimedOut, "did not answer within 0.3 s", True),
    "SOCKS password": (
        "socks5",
        sends_then_waits(b"\5\2\1\1"),
        Unreachable,
        "did not accept the user name",
        False,
    ),
    "SOCKS method": (
        "socks5",
        sends_then_waits(b"\5\xff"),
        Unreachable,
        "did not accept the user name",
        False,
    ),
    "SOCKS rules": (
        "socks5",
        sends_then_waits(b"\5\0\5\2\0\1"),
        Unreachable,
        "its rules forbid this host",
        False,
    ),
    "SOCKS host": ("socks5", sends_then_waits(b"\5\0\5\4\0\1"), Unreachable, "the host is unreachable", True),
    "SOCKS other": ("socks5", sends_then_waits(b"\5\0\5\x63\0\1"), Unreachable, "its code is 99", False),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_proxy_that_refuses(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The error names the proxy and its variable, never its password; nothing was sent to the server."""
    scheme, script, kind, message, is_retryable = REFUSALS[name]
    client = sample_values.make_client(attempts=1, connect=0.3 if "silence" in name else TIMEOUT)
    with ScriptedServer(script, reads=name in ("407", "403", "502")) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://ann:secret@127.0.0.1:{proxy.port}")
        (_, alone, _), (_, over, was_sent) = ask_both_ways(URL, client)
    assert over is not None
    assert [type(alone), str(alone)] == [type(over), str(over)]
    assert (type(over), over.retryable, was_sent) == (kind, is_retryable, False)
    assert message in over.message
    assert f"127.0.0.1:{proxy.port}" in over.message
    assert "ALL_PROXY" in over.advice
    assert "secret" not in over.message + over.advice


def test_a_proxy_that_wants_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(sends(response_head(407))) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{proxy.port}")
        (_, _, _), (_, over, _) = ask_both_ways(URL, sample_values.make_client(attempts=1))
    assert over is not None
    assert "wants a user name and a password" in over.message


@pytest.mark.parametrize("address", ["127.0.0.1:9", "nonexistent.invalid:3128"])
def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", address)
    for _, error, _ in ask_both_ways(URL, sample_values.make_client(attempts=1)):
        assert isinstance(error, Unreachable)
        assert f"The proxy http://{address} cannot be reached" in error.message


@pytest.mark.parametrize("untrusted", ["proxy", "server"])
def test_untrusted_certificates(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, tls: ssl.SSLContext, untrusted: str
) -> None:
    if untrusted == "server":
        request.getfixturevalue("trusted")
    with (
        ScriptedServer(streams("Hi"), tls=tls) as server,
        ScriptedServer(relays_to(server.port), tls=tls) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"https://127.0.0.1:{proxy.port}")
        url = "https://other.example/client/v4"
        alone, over = ask_both_ways(url, sample_values.make_client(attempts=1))
    assert isinstance(over[1], Unreachable)
    assert str(alone[1]) == str(over[1])
    assert f"certificate of the proxy https://127.0.0.1:{proxy.port} is not trusted" in over[1].message or (
        untrusted == "server" and "the server's certificate is not trusted" in over[1].message
    )
    assert not server.requests


@pytest.mark.usefixtures("trusted")
def test_stop_and_silence_inside_two_layers_of_tls(
    monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext
) -> None:
    with (
        ScriptedServer(sends_then_waits(response_head()), tls=tls) as server,
        ScriptedServer(relays_to(server.port), tls=tls) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"https://127.0.0.1:{proxy.port}")
        for _, error, _ in ask_both_ways(URL, sample_values.make_client(attempts=1, silence=0.3)):
            assert isinstance(error, TimedOut)
            assert server.arrived.acquire(timeout=TIMEOUT)
        client = sample_values.make_client(first_byte=600, silence=600)
        with closing(client.open_connection(sample_values.make_backend(URL))) as connection:
            assert_cancels(
                lambda: list(client.stream_over(connection, sample_values.make_request())),
                connection.cancel_token,
                Cancelled,
                lambda: server.arrived.acquire(timeout=TIMEOUT),
            )
