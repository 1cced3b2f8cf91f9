"""The line about the models of this computer is there with the page, and moves nothing later."""

from __future__ import annotations

from typing import Any

import pytest

from lib.ui.shell import model_line, visitor_cookie
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.ui.app_test_page import WHOLE_APP, AppTestPage


@pytest.mark.parametrize(("owner", "line"), [(LOCAL_OWNER, "Downloading Llama"), ("a visitor", "")])
def test_the_page_brings_the_line_of_its_owner(
    upstream: Any, monkeypatch: pytest.MonkeyPatch, owner: str, line: str
) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(visitor_cookie, "_request_owner", lambda: owner)
    monkeypatch.setattr(
        type(registry().models), "describe", lambda self, owner: "Downloading Llama" * (owner == LOCAL_OWNER)
    )
    monkeypatch.setattr(model_line, "_watch", lambda **arguments: drawn.append(arguments["data"]["line"]))
    AppTestPage(path=WHOLE_APP)
    assert drawn
    assert set(drawn) == {line}
