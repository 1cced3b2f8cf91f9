"""Growing: an answer that is being written, drawn block by block: what is finished is sent to the browser once."""

from __future__ import annotations

import time

from streamlit.delta_generator import DeltaGenerator

from lib.chat.chat_session import LiveRun
from lib.ui.widgets.safe_markdown import Block, BlockSplitter, Code, Prose, has_table, make_safe

# More than this in one code block is drawn without colours: the highlighter takes seconds for it.
MAX_HIGHLIGHTED_CHARS = 20_000
# Seconds for which a page that opens under a running answer is drawn slowly: the browser fetches the parts of its
# controls meanwhile, and puts off showing them for as long as anything else on the page keeps changing.
SLOW_START_SECONDS, SLOW_START_INTERVAL = 4.0, 0.5
# A tail that is long is redrawn less often: it is sent whole each time.
_SHORT_INTERVAL, _LONG_INTERVAL, _LONG_TAIL_CHARS = 0.05, 0.2, 2_000


def draw_block(block: Block, at: DeltaGenerator) -> None:
    """One block of a model's text. Code never goes through the Markdown parser."""
    match block:
        case Prose(text):
            # A row that does not wrap scrolls by itself: a wide table then does not move the page.
            place = at.container(horizontal=True, wrap=False) if has_table(text) else at
            place.markdown(make_safe(text))
        case Code(text, language):
            at.code(text, language=language if len(text) <= MAX_HIGHLIGHTED_CHARS else None, wrap_lines=True)


class StreamingText:
    """``place`` is the container that it is drawn at the end of, whatever the page is drawing otherwise."""

    def __init__(self, live: LiveRun, place: DeltaGenerator) -> None:
        self._live = live
        self._cut = BlockSplitter()
        self._cut.feed(live.text_before)
        # In JSON mode the answer comes in one piece and is drawn with its verdict, not as Markdown.
        self._whole = live.run.request.response_format is not None
        self._place = place
        self._tail, self._status = place.empty(), place.empty()
        self._drawn = 0
        self._shown: Block | None = None

    @property
    def interval(self) -> float:
        """Seconds to wait before what comes next is drawn."""
        shown = self._shown
        return (
            _SHORT_INTERVAL
            if isinstance(shown, (Prose, Code)) and len(shown.text) < _LONG_TAIL_CHARS
            else _LONG_INTERVAL
        )

    def draw_new_text(self, text: str) -> None:
        """Draw what came; an empty text: say what is waited for."""
        self._cut.feed("" if self._whole else text)
        for block in self._cut.finished[self._drawn :]:
            draw_block(block, self._tail)
            # The new tail takes the place of the status line, which moves down by one.
            self._tail, self._status = self._status, self._place.empty()
            self._drawn, self._shown = self._drawn + 1, None
        if not self._whole and (now := self._cut.tail()) != self._shown and now is not None:
            draw_block(now, self._tail)
            self._shown = now
        waiting = self._waiting()
        if waiting or not text:
            # Drawn in silence too: a click is noticed only where something is drawn.
            self._status.caption(waiting) if waiting else self._status.empty()

    def finish(self) -> None:
        """Draw the last of it."""
        if (last := self._cut.tail(ended=True)) is None:
            self._tail.empty()
        elif last != self._shown:
            draw_block(last, self._tail)
        self._status.empty()

    def _waiting(self) -> str:
        """What is happening while no text comes; empty once it does."""
        run = self._live.run
        if run.pending_retry is not None:
            error, until = run.pending_retry
            return f"{error.title}. Trying again in {max(until - time.monotonic(), 0):.0f} s …"
        if run.parts or not run.is_running:
            return ""
        if run.called_tool_names:
            return f":shimmer[Calling {make_safe(', '.join(run.called_tool_names))}]"
        awaited = "the first token" if run.request.stream else "the whole answer"
        return f":shimmer[Waiting for {awaited}] · {run.seconds:.0f} s"
