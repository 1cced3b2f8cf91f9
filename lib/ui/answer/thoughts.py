"""The thoughts of a model, folded above its answer: readable while they come, and afterwards."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lib.api.trace import Trace
from lib.chat.answer import Answer
from lib.chat.answer_run import AnswerRun
from lib.chat.conversation import Message
from lib.chat.recorded_thoughts import recorded_thoughts
from lib.model.model_record import DEFAULT_MODEL_ID
from lib.ui.widgets import model_text

_THOUGHTS = "thoughts"  # in the session's state: the thoughts of answers by their ids
_MAX_KEPT = 200

FindTrace = Callable[[Answer], Trace | None]


def draw_thoughts(message: Message, find_trace: FindTrace) -> None:
    """Draw the thoughts before an answer, if its model had any."""
    if thoughts := "\n\n".join(
        filter(None, (_find_thoughts(answer, find_trace) for answer in message.answers))
    ):
        with _draw_box(message.id):
            model_text.draw_plain(thoughts, f"thoughts-{message.id}")


def _draw_box(id: str) -> DeltaGenerator:
    return st.expander("Thoughts", key=f"thoughts-{id}", type="compact", icon=":material/psychology:")


def _find_thoughts(answer: Answer, find_trace: FindTrace) -> str:
    """Return the thoughts that an answer's trace recorded. The default model has none, so its traces are not read."""
    if answer.trace is None and answer.request.model == DEFAULT_MODEL_ID:
        return ""
    kept: dict[str, str] = st.session_state.setdefault(_THOUGHTS, {})
    if answer.id not in kept:
        while len(kept) >= _MAX_KEPT:
            kept.pop(next(iter(kept)))
        trace = find_trace(answer)
        kept[answer.id] = "" if trace is None else recorded_thoughts(trace)
    return kept[answer.id]


class LiveThoughts:
    """The thoughts of a running answer, in a box at the end of ``place`` that comes with the first of them.

    The script sends them, piece by piece, as often as it looks for new text.
    """

    def __init__(self, run: AnswerRun, place: DeltaGenerator, id: str) -> None:
        self._run, self._id = run, id
        # A place only where some may come: an empty one would be a gap.
        self._place = None if run.request.model == DEFAULT_MODEL_ID else place.empty()
        self._text: model_text.LiveText | None = None
        self._count = 0

    def draw_new_text(self) -> None:
        """Draw the thoughts that came since the last call."""
        if self._place is None or not (new := self._run.read_thoughts(self._count)):
            return
        self._count += len(new)
        if self._text is None:
            with self._place.container():
                self._text = model_text.LiveText(_draw_box(self._id), f"thoughts-{self._id}", is_plain=True)
        self._text.append("".join(new))

    def finish(self) -> None:
        """Draw the rest of them."""
        self.draw_new_text()
        if self._text is not None:
            self._text.end()
