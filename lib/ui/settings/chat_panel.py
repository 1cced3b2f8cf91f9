"""Panel: a chat as its controls see it: what they change, the keys that they have, and what was refused."""

from __future__ import annotations

from typing import Any

import streamlit as st

from lib.api.backend import Backend
from lib.api.request import Messages, Turn, build
from lib.chat.answer import Ending
from lib.chat.chat_session import Chat
from lib.preflight import llama3_template
from lib.preflight.conflicts import Conflict
from lib.tools import sample_tools
from lib.ui.answer import answer_stats
from lib.ui.shell.page_actions import Refusing
from lib.ui.shell.registry import registry
from lib.ui.widgets import echo

SYSTEM, RAW = "system", "raw-prompt"  # the keys of the boxes
MOST_ROUNDS = 5  # of calls that sample tools answer by themselves after one message: a model may never stop
_AUTO = "auto"


class Panel(Refusing):
    """``scope`` ends the key of every control, so that the controls of two chats are never taken for each other.

    ``backend`` is where requests go, None while there is none; ``window`` its context in tokens.
    """

    def __init__(self, owner: str, chat: Chat, backend: Backend | None, scope: str = "") -> None:
        super().__init__(backend, f"refused{scope}")
        self.owner = owner
        self.chat = chat
        self.scope = scope
        self.window = (backend and backend.context_window) or chat.model.context_window

    def key(self, name: str) -> str:
        """The key of the control of that name."""
        return name + self.scope

    @property
    def used(self) -> tuple[int, bool]:
        """Tokens of the context that the open path takes, and whether that is an estimate."""
        conversation, _ = self.chat.view()
        return answer_stats.context_used(conversation, conversation.path())

    @property
    def room(self) -> int:
        """Tokens that the context leaves for an answer."""
        return self.window - self.used[0]

    def choose(self, **changes: Any) -> None:
        """Change what a request carries beside its parameters; it counts from the next send."""
        self.chat.settings = self.chat.settings.with_features(**changes)

    def mend(self, conflict: Conflict) -> None:
        """Do what mends a conflict."""
        if conflict.mended is None:
            self.lay_out()
        else:
            self.chat.settings = conflict.mended

    def lay_out(self) -> None:
        """Fill the raw prompt's box with the conversation up to its last question, in the model's own format."""
        conversation, _ = self.chat.view()
        path = conversation.path()
        while path and path[-1].role == "assistant":
            path = path[:-1]
        turns = conversation.turns(path[-1].id if path else None)
        if not path:
            turns = (*turns, Turn("user", ""))
        self.caught(lambda: self._fill(Messages(turns, tools=self.chat.settings.features.tools)))

    def _fill(self, input: Messages) -> None:
        text = llama3_template.lay_out(input)
        if self.backend is not None and self.backend.inspects:
            text = registry().client.layout(self.backend, build(self.chat.model, input)).prompt
        st.session_state[self.key(RAW)] = text

    @property
    def auto(self) -> bool:
        """Whether sample tools answer by themselves."""
        return bool(st.session_state.get(_AUTO, False))

    def set_auto(self, on: bool) -> None:
        """Let sample tools answer by themselves, or not."""
        st.session_state[_AUTO] = on

    def results(self, message: str) -> tuple[str, ...] | None:
        """What the sample tools say to the calls of that message, where they are to answer them. None: not these."""
        conversation, live = self.chat.view()
        said = conversation.message(message)
        if live is not None or not self.auto or not said.calls or conversation.head != message:
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
        return None if rounds > MOST_ROUNDS else sample_tools.answers(said.calls, tools)

    def keep_system(self) -> None:
        """The system prompt's box was changed."""
        if not echo.is_echo(self.key(SYSTEM)):
            self.chat.set_system(st.session_state[self.key(SYSTEM)])
