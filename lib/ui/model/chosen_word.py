"""“Why this word?”: an answer from the chat on the Next token section, with the choice of one of its words."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from lib.api.inspection import TokenCandidate, TokenDistribution
from lib.chat.answer_words import AnswerWords
from lib.ui.model import probability_bars
from lib.ui.shell.page_paths import CHAT_PAGE, MODEL_PAGE
from lib.ui.widgets.safe_markdown import escape_markdown

# In the session's state: the AnswerInView, and True while the page is to be opened. A callback cannot switch pages.
_ANSWER, _OPEN = "try-answer", "try-answer-open"
_WORD = "try-word"
# A label that begins as a list does would be drawn as one.
_JOINER = "\u2060"


@dataclass(frozen=True)
class AnswerInView:
    """An answer of a chat, and what the next-token section shows of it."""

    chat_id: str
    answer: AnswerWords


def explain_answer(chat_id: str, answer: AnswerWords) -> None:
    """Show that answer from the next drawing on, its first word chosen. For callbacks."""
    st.session_state[_ANSWER] = AnswerInView(chat_id, answer)
    st.session_state[_OPEN] = True
    st.session_state[_WORD] = 0


def leave_answer() -> None:
    """Go back to texts of the user's own. For callbacks."""
    st.session_state.pop(_ANSWER, None)


def open_requested_section(section: str) -> None:
    """Switch to the Model page if an answer was to be explained. Called while a page is drawn."""
    if st.session_state.pop(_OPEN, False):
        st.switch_page(MODEL_PAGE, query_params={"section": section})


def current_answer() -> AnswerInView | None:
    """Return the answer that is shown, None while the user tries texts."""
    answer: AnswerInView | None = st.session_state.get(_ANSWER)
    return answer


def draw_words(view: AnswerInView) -> int:
    """Draw the answer's words and the ways to leave it; return the number of the chosen word."""
    words = view.answer.words
    with st.container(key="try-words", gap="xsmall"):
        st.markdown("**Click a word of the answer** to see what else the model could have written there.")
        number = st.pills(
            "A word of the answer",
            range(len(words)),
            key=_WORD,
            required=True,
            default=0,
            format_func=lambda number: _JOINER + escape_markdown(words[number]),
            label_visibility="collapsed",
            persist_state="session",
        )
        if view.answer.is_shortened:
            st.caption(f"The first {len(words)} words.")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.page_link(
                CHAT_PAGE,
                label="Back to the chat",
                icon=":material/arrow_back:",
                query_params={"c": view.chat_id},
            )
            st.button(
                "Try a text of my own",
                key="try-leave",
                type="tertiary",
                icon=":material/edit:",
                on_click=leave_answer,
            )
    return number or 0


def find_written_token(
    view: AnswerInView, number: int, distribution: TokenDistribution
) -> TokenCandidate | None:
    """Return the candidate that the answer has in the place of a word, None if it is not listed."""
    rest = view.answer.text_from(number)
    written = [
        candidate
        for candidate in distribution.candidates
        if candidate.token and rest.startswith(candidate.token)
    ]
    return max(written, key=lambda candidate: len(candidate.token), default=None)


def describe_written_token(token: TokenCandidate | None, distribution: TokenDistribution) -> str:
    """Return what the model thought of the token that the answer has, as Markdown."""
    if token is None:
        return "What the answer has here is not among the tokens that this model finds most likely."
    place = distribution.candidates.index(token) + 1
    likely = "the most likely token" if place == 1 else f"number {place} of the most likely tokens"
    name = escape_markdown(probability_bars.visible_text(token.token.strip(" ") or token.token))
    after = probability_bars.format_percent(token.sampling_probability)
    with_settings = f"**{after}** with the settings" if token.can_be_sampled else "removed by the settings"
    return (
        f"The answer has “{name}” here, {likely}: **{probability_bars.format_percent(token.probability)}** in the "
        f"model, {with_settings}."
    )
