"""Outlook: what is about to be sent: the request itself, its length, what the model will read, and what is wrong."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass

import streamlit as st

from lib.api import wire
from lib.api.backend import Backend
from lib.api.events import Usage
from lib.api.rendered_prompt import Layout
from lib.api.request import Messages, Request, Turn, build
from lib.chat.chat_session import Chat
from lib.errors import BadInput, PaddockError
from lib.preflight import llama3_template, token_count
from lib.preflight.conflicts import Ahead, Conflict, conflicts
from lib.preflight.raw_prompt import QUESTION
from lib.preflight.token_count import Count
from lib.ui.shell.registry import registry

_ASKED = "layouts"  # in the session's state: the last few answers of a server that counts itself
_MOST_ASKED = 8
_QUESTION = Messages((Turn("user", QUESTION),))


@dataclass(frozen=True)
class Outlook:
    """``request`` is None where nothing can be sent, and ``refused`` says why. ``reads`` is the model's own view.

    ``sample`` is a question in that model's chat format, ``format`` its name.
    """

    request: Request | None
    refused: BadInput | None
    count: Count
    window: int
    reads: str
    sample: str
    format: str
    special_tokens: tuple[str, ...]
    conflicts: tuple[Conflict, ...]

    @property
    def left(self) -> int:
        """Tokens that the context leaves for the answer."""
        return max(self.window - self.count.tokens, 0)


def look(chat: Chat, backend: Backend | None, window: int, text: str) -> Outlook:
    """What a send of that text would be at this moment."""
    request: Request | None = None
    refused: BadInput | None = None
    try:
        request = chat.request(text)
    except BadInput as error:
        refused = error
    if backend is not None and not backend.inspects:
        token_count.count_text(
            ""
        )  # loads the tokenizer, once: now, and not in the middle of the first answer
    reads, count = "", Count(0, False, token_count.ESTIMATED)
    if request is not None:
        if (known := _layout(backend, request)) is not None:
            reads, count = known.prompt, Count(known.prompt_tokens, True, token_count.TWIN)
        else:
            reads, count = llama3_template.lay_out(request.input), token_count.count(request)
    sample, format = llama3_template.lay_out(_QUESTION), llama3_template.NAME
    special: tuple[str, ...] = llama3_template.SPECIAL_TOKENS
    if (asked := _layout(backend, build(chat.model, _QUESTION))) is not None:
        sample, format, special = asked.prompt, asked.format, asked.special_tokens
    found: tuple[Conflict, ...] = ()
    if backend is not None:
        ahead = Ahead(request, count.tokens, window, sample, special)
        found = tuple(conflicts(chat.model, backend, chat.settings, ahead))
    return Outlook(request, refused, count, window, reads, sample, format, special, found)


def _layout(backend: Backend | None, request: Request) -> Layout | None:
    """The server's own word, asked for once for each request; None where it has none, or none at the moment."""
    if backend is None or not backend.inspects:
        return None
    known: OrderedDict[str, Layout] = st.session_state.setdefault(_ASKED, OrderedDict())
    key = f"{backend.base_url} {json.dumps(wire.encode(request))}"
    if key not in known:
        try:
            known[key] = registry().client.layout(backend, request)
        except PaddockError:
            # A request that it refuses, or a twin that is just starting: the send itself will tell.
            return None
        while len(known) > _MOST_ASKED:
            known.popitem(last=False)
    known.move_to_end(key)
    return known[key]


def span(chat: Chat, outlook: Outlook) -> tuple[Usage, Usage]:
    """The least and the most that the send can use: nothing comes, or all that may."""
    assert outlook.request is not None  # noqa: S101
    cap = chat.model.output_cap
    most = min(int(outlook.request.parameters.get(cap.name, cap.default or outlook.left)), outlook.left)
    return Usage(outlook.count.tokens, 0), Usage(outlook.count.tokens, most)
