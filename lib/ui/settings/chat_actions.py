"""The actions of a chat's controls, on the Chat page, in a column of the Compare page and in an experiment."""

from __future__ import annotations

from typing import Any

import streamlit as st

from lib.api.backend import Backend
from lib.api.request import Messages, Turn, build_request
from lib.chat.answer import Ending
from lib.chat.chat_session import ChatSession
from lib.chat.conversation import count_context_tokens
from lib.model.model_record import DEFAULT_MODEL_ID
from lib.preflight import llama3_template
from lib.preflight.conflicts import Conflict
from lib.tools import sample_tools
from lib.ui.shell.page_actions import PageActions
from lib.ui.shell.registry import registry

SYSTEM_KEY = "system"  # the key of the box
RAW_PROMPT_STATE = "raw-prompt-text"  # in the session's state: the text of the raw prompt's box
# Sample tools answer the calls after one message so often by themselves: a model may never stop calling.
MAX_TOOL_ROUNDS = 5
_AUTO = "auto"


class ChatActions(PageActions):
    """A chat, and the backend that its requests go to, None while there is none.

    ``scope`` ends the key of every control, so that the controls of two chats are different ones for Streamlit.
    """

    def __init__(self, owner: str, chat: ChatSession, backend: Backend | None, scope: str = "") -> None:
        super().__init__(backend, f"refused{scope}")
        self.owner = owner
        self.chat = chat
        self.scope = scope
        # The backend's is that of its default model; its list has those of the others.
        of_backend = None if backend is None or chat.model.id != DEFAULT_MODEL_ID else backend.context_window
        self.context_window = of_backend or chat.model.context_window

    @property
    def known_context_window(self) -> int | None:
        """The context window in tokens, None while there is no backend: the twin's is known once it is up."""
        return None if self.backend is None else self.context_window

    def key(self, name: str) -> str:
        """Return the key of the control of that name."""
        return name + self.scope

    @property
    def context_used(self) -> tuple[int, bool]:
        """The tokens of the context that the open path takes, and True if that is an estimate."""
        conversation, _ = self.chat.snapshot()
        return count_context_tokens(conversation)

    @property
    def context_left(self) -> int:
        """The tokens that the context leaves for an answer."""
        return self.context_window - self.context_used[0]

    def change_options(self, **changes: Any) -> None:
        """Change options of the request, from the next send on."""
        self.chat.change_settings(lambda settings: settings.with_features(**changes))

    def apply_fix(self, conflict: Conflict) -> None:
        if conflict.fixed_settings is None:
            self.fill_raw_prompt()
        else:
            self.chat.settings = conflict.fixed_settings

    def fill_raw_prompt(self) -> None:
        """Fill the raw prompt's box with the conversation up to its last question, in the model's own template."""
        conversation, _ = self.chat.snapshot()
        path = conversation.path()
        while path and path[-1].role == "assistant":
            path = path[:-1]
        turns = conversation.turns(path[-1].id if path else None)
        if not path:
            turns = (*turns, Turn("user", ""))
        with self.errors():
            input = Messages(turns, tools=self.chat.settings.features.tools)
            text = llama3_template.render_prompt(input)
            if self.backend is not None and self.backend.can_inspect:
                request = build_request(self.chat.model, input)
                text = registry().client.render_prompt(self.backend, request).prompt
            st.session_state[self.key(RAW_PROMPT_STATE)] = text

    @property
    def runs_sample_tools(self) -> bool:
        """True if sample tools answer by themselves."""
        return bool(st.session_state.get(_AUTO, False))

    def set_runs_sample_tools(self, on: bool) -> None:
        """Switch on or off that sample tools answer by themselves."""
        st.session_state[_AUTO] = on

    def run_sample_tools(self, message: str) -> tuple[str, ...] | None:
        """Return the results of sample tools for the calls of that message, None if the user is to answer them."""
        conversation, live = self.chat.snapshot()
        answer = conversation.message(message)
        if live is not None or not self.runs_sample_tools or not answer.calls or conversation.head != message:
            return None
        if not answer.answers or answer.answers[-1].ending is not Ending.TOOL_CALLS:
            return None  # it was stopped or cut off, so its calls may not be complete
        rounds = 0
        for earlier in reversed(conversation.path()):
            if earlier.role == "user":
                break
            rounds += bool(earlier.calls)
        input = answer.answers[-1].request.input
        tools = input.tools if isinstance(input, Messages) else ()
        return None if rounds > MAX_TOOL_ROUNDS else sample_tools.answer_calls(answer.calls, tools)
