"""Errors of a page's actions are kept, and pass through the page's own keep_error."""

from __future__ import annotations

import pytest

from lib.errors import BadInput, PaddockError
from lib.ui.shell.page_actions import PageActions


class Actions(PageActions):
    """Collects what it is told to keep."""

    def __init__(self) -> None:
        super().__init__(None, "error", advice="Wait.")
        self.kept: list[PaddockError] = []

    def keep_error(self, error: PaddockError) -> None:
        self.kept.append(error)


def test_an_error_ends_the_action_and_is_kept() -> None:
    actions = Actions()
    done = False
    with actions.errors():
        actions.require_backend()
        done = True
    assert not done
    assert [error.advice for error in actions.kept] == ["Wait."]


def test_other_exceptions_pass() -> None:
    actions = Actions()
    with pytest.raises(ZeroDivisionError), actions.errors():
        raise ZeroDivisionError
    assert actions.kept == []


def test_no_error_keeps_nothing() -> None:
    actions = Actions()
    with actions.errors():
        pass
    assert actions.kept == []
    with actions.errors():
        raise BadInput("No.")
    assert [error.message for error in actions.kept] == ["No."]


def test_a_request_without_a_backend_is_refused() -> None:
    actions = Actions()
    sent: list[str] = []
    assert actions.attempt(sent.append, "first")
    assert not actions.ask(lambda text, backend: sent.append(text), "second")
    assert sent == ["first"]
    assert [error.advice for error in actions.kept] == ["Wait."]
