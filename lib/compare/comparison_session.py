"""An open comparison: its columns' chats, and the answers that they still wait for."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from lib.api.backend import Backend
from lib.api.client import WorkersAI
from lib.api.request import Request
from lib.chat.answer import Answer, Ending
from lib.chat.chat_session import ChatSession
from lib.chat.conversation import Conversation, Message
from lib.compare.comparison import (
    MAX_REPETITIONS,
    Comparison,
    ComparisonRound,
    SetupFields,
    repeat_request,
    setup_fields,
)
from lib.errors import BadInput, PaddockError

# After these, a repetition would end in the same way, so the remaining ones are not sent.
_FINAL_ENDINGS = (Ending.STOPPED, Ending.CUT_OFF, Ending.ERROR)


class ColumnRefused(BadInput):
    """Raised if one column cannot send the input; then no column has sent it."""

    def __init__(self, column: str, error: BadInput) -> None:
        super().__init__(error.message, advice=error.advice)
        self.column = column


class ComparisonSession:
    """Holds one comparison for every browser tab that shows it. Safe from any thread.

    All columns answer at the same time; a column's repetitions follow each other. ``changed`` is called with each
    new value of the comparison.
    """

    def __init__(
        self,
        client: WorkersAI,
        comparison: Comparison,
        chats: Mapping[str, ChatSession],
        changed: Callable[[Comparison], None],
    ) -> None:
        self._client = client
        self._comparison = comparison
        self._chats = dict(chats)
        self._changed = changed
        self._left: dict[str, tuple[int, Backend]] = {}  # repetitions to be sent, by column id
        self._lock = threading.RLock()
        for id, chat in self._chats.items():
            self._listen(id, chat)

    def _listen(self, id: str, chat: ChatSession) -> None:
        chat.on_idle = lambda answer: self._start_next_repetition(id, answer)

    @property
    def id(self) -> str:
        """The comparison's id, which is in the page's address."""
        return self._comparison.id

    @property
    def comparison(self) -> Comparison:
        return self._comparison

    @property
    def chats(self) -> Mapping[str, ChatSession]:
        """The columns' chats, by id."""
        with self._lock:
            return dict(self._chats)

    def chat(self, column: str) -> ChatSession:
        """Return the column's chat. Raises KeyError."""
        return self._chats[column]

    def conversations(self) -> dict[str, Conversation]:
        """The columns' conversations, by id."""
        return {id: chat.snapshot()[0] for id, chat in self.chats.items()}

    def setups(self) -> dict[str, SetupFields]:
        """Return the set-up of each column's next send, by id."""
        setups = {}
        for id, chat in self.chats.items():
            setups[id] = setup_fields(chat.model, chat.conversation.system, chat.settings)
        return setups

    def pending_count(self, column: str) -> int:
        """Return the number of a column's answers that run or are still to be sent."""
        with self._lock:
            _, live = self._chats[column].snapshot()
            return int(live is not None) + self._left.get(column, (0, None))[0]

    @property
    def is_busy(self) -> bool:
        """True while any column waits for answers."""
        with self._lock:
            return any(self.pending_count(column) for column in self._chats)

    def build_requests(self, text: str, backend: Backend | None = None) -> dict[str, Request]:
        """Return each column's first request for that text, by id. Raises ColumnRefused."""
        requests = {}
        for column in self._comparison.displayed_columns:
            try:
                requests[column.id] = self._chats[column.id].build_request(text, backend)
            except BadInput as error:
                raise ColumnRefused(column.name, error) from None
        return requests

    def send(self, text: str, backend: Backend) -> None:
        """Send an input in every column. Raises BadInput, and sends and changes nothing then."""
        with self._lock:
            self._require_idle()
            if not text.strip():
                raise BadInput("There is nothing to send.", advice="Write a message.")
            for id, chat in self._chats.items():
                self._open_selected(id, chat)
            self.build_requests(text, backend)
            questions = {}
            try:
                for id, chat in self._chats.items():
                    self._left[id] = (self._comparison.repetitions - 1, backend)
                    chat.send(text, backend)
                    questions[id] = chat.conversation.path()[-2].id
            # This machine has no more threads: the runs that have started continue.
            except PaddockError:
                self._left.pop(id, None)
                if not questions:
                    raise
            ids = list(self._chats)
            random.shuffle(ids)
            rounds = (*self._comparison.rounds, ComparisonRound(text, questions))
            self._change(rounds=rounds, blind_order=tuple(ids) if self._comparison.is_blind else ())

    def _open_selected(self, id: str, chat: ChatSession) -> None:
        """Continue the column's conversation from its selected answer."""
        for last_round in self._comparison.rounds[-1:]:
            shown = self._comparison.selected_answers.get(last_round.question_ids.get(id, ""))
            if shown is not None and any(message.id == shown for message in chat.conversation.messages):
                chat.open_message(shown)

    def _start_next_repetition(self, id: str, answer: Answer) -> None:
        """Send the column's next repetition, if any, after an answer has ended."""
        with self._lock:
            left, backend = self._left.pop(id, (0, None))
            if not left or backend is None or answer.ending in _FINAL_ENDINGS or id not in self._chats:
                return
            self._left[id] = (left - 1, backend)
            try:
                self._ask_again(id, backend)
            except PaddockError:  # the chat answers something else already, or there are no more threads
                self._left.pop(id, None)

    def add_answer(self, column: str, backend: Backend) -> None:
        """Ask for one more answer to the column's last input, with the settings of the first."""
        with self._lock:
            self._ask_again(column, backend)
            # Without a selection, the new answer is shown.
            selected = dict(self._comparison.selected_answers)
            selected.pop(self._comparison.rounds[-1].question_ids.get(column, ""), None)
            self._change(selected_answers=selected)

    def _ask_again(self, id: str, backend: Backend) -> None:
        chat, last = self._chats[id], len(self._comparison.rounds) - 1
        answers = self._comparison.answers(self._comparison.column(id), chat.conversation, last)
        first = next((answer for answer in answers if answer.answers), None)
        if first is None:
            raise BadInput("There is no message to answer again.", advice="Send one first.")
        request = first.answers[0].request
        chat.resend(first, repeat_request(chat.model_of(request), request, len(answers)), backend)

    def send_tool_results(
        self, column: str, message: Message, results: tuple[str, ...], backend: Backend
    ) -> None:
        """Add the results for the tool calls of a column's answer, and ask the model to go on."""
        with self._lock:
            if self._left.get(column, (0, None))[0]:
                raise BadInput("This column is still being answered.", advice="Wait for it, or stop it.")
            self._chats[column].send_tool_results(message, results, backend)

    def stop(self, column: str | None = None) -> None:
        """End the answers in one column or in all; their text so far is kept."""
        with self._lock:
            for id in self._chats if column is None else (column,):
                self._left.pop(id, None)
                self._chats[id].stop()

    def duplicate(self, column: str) -> ChatSession:
        """Add a copy of a column, with its settings and open path. Return the new column's chat."""
        with self._lock:
            self._require_idle()
            if self._comparison.blind_order:
                raise BadInput("The columns are hidden.", advice="Rate or reveal them first.")
            original = self._chats[column]
            self._open_selected(column, original)
            before = original.conversation
            after = before.branch(before.head) if before.head else Conversation(before.system)
            chat = original.with_conversation(after)
            comparison = self._comparison.with_column(chat.id)
            # Only the open path was copied.
            copies = {old.id: new.id for old, new in zip(before.path(), after.path(), strict=True)}
            rounds = []
            for old in comparison.rounds:
                copy = copies.get(old.question_ids.get(column, ""))
                own_question = {} if copy is None else {chat.id: copy}
                rounds.append(replace(old, question_ids=dict(old.question_ids) | own_question))
            self._chats[chat.id] = chat
            self._listen(chat.id, chat)
            self._replace_comparison(replace(comparison, rounds=tuple(rounds)))
            return chat

    def remove(self, column: str) -> None:
        """Remove a column and end its answers; its conversation stays."""
        with self._lock:
            comparison = self._comparison.without_column(column)
            self.stop(column)
            del self._chats[column]
            self._replace_comparison(comparison)

    def rate(self, answer: str, stars: int | None) -> None:
        """Rate an answer, or remove its rating. The last rating of a blind round reveals the columns."""
        with self._lock:
            rated = self._comparison.with_rating(answer, stars)
            if rated.blind_order and not self.is_busy and not rated.unrated_answers(self.conversations()):
                rated = replace(rated, blind_order=())
            self._replace_comparison(rated)

    def select_answer(self, question: str, answer: str) -> None:
        """Show that answer to a question; the next input continues from it."""
        with self._lock:
            self._change(selected_answers=dict(self._comparison.selected_answers) | {question: answer})

    def set_repetitions(self, times: int) -> None:
        """Set the number of answers in each column, from the next send on."""
        with self._lock:
            self._change(repetitions=min(max(times, 1), MAX_REPETITIONS))

    def set_blind(self, on: bool) -> None:
        """Hide names and settings from the next send on, or reveal them now."""
        with self._lock:
            hidden = self._comparison.blind_order if on else ()
            self._change(is_blind=on, blind_order=hidden)

    def reveal(self) -> None:
        """Show names and settings before everything is rated."""
        with self._lock:
            self._change(blind_order=())

    def _change(self, **fields: Any) -> None:
        self._replace_comparison(replace(self._comparison, **fields))

    def _replace_comparison(self, comparison: Comparison) -> None:
        if comparison != self._comparison:
            self._comparison = comparison
            self._changed(comparison)

    def _require_idle(self) -> None:
        if self.is_busy:
            raise BadInput(
                "Answers are still coming.", advice="Wait until they have ended, or stop them (Escape)."
            )
