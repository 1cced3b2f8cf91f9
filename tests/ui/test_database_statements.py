"""A click asks the database for little, however much is saved."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import event

from lib.ui.shell.registry import registry
from tests.page.upstream import Upstream
from tests.ui.app_test_page import WHOLE_APP, AppTestPage

# A click on that page sends at most so many statements. Those that begin a transaction or check the version of the
# tables are not counted, nor those of the threads that save and clean up.
MAX_STATEMENTS = {"chat": 1, "compare": 2, "experiment": 1, "history": 5, "model": 0}
UNCOUNTED = ("BEGIN", "PRAGMA")


@pytest.fixture
def statements() -> list[str]:
    """Return the list of the statements that the page's scripts send from now on."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "scriptThread" in threading.current_thread().name and not statement.startswith(UNCOUNTED):
            sent.append(statement)

    event.listen(registry().store.database.engine, "before_cursor_execute", note)
    return sent


@pytest.mark.parametrize("name", MAX_STATEMENTS)
def test_a_click_sends_few_statements(upstream: Upstream, statements: list[str], name: str) -> None:
    page = AppTestPage(path=WHOLE_APP)
    for _ in range(3):
        page.send("Hello").click("new")
    page.go_to(name)
    statements.clear()
    page.run()
    assert len(statements) <= MAX_STATEMENTS[name], "\n".join(statements)


def test_a_message_is_sent_with_one_statement(upstream: Upstream, statements: list[str]) -> None:
    """The answer does not wait for the database: another thread saves it."""
    page = AppTestPage(path=WHOLE_APP).send("One")
    statements.clear()
    page.send("Two")
    assert upstream.requests[1:]
    assert len(statements) <= 1, "\n".join(statements)
