"""Outlook: what is about to be sent: the request itself, its length, what the model will read, and what is wrong."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass

import streamlit as st

from lib.api import wire
from lib.api.backend import Backend
from lib.api.rendered_prompt import RenderedPrompt
from lib.api.request import Messages, Request, Turn, build_request
from lib.chat.chat_session import ChatSession
from lib.errors import BadInput, PaddockError
from lib.model.usage import Usage
from lib.preflight import llama3_template, token_count
from lib.preflight.conflicts import Conflict, NextRequest, find_conflicts
from lib.preflight.raw_prompt import SAMPLE_QUESTION
from lib.preflight.token_count import TokenCount
from lib.ui.shell.registry import registry

_ASKED = "layouts"  # in the session's state: the last few answers of a server that counts itself
_MOST_ASKED = 8
_QUESTION = Messages((Turn("user", SAMPLE_QUESTION),))


@dataclass(frozen=True)
class RequestPreview:
    """``request`` is None where nothing can be sent, and ``refused`` says why. ``reads`` is the model's own view.

    ``sample`` is a question in that model's chat format, ``format`` its name.
    """

    request: Request | None
    refused: BadInput | None
    count: TokenCount
    window: int
    rendered_prompt: str
    sample_prompt: str
    format_name: str
    special_tokens: tuple[str, ...]
    conflicts: tuple[Conflict, ...]

    @property
    def tokens_left(self) -> int:
        """Tokens that the context leaves for the answer."""
        return max(self.window - self.count.tokens, 0)


def preview_request(chat: ChatSession, backend: Backend | None, window: int, text: str) -> RequestPreview:
    """What a send of that text would be at this moment."""
    request: Request | None = None
    refused: BadInput | None = None
    try:
        request = chat.build_request(text, backend)
    except BadInput as error:
        refused = error
    if backend is not None and not backend.can_inspect:
        token_count.count_text_tokens(
            ""
        )  # loads the tokenizer, once: now, and not in the middle of the first answer
    reads, count = "", TokenCount(0, False, token_count.ESTIMATED)
    if request is not None:
        if (known := _layout(backend, request)) is not None:
            reads, count = known.prompt, TokenCount(known.prompt_tokens, True, token_count.TWIN)
        else:
            reads, count = (
                llama3_template.render_prompt(request.input),
                token_count.count_prompt_tokens(request),
            )
    sample, format = llama3_template.render_prompt(_QUESTION), llama3_template.TEMPLATE_NAME
    special: tuple[str, ...] = llama3_template.SPECIAL_TOKENS
    if (asked := _layout(backend, build_request(chat.model, _QUESTION))) is not None:
        sample, format, special = asked.prompt, asked.chat_format, asked.special_tokens
    found: tuple[Conflict, ...] = ()
    if backend is not None:
        ahead = NextRequest(request, count.tokens, window, sample, special)
        found = tuple(find_conflicts(chat.model, backend, chat.settings, ahead))
    return RequestPreview(request, refused, count, window, reads, sample, format, special, found)


def _layout(backend: Backend | None, request: Request) -> RenderedPrompt | None:
    """The server's own word, asked for once for each request; None where it has none, or none at the moment."""
    if backend is None or not backend.can_inspect:
        return None
    known: OrderedDict[str, RenderedPrompt] = st.session_state.setdefault(_ASKED, OrderedDict())
    key = f"{backend.base_url} {json.dumps(wire.encode_request(request))}"
    if key not in known:
        try:
            known[key] = registry().client.render_prompt(backend, request)
        except PaddockError:
            # A request that it refuses, or a twin that is just starting: the send itself will tell.
            return None
        while len(known) > _MOST_ASKED:
            known.popitem(last=False)
    known.move_to_end(key)
    return known[key]


def usage_range(chat: ChatSession, outlook: RequestPreview) -> tuple[Usage, Usage]:
    """The least and the most that the send can use: nothing comes, or all that may."""
    assert outlook.request is not None  # noqa: S101
    cap = chat.model.output_limit
    most = min(
        int(outlook.request.parameters.get(cap.name, cap.default or outlook.tokens_left)), outlook.tokens_left
    )
    return Usage(outlook.count.tokens, 0), Usage(outlook.count.tokens, most)
