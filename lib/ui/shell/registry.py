"""What lives as long as the process: the chats, the client and the twin's supervisor. Tabs come and go."""

from __future__ import annotations

import atexit
import gc
import os
import threading
import time
from dataclasses import replace

import streamlit as st

from lib.api.client import WorkersAI
from lib.chat.chat_session import ChatSession
from lib.chat.conversation import Conversation
from lib.compare.comparison import Comparison, ComparisonColumn, dump_comparison
from lib.compare.comparison import load_comparison as read_comparison
from lib.compare.comparison_session import ComparisonSession
from lib.errors import PaddockError
from lib.experiment.plan import Plan
from lib.files.preset_file import Preset, parse_preset
from lib.model.model_record import Model, default_model, models
from lib.model.settings import Settings, fit_to_model
from lib.runner.experiment_run import ExperimentRun, create_run
from lib.store import SavedComparison, Snapshot, Store, database_url
from lib.store import UnfinishedAnswer as Coming
from lib.store.autosave import Autosaver
from lib.supervisor import Supervisor

# A run that no page has looked at for this long ends by itself. A reload, a page switch or a lost connection must
# never end one, so it is far longer than any of those; max_tokens bounds the run anyway.
ORPHAN_SECONDS = 15 * 60.0
MAX_CHATS = 500  # in memory
MAX_EXPERIMENT_RUNS = 20
CLOSING_SECONDS = 5.0  # for what is on its way when the server ends
MAX_COMPARISONS = 50
MAX_TITLE_CHARS = 80


class Registry:
    """The chats by id, each with its owner. Not in the session's state: that ends with a reload."""

    def __init__(self, url: str) -> None:
        self.client = WorkersAI()
        self.supervisor = Supervisor()
        self.store = Store(url)
        self.autosave = Autosaver(self.store, self._snapshots)
        self._chats: dict[str, tuple[str, ChatSession]] = {}
        self._batches: dict[str, ExperimentRun] = {}
        self._contests: dict[str, tuple[str, ComparisonSession]] = {}
        self._unsaved: dict[str, tuple[str, Comparison]] = {}  # that the database would not take
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        atexit.register(self.close)
        self.autosave.start()
        threading.Thread(target=self._tidy, name="paddock-tidy", daemon=True).start()

    def close(self) -> None:
        """Write what is left, and end the twin. Batches go on from where they are once somebody resumes them."""
        for batch in list(self._batches.values()):
            batch.interrupt()
        for batch in list(self._batches.values()):
            batch.join(CLOSING_SECONDS)
        self._save_comparisons()
        self.autosave.close()
        self.supervisor.close()

    def find_chat(self, owner: str, id: str | None) -> ChatSession | None:
        """The owner's chat of that id, from memory or the database; None where they have no such chat."""
        if not id:
            return None
        with self._lock:
            known = self._chats.get(id)
        if known is not None:
            return known[1] if known[0] == owner else None
        try:
            saved = self.store.load(owner, id)
        except PaddockError:
            return None  # the saver says what is wrong with the database
        if saved is None or saved.entry.deleted_at is not None:
            return None
        chat = ChatSession(self.client, default_model(), saved.conversation)
        chat.settings = fit_to_model(saved.settings, chat.model)
        with self._lock:
            return self._chats.setdefault(id, (owner, chat))[1]

    def new_chat(self, owner: str, like: ChatSession | None = None) -> ChatSession:
        """A new chat: with the system prompt and settings of another, else with the owner's start preset."""
        if like is not None:
            return self.add_chat(
                owner,
                ChatSession(self.client, like.model, Conversation(like.conversation.system)),
                like.settings,
            )
        model = default_model()
        start = self._start(owner, model)
        if start is None:
            return self.add_chat(owner, ChatSession(self.client, model, Conversation()))
        return self.add_chat(
            owner,
            ChatSession(self.client, model, Conversation(start.system or "")),
            start.apply_to(Settings.defaults(model)),
        )

    def _start(self, owner: str, model: Model) -> Preset | None:
        try:
            kept = next((one for one in self.store.presets(owner) if one.is_start), None)
            return None if kept is None else parse_preset(kept.body, model)
        except PaddockError:
            return None  # the database is in trouble, or the preset of another version: the documented defaults then

    def add_chat(self, owner: str, chat: ChatSession, settings: Settings | None = None) -> ChatSession:
        """Take in a chat that was made elsewhere."""
        if settings is not None:
            chat.settings = settings
        with self._lock:
            self._chats[chat.id] = (owner, chat)
            self._forget()
        return chat

    def find_comparison(self, owner: str, id: str | None) -> ComparisonSession | None:
        """The owner's comparison of that id, from memory or the database; None where they have no such."""
        if not id:
            return None
        with self._lock:
            known = self._contests.get(id)
        if known is not None:
            return known[1] if known[0] == owner else None
        try:
            saved = self.store.comparison(owner, id)
            if saved is None:
                return None
            comparison = read_comparison(saved.id, saved.body)
        except PaddockError:
            return None
        chats = {column.id: self.find_chat(owner, column.id) for column in comparison.columns}
        found = {id: chat for id, chat in chats.items() if chat is not None}
        if not found:
            return None
        there = tuple(column for column in comparison.columns if column.id in found)
        return self._take(owner, replace(comparison, columns=there), found)

    def new_comparison(self, owner: str, like: ChatSession | None = None) -> ComparisonSession:
        """A new comparison of two columns, both like that chat, else with the owner's start preset."""
        chat = self.new_chat(owner, like)
        contest = self._take(owner, Comparison((ComparisonColumn(chat.id, "A"),)), {chat.id: chat})
        self.add_chat(owner, contest.duplicate(chat.id))
        return contest

    def _take(self, owner: str, comparison: Comparison, chats: dict[str, ChatSession]) -> ComparisonSession:
        contest = ComparisonSession(self.client, comparison, chats, lambda now: self._changed(owner, now))
        with self._lock:
            known = self._contests.setdefault(contest.id, (owner, contest))
            oldest = list(self._contests.items())[: max(len(self._contests) - MAX_COMPARISONS, 0)]
        # Asked without the lock: a contest that changes holds its own, and then asks for this one.
        idle = [id for id, (_, old) in oldest if not old.is_busy]
        with self._lock:
            for id in idle:
                if id not in self._unsaved:
                    self._contests.pop(id, None)
        return known[1]

    def _changed(self, owner: str, comparison: Comparison) -> None:
        """Write a comparison that somebody has begun; its conversations are written by the saver."""
        if comparison.rounds:
            with self._lock:
                self._unsaved[comparison.id] = (owner, comparison)
            self._save_comparisons()

    def _save_comparisons(self) -> None:
        with self._lock:
            unsaved = dict(self._unsaved)
        for id, (owner, comparison) in unsaved.items():
            title = " ".join(comparison.rounds[0].text.split())[:MAX_TITLE_CHARS]
            columns = tuple(column.id for column in comparison.columns)
            try:
                self.store.put_comparison(
                    owner, SavedComparison(id, title, dump_comparison(comparison), columns)
                )
            except PaddockError:
                return  # the saver says what is wrong with the database; it is tried again
            with self._lock:
                if self._unsaved.get(id) == (owner, comparison):
                    del self._unsaved[id]

    def delete_comparison(self, owner: str, id: str) -> None:
        """Forget a comparison; its conversations go into the bin. Raises StorageFailed."""
        contest = self.find_comparison(owner, id)
        if contest is not None:
            contest.stop()
            self.store.remove_comparison(owner, id)
            with self._lock:
                self._contests.pop(id, None)
                self._unsaved.pop(id, None)
            self.drop_chats(*contest.chats)

    def drop_chats(self, *ids: str) -> None:
        """Let go of chats that were deleted; what is being answered in them ends."""
        with self._lock:
            gone = [self._chats.pop(id, None) for id in ids]
        for one in gone:
            if one is not None:
                one[1].stop()

    def new_experiment_run(self, owner: str, experiment: str, plan: Plan) -> ExperimentRun:
        """A new run of one of the owner's experiments, not started yet. Raises StorageFailed."""
        return self._keep(create_run(self.store, self.client, default_model(), owner, experiment, plan))

    def find_experiment_run(self, owner: str, id: str | None) -> ExperimentRun | None:
        """The owner's run of that id, at work or as the database has it; None where they have none.

        One that was at work when its server ended is interrupted, and does not go on by itself: its credentials may
        have been a browser tab's, another server on the same database may be at it, and it may cost money that
        nobody waits for any more. Raises StorageFailed.
        """
        if not id:
            return None
        with self._reading:  # two tabs must not make two of it
            known = self._batches.get(id)
            if known is not None:
                return known if known.owner == owner else None
            saved = self.store.run(owner, id)
            if saved is None:
                return None
            model = models().get(saved.entry.model) or default_model()
            return self._keep(
                ExperimentRun(self.client, self.store, model, owner, saved, self.store.cells(owner, id))
            )

    def drop_experiment_run(self, owner: str, id: str) -> None:
        """Let go of a run that was deleted; it is stopped."""
        with self._lock:
            known = self._batches.get(id)
            if known is not None and known.owner == owner:
                del self._batches[id]
                known.stop()

    def _keep(self, batch: ExperimentRun) -> ExperimentRun:
        with self._lock:
            resting = [id for id, one in self._batches.items() if not one.is_working]
            for id in resting[: max(len(self._batches) + 1 - MAX_EXPERIMENT_RUNS, 0)]:
                del self._batches[id]  # it comes back from the database
            return self._batches.setdefault(batch.id, batch)

    def _forget(self) -> None:
        """Let go of the oldest chats that are empty, or written and at rest: they come back from the database."""
        held = {one.id for _, contest in self._contests.values() for one in contest.comparison.columns}
        for id, (owner, chat) in list(self._chats.items())[: max(len(self._chats) - MAX_CHATS, 0)]:
            if id in held:
                continue
            snapshot = _snapshot(owner, chat)
            if not snapshot.unfinished and (
                not snapshot.conversation.messages or self.autosave.is_saved(snapshot)
            ):
                del self._chats[id]

    def _snapshots(self) -> list[Snapshot]:
        with self._lock:
            chats = list(self._chats.values())
        return [_snapshot(owner, chat) for owner, chat in chats]

    def _tidy(self) -> None:
        """End the runs that nobody looks at."""
        while True:
            time.sleep(5)
            self._save_comparisons()
            now = time.monotonic()
            with self._lock:
                chats = list(self._chats.values())
            for _, chat in chats:
                _, live = chat.snapshot()
                if live is not None and now - live.run.last_watched_at > ORPHAN_SECONDS:
                    live.run.stop()


def _snapshot(owner: str, chat: ChatSession) -> Snapshot:
    conversation, live = chat.snapshot()
    coming: tuple[Coming, ...] = ()
    if live is not None:
        run = live.run
        backend = run.backend
        coming = (
            Coming(
                live.message_id,
                run.request,
                backend.name,
                backend.billed,
                run.text,
                run.seconds,
                run.first_token,
            ),
        )
    return Snapshot(owner, conversation, chat.settings, coming)


@st.cache_resource(show_spinner=False)
def registry() -> Registry:
    """The one of this process."""
    # What is here by now lives for ever: no collection of garbage need look at it.
    gc.collect()
    gc.freeze()
    return Registry(_database())


def _database() -> str:
    """The database's URL: PADDOCK_DATABASE_URL, [connections.paddock] in secrets.toml, or a file of our own."""
    if not os.environ.get("PADDOCK_DATABASE_URL") and st.secrets.load_if_toml_exists():
        named = st.secrets.get("connections", {}).get("paddock", {}).get("url")
        if named:
            return str(named)
    return database_url(os.environ)
