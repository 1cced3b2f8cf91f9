"""A preview of the next request: its length, its prompt as the model reads it, and its conflicts."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass

import streamlit as st

from lib.api import wire
from lib.api.backend import Backend
from lib.api.inspection import RenderedPrompt
from lib.api.request import Messages, Request, Turn, build_request
from lib.chat.chat_session import ChatSession
from lib.errors import BadInput, PaddockError
from lib.model.model_record import Model
from lib.model.usage import Usage
from lib.preflight import llama3_template, token_count
from lib.preflight.conflicts import Conflict, NextRequest, find_conflicts
from lib.preflight.raw_prompt import SAMPLE_QUESTION
from lib.preflight.token_count import TokenCount
from lib.ui.shell.registry import registry

# In the session's state: the last few prompts that a backend has rendered, by base URL and request.
_RENDERED = "layouts"
_MAX_RENDERED = 8
_QUESTION = Messages((Turn("user", SAMPLE_QUESTION),))


@dataclass(frozen=True)
class RequestPreview:
    """The next request, its length, its prompt as the model reads it, and its conflicts.

    ``request`` is None if nothing can be sent; ``refused`` says why. ``format_name`` is the name of the model's chat
    format; it and the prompt are empty if that format is not known here. ``prompt_note`` is a sentence about messages
    that were joined, "" if none were.
    """

    request: Request | None
    refused: BadInput | None
    count: TokenCount
    window: int
    rendered_prompt: str
    format_name: str
    special_tokens: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    prompt_note: str = ""

    def max_answer_tokens(self, model: Model) -> int:
        """Return the tokens that the answer can have: its limit, or what the context leaves if that is less."""
        assert self.request is not None  # noqa: S101
        room, limit = max(self.window - self.count.tokens, 0), model.answer_limit(self.request.parameters)
        return room if limit is None else min(int(limit), room)

    def usage_range(self, model: Model) -> tuple[Usage, Usage]:
        """Return the least and the highest usage of the send: an empty answer, and the longest possible one."""
        tokens = self.count.tokens
        return Usage(tokens, 0), Usage(tokens, self.max_answer_tokens(model))


def preview_request(chat: ChatSession, backend: Backend | None, window: int, text: str) -> RequestPreview:
    """Preview a send of that text."""
    request: Request | None = None
    refused: BadInput | None = None
    note = ""
    try:
        request = chat.build_request(text, backend)
    except BadInput as error:
        refused = error
    if backend is not None and not backend.can_inspect:
        # Loads the tokenizer, once: now, and not in the middle of the first answer.
        token_count.count_text_tokens("")
    if request is None:
        prompt, count = "", TokenCount(0, False, token_count.ESTIMATED)
    elif (rendered := _render(backend, request)) is not None:
        prompt, note = rendered.prompt, rendered.note
        count = TokenCount(rendered.prompt_tokens, True, token_count.TWIN)
    else:
        is_llama3 = llama3_template.is_llama3(request.model)
        prompt = llama3_template.render_prompt(request.input) if is_llama3 else ""
        count = token_count.count_prompt_tokens(request)
    sample, format = llama3_template.render_prompt(_QUESTION), llama3_template.TEMPLATE_NAME
    special_tokens: tuple[str, ...] = llama3_template.SPECIAL_TOKENS
    if not chat.model.is_known or not llama3_template.is_llama3(chat.model.id):
        sample, format, special_tokens = "", "", ()
    elif (rendered := _render(backend, build_request(chat.model, _QUESTION))) is not None:
        sample, format, special_tokens = rendered.prompt, rendered.chat_format, rendered.special_tokens
    conflicts: tuple[Conflict, ...] = ()
    if backend is not None:
        next_request = NextRequest(request, count.tokens, window, sample, special_tokens)
        conflicts = tuple(find_conflicts(chat.model, backend, chat.settings, next_request))
    return RequestPreview(request, refused, count, window, prompt, format, special_tokens, conflicts, note)


def _render(backend: Backend | None, request: Request) -> RenderedPrompt | None:
    """Return the prompt as the backend renders it, asked for once for each request; None if it cannot (now)."""
    if backend is None or not backend.can_inspect:
        return None
    rendered: OrderedDict[str, RenderedPrompt] = st.session_state.setdefault(_RENDERED, OrderedDict())
    key = f"{backend.base_url} {json.dumps(wire.encode_request(request))}"
    if key not in rendered:
        try:
            rendered[key] = registry().client.render_prompt(backend, request)
        except PaddockError:
            # The backend refuses the request, or is still starting: the send itself will show the error.
            return None
        while len(rendered) > _MAX_RENDERED:
            rendered.popitem(last=False)
    rendered.move_to_end(key)
    return rendered[key]
