"""The proxy that the environment chooses: every form that curl, requests, urllib or httpx takes."""

from __future__ import annotations

import itertools
import traceback
import urllib.request

import pytest
import requests

from lib.api import environment_proxy
from lib.api.environment_proxy import Proxy, bypasses_proxy, find_proxy
from lib.api.transport import environment_proxy as proxy_of_url
from lib.errors import Unreachable

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("environment", "url", "expected"),
    [
        ({}, "https://api.example/v4", None),
        ({"HTTPS_PROXY": PROXY}, "https://api.example/v4", PROXY),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other.example"}, "https://api.example/v4", PROXY),
        ({"HTTPS_PROXY": "proxy.example:3128"}, "https://api.example/v4", PROXY),
        ({"HTTPS_PROXY": " HTTP://Proxy.Example:3128/ "}, "https://api.example/v4", PROXY),
        ({"HTTPS_PROXY": ""}, "https://api.example/v4", None),
        ({"HTTPS_PROXY": "", "ALL_PROXY": PROXY}, "https://api.example/v4", PROXY),
        ({"HTTP_PROXY": PROXY}, "https://api.example/v4", None),
        ({"ALL_PROXY": PROXY}, "https://api.example/v4", PROXY),
        ({"ALL_PROXY": "http://other.example", "HTTPS_PROXY": PROXY}, "https://api.example/v4", PROXY),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "localhost,[::1]"}, "https://api.example/v4", PROXY),
        ({"NO_PROXY": "localhost,[::1],[fd00::]/8"}, "https://api.example/v4", None),
        ({"HTTPS_PROXY": "bad proxy:x", "NO_PROXY": "api.example"}, "https://api.example/v4", None),
        ({"HTTP_PROXY": PROXY, "ALL_PROXY": PROXY}, "http://127.0.0.1:8000/v4", None),
        ({"HTTPS_PROXY": "https://proxy.example"}, "https://api.example/v4", "https://proxy.example:443"),
        ({"ALL_PROXY": "socks5h://[::1]"}, "https://api.example/v4", "socks5h://[::1]:1080"),
        ({"ALL_PROXY": "http://pröxy.example"}, "https://api.example/v4", "http://xn--prxy-6qa.example:80"),
    ],
)
def test_environment_proxy(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str, expected: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    proxy = proxy_of_url(url)
    assert (proxy and proxy.address) == expected


@pytest.mark.parametrize(
    ("written", "credentials"),
    [
        ("ann:salt", (b"ann", b"salt")),
        ("ann:s%40lt%3A%2F%25", (b"ann", b"s@lt:/%")),
        ("ann:p@ss", (b"ann", b"p@ss")),
        ("ann", (b"ann", b"")),
        (":salt", (b"", b"salt")),
        ("gr%C3%BC%C3%9Fe:ß", ("grüße".encode(), "ß".encode())),
        ("", None),
    ],
)
def test_credentials(
    monkeypatch: pytest.MonkeyPatch, written: str, credentials: tuple[bytes, bytes] | None
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{written}@proxy.example:3128")
    proxy = find_proxy("https://api.example/v4")
    assert proxy is not None
    assert proxy.credentials == credentials
    assert "salt" not in repr(proxy)


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "all_proxy"])
@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("gopher://ann:secret@proxy.example", "not to gopher"),
        ("socks4://ann:secret@proxy.example", "not to socks4"),
        ("http://ann:secret@", "has no host"),
        ("http://ann:secret@proxy.example:port", "malformed"),
        ("http://ann:se#cret@proxy.example:3128", "malformed"),
        ("http://ann:secret@proxy.example:0", "port is 0"),
        ("http://ann:secret@[proxy.example", "malformed"),
        ("http://ann:secret@-x-..example", "malformed"),
    ],
)
def test_a_proxy_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, variable: str, address: str, problem: str
) -> None:
    """The message names the variable and the problem, and never the password."""
    monkeypatch.setenv(variable, address)
    with pytest.raises(Unreachable) as refused:
        find_proxy("https://api.example/v4")
    assert variable in refused.value.message
    assert problem in refused.value.message
    assert "cret" not in "".join(traceback.format_exception(refused.value)) + refused.value.advice


# A value of NO_PROXY, the hosts that it takes from the proxy, and hosts that it leaves.
BYPASSES = [
    ("*", ["api.example", "10.1.2.3", "2001:db8::1"], []),
    ("a.example,*", ["api.example"], []),
    ("example", ["example", "api.example", "API.Example."], ["pi-example", "example.org", "myexample"]),
    (".api.example", ["api.example", "v4.api.example"], ["xapi.example", "example"]),
    ("*.api.example", ["api.example", "v4.api.example"], ["xapi.example"]),
    ("api.example.", ["api.example"], ["api.example.org"]),
    ("other.example, api.example", ["api.example", "other.example"], ["example"]),
    ("other.example api.example\tlast.example", ["api.example", "last.example"], ["example"]),
    (" , ,api.example,", ["api.example"], ["10.1.2.3"]),
    ("api.example:443", ["api.example"], ["other.example"]),
    ("api.example:8443", [], ["api.example"]),
    ("https://api.example", ["api.example"], ["other.example"]),
    ("all://api.example:443/", ["api.example"], ["other.example"]),
    ("bücher.example", ["bücher.example", "xn--bcher-kva.example"], ["buecher.example"]),
    ("localhost,127.0.0.1,::1,[::1]", ["::1"], ["api.example", "::2", "127.0.0.2"]),
    ("10.1.2.3", ["10.1.2.3"], ["10.1.2.30", "110.1.2.3"]),
    ("10.1.2.3:443", ["10.1.2.3"], ["10.1.2.4"]),
    ("10.0.0.0/8", ["10.1.2.3"], ["11.1.2.3", "api.example", "::1"]),
    ("10.1.2.3/8", ["10.200.0.1"], ["11.1.2.3"]),
    ("10.0.0.0/255.0.0.0", ["10.1.2.3"], ["11.1.2.3"]),
    ("fd00::/8", ["fd12::1"], ["2001:db8::1", "10.1.2.3"]),
    ("[fd00::]/8", ["fd12::1"], ["2001:db8::1"]),
    ("[fd00::/8]", ["fd12::1"], ["2001:db8::1"]),
    ("2001:db8:0:0::1", ["2001:db8::1"], ["2001:db8::2"]),
    ("[2001:db8::1]:443", ["2001:db8::1"], ["2001:db8::2"]),
    ("[2001:db8::1]:8443", [], ["2001:db8::1"]),
    ("10.0.0.0/99,[,],[::1,/8,.,:,*.,%%%,::ffff::/1", [], ["api.example", "10.1.2.3", "2001:db8::1"]),
]


@pytest.mark.parametrize(("no_proxy", "inside", "outside"), BYPASSES, ids=[row[0] for row in BYPASSES])
def test_no_proxy(no_proxy: str, inside: list[str], outside: list[str]) -> None:
    hosts = {host: bypasses_proxy(no_proxy, host, 443) for host in (*inside, *outside)}
    assert hosts == dict.fromkeys(inside, True) | dict.fromkeys(outside, False)


def test_no_proxy_takes_what_requests_and_urllib_take(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = sorted({host for _, inside, outside in BYPASSES for host in (*inside, *outside)})
    # All but the last row, which holds nothing that names a host.
    for (no_proxy, _, _), host in itertools.product(BYPASSES[:-1], hosts):
        monkeypatch.setenv("NO_PROXY", no_proxy)
        url = f"https://{f'[{host}]' if ':' in host else host}/v4"
        by_requests = requests.utils.should_bypass_proxies(url, None)
        by_urllib = urllib.request.proxy_bypass_environment(host, {"no": no_proxy})
        if by_requests or by_urllib:
            assert bypasses_proxy(no_proxy, host, 443), (no_proxy, host)


def test_the_settings_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS and Windows: used if no variable is set."""
    monkeypatch.setattr(environment_proxy.urllib.request, "getproxies", lambda: {"https": PROXY})
    monkeypatch.setattr(environment_proxy.urllib.request, "proxy_bypass", lambda host: host == "in.example")
    expected = Proxy("http", "proxy.example", 3128, "The system's proxy setting")
    assert find_proxy("https://api.example/v4") == expected
    assert find_proxy("https://in.example/v4") is None
    monkeypatch.setenv("NO_PROXY", "api.example")
    assert find_proxy("https://api.example/v4") is None
