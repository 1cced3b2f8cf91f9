"""A page drawn before another model took over asks the new one. The old one is in use until its answer ends."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from lib.api.backend import backend_from_environment
from lib.local_models.supervised_twin import Ready
from lib.local_models.supervisor import Supervisor
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page.upstream import StreamReply, Upstream
from tests.ui.app_test_page import AppTestPage
from tests.waiting import wait_until


@pytest.mark.parametrize("path", ["pages/chat.py", "pages/compare.py"])
def test_a_page_drawn_before_asks_the_new_model(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    new = backend_from_environment(os.environ)
    assert new is not None
    for name in upstream.environment():
        monkeypatch.delenv(name)
    old = replace(new, base_url="http://127.0.0.1:1/client/v4", account_id="a" * 32)
    state = Ready(old, "", 0)
    monkeypatch.setattr(Supervisor, "state", property(lambda self: state))
    page = AppTestPage(path=path)
    state = Ready(new, "", 0)
    registry().supervisor._replaced_accounts.add(old.account_id)
    page.send("Hello")
    assert upstream.requests[0].body["messages"] == [{"role": "user", "content": "Hello"}]


def test_a_backend_is_in_use_until_its_answer_ends(upstream: Upstream) -> None:
    backend = backend_from_environment(os.environ)
    assert backend is not None
    is_in_use = registry().supervisor._is_in_use
    upstream.plan_replies(StreamReply(endless=True, rate=100))
    chat = registry().new_chat(LOCAL_OWNER)
    chat.send("Count", backend)
    try:
        assert is_in_use(backend)
        assert not is_in_use(replace(backend, account_id="a" * 32))
    finally:
        chat.stop()
    wait_until(lambda: not is_in_use(backend))
