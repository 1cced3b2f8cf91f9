"""Panel: a chat as its controls see it: what they change, the keys that they have, and what was refused."""

from __future__ import annotations

from typing import Any

import streamlit as st

from lib.api.backend import Backend
from lib.api.request import Messages, Turn, build_request
from lib.chat.answer import Ending
from lib.chat.chat_session import ChatSession
from lib.preflight import llama3_template
from lib.preflight.conflicts import Conflict
from lib.tools import sample_tools
from lib.ui.answer import answer_stats
from lib.ui.shell.page_actions import PageActions
from lib.ui.shell.registry import registry
from lib.ui.widgets import echo

SYSTEM_KEY, RAW_PROMPT_KEY = "system", "raw-prompt"  # the keys of the boxes
MAX_TOOL_ROUNDS = (
    5  # of calls that sample tools answer by themselves after one message: a model may never stop
)
_AUTO = "auto"


class ChatActions(PageActions):
    """``scope`` ends the key of every control, so that the controls of two chats are never taken for each other.

    ``backend`` is where requests go, None while there is none; ``window`` its context in tokens.
    """

    def __init__(self, owner: str, chat: ChatSession, backend: Backend | None, scope: str = "") -> None:
        super().__init__(backend, f"refused{scope}")
        self.owner = owner
        self.chat = chat
        self.scope = scope
        self.context_window = (backend and backend.context_window) or chat.model.context_window

    def key(self, name: str) -> str:
        """The key of the control of that name."""
        return name + self.scope

    @property
    def context_used(self) -> tuple[int, bool]:
        """Tokens of the context that the open path takes, and whether that is an estimate."""
        conversation, _ = self.chat.snapshot()
        return answer_stats.count_context_tokens(conversation, conversation.path())

    @property
    def context_left(self) -> int:
        """Tokens that the context leaves for an answer."""
        return self.context_window - self.context_used[0]

    def change_options(self, **changes: Any) -> None:
        """Change what a request carries beside its parameters; it counts from the next send."""
        self.chat.change_settings(lambda settings: settings.with_features(**changes))

    def apply_fix(self, conflict: Conflict) -> None:
        """Do what mends a conflict."""
        if conflict.fixed_settings is None:
            self.fill_raw_prompt()
        else:
            self.chat.settings = conflict.fixed_settings

    def fill_raw_prompt(self) -> None:
        """Fill the raw prompt's box with the conversation up to its last question, in the model's own format."""
        conversation, _ = self.chat.snapshot()
        path = conversation.path()
        while path and path[-1].role == "assistant":
            path = path[:-1]
        turns = conversation.turns(path[-1].id if path else None)
        if not path:
            turns = (*turns, Turn("user", ""))
        self.caught(lambda: self._fill(Messages(turns, tools=self.chat.settings.features.tools)))

    def _fill(self, input: Messages) -> None:
        text = llama3_template.render_prompt(input)
        if self.backend is not None and self.backend.can_inspect:
            text = registry().client.render_prompt(self.backend, build_request(self.chat.model, input)).prompt
        st.session_state[self.key(RAW_PROMPT_KEY)] = text

    @property
    def runs_sample_tools(self) -> bool:
        """Whether sample tools answer by themselves."""
        return bool(st.session_state.get(_AUTO, False))

    def set_runs_sample_tools(self, on: bool) -> None:
        """Let sample tools answer by themselves, or not."""
        st.session_state[_AUTO] = on

    def run_sample_tools(self, message: str) -> tuple[str, ...] | None:
        """What the sample tools say to the calls of that message, where they are to answer them. None: not these."""
        conversation, live = self.chat.snapshot()
        said = conversation.message(message)
        if live is not None or not self.runs_sample_tools or not said.calls or conversation.head != message:
            return None
        if not said.answers or said.answers[-1].ending is not Ending.TOOL_CALLS:
            return None  # stopped or cut off: that is for a person to judge
        rounds = 0
        for one in reversed(conversation.path()):
            if one.role == "user":
                break
            rounds += bool(one.calls)
        asked = said.answers[-1].request.input
        tools = asked.tools if isinstance(asked, Messages) else ()
        return None if rounds > MAX_TOOL_ROUNDS else sample_tools.answer_calls(said.calls, tools)

    def save_system_prompt(self) -> None:
        """The system prompt's box was changed."""
        if not echo.is_echo(self.key(SYSTEM_KEY)):
            self.chat.set_system(st.session_state[self.key(SYSTEM_KEY)])
