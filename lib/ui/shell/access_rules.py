"""The rules for who may open the page: the names that this server is served under, and who counts as its owner.

A web site whose name resolves to 127.0.0.1 (DNS rebinding) reaches this server through the owner's browser. Its Host
header gives it away, for it has the site's name. A request of another site's page has that site's Origin.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from starlette.types import Scope

from lib.errors import BadInput

HOSTS_VARIABLE = "PADDOCK_HOSTS"
PROXIES_VARIABLE = "PADDOCK_PROXIES"
EMBEDDERS_VARIABLE = "PADDOCK_EMBEDDERS"

# A request with one of these came through a proxy, so the address of its sender is not that of the browser.
_FORWARDED_PREFIX, _FORWARDED_HEADERS = "x-forwarded-", frozenset({"forwarded", "x-real-ip", "via"})
_DEFAULT_PORTS = {"http": 80, "https": 443}
# urllib.parse takes [::1].evil.example for ::1.
_HOST = re.compile(r"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{0,5}))?")
_MAX_PORT = 65_535
_ANY_ADDRESS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class NamedHost:
    """A host as a header names it: ``name`` in lower case without a final dot, ``port`` None if it names none."""

    name: str
    port: int | None

    @property
    def is_loopback(self) -> bool:
        """Return True for localhost and the addresses of this machine's loopback interface."""
        return self.name == "localhost" or _is_loopback_address(self.name)


@dataclass(frozen=True)
class Arrival:
    """A request as it came in: ``host`` is the one that it names, None if it does not name exactly one.

    ``address`` is where its connection arrived, "" for one without; ``origins`` are those of its Origin headers.
    ``is_local``: it comes from a browser on this machine, without a proxy between.
    """

    host: NamedHost | None
    address: str
    origins: tuple[str, ...]
    is_local: bool
    is_https: bool

    @property
    def is_trustworthy(self) -> bool:
        """Return True if browsers trust the page's origin: it is encrypted, or on the browser's own machine."""
        return self.is_https or (self.host is not None and self.host.is_loopback)


@dataclass(frozen=True)
class AccessRules:
    """The owner's configuration.

    ``listen_address`` is the address that the server listens on; ``hosts`` are further names, and ``*.name`` stands
    for each name below it; ``proxies`` are the networks whose forwarded headers are trusted; ``embedders`` are the
    origins whose pages may show Paddock in a frame.
    """

    listen_address: str = "127.0.0.1"
    hosts: tuple[str, ...] = ()
    proxies: tuple[Network, ...] = ()
    embedders: tuple[str, ...] = ()

    def serves(self, host: NamedHost, arrival_address: str) -> bool:
        """Return True if the server is served under that name, for a connection that arrived at that address."""
        if host.is_loopback or self._is_configured(host):
            return True
        address = arrival_address if self.listen_address in _ANY_ADDRESS else self.listen_address
        return host.name == _plain_address(address.lower())

    def serves_origin(self, origin: str, host: NamedHost) -> bool:
        """Return True if a page of that origin may send requests to the server under that name."""
        scheme, _, netloc = origin.partition("://")
        sender = parse_host(netloc)
        if scheme not in _DEFAULT_PORTS or sender is None:
            return False
        default = _DEFAULT_PORTS[scheme]
        is_same = sender.name == host.name and (sender.port or default) == (host.port or default)
        # Some proxies put a name of their own into Host.
        return is_same or self._is_configured(sender)

    def read(self, scope: Scope) -> Arrival:
        """Return how the request came in."""
        host = named_host(scope)
        origins = tuple(header_values(scope, "origin"))
        return Arrival(
            host, arrival_address(scope), origins, self.is_local(scope, host), self.is_https(scope)
        )

    def is_local(self, scope: Scope, host: NamedHost | None) -> bool:
        """Return True if the request for that host comes from a browser on this machine, without a proxy between."""
        return (
            _is_loopback_address(_peer_address(scope))
            and host is not None
            and host.is_loopback
            and not any(
                name in _FORWARDED_HEADERS or name.startswith(_FORWARDED_PREFIX)
                for name, _ in _headers(scope)
            )
        )

    def is_https(self, scope: Scope) -> bool:
        """Return True if the browser's connection is encrypted, as the server sees it or as a trusted proxy says."""
        if scope.get("scheme") in ("https", "wss"):
            return True
        forwarded = header_values(scope, "x-forwarded-proto")
        return bool(forwarded) and forwarded[-1].strip() == "https" and self._is_proxy(_peer_address(scope))

    def _is_configured(self, host: NamedHost) -> bool:
        return any(
            host.name.endswith(name[1:]) if name.startswith("*.") else host.name == name
            for name in self.hosts
        )

    def _is_proxy(self, address: str) -> bool:
        try:
            peer = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(peer in network for network in self.proxies)


def read_access_rules(environment: Mapping[str, str], listen_address: str | None) -> AccessRules:
    """Return the rules of the environment's variables. Raises BadInput for a value that cannot be used."""
    return AccessRules(
        listen_address or "",
        tuple(_read_host(text) for text in _entries(environment, HOSTS_VARIABLE)),
        tuple(_read_network(text) for text in _entries(environment, PROXIES_VARIABLE)),
        tuple(_read_origin(text) for text in _entries(environment, EMBEDDERS_VARIABLE)),
    )


def parse_host(text: str) -> NamedHost | None:
    """Return the host that a Host header, or the part of an origin after //, names; None if it names none."""
    match = _HOST.fullmatch(text)
    if match is None or int(match["port"] or 0) > _MAX_PORT:
        return None
    name = (match["address"] or match["name"]).lower().removesuffix(".")
    return NamedHost(_plain_address(name), int(match["port"]) if match["port"] else None) if name else None


def named_host(scope: Scope) -> NamedHost | None:
    """Return the host that the request names, None if it does not name exactly one."""
    values = header_values(scope, "host")
    return parse_host(values[0]) if len(values) == 1 else None


def header_values(scope: Scope, name: str) -> list[str]:
    """Return the values of the request's headers of that name in lower case."""
    return [value for header, value in _headers(scope) if header == name]


def arrival_address(scope: Scope) -> str:
    """Return the address at which the connection arrived, "" for one without."""
    server = scope.get("server")
    return str(server[0]) if server else ""


def _headers(scope: Scope) -> Iterable[tuple[str, str]]:
    for name, value in scope.get("headers", ()):
        yield name.decode("latin-1").lower(), value.decode("latin-1")


def _peer_address(scope: Scope) -> str:
    client = scope.get("client")
    return _plain_address(str(client[0])) if client else ""


def _plain_address(text: str) -> str:
    """Return an IP address in its usual form, and an IPv4 address in IPv6's form as IPv4; any other text as it is."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _is_loopback_address(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False


def _entries(environment: Mapping[str, str], variable: str) -> list[str]:
    return [text for part in environment.get(variable, "").split(",") if (text := part.strip())]


def _read_host(text: str) -> str:
    host = parse_host(text.removeprefix("*."))
    if host is None:
        raise BadInput(
            f"{HOSTS_VARIABLE} has an entry that is no name of a host: “{text}”.",
            advice="Write names with commas between them, such as: paddock.example, *.example.org",
        )
    return ("*." if text.startswith("*.") else "") + host.name


def _read_network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise BadInput(
            f"{PROXIES_VARIABLE} has an entry that is no IP address or network: “{text}”.",
            advice="Write addresses with commas between them, such as: 127.0.0.1, 10.0.0.0/8",
        ) from None


def _read_origin(text: str) -> str:
    scheme, _, netloc = text.partition("://")
    # The text becomes a part of a header.
    if scheme not in _DEFAULT_PORTS or parse_host(netloc) is None or any(sign in text for sign in ";,'\""):
        raise BadInput(
            f"{EMBEDDERS_VARIABLE} has an entry that is no origin: “{text}”.",
            advice="Write origins with commas between them, such as: https://wiki.example.org",
        )
    return text
