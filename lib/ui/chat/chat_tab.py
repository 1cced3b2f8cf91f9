"""The chat that is open in this browser tab, and the actions of the page's buttons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from lib.api.backend import Backend
from lib.api.request import Messages, Prompt, settings_from_request, system_prompt_from_request
from lib.api.trace import Trace
from lib.chat.answer import Answer, Ending
from lib.chat.answer_words import AnswerWords, find_answer_words
from lib.chat.conversation import Message
from lib.compare.comparison import SetupFields, differing_fields, setup_fields
from lib.errors import BadInput
from lib.files import share_link
from lib.local_models.supervised_twin import Failed
from lib.model.model_record import default_model
from lib.model.settings import Settings
from lib.ui.answer.answer_trace import find_trace
from lib.ui.settings.chat_actions import RAW_PROMPT_STATE, ChatActions
from lib.ui.shell import page_mode
from lib.ui.shell.page_actions import Ts
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import current_owner
from lib.ui.widgets import chat_input_draft

MAX_EXPLAINED_WORDS = 200  # each is a control of the page
MESSAGE_KEY = "prompt"  # the key of the message box
REPLAY = "replay"  # in the session's state: the message that is replayed, while one is
# In the session's state: the open chat, the one to go back to, the slot (see below), the number of messages that are
# drawn, the last deletion, and the answer that this tab asked for last.
_CHAT, _PREVIOUS, _SLOT, _SHOWN, _DELETED, _LAST_ASKED = "chat", "before", "side", "shown", "deleted", "begun"
_SHARED = "shared"  # in the session's state: the _SharedChat that a link has opened last
_WAITING = "message-waiting"  # in the session's state: the chat and the text that wait for the practice model
_CHAT_PARAMETER = "c"  # of the URL

# The template adds some tokens around a continued answer: leave room for them.
_TEMPLATE_TOKENS = 16


@dataclass(frozen=True)
class _SharedChat:
    """A chat that a share link has opened, with the id of the chat and the raw prompt that were there before."""

    id: str
    previous: str | None
    previous_raw_prompt: str


class ChatTab(ChatActions):
    """Created in each run of the page, from the URL and the session's state."""

    def __init__(self, backend: Backend | None) -> None:
        chats, owner = registry(), current_owner()
        link_error = self._open_share_link(owner)
        chat = (
            chats.find_chat(owner, st.query_params.get(_CHAT_PARAMETER))
            or chats.find_chat(owner, st.session_state.get(_CHAT))
            or chats.new_chat(owner)
        )
        super().__init__(owner, chat, backend)
        if link_error is not None:
            self.keep_error(link_error)
        self.mode = page_mode.current_mode()
        self.is_just_opened = _CHAT not in st.session_state  # the browser has just opened the page
        # In the URL, so that a reload or another tab finds the chat again.
        st.session_state[_CHAT] = st.query_params[_CHAT_PARAMETER] = chat.id
        if self.is_just_opened:
            chats.refresh_chat(owner, chat)

    def _open_share_link(self, owner: str) -> BadInput | None:
        """Open the set-up of a share link in the URL as a new chat, once. Return the error if it cannot be read."""
        if (text := st.query_params.pop(share_link.QUERY_PARAMETER, None)) is None:
            return None
        chat = registry().new_chat(owner)
        try:
            setup = share_link.decode_link(text, default_model())
        except BadInput as error:
            return error
        chat.settings = setup.settings
        chat.set_system(setup.system)
        chat.prepared_messages = setup.prepared_messages
        st.session_state[_SHARED] = _SharedChat(
            chat.id, st.session_state.get(_CHAT), str(st.session_state.get(RAW_PROMPT_STATE, ""))
        )
        st.session_state[_CHAT] = st.query_params[_CHAT_PARAMETER] = chat.id
        is_raw = setup.settings.features.is_raw_prompt
        st.session_state[RAW_PROMPT_STATE if is_raw else MESSAGE_KEY] = setup.first_message
        return None

    @property
    def shared_setup(self) -> SetupFields | None:
        """The settings that a share link changed from the usual; None unless it opened this chat, still empty."""
        shared: _SharedChat | None = st.session_state.get(_SHARED)
        if shared is None or shared.id != self.chat.id or self.chat.conversation.messages:
            return None
        usual = default_model()
        defaults = setup_fields(usual, "", Settings.defaults(usual))
        now = setup_fields(self.chat.model, self.chat.conversation.system, self.chat.settings)
        return differing_fields((defaults, now))[1]

    def leave_shared_setup(self) -> None:
        """Go back to the chat that was open before the share link, else to a new one."""
        shared: _SharedChat = st.session_state.pop(_SHARED)
        previous = registry().find_chat(self.owner, shared.previous) or registry().new_chat(self.owner)
        st.session_state[MESSAGE_KEY] = ""
        st.session_state[RAW_PROMPT_STATE] = shared.previous_raw_prompt
        self.open_chat(previous.id)

    def keep_shared_setup(self) -> None:
        """Remove the notice of the share link."""
        st.session_state.pop(_SHARED, None)

    @property
    def slot(self) -> int:
        """0 or 1: the place on the page where this chat is drawn, another than the previous chat's or mode's."""
        return (
            int(st.session_state.get(_SLOT, 0)) + (not self.mode.has_controls) + (REPLAY in st.session_state)
        ) % 2

    @property
    def previous_chat(self) -> str | None:
        """The id of the chat to go back to."""
        previous = st.session_state.get(_PREVIOUS)
        return previous if registry().find_chat(self.owner, previous) else None

    def count_shown(self, initial: int) -> int:
        """Return how many of the last messages are drawn, ``initial`` until the user asks for more."""
        return int(st.session_state.setdefault(_SHOWN, initial))

    def show_messages(self, count: int) -> None:
        """Draw that many of the last messages from now on."""
        st.session_state[_SHOWN] = count

    @property
    def is_raw_prompt(self) -> bool:
        """True if a raw prompt is sent. It has a box of its own."""
        return self.chat.settings.features.is_raw_prompt

    @property
    def raw_prompt(self) -> str:
        """The text in the raw prompt's box."""
        return str(st.session_state.get(RAW_PROMPT_STATE, ""))

    def set_raw_prompt(self, text: str) -> None:
        """Put a text into the raw prompt's box."""
        st.session_state[RAW_PROMPT_STATE] = text

    @property
    def next_text(self) -> str:
        """The text of the next send as far as it is known: the raw prompt, else the draft in the message box."""
        return self.raw_prompt if self.is_raw_prompt else chat_input_draft.text()

    @property
    def last_asked(self) -> str:
        """The id of the answer that this tab asked for last. It may have ended before the page was drawn again."""
        return str(st.session_state.get(_LAST_ASKED, ""))

    def ask(self, act: Callable[[*Ts, Backend], object], *args: *Ts) -> bool:
        """Call a method of the chat that asks for an answer, and remember that answer. Ends a replay."""
        st.session_state.pop(REPLAY, None)
        was_asked = super().ask(act, *args)
        if was_asked:
            st.session_state[_LAST_ASKED] = self.chat.conversation.head
        return was_asked

    @property
    def can_wait(self) -> bool:
        """True while the practice model starts: a message is sent as soon as it has started."""
        return self.backend is None and not isinstance(registry().supervisor.state, Failed)

    @property
    def waiting_text(self) -> str:
        """The text of the message that waits for the practice model."""
        chat, text = st.session_state.get(_WAITING, ("", ""))
        return str(text) if chat == self.chat.id else ""

    def stop_waiting(self) -> None:
        """Put the message that waits back into its box."""
        st.session_state[MESSAGE_KEY] = self.waiting_text
        st.session_state.pop(_WAITING, None)

    def send_waiting(self) -> None:
        """Send the message that waits, if the practice model has started."""
        text = self.waiting_text
        if text and not self.can_wait:
            st.session_state.pop(_WAITING, None)
            self.send(text)

    def _wait_with(self, text: str) -> bool:
        """Let a message wait for the practice model. Return False if it need not wait, or has no text."""
        if not self.can_wait or self.is_raw_prompt or not text.strip():
            return False
        st.session_state[_WAITING] = (self.chat.id, text)
        return True

    def submit(self) -> None:
        """Send the text of the message box; put it back if it cannot be sent."""
        text = st.session_state[MESSAGE_KEY]
        if self._wait_with(text) or self.ask(self.chat.send, text):
            chat_input_draft.mark_sent()
        else:
            st.session_state[MESSAGE_KEY] = text

    def send(self, text: str) -> None:
        if not self._wait_with(text):
            self.ask(self.chat.send, text)

    def set_prepared_messages(self, messages: tuple[str, ...]) -> None:
        """Replace the messages that are to be sent one by one."""
        self.chat.prepared_messages = messages

    def stop(self) -> bool:
        """Stop the answer that comes, or the replay. Return False if there is neither."""
        _, live = self.chat.snapshot()
        self.chat.stop()
        return st.session_state.pop(REPLAY, None) is not None or live is not None

    def send_raw_prompt(self) -> None:
        """Send the raw prompt; it stays in its box, to be changed and sent again."""
        self.send(self.raw_prompt)

    def answer_calls(self, message: Message, results: tuple[str, ...]) -> bool:
        """Send the results of a message's tool calls. Return False if they were refused."""
        return self.ask(self.chat.send_tool_results, message, results)

    def answer_with_sample_tools(self, message: str) -> bool:
        """Answer the tool calls of a message with the sample tools, if they may. Return True if that was sent."""
        results = self.run_sample_tools(message)
        return results is not None and self.answer_calls(self.chat.conversation.message(message), results)

    def send_again(self, message: Message) -> None:
        """Send the request of an answer again, unchanged; the new answer is another variant."""
        self.ask(self.chat.resend, message, message.answers[-1].request)

    def load_request(self, message: Message) -> None:
        """Put the request of an answer back into the controls: settings, features, system prompt and text."""
        request = message.answers[-1].request
        self.chat.change_settings(lambda settings: settings_from_request(request, settings))
        match request.input:
            case Messages(turns):
                self.chat.set_system(system_prompt_from_request(request))
                questions = [turn.content for turn in turns if turn.role == "user"]
                st.session_state[MESSAGE_KEY] = questions[-1] if questions else ""
            case Prompt(text):
                st.session_state[RAW_PROMPT_STATE if request.input.raw else MESSAGE_KEY] = text

    def trace(self, answer: Answer) -> Trace | None:
        """Return the trace of an answer, from memory or the database; None if neither has it."""
        return find_trace(self.owner, self.chat.id, answer)

    def words(self, message: Message) -> AnswerWords | None:
        """Return the words of an answer that the next-token section can explain, None if there are none."""
        return find_answer_words(self.chat.conversation, message, MAX_EXPLAINED_WORDS)

    def has_words(self, message: Message) -> bool:
        """Return True if the message has words that the next-token section can explain."""
        return find_answer_words(self.chat.conversation, message, 1) is not None

    def regenerate(self, message: Message, output_limit: int | None = None) -> None:
        """Ask for another variant of an answer. Another limit stays in the settings."""
        self._set_limit(output_limit)
        self.ask(self.chat.regenerate, message)

    def _set_limit(self, output_limit: int | None) -> None:
        limit = self.chat.model.output_limit
        if output_limit is not None and limit is not None:
            self.chat.change_settings(lambda settings: settings.with_value(limit.name, output_limit))

    def raised_limit(self, message: Message) -> int | None:
        """Return twice the limit that an answer reached, or what the context leaves; None if it reached none."""
        if not message.answers or message.answers[-1].ending is not Ending.LENGTH:
            return None
        request = message.answers[-1].request
        reached = int(self.chat.model_of(request).answer_limit(request.parameters) or 0)
        raised = min(2 * reached, self.context_left - _TEMPLATE_TOKENS)
        return raised if raised > 0 else None

    def continue_answer(self, message: Message, output_limit: int | None = None) -> None:
        """Continue an answer. A higher limit stays in the settings."""
        limit = self.chat.model.output_limit
        if output_limit is not None and limit and self.chat.settings[limit.name].number < output_limit:
            self._set_limit(output_limit)
        self.ask(lambda backend: self.chat.continue_answer(message, backend, output_limit))

    def open_variant(self, id: str) -> None:
        """Show the path through a message."""
        self.attempt(self.chat.open_message, id)

    def show_elsewhere(self, id: str) -> None:
        """Open the branch that another server added, if it is still there."""
        if any(message.id == id for message in self.chat.conversation.messages):
            self.open_variant(id)
        self.dismiss_elsewhere()

    def dismiss_elsewhere(self) -> None:
        """Remove the notice that another server changed the conversation."""
        self.chat.changed_elsewhere = None

    def edit(self, message: Message, text: str, *, send: bool) -> bool:
        """Change a message's text. ``send``: and have it answered, or continued. Return False if it was refused."""
        if not send:
            return self.attempt(self.chat.edit, message.id, text)
        if message.role == "assistant":
            return self.ask(self.chat.rewrite_and_continue, message.id, text)
        return self.ask(self.chat.edit_and_send, message.id, text)

    def insert_message(self, after: Message, role: str, text: str) -> bool:
        """Insert a message after that one. Return False if it was refused."""
        return self.attempt(self.chat.insert, after.id, role, text)

    def branch(self, last: Message) -> None:
        """Open a new chat that has this one's messages down to that one."""
        branch = self.chat.with_conversation(self.chat.conversation.branch(last.id))
        new = registry().add_chat(self.owner, branch)
        self.open_chat(new.id, previous=self.chat.id)

    def delete(self, message: Message) -> None:
        """Delete one message; undo() restores it."""
        with self.errors():
            before = self.chat.delete(message.id)
            st.session_state[_DELETED] = (self.chat.id, before, self.chat.conversation)

    @property
    def can_undo(self) -> bool:
        """True if nothing has changed in this chat since the last deletion."""
        chat, _, after = st.session_state.get(_DELETED, (None, None, None))
        return chat == self.chat.id and self.chat.conversation is after

    def undo(self) -> None:
        """Restore the deleted message."""
        _, before, after = st.session_state.pop(_DELETED)
        self.attempt(self.chat.restore, before, after)

    def new_chat(self) -> None:
        """Open a new chat with the same settings."""
        new = registry().new_chat(self.owner, self.chat)
        self.open_chat(new.id, previous=self.chat.id)

    def open_chat(self, id: str, previous: str | None = None) -> None:
        """Open another chat, from which ``previous`` can be reached again."""
        if registry().find_chat(self.owner, id) is None:
            return
        st.session_state[_CHAT] = st.query_params[_CHAT_PARAMETER] = id
        st.session_state[_PREVIOUS] = previous
        st.session_state[_SLOT] = 1 - int(st.session_state.get(_SLOT, 0))
        st.session_state.pop(_SHOWN, None)
        st.session_state.pop(REPLAY, None)
