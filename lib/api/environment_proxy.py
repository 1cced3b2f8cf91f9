"""Read the proxy variables: the one reading for chats, experiments and every other request."""

from __future__ import annotations

import os
import re
import urllib.request
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import unquote_to_bytes, urlsplit

from lib.errors import Unreachable

_DEFAULT_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_SYSTEM_SETTINGS = "The system's proxy setting"


@dataclass(frozen=True)
class Proxy:
    """A proxy; ``setting`` is the variable that names it. The user name and the password are bytes."""

    scheme: str
    host: str
    port: int
    setting: str
    credentials: tuple[bytes, bytes] | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """Return the address without the credentials, for the page."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def find_proxy(url: str) -> Proxy | None:
    """Return the proxy for an address, by HTTPS_PROXY, ALL_PROXY and NO_PROXY, or else by the system's settings.

    Raises Unreachable if that proxy cannot be used; the message never holds its password.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    proxies = urllib.request.getproxies_environment()
    if proxies:
        is_bypassed = bypasses_proxy(proxies.get("no", ""), host, port)
    else:  # macOS and Windows keep proxies, and hosts without one, in their settings
        proxies = urllib.request.getproxies()
        is_bypassed = bool(proxies) and bool(urllib.request.proxy_bypass(host))
    for kind in (parts.scheme, "all"):
        address = proxies.get(kind, "").strip()
        if address and not is_bypassed:
            return _parse_proxy(address, _find_variable(kind))
    return None


def bypasses_proxy(no_proxy: str, host: str, port: int) -> bool:
    """Return True if a value of NO_PROXY holds a host, in any form that curl, requests, urllib or httpx takes.

    The forms: ``*``, a name with all names below it (also with a leading dot or ``*.``), an address, a range such as
    ``10.0.0.0/8`` or ``fd00::/8``; IPv6 with brackets or without, a port behind any of them, a scheme before it.
    """
    wanted = _parse_host(host)
    return any(_matches(entry, wanted, port) for entry in re.split(r"[,\s]+", no_proxy) if entry)


def _matches(entry: str, wanted: str | IPv4Address | IPv6Address, port: int) -> bool:
    if entry == "*":
        return True
    name = entry.rpartition("://")[2].rstrip("/")
    if with_port := re.fullmatch(r"(\[.*\]|[^:]*):([0-9]+)", name):
        name, only_port = with_port.groups()
        if int(only_port) != port:
            return False
    name = name.replace("[", "").replace("]", "")
    if isinstance(wanted, str):
        domain = _parse_host(name.removeprefix("*").lstrip("."))
        return isinstance(domain, str) and bool(domain) and f".{wanted}".endswith(f".{domain}")
    try:
        return wanted in ip_network(name, strict=False)
    except ValueError:
        return False


def _parse_host(host: str) -> str | IPv4Address | IPv6Address:
    """Return an address, or a name as DNS has it: in lower case, international names in ASCII."""
    try:
        return ip_address(host)
    except ValueError:
        name = host.lower().rstrip(".")
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def _find_variable(kind: str) -> str:
    """Return the name of the variable that names the proxy for that scheme, as the user wrote it."""
    names = [name for name in os.environ if name.lower() == f"{kind}_proxy" and os.environ[name]]
    # As urllib: the variable in lower case wins.
    return max(names, key=str.islower, default=_SYSTEM_SETTINGS)


def _parse_proxy(address: str, setting: str) -> Proxy:
    def error(problem: str) -> Unreachable:
        return Unreachable(
            f"{setting} names a proxy that cannot be used: {problem}.",
            advice="Set it to an address such as http://proxy.example:3128, or name the host in NO_PROXY; "
            "then restart Paddock.",
        )

    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        host, port = (parts.hostname or "").encode("idna").decode("ascii"), parts.port
    except ValueError:  # also UnicodeError
        raise error(
            "its address is malformed (in a password, write @ : / ? # % as %40 %3A %2F %3F %23 %25)"
        ) from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise error(f"Paddock speaks to {', '.join(_DEFAULT_PORTS)}, not to {parts.scheme[:20]}")
    if not host or port == 0:
        raise error("its address has no host" if not host else "its port is 0")
    user, password = unquote_to_bytes(parts.username or ""), unquote_to_bytes(parts.password or "")
    credentials = (user, password) if parts.username or parts.password else None
    return Proxy(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme], setting, credentials)
