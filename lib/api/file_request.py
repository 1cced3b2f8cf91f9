"""Ask a server for a file, or for a part of one: one GET request over a connection of its own."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import TypeAlias

import h11
import httpx

from lib.api import transport
from lib.api.cancellation import Cancelled, CancelToken
from lib.api.connection_opening import Socket, open_connection
from lib.api.environment_proxy import find_proxy
from lib.api.reply_limits import MAX_HEAD_BYTES
from lib.errors import PaddockError, TimedOut, Unreachable

# No byte for so many seconds means that the connection is dead.
FILE_TIMEOUTS = transport.Timeouts(connect=15.0, first_byte=30.0, silence=30.0)
_RECEIVED_BYTES = 64 * 1024
_NETWORK_ADVICE = "Check the network connection, and any firewall or proxy, then try again."

Address: TypeAlias = httpx.URL


def parse_address(text: str, base: Address | None = None) -> Address:
    """Return the address that a text is, relative to ``base`` if one is given. Raises ValueError."""
    try:
        address = httpx.URL(text) if base is None else base.join(text)
    except httpx.InvalidURL as error:
        raise ValueError(str(error)) from None
    # httpx takes any text for a host, and encodes what no host has.
    if b"%" in address.raw_host:
        raise ValueError("no such host")
    return address


@dataclass(frozen=True)
class FileReply:
    """The head of a reply, with its header names in lower case, and its body in pieces as they arrive."""

    status: int
    headers: Mapping[str, str]
    body: Iterator[bytes]


@contextlib.contextmanager
def request_file(
    url: Address, headers: Mapping[str, str], cancel_token: CancelToken, *, allows_private: bool
) -> Iterator[FileReply]:
    """Send a GET request, and close its connection at the end. A redirect is a reply like any other.

    ``allows_private`` is False for an address that somebody else than the user chose: then no host of this computer
    or of its network is asked. Raises Cancelled, Unreachable and TimedOut; no message holds a header or a path.
    """
    host = url.raw_host.decode("ascii")
    with _translate_errors(host, cancel_token):
        connection = _connect(url, host, cancel_token, allows_private=allows_private)
    try:
        with _translate_errors(host, cancel_token):
            http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
            sent = {
                "host": url.netloc.decode("ascii"),
                "user-agent": "paddock",
                "accept-encoding": "identity",
                "connection": "close",
                **headers,
            }
            connection.settimeout(FILE_TIMEOUTS.first_byte)
            request = h11.Request(method="GET", target=url.raw_path, headers=list(sent.items()))
            connection.sendall((http.send(request) or b"") + (http.send(h11.EndOfMessage()) or b""))
            event = _next_event(http, connection)
            while isinstance(event, h11.InformationalResponse):
                event = _next_event(http, connection)
            if not isinstance(event, h11.Response):
                raise ConnectionError
            names = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
            connection.settimeout(FILE_TIMEOUTS.silence)
        yield FileReply(event.status_code, names, _read_body(http, connection, host, cancel_token))
    finally:
        connection.close()
        cancel_token.release_socket()


def is_private_host(host: str) -> bool:
    """Return True for a name or an address that is clearly of this computer or of its network. Resolves no name."""
    try:
        return _is_private_address(host.strip("[]"))
    except ValueError:
        name = host.lower().rstrip(".")
        return name == "localhost" or name.endswith((".localhost", ".local", ".internal"))


def _is_private_address(text: str) -> bool:
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return not address.is_global or address.is_multicast


def _connect(url: Address, host: str, cancel_token: CancelToken, *, allows_private: bool) -> Socket:
    secure = url.scheme == "https"
    port = url.port or (443 if secure else 80)
    if not allows_private and is_private_host(host):
        raise _private_error(host)
    # A proxy resolves the name itself, so only names and addresses that are clearly private are refused then.
    proxy = None if is_private_host(host) else find_proxy(f"{url.scheme}://{url.netloc.decode('ascii')}")
    return open_connection(
        (host, port),
        proxy,
        transport.trusted_context() if secure else None,
        FILE_TIMEOUTS,
        cancel_token,
        lambda: cancel_token.run_cancellable(
            lambda: _connect_directly(host, port, allows_private=allows_private), socket.socket.close
        ),
    )


def _connect_directly(host: str, port: int, *, allows_private: bool) -> socket.socket:
    """Return a connection to one of the host's addresses: to the very address that was checked."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not allows_private and any(_is_private_address(address) for address in addresses):
        raise _private_error(host)
    failure = OSError()
    for address in addresses:
        try:
            return socket.create_connection((address, port), FILE_TIMEOUTS.connect)
        except OSError as error:
            failure = error
    raise failure


def _private_error(host: str) -> Unreachable:
    return Unreachable(
        f"The server sent the download on to {host}, an address of this computer or its network. It was not asked.",
        advice="Use the address of the file itself.",
    )


def _next_event(http: h11.Connection, connection: Socket) -> object:
    while (event := http.next_event()) is h11.NEED_DATA:
        http.receive_data(connection.recv(_RECEIVED_BYTES))
    return event


def _read_body(
    http: h11.Connection, connection: Socket, host: str, cancel_token: CancelToken
) -> Iterator[bytes]:
    while True:
        with _translate_errors(host, cancel_token):
            event = _next_event(http, connection)
        if not isinstance(event, h11.Data):
            return
        yield bytes(event.data)


@contextlib.contextmanager
def _translate_errors(host: str, cancel_token: CancelToken) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if cancel_token.is_cancelled:
            raise Cancelled from None
        if isinstance(error, PaddockError | Cancelled):
            raise
        # from None: the request is in some of these, and with it the token.
        raise _translate_error(host, error) from None


def _translate_error(host: str, error: Exception) -> PaddockError:
    match error:
        case socket.gaierror() | UnicodeError():
            return Unreachable(f"The address {host} was not found.", advice=_NETWORK_ADVICE, retryable=True)
        case ssl.SSLCertVerificationError():
            return Unreachable(
                f"The certificate of {host} is not trusted ({error.verify_message}). Nothing was downloaded.",
                advice="Check the clock of this computer. If a proxy reads your network traffic, name the file of "
                "its certificate in SSL_CERT_FILE.",
            )
        case TimeoutError():
            return TimedOut(f"{host} sent nothing for too long.", advice=_NETWORK_ADVICE, retryable=True)
        case OSError() | h11.RemoteProtocolError():
            return Unreachable(
                f"The connection to {host} broke, or there was none.", advice=_NETWORK_ADVICE, retryable=True
            )
        case _:
            return Unreachable(
                f"{host} cannot be asked ({type(error).__name__}).",
                advice="Check the address, then try again.",
            )
