"""Tab: which conversation is open in this browser tab, and what its buttons do."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from lib.api.backend import Backend
from lib.api.request import Messages, Prompt, settings_of, system_of
from lib.api.trace import Trace
from lib.chat.answer import Answer
from lib.chat.chat_session import Chat
from lib.chat.conversation import Message
from lib.errors import BadInput, PaddockError
from lib.files import share_link
from lib.model.request_options import Form
from lib.ui.settings.chat_panel import RAW, SYSTEM, Panel
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor import owner
from lib.ui.widgets import draft_text, echo

INPUT = "prompt"  # the key of the message box
_BEGUN = "begun"  # in the session's state: the answer that this tab asked for last
_CHAT, _BEFORE, _SIDE, _SHOWN, _DELETED = "chat", "before", "side", "shown", "deleted"

# The template puts some tokens around a continued answer: leave them room.
_SLACK = 16


class Tab(Panel):
    """Made anew for each run of the page, from the address and the session's state."""

    def __init__(self, backend: Backend | None) -> None:
        known, me = registry(), owner()
        damaged = self._take_link(me)
        chat = (
            known.find(me, st.query_params.get("c"))
            or known.find(me, st.session_state.get(_CHAT))
            or known.new(me)
        )
        super().__init__(me, chat, backend)
        if damaged is not None:
            self.refuse(damaged)
        self.fresh = _CHAT not in st.session_state  # the browser has just opened the page
        if st.session_state.get(_CHAT) != chat.id or SYSTEM not in st.session_state:
            # Another conversation, or this one after another page, which drops the widgets of this one.
            st.session_state[_CHAT] = chat.id
            echo.follow(SYSTEM, chat.conversation.system)
        st.query_params["c"] = chat.id  # a reload, or another tab, finds it again

    def _take_link(self, me: str) -> BadInput | None:
        """Open the set-up that the address carries in a new conversation, once. Gives what is wrong with it."""
        if (text := st.query_params.pop(share_link.PARAMETER, None)) is None:
            return None
        chat = registry().new(me)
        try:
            setup = share_link.decode(text, chat.model)
        except BadInput as error:
            return error
        chat.settings = setup.settings
        chat.set_system(setup.system)
        st.session_state[_CHAT] = st.query_params["c"] = chat.id
        echo.follow(SYSTEM, setup.system)
        features = setup.settings.features
        raw = features.form is Form.PROMPT and features.raw  # it is written in a box of its own
        st.session_state[RAW if raw else INPUT] = setup.text
        return None

    @property
    def side(self) -> int:
        """0 or 1, other than it was for the conversation that was open before this one."""
        return int(st.session_state.get(_SIDE, 0))

    @property
    def before(self) -> str | None:
        """The conversation to go back to."""
        before = st.session_state.get(_BEFORE)
        return before if registry().find(self.owner, before) else None

    def shown(self, window: int) -> int:
        """How many messages are drawn: the last ones, and as many more as were asked for."""
        return int(st.session_state.setdefault(_SHOWN, window))

    def show(self, messages: int) -> None:
        """Draw that many messages from now on."""
        st.session_state[_SHOWN] = messages

    @property
    def writes_prompt(self) -> bool:
        """Whether a raw prompt is written, in a box of its own."""
        chosen = self.chat.settings.features
        return chosen.form is Form.PROMPT and chosen.raw

    @property
    def prompt(self) -> str:
        """The raw prompt as it stands in its box."""
        return str(st.session_state.get(RAW) or "")

    @property
    def text(self) -> str:
        """What is about to be sent, as far as it is known: the raw prompt, else what stands in the message box."""
        return self.prompt if self.writes_prompt else draft_text.text()

    def answer_calls(self, message: Message, results: tuple[str, ...]) -> None:
        """Give the model what its tools say, and let it go on."""
        self._try(lambda backend: self.chat.answer_calls(message, results, backend))

    @property
    def begun(self) -> str:
        """The answer that this tab asked for last. It may have ended before the page was drawn again."""
        return str(st.session_state.get(_BEGUN, ""))

    def answer_by_itself(self, message: str) -> bool:
        """Answer the calls of that message with the sample tools where that is wanted. True where it goes on."""
        said = self.chat.conversation.message(message)
        results = self.results(message)
        if results is None:
            return False
        return self._try(lambda backend: self.chat.answer_calls(said, results, backend))

    def send_again(self, message: Message) -> None:
        """Send the request behind that answer exactly as it was; another variant answers it."""
        request = message.answers[-1].request
        self._try(lambda backend: self.chat.send_again(message, request, backend))

    def load(self, message: Message) -> None:
        """Put the request behind that answer back into the controls: settings, features, system prompt and text."""
        request = message.answers[-1].request
        self.chat.settings = settings_of(request, self.chat.settings)
        match request.input:
            case Messages(turns):
                system = system_of(request)
                self.chat.set_system(system)
                echo.follow(SYSTEM, system)
                st.session_state[INPUT] = next(
                    (turn.content for turn in reversed(turns) if turn.role == "user"), ""
                )
            case Prompt(text):
                st.session_state[RAW if request.input.raw else INPUT] = text

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
        text = st.session_state[INPUT]
        if self._try(lambda backend: self.chat.send(text, backend)):
            draft_text.sent()
        else:
            st.session_state[INPUT] = text

    def send_prompt(self) -> None:
        """Send the raw prompt; it stays in its box, to be changed and sent again."""
        self.send(self.prompt)

    def send(self, text: str) -> None:
        """Send that text."""
        self._try(lambda backend: self.chat.send(text, backend))

    def again(self, message: Message) -> None:
        """Another answer in the place of that one."""
        self._try(lambda backend: self.chat.regenerate(message, backend))

    def more(self, message: Message) -> int | None:
        """The limit that an answer could go on with: twice the one it reached, or what the context leaves."""
        cap = self.chat.model.output_cap
        reached = int(message.answers[-1].request.parameters.get(cap.name, cap.default or 0))
        more = min(2 * reached, self.window - self.used[0] - _SLACK)
        return more if more > 0 else None

    def go_on(self, message: Message, more: int) -> None:
        """Let that answer go on with that limit, which holds from now on."""
        cap = self.chat.model.output_cap.name
        if self.chat.settings[cap].value < more:
            self.chat.settings = self.chat.settings.with_value(cap, more)
        self._try(lambda backend: self.chat.go_on(message, backend, more))

    def ask_longer(self, message: Message, more: int) -> None:
        """Another answer in the place of that one, which may be as long as that; the limit holds from now on."""
        self.chat.settings = self.chat.settings.with_value(self.chat.model.output_cap.name, more)
        self.again(message)

    def resume(self, message: Message) -> None:
        """Let that answer go on where it was stopped or cut off."""
        self._try(lambda backend: self.chat.go_on(message, backend))

    def open_variant(self, id: str) -> None:
        """Show the path through that message."""
        self.caught(lambda: self.chat.open(id))

    def edit(self, message: Message, text: str, *, send: bool) -> bool:
        """Give a message another text, and where ``send`` is set have it answered, or continued. False: refused."""
        if not send:
            return self.caught(lambda: self.chat.edit(message.id, text))
        act = self.chat.rewrite if message.role == "assistant" else self.chat.ask_again
        return self._try(lambda backend: act(message.id, text, backend))

    def insert(self, after: Message, role: str, text: str) -> bool:
        """Put a message in after that one. False where it was refused."""
        return self.caught(lambda: self.chat.insert(after.id, role, text))

    def branch(self, upto: Message) -> None:
        """Go on in a new conversation that begins as this one does, down to that message."""
        branch = Chat(registry().client, self.chat.model, self.chat.conversation.branch(upto.id))
        self.turn_to(registry().add(self.owner, branch, self.chat.settings).id, before=self.chat.id)

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

    def new(self) -> None:
        """A new conversation with the same settings; the way back stays."""
        self.turn_to(registry().new(self.owner, self.chat).id, before=self.chat.id)

    def turn_to(self, id: str, before: str | None = None) -> None:
        """Open another conversation."""
        if (chat := registry().find(self.owner, id)) is None:
            return
        st.session_state[_CHAT] = st.query_params["c"] = id
        echo.follow(SYSTEM, chat.conversation.system)
        st.session_state[_BEFORE] = before
        st.session_state[_SIDE] = 1 - self.side
        st.session_state.pop(_SHOWN, None)

    def _try(self, act: Callable[[Backend], object]) -> bool:
        """Ask for an answer. False where it was refused."""
        done = self.ask(act)
        if done:
            st.session_state[_BEGUN] = self.chat.conversation.head
        return done
