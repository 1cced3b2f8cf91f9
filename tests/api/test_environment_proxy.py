"""The proxy that the environment chooses, the same for a chat and for an experiment."""

from __future__ import annotations

import pytest

from lib.api.transport import environment_proxy
from tests import sample_values

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("environment", "url", "expected"),
    [
        ({}, "https://api.example/v4", None),
        ({"HTTPS_PROXY": PROXY}, "https://api.example/v4", PROXY),
        ({"HTTPS_PROXY": "proxy.example:3128"}, "https://api.example/v4", PROXY),
        ({"HTTP_PROXY": PROXY}, "https://api.example/v4", None),
        ({"ALL_PROXY": PROXY}, "https://api.example/v4", PROXY),
        ({"ALL_PROXY": "http://other.example", "HTTPS_PROXY": PROXY}, "https://api.example/v4", PROXY),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, "https://api.example/v4", None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "other.example, example"}, "https://api.example/v4", None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "api.example:8443"}, "https://api.example:8443/v4", None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "pi.example"}, "https://api.example/v4", PROXY),
        ({"HTTP_PROXY": PROXY, "ALL_PROXY": PROXY}, "http://127.0.0.1:8000/v4", None),
    ],
)
def test_environment_proxy(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str, expected: str | None
) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    proxy = environment_proxy(sample_values.make_backend(url))
    assert (proxy and str(proxy.url)) == expected
