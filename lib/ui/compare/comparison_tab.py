"""Board: which comparison is open in this browser tab, and what its buttons do."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from lib import store
from lib.api.backend import Backend
from lib.api.request import settings_of, system_of
from lib.chat.chat_session import Chat
from lib.chat.conversation import Message
from lib.compare.comparison import Column, Comparison, Facts, differing, facts_asked, thread
from lib.compare.comparison_session import Contest, Refused
from lib.errors import PaddockError
from lib.files import preset_file
from lib.files.preset_file import Preset
from lib.model.model_record import Model
from lib.model.settings import Settings
from lib.ui.chat import request_preview
from lib.ui.chat.request_preview import Outlook
from lib.ui.settings.chat_panel import Panel
from lib.ui.shell.page_actions import Refusing
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor import owner
from lib.ui.widgets import draft_text

INPUT = "compare-input"  # the key of the input's box
PARAMETER = "k"  # of the page's address
OFF = ""  # no column is the base of the differences
_CONTEST, _BEFORE, _COLUMN, _BASE = "contest", "contest-before", "compare-column", "compare-base"
_GO, _SIDE = "compare-go", "compare-side"


class Board(Refusing):
    """Made anew for each run of the page, from the address and the session's state."""

    def __init__(self, backend: Backend | None) -> None:
        known, me = registry(), owner()
        contest = (
            known.contest(me, st.query_params.get(PARAMETER))
            or known.contest(me, st.session_state.get(_CONTEST))
            or known.new_contest(me)
        )
        super().__init__(backend, "compare-refused")
        self.owner = me
        self.contest: Contest = contest
        self.fresh = _CONTEST not in st.session_state  # the browser has just opened the page
        st.session_state[_CONTEST] = st.query_params[PARAMETER] = contest.id
        self.panels = {
            id: Panel(me, chat, backend, f"-{id[:12]}") for id, chat in contest.chats.items()
        }  # the keys' ends

    @property
    def comparison(self) -> Comparison:
        """The comparison as it is now."""
        return self.contest.comparison

    @property
    def model(self) -> Model:
        """The model of all columns."""
        return next(iter(self.panels.values())).chat.model

    @property
    def hidden(self) -> bool:
        """Whether names and settings are hidden."""
        return bool(self.comparison.hidden)

    @property
    def side(self) -> int:
        """0 or 1, other than it was for the comparison that was open before this one."""
        return int(st.session_state.get(_SIDE, 0))

    def label(self, column: Column) -> str:
        """What a column is called: its letter, or while names are hidden the number of its place."""
        if not self.hidden:
            return column.name
        return str([one.id for one in self.comparison.order].index(column.id) + 1)

    def differences(self) -> dict[str, Facts]:
        """What each column is set to that is not alike in all, by id."""
        setups = self.contest.setups()
        return dict(zip(setups, differing(list(setups.values())), strict=True))

    def asked_apart(self, number: int) -> dict[str, Facts]:
        """What the answers to that round's input were asked with that is not alike in all, by the column's id."""
        if self.hidden:
            return {}
        requests = {}
        for id, answer in self.shown(number).items():
            _, live = self.contest.chat(id).view()
            if answer.answers:
                requests[id] = answer.answers[0].request
            elif live is not None and live.message == answer.id:
                requests[id] = live.run.request
        setups = [facts_asked(self.model, request) for request in requests.values()]
        return dict(zip(requests, differing(setups), strict=True))

    def outlooks(self, text: str) -> dict[str, Outlook]:
        """What a send of that text would be in each column, by id."""
        found = {}
        for id, panel in self.panels.items():
            seen = request_preview.look(panel.chat, self.backend, panel.window, text)
            # Here the input is one for all columns, so a raw prompt is not laid out anew.
            raw = panel.chat.settings.with_features(raw=False)
            conflicts = tuple(
                replace(one, mend="Switch raw off", mended=raw) if one.mended is None else one
                for one in seen.conflicts
            )
            found[id] = replace(seen, conflicts=conflicts)
        return found

    @property
    def selected(self) -> Column:
        """The column whose settings are in the sidebar."""
        chosen = st.session_state.get(_COLUMN)
        columns = self.comparison.columns
        return next((column for column in columns if column.id == chosen), columns[0])

    def select(self, column: str) -> None:
        """Put that column's settings into the sidebar."""
        st.session_state[_COLUMN] = column

    @property
    def base(self) -> str:
        """The column that the others' answers are compared with, by id; OFF for none."""
        base = str(st.session_state.get(_BASE, OFF))
        return base if base in self.panels else OFF

    def set_base(self, column: str) -> None:
        """Show the others' answers as differences from that column's."""
        st.session_state[_BASE] = column

    def shown(self, number: int) -> dict[str, Message]:
        """The answer that is looked at in each column for the input of that round, by the column's id."""
        found = {}
        for column in self.comparison.columns:
            answers = self.answers(column, number)
            chosen = self.comparison.shown.get(self.comparison.rounds[number].asked.get(column.id, ""))
            if answers:
                found[column.id] = next((one for one in answers if one.id == chosen), answers[-1])
        return found

    def answers(self, column: Column, number: int) -> tuple[Message, ...]:
        """The column's answers to the input of that round, oldest first."""
        return self.comparison.answers(column, self.contest.chat(column.id).conversation, number)

    def submit(self) -> None:
        """Send what stands in the box to all columns; what cannot be sent goes back into it."""
        text = st.session_state[INPUT]
        if self.ask(lambda backend: self.contest.send(text, backend)):
            draft_text.sent()
        else:
            st.session_state[INPUT] = text

    def send(self, text: str) -> None:
        """Send that text to all columns."""
        self.ask(lambda backend: self.contest.send(text, backend))

    def more(self, column: str) -> None:
        """One more answer in that column."""
        self.ask(lambda backend: self.contest.more(column, backend))

    def answer_calls(self, column: str, message: Message, results: tuple[str, ...]) -> None:
        """Give the model what its tools say, and let it go on."""
        self.ask(lambda backend: self.contest.answer_calls(column, message, results, backend))

    def answer_by_itself(self) -> bool:
        """Answer the calls that the sample tools may answer by themselves. True where anything goes on."""
        done = False
        for id, panel in self.panels.items():
            head = panel.chat.conversation.head
            if head is None or self.contest.coming(id) or (results := panel.results(head)) is None:
                continue
            said = panel.chat.conversation.message(head)
            done = self.ask(self._answering(id, said, results)) or done
        return done

    def _answering(self, id: str, said: Message, results: tuple[str, ...]) -> Callable[[Backend], object]:
        return lambda backend: self.contest.answer_calls(id, said, results, backend)

    def duplicate(self, column: str) -> None:
        """Another column like that one, beside it; its settings go into the sidebar."""

        def act() -> None:
            chat = registry().add(self.owner, self.contest.duplicate(column))
            self.select(chat.id)

        self.caught(act)

    def remove(self, column: str) -> None:
        """Take a column away."""
        self.caught(lambda: self.contest.remove(column))

    def new(self) -> None:
        """A new comparison, whose columns are set as these are."""
        contest = registry().new_contest(self.owner, self.contest.chat(self.comparison.columns[0].id))
        for column, like in zip(contest.comparison.columns, self.comparison.columns, strict=False):
            _set_up(contest.chat(column.id), self.contest.chat(like.id))
        for like in self.comparison.columns[2:]:
            last = contest.comparison.columns[-1].id
            _set_up(registry().add(self.owner, contest.duplicate(last)), self.contest.chat(like.id))
        contest.repeat(self.comparison.repetitions)
        self.turn_to(contest.id)

    def turn_to(self, id: str) -> None:
        """Open another comparison."""
        if registry().contest(self.owner, id) is not None:
            st.session_state[_BEFORE] = self.contest.id
            st.session_state[_CONTEST] = st.query_params[PARAMETER] = id
            st.session_state[_SIDE] = 1 - self.side

    def forget(self, id: str) -> None:
        """Delete a comparison; its conversations go into the bin."""

        def act() -> None:
            registry().drop_contest(self.owner, id)
            if id == self.contest.id:
                st.session_state.pop(_CONTEST, None)
                st.query_params.pop(PARAMETER, None)

        self.caught(act)

    def to_chat(self, column: str, answer: Message) -> None:
        """Go on in the chat, in a new conversation with that answer's thread and the settings it was asked with."""
        panel = self.panels[column]
        system, settings = self._asked_with(column, answer)
        conversation = panel.chat.conversation
        last = thread(conversation, answer.id)[-1]
        branch = replace(conversation.branch(last.id), system=system)
        chat = Chat(registry().client, panel.chat.model, branch)
        st.session_state[_GO] = registry().add(self.owner, chat, settings).id

    @property
    def going(self) -> str | None:
        """The conversation that the chat is to open, once."""
        going: str | None = st.session_state.pop(_GO, None)
        return going

    def keep(self, column: str, answer: Message | None) -> None:
        """Keep what an answer was asked with as a preset, None: what the column is set to now."""
        system, settings = self._asked_with(column, answer)
        told = self.differences().get(column, ())
        first = self.comparison.rounds[0].text if self.comparison.rounds else "From a comparison"
        name = ", ".join(f"{what} {value}" for what, value in told) or first
        name = " ".join(name.split())[: preset_file.MOST_NAME] or "From a comparison"
        one = Preset(name, system, settings, features=settings.features)

        def act() -> None:
            kept = store.Preset(uuid.uuid4().hex, name, preset_file.record(one))
            registry().store.put_preset(self.owner, kept)
            st.toast("Kept. It is under Presets, where it can be renamed.", icon=":material/bookmark_added:")

        self.caught(act)

    def _asked_with(self, column: str, answer: Message | None) -> tuple[str, Settings]:
        chat = self.panels[column].chat
        if answer is None or not answer.answers:
            return chat.conversation.system, chat.settings
        request = answer.answers[0].request
        return system_of(request) or chat.conversation.system, settings_of(request, chat.settings)

    def refuse(self, error: PaddockError) -> None:
        """Keep it for the next drawing, with the settings of the column that it is about in the sidebar."""
        super().refuse(error)
        match error:
            case Refused(column=name) if not self.hidden:
                for column in self.comparison.columns:
                    if column.name == name:
                        self.select(column.id)


def _set_up(chat: Chat, like: Chat) -> None:
    chat.settings = like.settings
    chat.set_system(like.conversation.system)
