"""Who may open the page: names, origins, proxies."""

from __future__ import annotations

import pytest

from lib.errors import BadInput
from lib.ui.shell.access_rules import (
    AccessRules,
    NamedHost,
    arrival_address,
    named_host,
    parse_host,
    read_access_rules,
)
from tests.ui.shell.asgi_requests import make_scope

LOOPBACK = [
    "localhost",
    "localhost:8501",
    "LOCALHOST",
    "localhost.",
    "127.0.0.1:8501",
    "127.0.0.9",
    "[::1]:8501",
]
FOREIGN = [
    "evil.example",
    "evil.example:8501",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "notlocalhost",
    "192.168.1.66",
    "[2001:db8::1]:8501",
    "169.254.169.254",
    "2130706433",
    "127.1",
    "xn--lcalhost-54a",
    "paddock.example.evil.example",
    "evilpaddock.example",
]
NO_HOST = [
    "",
    " ",
    ":8501",
    "a b",
    "user@localhost",
    "localhost/x",
    "localhost?x",
    "localhost#x",
    "local\\host",
    "localhost:99999",
    "localhost:x",
    "[::1",
    "[::1].evil.example",
    "[::1]x",
    "::1",
    "[localhost]",
    "löcalhost",
]


def is_served(rules: AccessRules, text: str, arrived: str = "127.0.0.1") -> bool:
    host = parse_host(text)
    return host is not None and rules.serves(host, arrived)


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::", "", "192.168.1.5"])
def test_loopback_names_are_served_and_foreign_ones_are_not(address: str) -> None:
    rules = AccessRules(address, ("paddock.example",))
    assert [text for text in LOOPBACK if not is_served(rules, text, "192.168.1.5")] == []
    assert [text for text in FOREIGN if is_served(rules, text, "192.168.1.5")] == []
    assert [text for text in NO_HOST if parse_host(text) is not None] == []


@pytest.mark.parametrize(
    ("listens", "arrived", "host", "served"),
    [
        ("0.0.0.0", "192.168.1.5", "192.168.1.5:8501", True),
        ("", "192.168.1.5", "192.168.1.5", True),
        ("::", "::ffff:192.168.1.5", "192.168.1.5", True),
        ("::", "2001:db8::5", "[2001:db8:0::5]:8501", True),
        ("0.0.0.0", "192.168.1.5", "192.168.1.6", False),
        ("192.168.1.5", "192.168.1.5", "192.168.1.5", True),
        ("mybox", "192.168.1.5", "MyBox:8501", True),
        ("mybox", "192.168.1.5", "192.168.1.5", False),
    ],
)
def test_the_address_it_listens_on_is_served(listens: str, arrived: str, host: str, served: bool) -> None:
    assert is_served(AccessRules(listens), host, arrived) == served


def test_configured_names_are_served() -> None:
    rules = read_access_rules({"PADDOCK_HOSTS": " Paddock.example:443, *.lab.example ,,10.0.0.7"}, "0.0.0.0")
    served = ["paddock.example", "PADDOCK.EXAMPLE:8080", "a.lab.example", "a.b.lab.example.", "10.0.0.7:1"]
    assert [text for text in served if not is_served(rules, text)] == []
    assert [
        text for text in ("lab.example", "evillab.example", "www.paddock.example") if is_served(rules, text)
    ] == []


@pytest.mark.parametrize(
    ("origin", "host", "served"),
    [
        ("http://127.0.0.1:8501", "127.0.0.1:8501", True),
        ("http://localhost", "localhost:80", True),
        ("https://paddock.example", "paddock.example", True),
        ("https://paddock.example", "paddock.example:443", True),
        # A proxy that puts its own name into Host.
        ("https://paddock.example", "127.0.0.1:8501", True),
        # Another program's page on the same machine.
        ("http://localhost:3000", "localhost:8501", False),
        ("http://127.0.0.1:8501", "localhost:8501", False),
        ("http://evil.example", "localhost:8501", False),
        ("http://evil.example", "paddock.example", False),
        ("http://paddock.example.evil.example", "paddock.example", False),
        ("http://paddock.example@evil.example", "paddock.example", False),
        ("null", "localhost:8501", False),
        ("", "localhost:8501", False),
        ("file://", "localhost:8501", False),
        ("chrome-extension://abcdef", "localhost:8501", False),
        ("http://[::1", "localhost:8501", False),
    ],
)
def test_origins(origin: str, host: str, served: bool) -> None:
    named = parse_host(host)
    assert named is not None
    assert AccessRules(hosts=("paddock.example",)).serves_origin(origin, named) == served


@pytest.mark.parametrize(
    ("peer", "headers", "local"),
    [
        ("127.0.0.1", {"host": "localhost:8501"}, True),
        ("::1", {"host": "[::1]:8501"}, True),
        ("::ffff:127.0.0.1", {"host": "127.0.0.1"}, True),
        ("192.168.1.9", {"host": "localhost:8501"}, False),
        ("127.0.0.1", {"host": "paddock.example"}, False),
        ("127.0.0.1", {"host": "localhost", "x-forwarded-for": "203.0.113.9"}, False),
        ("127.0.0.1", {"host": "localhost", "X-Forwarded-For": "127.0.0.1"}, False),
        ("127.0.0.1", {"host": "localhost", "x-forwarded-proto": "https"}, False),
        ("127.0.0.1", {"host": "localhost", "x-forwarded-anything": ""}, False),
        ("127.0.0.1", {"host": "localhost", "forwarded": "for=127.0.0.1"}, False),
        ("127.0.0.1", {"host": "localhost", "x-real-ip": "127.0.0.1"}, False),
        ("127.0.0.1", {"host": "localhost", "via": "1.1 cache"}, False),
        ("127.0.0.1", {}, False),
    ],
)
def test_who_is_local(peer: str, headers: dict[str, str], local: bool) -> None:
    rules = AccessRules("0.0.0.0", ("paddock.example",))
    scope = make_scope(headers=headers, peer=peer)
    host = named_host(scope)
    assert rules.is_local(scope, host) == local
    assert not rules.is_local(scope | {"client": None}, host)


@pytest.mark.parametrize(
    ("scheme", "peer", "forwarded", "https"),
    [
        ("https", "203.0.113.9", None, True),
        ("wss", "203.0.113.9", None, True),
        ("http", "127.0.0.1", None, False),
        ("http", "127.0.0.1", "https", False),
        ("http", "10.0.0.2", "https", True),
        ("http", "10.1.0.2", "https", False),
        ("http", "10.0.0.2", "http", False),
        # A browser's own header stands before the proxy's.
        ("http", "10.0.0.2", "https,http", False),
    ],
)
def test_encryption_is_believed_only_of_named_proxies(
    scheme: str, peer: str, forwarded: str | None, https: bool
) -> None:
    rules = read_access_rules({"PADDOCK_PROXIES": "10.0.0.0/24"}, "0.0.0.0")
    headers = {"host": "x"} if forwarded is None else {"host": "x", "x-forwarded-proto": forwarded}
    assert rules.is_https(make_scope(headers=headers, peer=peer, scheme=scheme)) == https


@pytest.mark.parametrize(
    "environment",
    [
        {"PADDOCK_HOSTS": "https://paddock.example"},
        {"PADDOCK_HOSTS": "*"},
        {"PADDOCK_HOSTS": "a*b.example"},
        {"PADDOCK_PROXIES": "nginx"},
        {"PADDOCK_PROXIES": "10.0.0.0/99"},
        {"PADDOCK_EMBEDDERS": "wiki.example"},
        {"PADDOCK_EMBEDDERS": "https://wiki.example/page"},
        {"PADDOCK_EMBEDDERS": "https://wiki.example; script-src *"},
        {"PADDOCK_EMBEDDERS": "*"},
    ],
)
def test_a_bad_value_is_named(environment: dict[str, str]) -> None:
    (name,) = environment
    with pytest.raises(BadInput, match=name) as caught:
        read_access_rules(environment, "127.0.0.1")
    assert caught.value.advice


def test_one_host_alone_counts() -> None:
    scope = make_scope(headers={"host": "localhost:8501"})
    assert named_host(scope) == NamedHost("localhost", 8501)
    scope["headers"].append((b"host", b"evil.example"))
    assert named_host(scope) is None
    assert named_host(make_scope(headers={})) is None
    assert arrival_address(make_scope(headers={})) == "127.0.0.1"
