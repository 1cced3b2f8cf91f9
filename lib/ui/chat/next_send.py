"""Ahead: the line above the message box that says what is about to be sent, and the panel behind it."""

from __future__ import annotations

import streamlit as st

from lib.api import wire
from lib.api.request import Request
from lib.model.pricing import cost_in_dollars, cost_in_neurons, format_dollars
from lib.preflight.conflicts import Conflict
from lib.snippets.snippet_builder import build_snippets
from lib.ui.chat import request_preview
from lib.ui.chat.chat_tab import ChatTab
from lib.ui.chat.request_preview import RequestPreview
from lib.ui.settings import conflict_fix
from lib.ui.widgets import chat_input_draft, raw_text

KEY = "ahead"
_HEIGHT = 230
_REQUEST, _CODE, _COST, _READS = "Request", "Code", "Cost", "What the model reads"


@st.fragment
def draw_next_send(tab: ChatTab, told: tuple[Conflict, ...]) -> None:
    """Drawn anew by itself at each pause in the typing. In the raw prompt form the text is the prompt's own.

    ``told``: the conflicts that the page has at its controls. Where the text brings others, the page is drawn anew.
    """
    if not tab.is_raw_prompt:
        chat_input_draft.watch()
    text = tab.next_text
    seen = request_preview.preview_request(tab.chat, tab.backend, tab.context_window, text)
    if seen.conflicts != told:
        st.rerun()
    # The browser keeps whether it is open, by the key. To the server an expander with another label, which this one
    # has at each pause, would be another one, and closed.
    with st.expander(_line(tab, seen), key=KEY, type="compact"):
        for number, one in enumerate(seen.conflicts):
            conflict_fix.draw_conflict(tab, one, f"mend-ahead-{number}")
        if seen.request is None:
            if seen.refused is not None:
                st.caption(
                    f"{seen.refused.message} {seen.refused.advice}"
                )  # no error: it is drawn while closed
            return
        part = st.segmented_control(
            "Part",
            (_REQUEST, _CODE, _COST, _READS),
            key=f"{KEY}-part",
            default=_REQUEST,
            required=True,
            label_visibility="collapsed",
            persist_state="session",
        )
        if part == _REQUEST:
            _request(tab, seen)
        elif part == _CODE:
            draw_code(tab, seen.request, KEY)
        elif part == _COST:
            _cost(tab, seen)
        else:
            st.caption(f"In {seen.format_name}'s format. {seen.count.explanation}")
            raw_text.draw_with_marked_tokens(seen.rendered_prompt, seen.special_tokens, _HEIGHT)


def _line(tab: ChatTab, seen: RequestPreview) -> str:
    if seen.request is None:
        return ":material/send: Nothing to send yet"
    price = tab.chat.model.price
    least, most = (cost_in_dollars(usage, price) for usage in request_preview.usage_range(tab.chat, seen))
    about = "" if seen.count.is_exact else "≈ "
    amount = f"\\{format_dollars(least)} – \\{format_dollars(most)}"
    if tab.backend is not None and not tab.backend.billed:
        amount = f"would cost {amount}"
    warned = f" · :orange[:material/warning: {len(seen.conflicts)}]" if seen.conflicts else ""
    size = f"{about}{seen.count.tokens:,} tokens in · {seen.tokens_left:,} left for the answer"
    return f"**Next send** · {size} · {amount}{warned}"


def _request(tab: ChatTab, seen: RequestPreview) -> None:
    assert seen.request is not None  # noqa: S101
    if tab.backend is not None:
        backend = tab.backend
        st.caption(f"`POST {backend.base_url}/accounts/{backend.account_id}/ai/run/{seen.request.model}`")
    raw_text.draw_json(wire.encode_request(seen.request), _HEIGHT)


def draw_code(tab: ChatTab, request: Request, key: str) -> None:
    """The request as programs, one of which is shown."""
    if tab.backend is None:
        st.caption("The twin is not up yet.")
        return
    known = {one.name: one for one in build_snippets(request, tab.backend)}
    name = st.selectbox(
        "Language", list(known), key=f"{key}-language", label_visibility="collapsed", persist_state="session"
    )
    chosen = known[name]
    raw_text.draw_text(chosen.text, chosen.language, _HEIGHT)
    st.caption(chosen.note)


def _cost(tab: ChatTab, seen: RequestPreview) -> None:
    price = tab.chat.model.price
    least, most = request_preview.usage_range(tab.chat, seen)
    rows = ["| Such sends | From | To |", "|--:|--:|--:|"]
    rows += [
        f"| {times:,} | \\{format_dollars(cost_in_dollars(least, price) * times)} "
        f"| \\{format_dollars(cost_in_dollars(most, price) * times)} |"
        for times in (1, 1_000, 1_000_000)
    ]
    st.markdown("\n".join(rows))
    # Between them lie as many sends as a day's free neurons pay for; an input is never without any token.
    fewest, many = (int(price.free_neurons_a_day // cost_in_neurons(usage, price)) for usage in (most, least))
    st.caption(
        f"From: the input alone. To: an answer as long as it may be. {seen.count.explanation} "
        f"The {price.free_neurons_a_day:,} free neurons of a day are enough for {fewest:,} to {many:,} such sends."
    )
