"""The next send, above the message box: its tokens and cost, its request, its code and the rendered prompt."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

import streamlit as st

from lib.api import wire
from lib.api.backend import Backend
from lib.api.request import Request
from lib.chat.session_affinity import with_session
from lib.model.pricing import cost_in_dollars, cost_in_neurons, cost_of_neurons, format_dollars
from lib.model.settings import Settings
from lib.preflight.conflicts import Conflict
from lib.snippets.snippet_builder import build_snippets
from lib.ui.answer.answer_stats import estimate_text
from lib.ui.chat import request_preview
from lib.ui.chat.chat_tab import ChatTab
from lib.ui.chat.request_preview import RequestPreview
from lib.ui.settings import conflict_fix
from lib.ui.widgets import chat_input_draft, model_text, raw_text
from lib.ui.widgets.auto_refresh import refresh_after
from lib.ui.widgets.safe_markdown import escape_markdown

KEY = "ahead"  # of the expander
_HEIGHT = 230


class NextSendView(StrEnum):
    """The views of the next send, with their labels."""

    REQUEST = "Request"
    CODE = "Code"
    COST = "Cost"
    RENDERED_PROMPT = "What the model reads"


@dataclass(frozen=True)
class DrawnControls:
    """The conflicts and the settings that the page's controls show."""

    conflicts: tuple[Conflict, ...]
    settings: Settings


def drawn_controls(tab: ChatTab, preview: RequestPreview) -> DrawnControls:
    """Return what the controls show if the page is drawn now."""
    return DrawnControls(preview.conflicts, tab.chat.settings.capped(tab.chat.model, tab.context_left))


def draw_next_send(tab: ChatTab, preview: RequestPreview) -> None:
    """Draw the next send. ``preview`` is the one that the page's controls were drawn with."""
    _draw_next_send(tab, drawn_controls(tab, preview))


@st.fragment
def _draw_next_send(tab: ChatTab, drawn: DrawnControls) -> None:
    """Draw the next send; the fragment reruns at each pause in the typing, and at the end of an answer.

    If the text or the answer brings other conflicts or limits than the controls show, the whole page reruns.
    """
    if not tab.is_raw_prompt:
        chat_input_draft.watch()
    if tab.chat.snapshot()[1] is not None:
        # The page's script only follows the answer until its end, and the answer is part of the next request. A
        # fragment waits until that script has ended.
        refresh_after(KEY, 0.0)
    preview = request_preview.preview_request(tab.chat, tab.backend, tab.context_window, tab.next_text)
    if drawn_controls(tab, preview) != drawn:
        st.rerun()
    _draw_panel(tab, preview)


def _draw_panel(tab: ChatTab, preview: RequestPreview) -> None:
    # The key makes the browser remember that the expander is open: its label changes at each pause, and without a key
    # Streamlit takes an expander with another label for another one, which is closed.
    with st.expander(_summary_line(tab, preview), key=KEY, type="compact"):
        for number, conflict in enumerate(preview.conflicts):
            conflict_fix.draw_conflict(tab, conflict, f"mend-ahead-{number}")
        if preview.request is None:
            if preview.refused is not None:
                # No error box: this is drawn while the expander is closed, too.
                st.caption(f"{preview.refused.message} {preview.refused.advice}")
            return
        views = tuple(NextSendView) if preview.rendered_prompt else tuple(NextSendView)[:-1]
        view = st.segmented_control(
            "Part",
            views,
            key=f"{KEY}-part",
            default=NextSendView.REQUEST,
            required=True,
            label_visibility="collapsed",
            persist_state="session",
        )
        match view:
            case NextSendView.REQUEST:
                _draw_request(tab, preview.request)
            case NextSendView.CODE:
                _draw_next_code(tab, preview.request)
            case NextSendView.COST:
                _draw_cost(tab, preview)
            case _:
                st.caption(f"In the chat format of {preview.format_name}. {preview.count.explanation}")
                if preview.prompt_note:
                    st.caption(escape_markdown(preview.prompt_note))
                raw_text.draw_with_marked_tokens(preview.rendered_prompt, preview.special_tokens, _HEIGHT)


def _summary_line(tab: ChatTab, preview: RequestPreview) -> str:
    if preview.request is None:
        return ":material/send: Nothing to send yet"
    model = tab.chat.model
    least, most = (cost_in_dollars(usage, model.price) for usage in preview.usage_range(model))
    cost = estimate_text(least, most, billed=tab.is_billed)
    about = "" if preview.count.is_exact else "≈ "
    warning = conflict_fix.warning_count_text(len(preview.conflicts))
    longest = preview.max_answer_tokens(model)
    size = f"{about}{preview.count.tokens:,} tokens to read · at most {longest:,} to write"
    return f"**Your next message** · {warning}{size} · {cost}"


def _draw_request(tab: ChatTab, request: Request) -> None:
    if (backend := tab.backend) is not None:
        backend = _backend_of(tab, backend, request)
        sent = "".join(f" · `{name}: {value}`" for name, value in backend.run_headers().items())
        st.caption(f"`POST {backend.run_url}/{request.model}`{sent}")
    _draw_copyable(json.dumps(wire.encode_request(request), ensure_ascii=False, indent=2), "json", KEY)


def _backend_of(tab: ChatTab, backend: Backend, request: Request) -> Backend:
    """Return the backend that sends the chat's request, with its session."""
    return with_session(backend, tab.chat.id, tab.chat.model_of(request))


def _draw_next_code(tab: ChatTab, request: Request) -> None:
    if not tab.is_raw_prompt and not tab.next_text.strip():
        st.caption(
            "The program of your next message, which is not written yet: it will stand at the end. The program of an "
            "answer is in the answer's menu."
        )
    else:
        st.caption("The program of your next message. The program of an answer is in the answer's menu.")
    draw_code(tab, request, KEY)


def draw_code(tab: ChatTab, request: Request, key: str) -> None:
    """Draw the request as a program, in a language to choose."""
    if tab.backend is None:
        st.caption("The model on this computer is still starting.")
        return
    backend = _backend_of(tab, tab.backend, request)
    snippets = {snippet.name: snippet for snippet in build_snippets(request, backend)}
    name_key = f"{key}-language"
    name = st.selectbox(
        "Language", list(snippets), key=name_key, label_visibility="collapsed", persist_state="session"
    )
    snippet = snippets[name]
    _draw_copyable(snippet.text, snippet.language, key)
    st.caption(snippet.note)


def _draw_copyable(text: str, language: str, key: str) -> None:
    with st.container(height=_HEIGHT, border=False):
        model_text.draw_code(text, language, f"code-{key}")


def _draw_cost(tab: ChatTab, preview: RequestPreview) -> None:
    price = tab.chat.model.price
    least, most = preview.usage_range(tab.chat.model)
    rows = ["| Messages | At least | At most |", "|--:|--:|--:|"]
    rows += [
        f"| {times:,} | \\{format_dollars(cost_in_dollars(least, price) * times)} "
        f"| \\{format_dollars(cost_in_dollars(most, price) * times)} |"
        for times in (1, 1_000, 1_000_000)
    ]
    st.markdown("\n".join(rows))
    # No division by zero: an input has at least one token.
    min_sends, max_sends = (
        int(price.free_neurons_a_day // cost_in_neurons(usage, price)) for usage in (most, least)
    )
    st.caption(
        f"At least: only your text. At most: an answer as long as your limit allows. {preview.count.explanation} "
        "These are listed prices; Cloudflare bills in neurons, which for 1,000,000 messages are "
        f"\\{format_dollars(cost_of_neurons(least, price) * 1_000_000)} to "
        f"\\{format_dollars(cost_of_neurons(most, price) * 1_000_000)}. "
        f"Today's free allowance ({price.free_neurons_a_day:,} neurons) covers {min_sends:,} to {max_sends:,} "
        "such messages."
    )
