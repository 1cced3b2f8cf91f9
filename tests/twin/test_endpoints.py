"""The page's list of endpoints agrees with the twin's routes."""

from __future__ import annotations

from pathlib import Path

from starlette.routing import Match, Route

from lib.api.endpoints import ENDPOINTS, TWIN_ENDPOINTS
from lib.local_models.model_source import ModelFile
from lib.model.model_record import default_model
from lib.twin.app import build_app
from lib.twin.engine_pool import EnginePool
from lib.twin.model_setup import ModelSetup
from lib.twin.served_models import ServedModels

ACCOUNT = "0123456789abcdef0123456789abcdef"
# Without a model that runs: only the routes are read.
SETUP = ModelSetup(Path("none.gguf"), ModelFile(Path("none.gguf")))
APP = build_app(ServedModels(SETUP, "None"), EnginePool(), ACCOUNT, "token")
ROUTES = [route for route in APP.routes if isinstance(route, Route)]


def is_routed(method: str, path: str) -> bool:
    path = "/client/v4" + path.replace("{account}", ACCOUNT).replace("{model}", default_model().id)
    scope = {"type": "http", "method": method, "path": path}
    return any(route.matches(scope)[0] is Match.FULL for route in ROUTES)


def test_each_endpoint_exists_where_it_is_listed() -> None:
    for endpoint in ENDPOINTS + TWIN_ENDPOINTS:
        assert is_routed(endpoint.method, endpoint.path), endpoint


def test_all_of_the_twins_own_are_listed() -> None:
    own = {route.path for route in ROUTES if "/paddock/" in route.path}
    assert own == {f"/client/v4{endpoint.path}" for endpoint in TWIN_ENDPOINTS}


def test_each_is_listed_once() -> None:
    addresses = [(endpoint.method, endpoint.path) for endpoint in ENDPOINTS + TWIN_ENDPOINTS]
    assert len(set(addresses)) == len(addresses)
