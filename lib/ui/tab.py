"""Tab: which conversation is open in this browser tab, and what its buttons do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from lib import link, llama3, sample_tools
from lib.answer import Answer, Ending
from lib.backend import Backend
from lib.chat import Chat
from lib.conflict import Conflict
from lib.conversation import Message
from lib.errors import BadInput, PaddockError
from lib.features import Form
from lib.request import Messages, Prompt, Turn, build
from lib.trace import Trace
from lib.ui import draft, echo, figures
from lib.ui.registry import registry
from lib.ui.visitor import owner

INPUT, SYSTEM, RAW = "prompt", "system", "raw-prompt"  # the keys of the boxes
_AUTO = "auto"
_BEGUN = "begun"  # in the session's state: the answer that this tab asked for last
_CHAT, _BEFORE, _SIDE, _REFUSED, _SHOWN, _DELETED = "chat", "before", "side", "refused", "shown", "deleted"

# The template puts some tokens around a continued answer: leave them room.
_SLACK = 16
MOST_ROUNDS = 5  # of calls that sample tools answer by themselves after one message: a model may never stop


class Tab:
    """Made anew for each run of the page, from the address and the session's state.

    ``backend`` is where its requests go, None while there is none; ``window`` its context in tokens.
    """

    def __init__(self, backend: Backend | None) -> None:
        known = registry()
        self.owner = owner()
        self._take_link()
        chat = (
            known.find(self.owner, st.query_params.get("c"))
            or known.find(self.owner, st.session_state.get(_CHAT))
            or known.new(self.owner)
        )
        self.fresh = _CHAT not in st.session_state  # the browser has just opened the page
        if st.session_state.get(_CHAT) != chat.id or SYSTEM not in st.session_state:
            # Another conversation, or this one after another page, which drops the widgets of this one.
            st.session_state[_CHAT] = chat.id
            echo.follow(SYSTEM, chat.conversation.system)
        st.query_params["c"] = chat.id  # a reload, or another tab, finds it again
        self.chat: Chat = chat
        self.backend = backend
        self.window = (backend and backend.context_window) or chat.model.context_window

    def _take_link(self) -> None:
        """Open the set-up that the address carries in a new conversation, once."""
        if (text := st.query_params.pop(link.PARAMETER, None)) is None:
            return
        chat = registry().new(self.owner)
        try:
            setup = link.decode(text, chat.model)
        except BadInput as error:
            st.session_state[_REFUSED] = error
            return
        chat.settings = setup.settings
        chat.set_system(setup.system)
        st.session_state[_CHAT] = st.query_params["c"] = chat.id
        echo.follow(SYSTEM, setup.system)
        features = setup.settings.features
        raw = features.form is Form.PROMPT and features.raw  # it is written in a box of its own
        st.session_state[RAW if raw else INPUT] = setup.text

    @property
    def side(self) -> int:
        """0 or 1, other than it was for the conversation that was open before this one."""
        return int(st.session_state.get(_SIDE, 0))

    @property
    def before(self) -> str | None:
        """The conversation to go back to."""
        before = st.session_state.get(_BEFORE)
        return before if registry().find(self.owner, before) else None

    @property
    def used(self) -> tuple[int, bool]:
        """Tokens of the context that the open path takes, and whether that is an estimate."""
        conversation, _ = self.chat.view()
        return figures.context_used(conversation, conversation.path())

    @property
    def room(self) -> int:
        """Tokens that the context leaves for an answer."""
        return self.window - self.used[0]

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
        return self.prompt if self.writes_prompt else draft.text()

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
        chosen = self.chat.settings.features
        input = Messages(turns, tools=chosen.tools)

        def act() -> None:
            text = llama3.lay_out(input)
            if self.backend is not None and self.backend.inspects:
                text = registry().client.layout(self.backend, build(self.chat.model, input)).prompt
            st.session_state[RAW] = text

        self._caught(act)

    @property
    def auto(self) -> bool:
        """Whether sample tools answer by themselves."""
        return bool(st.session_state.get(_AUTO, False))

    def set_auto(self, on: bool) -> None:
        """Let sample tools answer by themselves, or not."""
        st.session_state[_AUTO] = on

    def answer_calls(self, message: Message, results: tuple[str, ...]) -> None:
        """Give the model what its tools say, and let it go on."""
        self._try(lambda backend: self.chat.answer_calls(message, results, backend))

    @property
    def begun(self) -> str:
        """The answer that this tab asked for last. It may have ended before the page was drawn again."""
        return str(st.session_state.get(_BEGUN, ""))

    def answer_by_itself(self, message: str) -> bool:
        """Answer the calls of that message with the sample tools where that is wanted. True where it goes on."""
        conversation, live = self.chat.view()
        said = conversation.message(message)
        if live is not None or not self.auto or not said.calls or conversation.head != message:
            return False
        if not said.answers or said.answers[-1].ending is not Ending.TOOL_CALLS:
            return False  # stopped or cut off: that is for a person to judge
        rounds = 0
        for one in reversed(conversation.path()):
            if one.role == "user":
                break
            rounds += bool(one.calls)
        asked = said.answers[-1].request.input
        tools = asked.tools if isinstance(asked, Messages) else ()
        results = sample_tools.answers(said.calls, tools)
        if results is None or rounds > MOST_ROUNDS:
            return False
        return self._try(lambda backend: self.chat.answer_calls(said, results, backend))

    def send_again(self, message: Message) -> None:
        """Send the request behind that answer exactly as it was; another variant answers it."""
        request = message.answers[-1].request
        self._try(lambda backend: self.chat.send_again(message, request, backend))

    def load(self, message: Message) -> None:
        """Put the request behind that answer back into the controls: settings, features, system prompt and text."""
        request = message.answers[-1].request
        settings = self.chat.settings.having(request.parameters)
        features = replace(settings.features, stream=request.stream, response_format=request.response_format)
        match request.input:
            case Messages(turns):
                features = replace(
                    features, form=Form.MESSAGES, raw=request.input.raw, tools=request.input.tools,
                    functions=request.input.functions,
                )  # fmt: skip
                system = turns[0].content if turns and turns[0].role == "system" else ""
                self.chat.set_system(system)
                echo.follow(SYSTEM, system)
                st.session_state[INPUT] = next(
                    (turn.content for turn in reversed(turns) if turn.role == "user"), ""
                )
            case Prompt(text):
                features = replace(features, form=Form.PROMPT, raw=request.input.raw, lora=request.input.lora)
                st.session_state[RAW if request.input.raw else INPUT] = text
        self.chat.settings = replace(settings, features=features)

    def trace(self, answer: Answer) -> Trace | None:
        """What went over the wire for an answer: at hand, or in the database. None where neither has it."""
        if answer.trace is not None:
            return answer.trace
        try:
            return registry().store.trace(self.owner, self.chat.id, answer.id)
        except PaddockError:
            return None

    def refusal(self) -> PaddockError | None:
        """What was refused since the last drawing."""
        refused: PaddockError | None = st.session_state.pop(_REFUSED, None)
        return refused

    def keep_system(self) -> None:
        """The system prompt's box was changed."""
        if not echo.is_echo(SYSTEM):
            self.chat.set_system(st.session_state[SYSTEM])

    def submit(self) -> None:
        """Send what stands in the box; what cannot be sent goes back into it."""
        text = st.session_state[INPUT]
        if self._try(lambda backend: self.chat.send(text, backend)):
            draft.sent()
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
        self._caught(lambda: self.chat.open(id))

    def edit(self, message: Message, text: str, *, send: bool) -> bool:
        """Give a message another text, and where ``send`` is set have it answered, or continued. False: refused."""
        if not send:
            return self._caught(lambda: self.chat.edit(message.id, text))
        act = self.chat.rewrite if message.role == "assistant" else self.chat.ask_again
        return self._try(lambda backend: act(message.id, text, backend))

    def insert(self, after: Message, role: str, text: str) -> bool:
        """Put a message in after that one. False where it was refused."""
        return self._caught(lambda: self.chat.insert(after.id, role, text))

    def branch(self, upto: Message) -> None:
        """Go on in a new conversation that begins as this one does, down to that message."""
        branch = Chat(registry().client, self.chat.model, self.chat.conversation.branch(upto.id))
        self.turn_to(registry().add(self.owner, branch, self.chat.settings).id, before=self.chat.id)

    def delete(self, message: Message) -> None:
        """Take one message out, until somebody wants it back."""

        def act() -> None:
            before = self.chat.delete(message.id)
            st.session_state[_DELETED] = (self.chat.id, before, self.chat.conversation)

        self._caught(act)

    @property
    def can_undo(self) -> bool:
        """Whether the last thing that happened to this conversation was a deletion."""
        chat, _, now = st.session_state.get(_DELETED, (None, None, None))
        return chat == self.chat.id and self.chat.conversation is now

    def undo(self) -> None:
        """Bring the deleted message back."""
        _, before, now = st.session_state.pop(_DELETED)
        self._caught(lambda: self.chat.restore(before, now))

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
        """Do what needs a backend. False where it was refused."""

        def with_backend() -> None:
            if self.backend is None:
                raise BadInput(
                    "The twin is not up yet.", advice="Your text is kept: send it once the twin is there."
                )
            act(self.backend)
            st.session_state[_BEGUN] = self.chat.conversation.head

        return self._caught(with_backend)

    def _caught(self, act: Callable[[], object]) -> bool:
        """Do it; a refusal is kept for the next drawing."""
        try:
            act()
        except PaddockError as error:
            st.session_state[_REFUSED] = error
            return False
        return True
