"""Tab: which conversation is open in this browser tab, and what its buttons do."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from lib.api.backend import Backend
from lib.api.request import Messages, Prompt, settings_from_request, system_prompt_from_request
from lib.api.trace import Trace
from lib.chat.answer import Answer
from lib.chat.chat_session import ChatSession
from lib.chat.conversation import Message
from lib.errors import BadInput, PaddockError
from lib.files import share_link
from lib.model.request_options import InputForm
from lib.ui.settings.chat_actions import RAW_PROMPT_KEY, ChatActions
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import current_owner
from lib.ui.widgets import chat_input_draft

MESSAGE_KEY = "prompt"  # the key of the message box
_BEGUN = "begun"  # in the session's state: the answer that this tab asked for last
_CHAT, _BEFORE, _SIDE, _SHOWN, _DELETED = "chat", "before", "side", "shown", "deleted"

# The template puts some tokens around a continued answer: leave them room.
_SLACK = 16


class ChatTab(ChatActions):
    """Made anew for each run of the page, from the address and the session's state."""

    def __init__(self, backend: Backend | None) -> None:
        known, me = registry(), current_owner()
        damaged = self._take_link(me)
        chat = (
            known.find_chat(me, st.query_params.get("c"))
            or known.find_chat(me, st.session_state.get(_CHAT))
            or known.new_chat(me)
        )
        super().__init__(me, chat, backend)
        if damaged is not None:
            self.keep_error(damaged)
        self.is_just_opened = _CHAT not in st.session_state  # the browser has just opened the page
        st.session_state[_CHAT] = chat.id
        st.query_params["c"] = chat.id  # a reload, or another tab, finds it again

    def _take_link(self, me: str) -> BadInput | None:
        """Open the set-up that the address carries in a new conversation, once. Gives what is wrong with it."""
        if (text := st.query_params.pop(share_link.QUERY_PARAMETER, None)) is None:
            return None
        chat = registry().new_chat(me)
        try:
            setup = share_link.decode_link(text, chat.model)
        except BadInput as error:
            return error
        chat.settings = setup.settings
        chat.set_system(setup.system)
        st.session_state[_CHAT] = st.query_params["c"] = chat.id
        features = setup.settings.features
        raw = features.form is InputForm.PROMPT and features.raw  # it is written in a box of its own
        st.session_state[RAW_PROMPT_KEY if raw else MESSAGE_KEY] = setup.first_message
        return None

    @property
    def slot(self) -> int:
        """0 or 1, other than it was for the conversation that was open before this one."""
        return int(st.session_state.get(_SIDE, 0))

    @property
    def previous_chat(self) -> str | None:
        """The conversation to go back to."""
        before = st.session_state.get(_BEFORE)
        return before if registry().find_chat(self.owner, before) else None

    def count_shown(self, window: int) -> int:
        """How many messages are drawn: the last ones, and as many more as were asked for."""
        return int(st.session_state.setdefault(_SHOWN, window))

    def show_messages(self, messages: int) -> None:
        """Draw that many messages from now on."""
        st.session_state[_SHOWN] = messages

    @property
    def is_raw_prompt(self) -> bool:
        """Whether a raw prompt is written, in a box of its own."""
        chosen = self.chat.settings.features
        return chosen.form is InputForm.PROMPT and chosen.raw

    @property
    def raw_prompt(self) -> str:
        """The raw prompt as it stands in its box."""
        return str(st.session_state.get(RAW_PROMPT_KEY) or "")

    @property
    def next_text(self) -> str:
        """What is about to be sent, as far as it is known: the raw prompt, else what stands in the message box."""
        return self.raw_prompt if self.is_raw_prompt else chat_input_draft.text()

    def answer_calls(self, message: Message, results: tuple[str, ...]) -> None:
        """Give the model what its tools say, and let it go on."""
        self._try(lambda backend: self.chat.send_tool_results(message, results, backend))

    @property
    def last_asked(self) -> str:
        """The answer that this tab asked for last. It may have ended before the page was drawn again."""
        return str(st.session_state.get(_BEGUN, ""))

    def answer_with_sample_tools(self, message: str) -> bool:
        """Answer the calls of that message with the sample tools where that is wanted. True where it goes on."""
        said = self.chat.conversation.message(message)
        results = self.run_sample_tools(message)
        if results is None:
            return False
        return self._try(lambda backend: self.chat.send_tool_results(said, results, backend))

    def send_again(self, message: Message) -> None:
        """Send the request behind that answer exactly as it was; another variant answers it."""
        request = message.answers[-1].request
        self._try(lambda backend: self.chat.resend(message, request, backend))

    def load_request(self, message: Message) -> None:
        """Put the request behind that answer back into the controls: settings, features, system prompt and text."""
        request = message.answers[-1].request
        self.chat.change_settings(lambda settings: settings_from_request(request, settings))
        match request.input:
            case Messages(turns):
                system = system_prompt_from_request(request)
                self.chat.set_system(system)
                st.session_state[MESSAGE_KEY] = next(
                    (turn.content for turn in reversed(turns) if turn.role == "user"), ""
                )
            case Prompt(text):
                st.session_state[RAW_PROMPT_KEY if request.input.raw else MESSAGE_KEY] = text

    def trace(self, answer: Answer) -> Trace | None:
        """What went over the wire for an answer: at hand, or in the database. None where neither has it."""
        if answer.trace is not None:
            return answer.trace
        try:
            return registry().store.trace(self.owner, self.chat.id, answer.id)
        except PaddockError:
            return None

    def submit(self) -> None:
        """Send what stands in the box; what cannot be sent goes back into it."""
        text = st.session_state[MESSAGE_KEY]
        if self._try(lambda backend: self.chat.send(text, backend)):
            chat_input_draft.mark_sent()
        else:
            st.session_state[MESSAGE_KEY] = text

    def send_raw_prompt(self) -> None:
        """Send the raw prompt; it stays in its box, to be changed and sent again."""
        self.send(self.raw_prompt)

    def send(self, text: str) -> None:
        """Send that text."""
        self._try(lambda backend: self.chat.send(text, backend))

    def regenerate(self, message: Message) -> None:
        """Another answer in the place of that one."""
        self._try(lambda backend: self.chat.regenerate(message, backend))

    def raised_limit(self, message: Message) -> int | None:
        """The limit that an answer could go on with: twice the one it reached, or what the context leaves."""
        cap = self.chat.model.output_limit
        reached = int(message.answers[-1].request.parameters.get(cap.name, cap.default or 0))
        more = min(2 * reached, self.context_window - self.context_used[0] - _SLACK)
        return more if more > 0 else None

    def continue_with_limit(self, message: Message, more: int) -> None:
        """Let that answer go on with that limit, which holds from now on."""
        cap = self.chat.model.output_limit.name
        if self.chat.settings[cap].value < more:
            self.chat.change_settings(lambda settings: settings.with_value(cap, more))
        self._try(lambda backend: self.chat.continue_answer(message, backend, more))

    def regenerate_with_limit(self, message: Message, more: int) -> None:
        """Another answer in the place of that one, which may be as long as that; the limit holds from now on."""
        cap = self.chat.model.output_limit.name
        self.chat.change_settings(lambda settings: settings.with_value(cap, more))
        self.regenerate(message)

    def continue_answer(self, message: Message) -> None:
        """Let that answer go on where it was stopped or cut off."""
        self._try(lambda backend: self.chat.continue_answer(message, backend))

    def open_variant(self, id: str) -> None:
        """Show the path through that message."""
        self.caught(lambda: self.chat.open_message(id))

    def edit(self, message: Message, text: str, *, send: bool) -> bool:
        """Give a message another text, and where ``send`` is set have it answered, or continued. False: refused."""
        if not send:
            return self.caught(lambda: self.chat.edit(message.id, text))
        act = self.chat.rewrite_and_continue if message.role == "assistant" else self.chat.edit_and_send
        return self._try(lambda backend: act(message.id, text, backend))

    def insert_message(self, after: Message, role: str, text: str) -> bool:
        """Put a message in after that one. False where it was refused."""
        return self.caught(lambda: self.chat.insert(after.id, role, text))

    def branch(self, upto: Message) -> None:
        """Go on in a new conversation that begins as this one does, down to that message."""
        branch = ChatSession(registry().client, self.chat.model, self.chat.conversation.branch(upto.id))
        self.open_chat(registry().add_chat(self.owner, branch, self.chat.settings).id, before=self.chat.id)

    def delete(self, message: Message) -> None:
        """Take one message out, until somebody wants it back."""

        def act() -> None:
            before = self.chat.delete(message.id)
            st.session_state[_DELETED] = (self.chat.id, before, self.chat.conversation)

        self.caught(act)

    @property
    def can_undo(self) -> bool:
        """Whether the last thing that happened to this conversation was a deletion."""
        chat, _, now = st.session_state.get(_DELETED, (None, None, None))
        return chat == self.chat.id and self.chat.conversation is now

    def undo(self) -> None:
        """Bring the deleted message back."""
        _, before, now = st.session_state.pop(_DELETED)
        self.caught(lambda: self.chat.restore(before, now))

    def new_chat(self) -> None:
        """A new conversation with the same settings; the way back stays."""
        self.open_chat(registry().new_chat(self.owner, self.chat).id, before=self.chat.id)

    def open_chat(self, id: str, before: str | None = None) -> None:
        """Open another conversation."""
        if registry().find_chat(self.owner, id) is None:
            return
        st.session_state[_CHAT] = st.query_params["c"] = id
        st.session_state[_BEFORE] = before
        st.session_state[_SIDE] = 1 - self.slot
        st.session_state.pop(_SHOWN, None)

    def _try(self, act: Callable[[Backend], object]) -> bool:
        """Ask for an answer. False where it was refused."""
        done = self.run_with_backend(act)
        if done:
            st.session_state[_BEGUN] = self.chat.conversation.head
        return done
