"""Nothing that happens to the page may touch a live answer: no character lost or doubled, no second request."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.page.app_process import Application
from tests.page.conftest import Visit
from tests.page.interruptions import KINDS, NOISE, Scene, damage
from tests.page.tcp_proxy import Proxy
from tests.page.upstream import Stream, Upstream
from tests.page.visitor import PATIENCE


@pytest.fixture
def expected() -> list[str]:
    return NOISE


@pytest.fixture
def scene(visit: Visit, app: Application, upstream: Upstream) -> Iterator[Scene]:
    """A live answer, seen through a proxy."""
    proxy = Proxy(app.port)
    upstream.plan(Stream(endless=True, rate=60))
    scene = Scene(visit(proxy.url), proxy, lambda address: visit(proxy.url, address))
    scene.tab.say("Go")
    scene.tab.grows(400)  # some blocks are finished, one is live
    yield scene
    proxy.close()


def unharmed(scene: Scene, upstream: Upstream) -> None:
    """The answer goes on, comes to its end, and is whole."""
    asked = upstream.asked[0]
    scene.tab.grows(200)
    assert asked.live
    assert scene.tab.key("stop").locator("button:visible").count() == 1
    asked.release()
    line = scene.tab.ended("finished")
    assert "21 in · 42 out" in line
    scene.tab.reads(asked.sent)
    assert damage(asked.sent, scene.tab.text()) == (0, 0)
    assert not asked.hung_up.is_set()
    assert len(upstream.asked) == 1
    assert scene.tab.answers.count() == scene.tab.questions.count() == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_live_answer_survives(scene: Scene, upstream: Upstream, kind: str) -> None:
    KINDS[kind](scene)
    unharmed(scene, upstream)


def test_a_live_answer_survives_everything_at_once(scene: Scene, upstream: Upstream) -> None:
    for interruption in (KINDS[kind] for kind in KINDS if kind != "outage"):
        interruption(scene)
    unharmed(scene, upstream)


def test_an_answer_that_ends_while_nobody_looks_is_there(scene: Scene, upstream: Upstream) -> None:
    address = scene.address
    scene.tab.page.close()
    upstream.asked[0].release()
    assert upstream.asked[0].ended.wait(PATIENCE)
    scene.tab = scene.visit(address)
    scene.tab.ended("finished")
    scene.tab.reads(upstream.asked[0].sent)


def test_damage_is_noticed() -> None:
    assert damage("w1 w2 w3", "w1 w2 w3") == (0, 0)
    assert damage("w1 w2 w3", "w1 w3") == (2, 0)
    assert damage("w1 w2 w3", "w1 w2 w2 w3") == (0, 2)
    assert damage("w1 w2 w3", "w1 w2 w") == (2, 1)
