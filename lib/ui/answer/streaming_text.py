"""An answer that streams in. Finished blocks are sent to the browser once, the unfinished tail again and again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lib.api.request import Request
from lib.errors import PaddockError
from lib.ui.widgets.safe_markdown import Block, BlockSplitter, Code, Prose, has_table, make_safe, split_blocks

# Characters. A longer code block is not highlighted: that takes the browser seconds.
MAX_HIGHLIGHTED_CHARS = 20_000
# Seconds. A page that opens while an answer streams is updated slowly until the browser has drawn its controls: it
# fetches their code meanwhile, and does not show them as long as anything else on the page keeps changing.
SLOW_START_INTERVAL = 0.5
# A long tail is redrawn less often, because it is sent whole each time. In seconds, and in characters.
_SHORT_INTERVAL, _LONG_INTERVAL, _LONG_TAIL_CHARS = 0.05, 0.2, 2_000


def draw_text(text: str) -> None:
    """Draw a model's text that is complete."""
    for block in split_blocks(text):
        draw_block(block, st.empty())


def draw_block(block: Block, place: DeltaGenerator) -> None:
    """Draw one block of a model's text. Code never goes through the Markdown parser."""
    match block:
        case Prose(text):
            # In a row that does not wrap, a wide table scrolls by itself and the page stays.
            row = place.container(horizontal=True, wrap=False) if has_table(text) else place
            row.markdown(make_safe(text))
        case Code(text, language):
            place.code(text, language if len(text) <= MAX_HIGHLIGHTED_CHARS else None, wrap_lines=True)


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
    """Draws the text of a growing answer at the end of the container ``place``, after ``text_before``."""

    def __init__(self, source: TextSource, text_before: str, place: DeltaGenerator) -> None:
        self._source = source
        self._splitter = BlockSplitter()
        self._splitter.feed(text_before)
        # In JSON mode the answer comes in one piece, and is drawn with its validation instead of as Markdown.
        self._whole = source.request.response_format is not None
        self._place = place
        self._tail, self._status = place.empty(), place.empty()
        self._drawn = 0
        self._shown: Block | None = None
        self._has_status = False

    @property
    def interval(self) -> float:
        """Seconds between two updates."""
        is_short = self._shown is not None and len(self._shown.text) < _LONG_TAIL_CHARS
        return _SHORT_INTERVAL if is_short else _LONG_INTERVAL

    def draw_new_text(self, text: str) -> None:
        """Draw the text that came since the last call; if there is none, what is being waited for."""
        self._splitter.feed("" if self._whole else text)
        waiting = self._waiting_text()
        if self._has_status and not waiting:
            self._status.empty()
            self._has_status = False
        for block in self._splitter.finished[self._drawn :]:
            draw_block(block, self._tail)
            # The new tail takes the place of the status line, and that moves down by one.
            self._tail, self._status = self._status, self._place.empty()
            self._drawn, self._shown = self._drawn + 1, None
        if not self._whole and (now := self._splitter.tail()) != self._shown and now is not None:
            draw_block(now, self._tail)
            self._shown = now
        if waiting:
            self._status.caption(waiting)
            self._has_status = True
        elif not text:
            # Streamlit notices a click only when something is drawn.
            self._status.empty()

    def finish(self) -> None:
        """Draw the rest of the text and remove the status line."""
        if (last := self._splitter.tail(ended=True)) is None:
            self._tail.empty()
        elif last != self._shown:
            draw_block(last, self._tail)
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
            return f":shimmer[Calling {make_safe(', '.join(run.called_tool_names))}]"
        awaited = "the first word" if run.request.stream else "the whole answer"
        return f":shimmer[Waiting for {awaited}] · {run.seconds:.0f} s"
