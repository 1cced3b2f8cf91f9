"""The page's list of addresses says of the twin what is true."""

from __future__ import annotations

from typing import Any, cast

from starlette.routing import Match, Route

from lib.api.endpoints import ENDPOINTS
from lib.model.model_record import default_model
from lib.twin.app import build_app

ACCOUNT = "0123456789abcdef0123456789abcdef"
ROUTES = [
    route
    for route in build_app(
        cast(Any, None), default_model(), ACCOUNT, "token"
    ).routes  # nothing is asked of its engine
    if isinstance(route, Route)
]


def is_routed(method: str, path: str) -> bool:
    """Whether the twin answers there."""
    path = "/client/v4" + path.replace("{account}", ACCOUNT).replace("{model}", default_model().id)
    scope = {"type": "http", "method": method, "path": path}
    return any(route.matches(scope)[0] is Match.FULL for route in ROUTES)


def test_each_is_where_it_is_said_to_be() -> None:
    for one in ENDPOINTS:
        assert is_routed(one.method, one.path) == one.on_twin, one
        assert one.on_cloudflare or one.on_twin


def test_all_of_the_twins_own_are_listed() -> None:
    own = {route.path for route in ROUTES if "/paddock/" in route.path}
    assert own == {f"/client/v4{one.path}" for one in ENDPOINTS if not one.on_cloudflare}


def test_each_is_listed_once() -> None:
    assert len({(one.method, one.path) for one in ENDPOINTS}) == len(ENDPOINTS)
