"""Board: which comparison is open in this browser tab, and what its buttons do."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from lib import store
from lib.api.backend import Backend
from lib.api.request import settings_from_request, system_prompt_from_request
from lib.chat.chat_session import ChatSession
from lib.chat.conversation import Message
from lib.compare.comparison import (
    Comparison,
    ComparisonColumn,
    SetupFields,
    answer_thread,
    differing_fields,
    request_setup_fields,
)
from lib.compare.comparison_session import ColumnRefused, ComparisonSession
from lib.errors import PaddockError
from lib.files import preset_file
from lib.files.preset_file import Preset
from lib.model.model_record import Model
from lib.model.settings import Settings
from lib.ui.chat import request_preview
from lib.ui.chat.request_preview import RequestPreview
from lib.ui.settings.chat_actions import ChatActions
from lib.ui.shell.page_actions import PageActions
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import current_owner
from lib.ui.widgets import chat_input_draft

INPUT_KEY = "compare-input"  # the key of the input's box
URL_PARAMETER = "k"  # of the page's address
NO_BASE = ""  # no column is the base of the differences
_CONTEST, _BEFORE, _COLUMN, _BASE = "contest", "contest-before", "compare-column", "compare-base"
_GO, _SIDE = "compare-go", "compare-side"


class ComparisonTab(PageActions):
    """Made anew for each run of the page, from the address and the session's state."""

    def __init__(self, backend: Backend | None) -> None:
        known, me = registry(), current_owner()
        contest = (
            known.find_comparison(me, st.query_params.get(URL_PARAMETER))
            or known.find_comparison(me, st.session_state.get(_CONTEST))
            or known.new_comparison(me)
        )
        super().__init__(backend, "compare-refused")
        self.owner = me
        self.session: ComparisonSession = contest
        self.is_just_opened = _CONTEST not in st.session_state  # the browser has just opened the page
        st.session_state[_CONTEST] = st.query_params[URL_PARAMETER] = contest.id
        self.panels = {
            id: ChatActions(me, chat, backend, f"-{id[:12]}") for id, chat in contest.chats.items()
        }  # the keys' ends

    @property
    def comparison(self) -> Comparison:
        """The comparison as it is now."""
        return self.session.comparison

    @property
    def model(self) -> Model:
        """The model of all columns."""
        return next(iter(self.panels.values())).chat.model

    @property
    def is_hidden(self) -> bool:
        """Whether names and settings are hidden."""
        return bool(self.comparison.blind_order)

    @property
    def slot(self) -> int:
        """0 or 1, other than it was for the comparison that was open before this one."""
        return int(st.session_state.get(_SIDE, 0))

    def column_label(self, column: ComparisonColumn) -> str:
        """What a column is called: its letter, or while names are hidden the number of its place."""
        if not self.is_hidden:
            return column.name
        return str([one.id for one in self.comparison.displayed_columns].index(column.id) + 1)

    def setting_differences(self) -> dict[str, SetupFields]:
        """What each column is set to that is not alike in all, by id."""
        setups = self.session.setups()
        return dict(zip(setups, differing_fields(list(setups.values())), strict=True))

    def request_differences(self, number: int) -> dict[str, SetupFields]:
        """What the answers to that round's input were asked with that is not alike in all, by the column's id."""
        if self.is_hidden:
            return {}
        requests = {}
        for id, answer in self.shown_answers(number).items():
            _, live = self.session.chat(id).snapshot()
            if answer.answers:
                requests[id] = answer.answers[0].request
            elif live is not None and live.message_id == answer.id:
                requests[id] = live.run.request
        setups = [request_setup_fields(self.model, request) for request in requests.values()]
        return dict(zip(requests, differing_fields(setups), strict=True))

    def preview_requests(self, text: str) -> dict[str, RequestPreview]:
        """What a send of that text would be in each column, by id."""
        found = {}
        for id, panel in self.panels.items():
            seen = request_preview.preview_request(panel.chat, self.backend, panel.context_window, text)
            # Here the input is one for all columns, so a raw prompt is not laid out anew.
            raw = panel.chat.settings.with_features(raw=False)
            conflicts = tuple(
                replace(one, fix_label="Switch raw off", fixed_settings=raw)
                if one.fixed_settings is None
                else one
                for one in seen.conflicts
            )
            found[id] = replace(seen, conflicts=conflicts)
        return found

    @property
    def selected_column(self) -> ComparisonColumn:
        """The column whose settings are in the sidebar."""
        chosen = st.session_state.get(_COLUMN)
        columns = self.comparison.columns
        return next((column for column in columns if column.id == chosen), columns[0])

    def select_column(self, column: str) -> None:
        """Put that column's settings into the sidebar."""
        st.session_state[_COLUMN] = column

    @property
    def diff_base(self) -> str:
        """The column that the others' answers are compared with, by id; OFF for none."""
        base = str(st.session_state.get(_BASE, NO_BASE))
        return base if base in self.panels else NO_BASE

    def set_diff_base(self, column: str) -> None:
        """Show the others' answers as differences from that column's."""
        st.session_state[_BASE] = column

    def shown_answers(self, number: int) -> dict[str, Message]:
        """The answer that is looked at in each column for the input of that round, by the column's id."""
        found = {}
        for column in self.comparison.columns:
            answers = self.answers(column, number)
            chosen = self.comparison.selected_answers.get(
                self.comparison.rounds[number].question_ids.get(column.id, "")
            )
            if answers:
                found[column.id] = next((one for one in answers if one.id == chosen), answers[-1])
        return found

    def answers(self, column: ComparisonColumn, number: int) -> tuple[Message, ...]:
        """The column's answers to the input of that round, oldest first."""
        return self.comparison.answers(column, self.session.chat(column.id).conversation, number)

    def submit(self) -> None:
        """Send what stands in the box to all columns; what cannot be sent goes back into it."""
        text = st.session_state[INPUT_KEY]
        if self.run_with_backend(lambda backend: self.session.send(text, backend)):
            chat_input_draft.mark_sent()
        else:
            st.session_state[INPUT_KEY] = text

    def send(self, text: str) -> None:
        """Send that text to all columns."""
        self.run_with_backend(lambda backend: self.session.send(text, backend))

    def ask_once_more(self, column: str) -> None:
        """One more answer in that column."""
        self.run_with_backend(lambda backend: self.session.add_answer(column, backend))

    def answer_calls(self, column: str, message: Message, results: tuple[str, ...]) -> None:
        """Give the model what its tools say, and let it go on."""
        self.run_with_backend(
            lambda backend: self.session.send_tool_results(column, message, results, backend)
        )

    def answer_with_sample_tools(self) -> bool:
        """Answer the calls that the sample tools may answer by themselves. True where anything goes on."""
        done = False
        for id, panel in self.panels.items():
            head = panel.chat.conversation.head
            if (
                head is None
                or self.session.pending_count(id)
                or (results := panel.run_sample_tools(head)) is None
            ):
                continue
            said = panel.chat.conversation.message(head)
            done = self.run_with_backend(self._answering(id, said, results)) or done
        return done

    def _answering(self, id: str, said: Message, results: tuple[str, ...]) -> Callable[[Backend], object]:
        return lambda backend: self.session.send_tool_results(id, said, results, backend)

    def duplicate(self, column: str) -> None:
        """Another column like that one, beside it; its settings go into the sidebar."""

        def act() -> None:
            chat = registry().add_chat(self.owner, self.session.duplicate(column))
            self.select_column(chat.id)

        self.caught(act)

    def remove(self, column: str) -> None:
        """Take a column away."""
        self.caught(lambda: self.session.remove(column))

    def new_comparison(self) -> None:
        """A new comparison, whose columns are set as these are."""
        contest = registry().new_comparison(self.owner, self.session.chat(self.comparison.columns[0].id))
        for column, like in zip(contest.comparison.columns, self.comparison.columns, strict=False):
            _set_up(contest.chat(column.id), self.session.chat(like.id))
        for like in self.comparison.columns[2:]:
            last = contest.comparison.columns[-1].id
            _set_up(registry().add_chat(self.owner, contest.duplicate(last)), self.session.chat(like.id))
        contest.set_repetitions(self.comparison.repetitions)
        self.open_comparison(contest.id)

    def open_comparison(self, id: str) -> None:
        """Open another comparison."""
        if registry().find_comparison(self.owner, id) is not None:
            st.session_state[_BEFORE] = self.session.id
            st.session_state[_CONTEST] = st.query_params[URL_PARAMETER] = id
            st.session_state[_SIDE] = 1 - self.slot

    def delete_comparison(self, id: str) -> None:
        """Delete a comparison; its conversations go into the bin."""

        def act() -> None:
            registry().delete_comparison(self.owner, id)
            if id == self.session.id:
                st.session_state.pop(_CONTEST, None)
                st.query_params.pop(URL_PARAMETER, None)

        self.caught(act)

    def continue_in_chat(self, column: str, answer: Message) -> None:
        """Go on in the chat, in a new conversation with that answer's thread and the settings it was asked with."""
        panel = self.panels[column]
        system, settings = self._asked_with(column, answer)
        conversation = panel.chat.conversation
        last = answer_thread(conversation, answer.id)[-1]
        branch = replace(conversation.branch(last.id), system=system)
        chat = ChatSession(registry().client, panel.chat.model, branch)
        st.session_state[_GO] = registry().add_chat(self.owner, chat, settings).id

    @property
    def going(self) -> str | None:
        """The conversation that the chat is to open, once."""
        going: str | None = st.session_state.pop(_GO, None)
        return going

    def keep_as_preset(self, column: str, answer: Message | None) -> None:
        """Keep what an answer was asked with as a preset, None: what the column is set to now."""
        system, settings = self._asked_with(column, answer)
        told = self.setting_differences().get(column, ())
        first = self.comparison.rounds[0].text if self.comparison.rounds else "From a comparison"
        name = ", ".join(f"{what} {value}" for what, value in told) or first
        name = " ".join(name.split())[: preset_file.MAX_PRESET_NAME_CHARS] or "From a comparison"
        one = Preset(name, system, settings, features=settings.features)

        def act() -> None:
            kept = store.SavedPreset(uuid.uuid4().hex, name, preset_file.write_preset(one))
            registry().store.put_preset(self.owner, kept)
            st.toast("Kept. It is under Presets, where it can be renamed.", icon=":material/bookmark_added:")

        self.caught(act)

    def _asked_with(self, column: str, answer: Message | None) -> tuple[str, Settings]:
        chat = self.panels[column].chat
        if answer is None or not answer.answers:
            return chat.conversation.system, chat.settings
        request = answer.answers[0].request
        return system_prompt_from_request(request) or chat.conversation.system, settings_from_request(
            request, chat.settings
        )

    def keep_error(self, error: PaddockError) -> None:
        """Keep it for the next drawing, with the settings of the column that it is about in the sidebar."""
        super().keep_error(error)
        match error:
            case ColumnRefused(column=name) if not self.is_hidden:
                for column in self.comparison.columns:
                    if column.name == name:
                        self.select_column(column.id)


def _set_up(chat: ChatSession, like: ChatSession) -> None:
    chat.settings = like.settings
    chat.set_system(like.conversation.system)
