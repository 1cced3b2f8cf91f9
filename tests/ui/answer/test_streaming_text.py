"""The line under a streaming answer says what is being waited for, and goes when that has come."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from streamlit.testing.v1 import AppTest

from lib.ui.answer.streaming_text import StreamingText
from tests.ui.app_test_page import plain_text


def _draw(first: str, then: str) -> None:
    """Draw an answer that ``first`` waits in that way, and then gets a text."""
    import time
    from types import SimpleNamespace

    import streamlit as st

    from lib.errors import PaddockError
    from lib.ui.answer.streaming_text import StreamingText

    request = SimpleNamespace(response_format=None, stream=True)
    run = SimpleNamespace(
        parts=[], is_running=True, pending_retry=None, called_tool_names=[], seconds=3.0, request=request
    )
    if first == "retry":
        run.pending_retry = (PaddockError("No capacity."), time.monotonic() + 5)
    streaming = StreamingText(run, "", st.container(), "answer")  # type: ignore[arg-type]
    streaming.draw_new_text("")
    if then:
        run.pending_retry = None
        run.parts.append(then)
        # Every further drawing brings text, as in a fast stream.
        for part in then.split("|"):
            streaming.draw_new_text(part)


def drawn(first: str, then: str) -> list[str]:
    test = AppTest.from_function(_draw, args=(first, then)).run()
    assert not test.exception
    return [plain_text(node.value) for node in (*test.markdown, *test.caption)]


def test_what_is_being_waited_for() -> None:
    assert "Waiting for the first word" in " ".join(drawn("token", ""))
    assert "Trying again in" in " ".join(drawn("retry", ""))


def test_nothing_is_said_under_text_that_comes() -> None:
    paragraph = "A sentence of a paragraph that is long enough to be finished. " * 8
    for first in ("token", "retry"):
        for then in ("Hello |there", f"{paragraph}\n\n|More", f"{paragraph}\n\n|{paragraph}\n\n"):
            assert not [text for text in drawn(first, then) if "Waiting" in text or "Trying" in text], then


def test_when_the_browser_shows_the_answer() -> None:
    streaming: Any = object.__new__(StreamingText)
    feed = streaming._feed = SimpleNamespace(readers=set(), is_read=False)
    source = streaming._source = SimpleNamespace(parts=[])
    assert not streaming.is_shown
    feed.readers.add("the browser")
    assert streaming.is_shown
    source.parts.append("Hello")
    assert not streaming.is_shown
    feed.is_read = True
    assert streaming.is_shown
