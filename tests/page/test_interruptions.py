"""Interruptions never harm a live answer: no character is lost or doubled, and no second request is sent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.page.app_process import AppProcess
from tests.page.browser_tab import TIMEOUT
from tests.page.conftest import Visit
from tests.page.interruption_kinds import CONNECTION_ERRORS, INTERRUPTIONS, LiveAnswer, count_damage
from tests.page.tcp_proxy import TcpProxy
from tests.page.upstream import StreamReply, Upstream


@pytest.fixture
def expected() -> list[str]:
    return CONNECTION_ERRORS


@pytest.fixture(scope="module")
def proxy(app: AppProcess) -> Iterator[TcpProxy]:
    """Return one proxy for all of these tests: at another address the browser would fetch the page's files again."""
    proxy = TcpProxy(app.port)
    yield proxy
    proxy.close()


@pytest.fixture
def scene(visit: Visit, proxy: TcpProxy, upstream: Upstream) -> LiveAnswer:
    """Start a live answer that the tab receives through a proxy."""
    proxy.come_up()
    upstream.plan_replies(StreamReply(endless=True))
    scene = LiveAnswer(visit(proxy.url), proxy, lambda address: visit(proxy.url, address))
    scene.tab.send("Go")
    # Some blocks are finished, the last one is live.
    scene.tab.wait_for_growth(400)
    scene.tab.wait_until_drawn()
    return scene


def assert_unharmed(scene: LiveAnswer, upstream: Upstream) -> None:
    """Assert that the answer continues, ends and is complete."""
    request = upstream.requests[0]
    scene.tab.wait_for_growth(100)
    assert request.is_live
    # The text has a connection of its own: it may grow before the rest of the page is drawn.
    stop = scene.tab.by_key("stop").locator("button:visible")
    scene.tab.wait_until("one Stop button", lambda: stop.count() == 1)
    request.release()
    line = scene.tab.wait_for_end("finished")
    assert "read 21 · wrote 42 tokens" in line
    scene.tab.wait_for_answer(request.sent_text)
    assert count_damage(request.sent_text, scene.tab.answer_text()) == (0, 0)
    assert not request.client_gone.is_set()
    assert len(upstream.requests) == 1
    assert scene.tab.answers.count() == scene.tab.questions.count() == 1


@pytest.mark.parametrize("kind", INTERRUPTIONS)
def test_a_live_answer_survives(scene: LiveAnswer, upstream: Upstream, kind: str) -> None:
    INTERRUPTIONS[kind](scene)
    assert_unharmed(scene, upstream)


def test_a_live_answer_survives_everything_at_once(scene: LiveAnswer, upstream: Upstream) -> None:
    for interruption in (INTERRUPTIONS[kind] for kind in INTERRUPTIONS if kind != "outage"):
        interruption(scene)
    assert_unharmed(scene, upstream)


def test_an_answer_that_ends_while_nobody_looks_is_there(scene: LiveAnswer, upstream: Upstream) -> None:
    address = scene.address
    scene.tab.page.close()
    upstream.requests[0].release()
    assert upstream.requests[0].ended.wait(TIMEOUT)
    scene.tab = scene.visit(address)
    scene.tab.wait_for_end("finished")
    scene.tab.wait_for_answer(upstream.requests[0].sent_text)


def test_damage_is_noticed() -> None:
    assert count_damage("w1 w2 w3", "w1 w2 w3") == (0, 0)
    assert count_damage("w1 w2 w3", "w1 w3") == (2, 0)
    assert count_damage("w1 w2 w3", "w1 w2 w2 w3") == (0, 2)
    assert count_damage("w1 w2 w3", "w1 w2 w") == (2, 1)
