"""The credentials and addresses that a backend accepts, typed or from the environment."""

from __future__ import annotations

import itertools

import pytest

from lib.api.backend import (
    CLOUDFLARE_URL,
    ENVIRONMENT_VARIABLES,
    Gateway,
    Secret,
    backend_from_environment,
    cloudflare_backend,
    is_local,
    twin_backend,
)
from lib.errors import BadInput
from tests import sample_values

ACCOUNT, TOKEN = sample_values.ACCOUNT, sample_values.TOKEN


def test_cloudflare() -> None:
    backend = cloudflare_backend(f" {ACCOUNT.upper()}\n", f"{TOKEN}\n")
    assert (backend.base_url, backend.account_id, backend.token) == (CLOUDFLARE_URL, ACCOUNT, Secret(TOKEN))
    assert backend.billed
    assert backend.context_window is None
    assert not is_local(backend.base_url)
    assert ACCOUNT[-4:] in backend.name
    assert ACCOUNT not in backend.name
    assert TOKEN not in backend.name


def test_twin() -> None:
    backend = twin_backend("http://127.0.0.1:8999/client/v4", ACCOUNT, Secret(TOKEN), "Small", 4096)
    assert (backend.billed, backend.context_window, is_local(backend.base_url)) == (False, 4096, True)
    assert "Small" in backend.name


@pytest.mark.parametrize("account", ["", "x" * 32, ACCOUNT[:-1], ACCOUNT + "0", f"{ACCOUNT[:-1]}/", "٣" * 32])
def test_account_that_is_none(account: str) -> None:
    with pytest.raises(BadInput, match="exactly 32 characters"):
        cloudflare_backend(account, TOKEN)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("https://api.cloudflare.com/client/v4/", False),
        ("https://host.example:8443/x", False),
        ("http://127.0.0.1:1/x", True),
        ("http://localhost:1", True),
        ("http://[::1]:1/x", True),
        ("https://127.0.0.1/x", True),
        ("HTTP://LOCALHOST/x", True),
    ],
)
def test_address(url: str, local: bool) -> None:
    backend = cloudflare_backend(ACCOUNT, TOKEN, f" {url} ")
    assert backend.base_url == url.rstrip("/")
    assert is_local(backend.base_url) is local


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.cloudflare.com",
        "ftp://host/x",
        "https://",
        "https:///x",
        "https://user@host/x",
        "https://u:p@host/x",
        "https://[::1",
        "https://host:abc/x",
        "https://host:99999/x",
        "https://host:0/x",
        "https://ho\nst/x",
        "https://host/x\x00",
        "https://host/x?token=1",
        "https://host/x#part",
        f"https://{'a' * 70}.example/",
        "https://a..b/x",
        "https://api.cloudflare.com\\@evil.example/x",
    ],
)
def test_address_that_is_none(url: str) -> None:
    with pytest.raises(BadInput) as refused:
        cloudflare_backend(ACCOUNT, TOKEN, url)
    assert "CLOUDFLARE_BASE_URL" in refused.value.advice


@pytest.mark.parametrize("url", ["http://api.cloudflare.com/client/v4", "http://127.0.0.1.evil.example/x"])
def test_no_token_over_plain_http(url: str) -> None:
    with pytest.raises(BadInput, match="only to an https address"):
        cloudflare_backend(ACCOUNT, TOKEN, url)


VALUES = {
    "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
    "CLOUDFLARE_API_TOKEN": "api-token",
    "CLOUDFLARE_AUTH_TOKEN": "auth-token",
    "CLOUDFLARE_BASE_URL": "https://host.example/client/v4",
}


def test_the_names_are_all_of_them() -> None:
    assert set(ENVIRONMENT_VARIABLES) == {*VALUES, "CLOUDFLARE_GATEWAY_ID", "CF_AIG_TOKEN"}


@pytest.mark.parametrize("gateway", ["", "my-gateway"])
@pytest.mark.parametrize("token", ["", "gateway-token"])
def test_a_gateway_in_the_environment(gateway: str, token: str) -> None:
    variables = VALUES | {"CLOUDFLARE_GATEWAY_ID": gateway, "CF_AIG_TOKEN": token}
    backend = backend_from_environment(variables)
    assert backend is not None
    expected = Gateway(gateway, token=Secret(token) if token else None) if gateway else None
    assert backend.gateway == expected
    assert ("gateway my-gateway" in backend.name) == bool(gateway)
    # Neither makes an account of the environment.
    alone = {"CLOUDFLARE_GATEWAY_ID": gateway, "CF_AIG_TOKEN": token}
    assert backend_from_environment(alone) is None


def test_a_gateways_token_needs_a_gateway() -> None:
    with pytest.raises(BadInput, match="but no gateway") as refused:
        cloudflare_backend(ACCOUNT, TOKEN, gateway_token="gateway-token")
    assert "gateway-token" not in refused.value.message + refused.value.advice


@pytest.mark.parametrize(
    "state", list(itertools.product(["absent", "empty", "set"], repeat=4)), ids=lambda state: "-".join(state)
)
def test_environment(state: tuple[str, ...]) -> None:
    """Try every combination of the four variables, each absent, empty or set."""
    how = dict(zip(VALUES, state, strict=True))
    environment = {
        name: VALUES[name] if how[name] == "set" else "" for name in VALUES if how[name] != "absent"
    }
    account, api, auth, base = (how[name] == "set" for name in VALUES)
    if not account and not (api or auth):
        assert backend_from_environment(environment) is None
    elif account and (api or auth):
        backend = backend_from_environment(environment)
        assert backend is not None
        assert backend.token == Secret("api-token" if api else "auth-token")
        assert backend.base_url == (VALUES["CLOUDFLARE_BASE_URL"] if base else CLOUDFLARE_URL)
        assert "host.example" in backend.name or not base
    else:
        with pytest.raises(BadInput) as refused:
            backend_from_environment(environment)
        assert ("CLOUDFLARE_API_TOKEN" if account else "CLOUDFLARE_ACCOUNT_ID") in refused.value.message
