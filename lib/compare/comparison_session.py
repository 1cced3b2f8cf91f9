"""Contest: a comparison that people are making: its columns' chats, and the answers that are on their way in them."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

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

# After these the same would only come again: the repetitions that are left are not asked for.
_FINAL_ENDINGS = (Ending.STOPPED, Ending.CUT_OFF, Ending.ERROR)


class ColumnRefused(BadInput):
    """The input cannot be sent in one of the columns, so it was sent in none."""

    def __init__(self, column: str, why: BadInput) -> None:
        super().__init__(why.message, advice=why.advice)
        self.column = column


class ComparisonSession:
    """Holds one comparison for every browser tab that looks at it. Safe from any thread.

    A column's repetitions come one after the other, all columns at once. ``changed`` is called with each new value.
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
        self._left: dict[str, tuple[int, Backend]] = {}  # repetitions still to come, by column
        self._lock = threading.RLock()
        for id, chat in self._chats.items():
            self._listen(id, chat)

    def _listen(self, id: str, chat: ChatSession) -> None:
        chat.on_idle = lambda answer: self._start_next_repetition(id, answer)

    @property
    def id(self) -> str:
        """The comparison's id, as it stands in the page's address."""
        return self._comparison.id

    @property
    def comparison(self) -> Comparison:
        """The comparison as it is now."""
        return self._comparison

    @property
    def chats(self) -> Mapping[str, ChatSession]:
        """The columns' chats, by id."""
        with self._lock:
            return dict(self._chats)

    def chat(self, column: str) -> ChatSession:
        """That column's. Raises KeyError."""
        return self._chats[column]

    def conversations(self) -> dict[str, Conversation]:
        """The columns' conversations, by id."""
        return {id: chat.snapshot()[0] for id, chat in self.chats.items()}

    def setups(self) -> dict[str, SetupFields]:
        """What each column would send its next input with, by id."""
        return {
            id: setup_fields(chat.model, chat.conversation.system, chat.settings)
            for id, chat in self.chats.items()
        }

    def pending_count(self, column: str) -> int:
        """How many of a column's answers are on their way or still to be asked for."""
        with self._lock:
            _, live = self._chats[column].snapshot()
            return int(live is not None) + self._left.get(column, (0, None))[0]

    @property
    def is_busy(self) -> bool:
        """Whether anything is still to come."""
        with self._lock:
            return any(self.pending_count(column) for column in self._chats)

    def build_requests(self, text: str, backend: Backend | None = None) -> dict[str, Request]:
        """What a send of that text asks in each column first. Raises Refused, which names the column."""
        found = {}
        for column in self._comparison.displayed_columns:
            try:
                found[column.id] = self._chats[column.id].build_request(text, backend)
            except BadInput as error:
                raise ColumnRefused(column.name, error) from None
        return found

    def send(self, text: str, backend: Backend) -> None:
        """Say something in every column. Raises BadInput, with nothing sent and nothing changed."""
        with self._lock:
            self._require_idle()
            if not text.strip():
                raise BadInput("There is nothing to send.", advice="Write an input for the columns.")
            for id, chat in self._chats.items():
                self._open_selected(id, chat)
            self.build_requests(text, backend)
            asked = {}
            try:
                for id, chat in self._chats.items():
                    self._left[id] = (self._comparison.repetitions - 1, backend)
                    chat.send(text, backend)
                    asked[id] = chat.conversation.path()[-2].id
            except (
                PaddockError
            ):  # this machine has no more threads: what began goes on, the others are asked later
                self._left.pop(id, None)
                if not asked:
                    raise
            ids = list(self._chats)
            random.shuffle(ids)
            self._put(
                replace(
                    self._comparison,
                    rounds=(*self._comparison.rounds, ComparisonRound(text, asked)),
                    blind_order=tuple(ids) if self._comparison.is_blind else (),
                )
            )

    def _open_selected(self, id: str, chat: ChatSession) -> None:
        """The thread goes on from the answer that is looked at."""
        for one in self._comparison.rounds[-1:]:
            shown = self._comparison.selected_answers.get(one.question_ids.get(id, ""))
            if shown is not None and any(message.id == shown for message in chat.conversation.messages):
                chat.open_message(shown)

    def _start_next_repetition(self, id: str, answer: Answer) -> None:
        """An answer has ended: ask for the column's next repetition, if there is to be one."""
        with self._lock:
            left, backend = self._left.pop(id, (0, None))
            if not left or backend is None or answer.ending in _FINAL_ENDINGS or id not in self._chats:
                return
            self._left[id] = (left - 1, backend)
            try:
                self._ask_again(id, backend)
            except PaddockError:  # somebody else has begun another answer there, or there are no more threads
                self._left.pop(id, None)

    def add_answer(self, column: str, backend: Backend) -> None:
        """One more answer to the column's last input, with the settings that the others were asked with."""
        with self._lock:
            self._ask_again(column, backend)
            last = self._comparison.rounds[-1].question_ids.get(column)
            shown = {
                asked: answer for asked, answer in self._comparison.selected_answers.items() if asked != last
            }
            self._put(replace(self._comparison, selected_answers=shown))  # the new one is looked at

    def _ask_again(self, id: str, backend: Backend) -> None:
        chat, last = self._chats[id], len(self._comparison.rounds) - 1
        answers = self._comparison.answers(self._comparison.column(id), chat.conversation, last)
        first = next((one for one in answers if one.answers), None)
        if first is None:
            raise BadInput("There is no input to answer again.", advice="Send one first.")
        chat.resend(first, repeat_request(chat.model, first.answers[0].request, len(answers)), backend)

    def send_tool_results(
        self, column: str, message: Message, results: tuple[str, ...], backend: Backend
    ) -> None:
        """Give the tools' results for the calls of a column's answer, and have the model go on from them."""
        with self._lock:
            if self._left.get(column, (0, None))[0]:
                raise BadInput("More answers are coming in this column.", advice="Wait for them, or stop it.")
            self._chats[column].send_tool_results(message, results, backend)

    def stop(self, column: str | None = None) -> None:
        """End what is coming, in one column or in all; what came is kept."""
        with self._lock:
            for id in self._chats if column is None else (column,):
                self._left.pop(id, None)
                self._chats[id].stop()

    def duplicate(self, column: str) -> ChatSession:
        """Add a column like that one, with its settings and its thread. Gives the new column's chat."""
        with self._lock:
            self._require_idle()
            if self._comparison.blind_order:
                raise BadInput("The columns are hidden.", advice="Rate or reveal them first.")
            like = self._chats[column]
            self._open_selected(column, like)
            before = like.conversation
            after = before.branch(before.head) if before.head else Conversation(before.system)
            chat = ChatSession(self._client, like.model, after)
            chat.settings = like.settings
            comparison = self._comparison.with_column(chat.id)
            copies = {
                old.id: new.id for old, new in zip(before.path(), after.path(), strict=True)
            }  # of the open path alone
            rounds = tuple(
                replace(
                    one, question_ids=dict(one.question_ids) | {chat.id: copies[one.question_ids[column]]}
                )
                if one.question_ids.get(column) in copies
                else one
                for one in comparison.rounds
            )
            self._chats[chat.id] = chat
            self._listen(chat.id, chat)
            self._put(replace(comparison, rounds=rounds))
            return chat

    def remove(self, column: str) -> None:
        """Take a column away; what is coming in it ends, and its conversation stays."""
        with self._lock:
            comparison = self._comparison.without_column(column)
            self.stop(column)
            del self._chats[column]
            self._put(comparison)

    def rate(self, answer: str, stars: int | None) -> None:
        """Give an answer its stars, or take them back. With the last one that is hidden, all is revealed."""
        with self._lock:
            rated = self._comparison.with_rating(answer, stars)
            if rated.blind_order and not self.is_busy and not rated.unrated_answers(self.conversations()):
                rated = replace(rated, blind_order=())
            self._put(rated)

    def select_answer(self, asked: str, answer: str) -> None:
        """Look at that answer to a question; the next input goes on from it."""
        with self._lock:
            self._put(
                replace(
                    self._comparison,
                    selected_answers=dict(self._comparison.selected_answers) | {asked: answer},
                )
            )

    def set_repetitions(self, times: int) -> None:
        """Ask that many times in each column, from the next send on."""
        with self._lock:
            self._put(replace(self._comparison, repetitions=min(max(times, 1), MAX_REPETITIONS)))

    def set_blind(self, on: bool) -> None:
        """Hide names and settings from the next send on; off: reveal them now."""
        with self._lock:
            hidden = self._comparison.blind_order if on else ()
            self._put(replace(self._comparison, is_blind=on, blind_order=hidden))

    def reveal(self) -> None:
        """Show names and settings, whatever is rated."""
        with self._lock:
            self._put(replace(self._comparison, blind_order=()))

    def _put(self, comparison: Comparison) -> None:
        if comparison != self._comparison:
            self._comparison = comparison
            self._changed(comparison)

    def _require_idle(self) -> None:
        if self.is_busy:
            raise BadInput("Answers are still coming.", advice="Wait for their end, or stop them (Escape).")
