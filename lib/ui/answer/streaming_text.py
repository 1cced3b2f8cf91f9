"""An answer that streams in: its text, sent to the browser as it grows, and what is being waited for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from streamlit.delta_generator import DeltaGenerator

from lib.api.request import Request
from lib.chat.answer_run import AnswerRun
from lib.errors import PaddockError
from lib.ui.shell.text_feed import TextFeed, open_feed
from lib.ui.widgets.click_notice import expect_long_run, notice_click
from lib.ui.widgets.model_text import LiveText
from lib.ui.widgets.safe_markdown import escape_markdown

# Seconds. A page that opens while an answer streams is updated slowly until the browser has drawn its controls: it
# fetches their code meanwhile, and does not show them as long as anything else on the page keeps changing.
SLOW_START_INTERVAL = 0.5
# Seconds between two updates.
_INTERVAL = 0.05


class TextSource(Protocol):
    """An answer whose text grows: a run that is in flight, or a replay."""

    request: Request
    pending_retry: tuple[PaddockError, float] | None

    @property
    def parts(self) -> Sequence[str]: ...

    @property
    def is_running(self) -> bool: ...

    @property
    def called_tool_names(self) -> tuple[str, ...]: ...

    @property
    def seconds(self) -> float: ...


class StreamingText:
    """Draws the text of a growing answer at the end of the container ``place``, after ``text_before``.

    ``key`` is unique on the page. The script must follow the answer.
    """

    interval = _INTERVAL

    def __init__(self, source: TextSource, text_before: str, place: DeltaGenerator, key: str) -> None:
        expect_long_run()
        self._source = source
        # In JSON mode the answer comes in one piece, and is drawn with its validation instead of as Markdown.
        self._whole = source.request.response_format is not None
        self._feed: TextFeed | None = None
        if isinstance(source, AnswerRun) and not self._whole:
            self._feed = open_feed(source, text_before)
        self._text = LiveText(place, key, self._feed)
        self._text.append(text_before)
        self._status = place.empty()
        self._has_status = False

    def draw_new_text(self, text: str) -> None:
        """Draw the text that came since the last call; if there is none, what is being waited for."""
        waiting = self._waiting_text()
        if self._has_status and not waiting:
            self._status.empty()
            self._has_status = False
        self._text.append("" if self._whole else text)
        if waiting:
            self._status.caption(waiting)
            self._has_status = True
        else:
            notice_click()

    @property
    def is_shown(self) -> bool:
        """True if the browser has drawn the text's place and its beginning, or if there is no feed to know it by."""
        if self._feed is None:
            return True
        return self._feed.is_read if self._source.parts else bool(self._feed.readers)

    def finish(self) -> None:
        """Draw the rest of the text and remove the status line."""
        self._text.end()
        self._status.empty()

    def _waiting_text(self) -> str:
        """Return what is being waited for, as Markdown; empty once there is text."""
        run = self._source
        if run.pending_retry is not None:
            error, until = run.pending_retry
            return f"{error.title}. Trying again in {max(until - time.monotonic(), 0):.0f} s …"
        if run.parts or not run.is_running:
            return ""
        if run.called_tool_names:
            return f":shimmer[Calling {escape_markdown(', '.join(run.called_tool_names))}]"
        if isinstance(run, AnswerRun) and (thoughts := run.reasoning.split()):
            return f":shimmer[Thinking] · {len(thoughts):,} words · {run.seconds:.0f} s"
        awaited = "the first word" if run.request.stream else "the whole answer"
        return f":shimmer[Waiting for {awaited}] · {run.seconds:.0f} s"
