"""Open a tunnel through a proxy: HTTP's CONNECT, over TLS if the proxy asks for it, or SOCKS5."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_address

import h11
import httpx

from lib.api.environment_proxy import Proxy
from lib.api.reply_limits import MAX_HEAD_BYTES, ReplyDeadline
from lib.api.reply_reader import ReplyReader
from lib.api.transport import Timeouts
from lib.errors import PaddockError, TimedOut, Unreachable

# RFC 1928, section 6.
_SOCKS_REFUSALS = {
    1: "it failed",
    2: "its rules forbid this host",
    3: "the network is unreachable",
    4: "the host is unreachable",
    5: "the host refused the connection",
}
_SOCKS_ADDRESS_BYTES = {1: 4, 4: 16}


def connect_through(
    proxy: Proxy,
    target: tuple[str, int],
    timeouts: Timeouts,
    trusted: Callable[[], ssl.SSLContext],
    watch: Callable[[socket.socket], object],
) -> socket.socket:
    """Return a connection to ``target`` through the proxy, which learns the host's name only.

    ``watch`` gets the socket as soon as it is connected; ``trusted`` makes the context for a proxy over TLS. Raises
    Unreachable and TimedOut, which name the proxy.
    """
    with _translate_errors(proxy, timeouts):
        connection = socket.create_connection((proxy.host, proxy.port), timeouts.connect)
        try:
            watch(connection)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if proxy.scheme == "https":
                connection = trusted().wrap_socket(connection, server_hostname=proxy.host)
            if proxy.scheme.startswith("socks"):
                _open_socks_tunnel(connection, proxy, *target)
            else:
                _open_http_tunnel(connection, proxy, *target, timeouts)
            connection.settimeout(timeouts.connect)
        except BaseException:
            connection.close()
            raise
        return connection


def _open_http_tunnel(
    connection: socket.socket, proxy: Proxy, host: str, port: int, timeouts: Timeouts
) -> None:
    target = f"{f'[{host}]' if ':' in host else host}:{port}"
    headers = [("host", target)]
    if proxy.credentials is not None:
        credentials = base64.b64encode(b":".join(proxy.credentials)).decode("ascii")
        headers.append(("proxy-authorization", f"Basic {credentials}"))
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
    connection.sendall(http.send(h11.Request(method="CONNECT", target=target, headers=headers)) or b"")
    deadline = ReplyDeadline(replace(timeouts, first_byte=timeouts.connect))
    try:
        status = ReplyReader(http, connection, deadline).read_head().status_code
    except TimedOut:
        raise TimeoutError from None
    if status == 407:
        raise _credentials_error(proxy)
    if not 200 <= status < 300:
        # 5xx: the proxy could not reach the host just now.
        raise _refusal(proxy, f"HTTP {status}", retryable=status >= 500)


def _open_socks_tunnel(connection: socket.socket, proxy: Proxy, host: str, port: int) -> None:
    """Speak SOCKS5 (RFC 1928, RFC 1929). The proxy resolves the name, as for httpx and curl's socks5h."""
    methods = b"\0" if proxy.credentials is None else b"\0\2"
    connection.sendall(bytes((5, len(methods))) + methods)
    version, method = _receive(connection, 2)
    if version != 5:
        raise _refusal(proxy, "it is no SOCKS5 proxy")
    if method == 2 and proxy.credentials is not None:
        user, password = proxy.credentials
        connection.sendall(b"\1" + _with_length(user, proxy) + _with_length(password, proxy))
        if _receive(connection, 2)[1] != 0:
            raise _credentials_error(proxy)
    elif method != 0:
        raise _credentials_error(proxy)
    try:
        address = ip_address(host)
        wanted = (b"\1" if address.version == 4 else b"\4") + address.packed
    except ValueError:
        wanted = b"\3" + _with_length(host.encode("ascii"), proxy)
    connection.sendall(b"\5\1\0" + wanted + port.to_bytes(2, "big"))
    _, reply, _, kind = _receive(connection, 4)
    if reply != 0:
        reason = _SOCKS_REFUSALS.get(reply, f"its code is {reply}")
        raise _refusal(proxy, reason, retryable=reply in (1, 3, 4, 5))
    length = _SOCKS_ADDRESS_BYTES[kind] if kind in _SOCKS_ADDRESS_BYTES else _receive(connection, 1)[0]
    _receive(connection, length + 2)


def _with_length(text: bytes, proxy: Proxy) -> bytes:
    if len(text) > 255:
        raise _refusal(proxy, "SOCKS takes at most 255 bytes for a name or a password")
    return bytes((len(text),)) + text


def _receive(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        piece = connection.recv(size - len(received))
        if not piece:
            raise ConnectionError
        received += piece
    return received


def _refusal(proxy: Proxy, reason: str, retryable: bool = False) -> Unreachable:
    return Unreachable(
        f"The proxy {proxy.address} refused the connection ({reason}).",
        advice=f"Check {proxy.setting}, or name the host in NO_PROXY, then retry.",
        retryable=retryable,
    )


def _credentials_error(proxy: Proxy) -> Unreachable:
    problem = "wants a user name and a password"
    if proxy.credentials is not None:
        problem = "did not accept the user name and password"
    return Unreachable(
        f"The proxy {proxy.address} {problem}.",
        advice=f"Check {proxy.setting}: http://user:password@host:port, then restart Paddock.",
    )


@contextlib.contextmanager
def _translate_errors(proxy: Proxy, timeouts: Timeouts) -> Iterator[None]:
    advice = f"Check {proxy.setting} and the network connection, then retry."
    try:
        yield
    except PaddockError:
        raise
    except TimeoutError:
        raise TimedOut(
            f"The proxy {proxy.address} did not answer within {timeouts.connect:g} s.",
            advice=advice,
            retryable=True,
        ) from None
    except ssl.SSLCertVerificationError as error:
        reason = error.verify_message
        raise Unreachable(
            f"The certificate of the proxy {proxy.address} is not trusted ({reason}), so nothing was sent.",
            advice="Check this machine's clock. If the proxy has a certificate of its own, name it in SSL_CERT_FILE.",
        ) from None
    except (OSError, UnicodeError, httpx.HTTPError, h11.ProtocolError) as error:
        raise Unreachable(
            f"The proxy {proxy.address} cannot be reached.",
            advice=advice,
            retryable=not isinstance(error, UnicodeError),
        ) from None
