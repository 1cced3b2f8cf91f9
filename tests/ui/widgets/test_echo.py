"""What is told of a control that its partner moves, in the order in which a browser was seen to tell it."""

from __future__ import annotations

from typing import Any

import pytest
import streamlit as st

from lib.ui.widgets import echo

BOX = "temperature-number"


class Told:
    """A session whose page put numbers into a box; a message tells what is in it, and what was heard of."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state: dict[str, Any] = {}
        monkeypatch.setattr(st, "session_state", self.state)
        self.drawn = 0

    def put(self, value: float) -> None:
        """A drawing."""
        echo.follow(BOX, value)
        self.drawn += 1
        self.state["drawn"] = self.drawn

    def chosen(self, value: float, heard: int) -> bool:
        """Whether the message counts as somebody's choice."""
        self.state |= {BOX: value, echo.KEY: heard}
        return not echo.is_echo(BOX)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    told = Told(monkeypatch)
    for value in (0.6, 0.68, 0.69):
        told.put(value)
    return told


def test_an_old_value_is_no_choice_while_a_later_one_is_to_be_heard_of(told: Told) -> None:
    assert not told.chosen(0.68, heard=2)
    assert told.chosen(0.75, heard=2)


def test_nor_is_the_later_one_once_it_is_heard_of(told: Told) -> None:
    """Two messages and no drawing between them: a held key's slider went on, and its box was only following."""
    assert not told.chosen(0.68, heard=2)
    assert not told.chosen(0.69, heard=3)


def test_what_is_there_is_chosen_where_something_else_was_chosen_before(told: Told) -> None:
    assert not told.chosen(0.68, heard=2)
    assert told.chosen(0.7, heard=3)
    assert told.chosen(0.69, heard=3)


def test_the_very_value_that_the_page_put_there_can_be_chosen_again(told: Told) -> None:
    assert told.chosen(0.7, heard=3)
    assert told.chosen(0.69, heard=3)
