"""The comparison that is open in this browser tab, and the actions of the page's buttons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from lib.api.backend import Backend
from lib.api.request import settings_from_request, system_prompt_from_request
from lib.chat.chat_session import ChatSession
from lib.chat.conversation import Message
from lib.compare.comparison import (
    MAX_COLUMNS,
    MIN_COLUMNS,
    Comparison,
    ComparisonColumn,
    SetupFields,
    answer_thread,
    differing_fields,
    request_setup_fields,
)
from lib.compare.comparison_session import ColumnRefused, ComparisonSession
from lib.errors import BadInput, PaddockError
from lib.experiment.sweep import parse_axis
from lib.files import preset_file
from lib.files.preset_file import Preset
from lib.model.model_record import Model
from lib.model.settings import Settings
from lib.ui.chat import request_preview
from lib.ui.chat.request_preview import RequestPreview
from lib.ui.settings.chat_actions import ChatActions
from lib.ui.shell import page_mode, presenting
from lib.ui.shell.account_catalogue import find_or_stand_in
from lib.ui.shell.page_actions import PageActions
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import current_owner
from lib.ui.widgets import chat_input_draft

INPUT_KEY = "compare-input"  # the key of the input box
VALUES_KEY = "compare-values-text"  # the key of the box with one value for each column
URL_PARAMETER = "k"
NO_BASE = ""  # the base of the differences if answers are shown as they are
# In the session's state: the open comparison, the column whose settings are in the sidebar, the base of the
# differences, the chat to open on the Chat page, and the slot (see below).
_COMPARISON, _COLUMN, _BASE = "contest", "compare-column", "compare-base"
_CHAT_TO_OPEN, _SLOT = "compare-go", "compare-side"


class ComparisonTab(PageActions):
    """Created in each run of the page, from the URL and the session's state."""

    def __init__(self, backend: Backend | None) -> None:
        comparisons, owner = registry(), current_owner()
        session = (
            comparisons.find_comparison(owner, st.query_params.get(URL_PARAMETER))
            or comparisons.find_comparison(owner, st.session_state.get(_COMPARISON))
            or comparisons.new_comparison(owner)
        )
        super().__init__(backend, "compare-refused")
        self.owner = owner
        self.session: ComparisonSession = session
        self.mode = page_mode.current_mode()
        self.is_just_opened = _COMPARISON not in st.session_state  # the browser has just opened the page
        st.session_state[_COMPARISON] = st.query_params[URL_PARAMETER] = session.id
        # The columns' controls, by column id, which also ends their keys.
        self.panels = {
            id: ChatActions(owner, chat, backend, f"-{id[:12]}") for id, chat in session.chats.items()
        }

    @property
    def comparison(self) -> Comparison:
        return self.session.comparison

    @property
    def model(self) -> Model:
        """The model of the column whose settings are in the sidebar."""
        return self.session.chat(self.selected_column.id).model

    @property
    def is_hidden(self) -> bool:
        """True while a blind comparison hides names and settings."""
        return bool(self.comparison.blind_order)

    @property
    def slot(self) -> int:
        """0 or 1: the place where this comparison is drawn, another than the previous one's or the other mode's."""
        return (int(st.session_state.get(_SLOT, 0)) + (not self.mode.has_controls)) % 2

    def column_label(self, column: ComparisonColumn) -> str:
        """Return the column's letter, or the number of its position while names are hidden."""
        if not self.is_hidden:
            return column.name
        return str([other.id for other in self.comparison.displayed_columns].index(column.id) + 1)

    def setting_differences(self) -> dict[str, SetupFields]:
        """Return the settings in which the columns differ, by column id."""
        setups = self.session.setups()
        return dict(zip(setups, differing_fields(list(setups.values())), strict=True))

    def request_differences(self, number: int) -> dict[str, SetupFields]:
        """Return the settings in which the requests of a round differed, by column id; none while they are hidden."""
        if self.is_hidden:
            return {}
        requests = {}
        for id, answer in self.shown_answers(number).items():
            _, live = self.session.chat(id).snapshot()
            if answer.answers:
                requests[id] = answer.answers[0].request
            elif live is not None and live.message_id == answer.id:
                requests[id] = live.run.request
        with_system = self.mode.has_controls or presenting.shows_system()
        setups = [
            request_setup_fields(find_or_stand_in(request.model), request, with_system=with_system)
            for request in requests.values()
        ]
        return dict(zip(requests, differing_fields(setups), strict=True))

    def preview_requests(self, text: str) -> dict[str, RequestPreview]:
        """Preview a send of that text in each column, by column id."""
        previews = {}
        for id, panel in self.panels.items():
            preview = request_preview.preview_request(panel.chat, self.backend, panel.context_window, text)
            # A raw prompt cannot be filled with one column's conversation here: all columns share the input.
            not_raw = panel.chat.settings.with_features(raw=False)
            conflicts = tuple(
                replace(conflict, fix_label="Turn No template off", fixed_settings=not_raw)
                if conflict.fixed_settings is None
                else conflict
                for conflict in preview.conflicts
            )
            previews[id] = replace(preview, conflicts=conflicts)
        return previews

    @property
    def selected_column(self) -> ComparisonColumn:
        """The column whose settings are in the sidebar."""
        chosen = st.session_state.get(_COLUMN)
        columns = self.comparison.columns
        return next((column for column in columns if column.id == chosen), columns[0])

    def select_column(self, column: str | None) -> None:
        """Show a column's settings in the sidebar; None changes nothing."""
        # A control that the browser has not drawn yet may report that nothing is chosen.
        if column is not None:
            st.session_state[_COLUMN] = column

    @property
    def diff_base(self) -> str:
        """The id of the column that the other answers are compared with, NO_BASE for none."""
        base = str(st.session_state.get(_BASE, NO_BASE))
        return base if base in self.panels else NO_BASE

    def set_diff_base(self, column: str | None) -> None:
        """Show the other answers as differences from a column's, NO_BASE: as they are; None changes nothing."""
        if column is not None:
            st.session_state[_BASE] = column

    def shown_answers(self, number: int) -> dict[str, Message]:
        """Return the answer that each column shows for the input of a round, by column id."""
        shown = {}
        for column in self.comparison.columns:
            answers = self.answers(column, number)
            chosen = self.comparison.selected_answers.get(
                self.comparison.rounds[number].question_ids.get(column.id, "")
            )
            if answers:
                shown[column.id] = next((answer for answer in answers if answer.id == chosen), answers[-1])
        return shown

    def answers(self, column: ComparisonColumn, number: int) -> tuple[Message, ...]:
        """Return a column's answers to the input of a round, oldest first."""
        return self.comparison.answers(column, self.session.chat(column.id).conversation, number)

    def submit(self) -> None:
        """Send the text of the input box to all columns; put it back if it cannot be sent."""
        text = st.session_state[INPUT_KEY]
        if self.ask(self.session.send, text):
            chat_input_draft.mark_sent()
        else:
            st.session_state[INPUT_KEY] = text

    def send(self, text: str) -> None:
        self.ask(self.session.send, text)

    def stop(self) -> bool:
        """Stop all answers that come. Return False if there is none."""
        is_busy = self.session.is_busy
        self.session.stop()
        return is_busy

    def ask_once_more(self, column: str) -> None:
        self.ask(self.session.add_answer, column)

    def answer_calls(self, column: str, message: Message, results: tuple[str, ...]) -> bool:
        """Send the results of a message's tool calls. Return False if they were refused."""
        return self.ask(self.session.send_tool_results, column, message, results)

    def answer_with_sample_tools(self) -> bool:
        """Answer tool calls with the sample tools in all columns where they may. Return True if any was sent."""
        has_sent = False
        for id, panel in self.panels.items():
            head = panel.chat.conversation.head
            if head is None or self.session.pending_count(id):
                continue
            if (results := panel.run_sample_tools(head)) is not None:
                message = panel.chat.conversation.message(head)
                has_sent = self.answer_calls(id, message, results) or has_sent
        return has_sent

    def duplicate(self, column: str) -> None:
        """Add a copy of a column, and show its settings in the sidebar."""
        with self.errors():
            chat = registry().add_chat(self.owner, self.session.duplicate(column))
            self.select_column(chat.id)

    def remove(self, column: str) -> None:
        self.attempt(self.session.remove, column)

    def compare_values(self, parameter: str) -> None:
        """Make a column for each value in the box. The columns are like the selected one but for that parameter."""
        with self.errors():
            values = parse_axis(self.model.parameter(parameter), str(st.session_state[VALUES_KEY])).values
            if not MIN_COLUMNS <= len(values) <= MAX_COLUMNS:
                raise BadInput(
                    f"{len(values)} values do not fit: a comparison has {MIN_COLUMNS} to {MAX_COLUMNS} columns.",
                    advice="For more values, use an experiment.",
                )
            settings = self.session.chat(self.selected_column.id).settings
            old = settings[parameter]
            for chat, value in zip(self._copy_selected(len(values)), values, strict=True):
                chat.settings = settings.with_setting(
                    replace(old, value=old.value if value is None else value, is_sent=value is not None)
                )

    def compare_models(self, models: Sequence[Model]) -> None:
        """Make a column for each model. The settings of the selected column follow as far as a model has them."""
        with self.errors():
            for chat, model in zip(self._copy_selected(len(models)), models, strict=True):
                chat.use_model(model)

    def _copy_selected(self, count: int) -> list[ChatSession]:
        """Return the chats of so many columns, which all have the selected column's set-up now. Raise BadInput."""
        source = self.session.chat(self.selected_column.id)
        settings, system = source.settings, source.conversation.system
        while len(self.comparison.columns) > count:
            self.session.remove(self.comparison.columns[-1].id)
        while len(self.comparison.columns) < count:
            registry().add_chat(self.owner, self.session.duplicate(self.comparison.columns[-1].id))
        chats = [self.session.chat(column.id) for column in self.comparison.columns]
        for chat in chats:
            chat.settings = settings
            chat.set_system(system)
        return chats

    def new_comparison(self) -> None:
        """Open a new comparison whose columns have the same settings."""
        columns = self.comparison.columns
        new = registry().new_comparison(self.owner, self.session.chat(columns[0].id))
        for column, like in zip(new.comparison.columns, columns, strict=False):
            _copy_setup(new.chat(column.id), self.session.chat(like.id))
        for like in columns[2:]:
            last = new.comparison.columns[-1].id
            _copy_setup(registry().add_chat(self.owner, new.duplicate(last)), self.session.chat(like.id))
        new.set_repetitions(self.comparison.repetitions)
        self.open_comparison(new.id)

    def open_comparison(self, id: str) -> None:
        if registry().find_comparison(self.owner, id) is not None:
            st.session_state[_COMPARISON] = st.query_params[URL_PARAMETER] = id
            st.session_state[_SLOT] = 1 - int(st.session_state.get(_SLOT, 0))

    def delete_comparison(self, id: str) -> None:
        """Delete a comparison; its conversations go into the bin."""
        with self.errors():
            registry().delete_comparison(self.owner, id)
            if id == self.session.id:
                st.session_state.pop(_COMPARISON, None)
                st.query_params.pop(URL_PARAMETER, None)

    def continue_in_chat(self, column: str, answer: Message) -> None:
        """Open the chat with a copy of that answer's thread, and the settings of its request."""
        panel = self.panels[column]
        system, settings = self._answer_setup(column, answer)
        conversation = panel.chat.conversation
        last = answer_thread(conversation, answer.id)[-1]
        branch = replace(conversation.branch(last.id), system=system)
        chat = panel.chat.with_conversation(branch)
        st.session_state[_CHAT_TO_OPEN] = registry().add_chat(self.owner, chat, settings).id

    def pop_chat_to_open(self) -> str | None:
        """Return the id of the chat that the Chat page is to open, once."""
        chat: str | None = st.session_state.pop(_CHAT_TO_OPEN, None)
        return chat

    def keep_as_preset(self, column: str, answer: Message | None) -> None:
        """Save the set-up of an answer's request as a preset, None: the column's present set-up."""
        system, settings = self._answer_setup(column, answer)
        differences = self.setting_differences().get(column, ())
        first_input = self.comparison.rounds[0].text if self.comparison.rounds else "From a comparison"
        name = ", ".join(f"{field} {value}" for field, value in differences) or first_input
        name = " ".join(name.split())[: preset_file.MAX_PRESET_NAME_CHARS] or "From a comparison"
        preset = Preset(name, system, settings, features=settings.features)
        with self.errors():
            registry().store.presets.add(self.owner, preset)
            st.toast("Saved under Presets. You can rename it there.", icon=":material/bookmark_added:")

    def _answer_setup(self, column: str, answer: Message | None) -> tuple[str, Settings]:
        """Return the system prompt and settings of an answer's request, None: those that the column has now."""
        chat = self.panels[column].chat
        if answer is None or not answer.answers:
            return chat.conversation.system, chat.settings
        request = answer.answers[0].request
        system = system_prompt_from_request(request) or chat.conversation.system
        return system, settings_from_request(request, chat.settings)

    def keep_error(self, error: PaddockError) -> None:
        """Keep an error until the page is drawn again. If it is about a column, show that column's settings."""
        super().keep_error(error)
        match error:
            case ColumnRefused(column=name) if not self.is_hidden:
                for column in self.comparison.columns:
                    if column.name == name:
                        self.select_column(column.id)


def _copy_setup(chat: ChatSession, source: ChatSession) -> None:
    chat.settings = source.settings
    chat.set_system(source.conversation.system)
