"""Several servers on one database, each with an open chat on the same conversation, driven step by step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from typing import Any

from lib.api.request import Request
from lib.chat.answer import Answer, Ending, Timings
from lib.chat.chat_session import ChatSession
from lib.chat.conversation import Conversation, Message
from lib.chat.setup_merge import Setup
from lib.chat.snapshot import Snapshot, UnfinishedAnswer
from lib.errors import BadInput
from lib.model import model_record
from lib.model.settings import Settings
from lib.store.autosave import Autosaver
from lib.store.store import Store
from lib.store.stored_values import SavedConversation
from tests import sample_values
from tests.store.conversation_trees import SETTINGS

BACKEND = sample_values.make_backend("http://127.0.0.1:1")


class ScriptedRun:
    """A run in the place of AnswerRun whose text and end come when the test says so."""

    _count = 0

    def __init__(
        self, client: Any, backend: Any, model: Any, request: Request, on_end: Callable[[Answer], None]
    ) -> None:
        type(self)._count += 1
        self.answer_id = f"answer{self._count}"
        self.request, self.backend, self.text = request, backend, ""
        self.seconds, self.first_token = 1.0, None
        self._on_end = on_end

    def start(self) -> ScriptedRun:
        return self

    def end(self) -> Answer:
        answer = Answer(
            f"{self.text} end",
            self.request,
            self.backend.name,
            True,
            None,
            Timings(None, 1.0),
            Ending.FINISHED,
            id=self.answer_id,
        )
        self._on_end(answer)
        return answer


def first_word(message: Message) -> str:
    return f"{message.content} ".split(" ", 1)[0]


def setup_values(setup: Setup) -> set[str]:
    """Return what users change of a system prompt and settings here."""
    return {setup.system, str(setup.settings["max_tokens"].value)}


class Record:
    """What users of all writers have written and received, and deleted or replaced."""

    def __init__(self, first: Conversation) -> None:
        # First words: an edited answer may be continued.
        self.texts = {first_word(message) for message in first.messages if not message.answers}
        # Texts by id.
        self.answers = {answer.id: answer.text for message in first.messages for answer in message.answers}
        self.deleted: Counter[tuple[str, str]] = Counter()  # ids and texts
        self.setup_values: set[str] = set()
        # What pages have offered after it was replaced by another server's.
        self.offered: set[str] = set()
        self._limits = count(1_000)

    def replace_setup(self, chat: ChatSession, *, system: str | None = None) -> None:
        """Change the system prompt, or the limit to a new number. The user sees what that replaces."""
        before = Setup(chat.conversation.system, chat.settings)
        if system is None:
            limit = next(self._limits)
            chat.change_settings(lambda settings: settings.with_value("max_tokens", limit))
        else:
            chat.set_system(system)
        after = Setup(chat.conversation.system, chat.settings)
        self.setup_values -= setup_values(before) - setup_values(after)
        self.setup_values |= setup_values(after) - setup_values(before)

    def missing_setup_values(self, stored: Setup) -> list[str]:
        """Return what is not stored and was never offered, although no user replaced it."""
        return sorted(self.setup_values - self.offered - setup_values(stored))

    def note_deletion(self, message: Message, count: int) -> None:
        self.deleted["", first_word(message)] += count
        for answer in message.answers:
            self.deleted[answer.id, answer.text] += count

    def missing(self, conversation: Conversation) -> list[str]:
        """Return what is not in the conversation although no user deleted it."""
        stored = {(answer.id, answer.text) for message in conversation.messages for answer in message.answers}
        texts = {first_word(message) for message in conversation.messages}
        return [
            *(text for text in self.texts if text not in texts and not self.deleted["", text]),
            *(
                f"{id}: {text}"
                for id, text in self.answers.items()
                if (id, text) not in stored and not self.deleted[id, text]
            ),
        ]


def open_writers(stores: Sequence[Store], conversation: Conversation) -> list[Writer]:
    """Return servers that have all loaded the stored conversation."""
    record = Record(conversation)
    writers = [Writer(store, conversation, record) for store in stores]
    writers[0].save()
    for writer in writers:
        writer.reload()
    return writers


class Writer:
    """One server: a store, an autosave that runs on demand, and a chat on the conversation."""

    ACTIONS = (
        *("send", "say", "end", "save", "save") * 2,
        *("regenerate", "go on", "edit", "edit and send", "insert", "delete", "undo", "open", "system"),
        *("limit", "reload", "save late"),
    )

    def __init__(self, store: Store, conversation: Conversation, record: Record) -> None:
        self.store = store
        self.record = record
        self.chat = self._open(conversation)
        self.autosave = Autosaver(self.store, lambda: [self._snapshot()], self._on_merge)
        self._during_save: Callable[[], None] = lambda: None
        self._undo: tuple[Conversation, Conversation, Message] | None = None

    def _open(self, conversation: Conversation, settings: Settings = SETTINGS) -> ChatSession:
        chat = ChatSession(sample_values.make_client(), model_record.default_model(), conversation)
        chat.settings = settings
        return chat

    @property
    def run(self) -> ScriptedRun | None:
        live = self.chat.snapshot()[1]
        return None if live is None else live.run  # type: ignore[return-value]

    def _snapshot(self) -> Snapshot:
        conversation, live = self.chat.snapshot()
        unfinished = ()
        if live is not None:
            run = live.run
            unfinished = (
                UnfinishedAnswer(live.message_id, run.request, "x", True, run.text, 1.0, None, run.answer_id),
            )
        return Snapshot("ann", conversation, self.chat.settings, unfinished)

    def _on_merge(self, snapshot: Snapshot, merged: Snapshot, other: Setup | None) -> None:
        self._during_save()
        self.chat.adopt(snapshot, merged, other)
        if self.chat.other_setup is not None:
            self.record.offered |= setup_values(self.chat.other_setup)

    def save(self) -> None:
        assert self.autosave.save(), self.autosave.problem

    def refresh(self) -> None:
        """Open the page again."""
        self.autosave.refresh(self._snapshot())

    def load(self) -> Conversation:
        return self._load().conversation

    @property
    def setup(self) -> Setup:
        return Setup(self.chat.conversation.system, self.chat.settings)

    def load_setup(self) -> Setup:
        return self._load().setup

    def _load(self) -> SavedConversation:
        saved = self.store.conversations.load("ann", self.chat.id)
        assert saved is not None
        return saved

    def reload(self) -> None:
        """Restart the server once everything is saved."""
        self.end()
        self.save()
        saved = self._load()
        self.chat = self._open(saved.conversation, saved.settings)

    def end(self) -> None:
        if self.run is not None:
            answer = self.run.end()
            self.record.answers[answer.id] = answer.text

    def do(self, action: str, pick: int, text: str) -> None:
        """Do what a user or the answering server does. Nothing happens if that is not possible now."""
        match action:
            case "say" if self.run is not None:
                self.run.text += f" {text}"
            case "end":
                self.end()
            case "save":
                self.save()
            case "save late":
                self._during_save = lambda: self.act(
                    ("send", "system", "limit")[pick % 3], pick, f"{text}late"
                )
                self.save()
                self._during_save = lambda: None
            case "reload":
                self.reload()
            case _:
                self.act(action, pick, text)

    def act(self, action: str, pick: int, text: str) -> None:
        """Do what a user does; nothing while an answer is coming."""
        chat = self.chat
        messages = chat.conversation.messages
        if self.run is not None or not (messages or action in ("send", "system", "limit")):
            return
        picked = messages[pick % len(messages)] if messages else Message("user", "")
        with suppress(BadInput):
            match action:
                case "send":
                    chat.send(text, BACKEND)
                case "regenerate" if picked.role == "assistant":
                    chat.regenerate(picked, BACKEND)
                case "go on" if picked.role == "assistant":
                    chat.continue_answer(picked, BACKEND)
                case "edit":
                    chat.edit(picked.id, text)
                case "edit and send" if picked.role == "user":
                    chat.edit_and_send(picked.id, text, BACKEND)
                case "insert":
                    chat.insert(picked.id, "user", text)
                case "delete":
                    before = chat.delete(picked.id)
                    self._undo = (before, chat.conversation, picked)
                    self.record.note_deletion(picked, 1)
                case "undo" if self._undo is not None:
                    before, after, deleted = self._undo
                    if chat.conversation is after and chat.restore(before, after):
                        self.record.note_deletion(deleted, -1)
                    self._undo = None
                case "open":
                    chat.open_message(picked.id)
                case "system":
                    self.record.replace_setup(chat, system=text)
                case "limit":
                    self.record.replace_setup(chat)
        if any(first_word(message) == text for message in chat.conversation.messages):
            self.record.texts.add(text)
