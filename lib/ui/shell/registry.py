"""The objects that live as long as the process: chats, comparisons, experiment runs, the client and the database."""

from __future__ import annotations

import atexit
import gc
import threading
import time
from contextlib import suppress
from dataclasses import replace

import streamlit as st

from lib.api.backend import Backend
from lib.api.client import WorkersAI
from lib.api.model_catalogue import ModelCatalogue
from lib.chat.chat_session import ChatSession
from lib.chat.conversation import Conversation
from lib.chat.setup_merge import Setup
from lib.chat.snapshot import Snapshot
from lib.compare.comparison import Comparison, ComparisonColumn, dump_comparison, load_comparison
from lib.compare.comparison_session import ComparisonSession
from lib.errors import BadInput, PaddockError
from lib.experiment.plan import Plan
from lib.files.conversation_json import ConversationFile
from lib.files.preset_file import Preset, parse_preset
from lib.local_models.supervisor import Supervisor
from lib.model.model_record import Model, default_model
from lib.model.settings import Settings
from lib.runner.experiment_run import ExperimentRun, create_run
from lib.runner.progress import RunState
from lib.store.autosave import Autosaver
from lib.store.comparison_rows import comparison_title
from lib.store.store import Store
from lib.store.stored_values import SavedComparison
from lib.system.paths import data_folder
from lib.ui.shell.backend_use import is_in_use
from lib.ui.shell.chat_snapshot import snapshot_chat
from lib.ui.shell.configured_database import configured_database
from lib.ui.shell.gateway_check import GatewayCheck
from lib.ui.shell.model_control import ModelControl
from lib.ui.shell.owned_cache import OwnedCache
from lib.ui.shell.visitor_cookie import LOCAL_OWNER

# An answer that no page has read for this long is stopped. A reload, a page switch or a lost connection must never
# stop one, so this is far longer than any of those; max_tokens bounds the answer anyway.
ORPHAN_SECONDS = 15 * 60.0
MAX_CHATS = 500  # in memory
MAX_EXPERIMENT_RUNS = 20
CLOSING_SECONDS = 5.0  # to wait for requests under way when the server ends
MAX_COMPARISONS = 50
CLEAN_UP_SECONDS = 5.0
ELSEWHERE_SECONDS = 2.0  # before what another server works on is loaded again


class Registry:
    """The process's objects by id, each with its owner. A reload would end them in Streamlit's session state."""

    def __init__(self, url: str) -> None:
        self.client = WorkersAI()
        self.gateway_check = GatewayCheck(self.client.check_gateway)
        self.catalogue = ModelCatalogue(self.client, data_folder() / "catalogue")
        self.supervisor = Supervisor(self._is_in_use)
        self.models = ModelControl(self.supervisor)
        self.store = Store(url, find_model=self.catalogue.find_model)
        self.autosave = Autosaver(self.store, self._snapshots, self._adopt)
        self._chats: OwnedCache[ChatSession] = OwnedCache(MAX_CHATS, self._chat_may_go)
        self._runs: OwnedCache[ExperimentRun] = OwnedCache(
            MAX_EXPERIMENT_RUNS, lambda _, run: not run.is_working
        )
        self._comparisons: OwnedCache[ComparisonSession] = OwnedCache(
            MAX_COMPARISONS, self._comparison_may_go
        )
        # Comparisons that the database has not taken yet, with their owners.
        self._unsaved: dict[str, tuple[str, Comparison]] = {}
        self._outdated: set[str] = set()  # comparisons that another server has added rounds to
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._closed = threading.Event()
        atexit.register(self.close)
        self.autosave.start()
        threading.Thread(target=self._clean_up_forever, name="paddock-tidy", daemon=True).start()

    def close(self) -> None:
        """Save what is not saved yet, end the twin and all threads. Interrupted runs can be resumed later."""
        atexit.unregister(self.close)
        self._closed.set()
        runs = [run for _, run in self._runs.entries()]
        for run in runs:
            run.interrupt()
        for run in runs:
            run.join(CLOSING_SECONDS)
        self._save_comparisons()
        self.autosave.close()
        self.store.leases.close()
        self.models.close()

    def _is_in_use(self, backend: Backend) -> bool:
        return is_in_use(backend, self._chats, self._comparisons, self._runs)

    def find_chat(self, owner: str, id: str | None) -> ChatSession | None:
        """Return the owner's chat of that id, from memory or the database; None if they have no such chat."""
        if not id:
            return None
        if (cached := self._chats.get(owner, id)) is not None:
            return cached
        with suppress(PaddockError):  # it can be read although the database takes no changes
            self.store.conversations.recover()
        try:
            saved = self.store.conversations.load(owner, id)
        except PaddockError:
            return None  # the save warning says what is wrong with the database
        if saved is None or saved.entry.deleted_at is not None:
            return None
        chat = ChatSession(
            self.client,
            default_model(),
            saved.conversation,
            is_answered_elsewhere=saved.is_answered_elsewhere,
            find_model=self.catalogue.find_model,
        )
        chat.load_settings(saved.settings)
        # What is answered elsewhere is not kept, so it is neither saved here nor shown when it is outdated.
        return chat if chat.is_answered_elsewhere else self.add_chat(owner, chat)

    def refresh_chat(self, owner: str, chat: ChatSession) -> None:
        """Show in the chat what another server has saved of its conversation."""
        # While the database fails, it would wait in vain.
        if not chat.is_answered_elsewhere and self.autosave.problem is None:
            self.autosave.refresh(snapshot_chat(owner, chat))

    def new_chat(self, owner: str, like: ChatSession | None = None) -> ChatSession:
        """Add a new chat with the system prompt and settings of ``like``, else with the owner's start preset."""
        if like is not None:
            chat = like.with_conversation(Conversation(like.conversation.system))
            chat.prepared_messages = like.prepared_messages
            return self.add_chat(owner, chat)
        model, find_model = default_model(), self.catalogue.find_model
        start = self._start_preset(owner, model) or Preset("", "", Settings.defaults(model))
        chat = ChatSession(self.client, model, Conversation(start.system or ""), find_model=find_model)
        chat.prepared_messages = start.messages
        return self.add_chat(owner, chat, start.apply_to(chat.settings))

    def _start_preset(self, owner: str, model: Model) -> Preset | None:
        try:
            start = next((preset for preset in self.store.presets.load_all(owner) if preset.is_start), None)
            return None if start is None else parse_preset(start.body, model)
        except PaddockError:
            return None  # the database fails or cannot read the preset: the documented defaults are used

    def add_chat(self, owner: str, chat: ChatSession, settings: Settings | None = None) -> ChatSession:
        """Add a chat that was made elsewhere."""
        if settings is not None:
            chat.settings = settings
        # A kill forgets no request that was sent, and no answer that has ended.
        chat.on_run = self.autosave.wake
        return self._chats.add(owner, chat.id, chat)

    def find_comparison(self, owner: str, id: str | None) -> ComparisonSession | None:
        """Return the owner's comparison of that id, from memory or the database; None if they have no such."""
        if not id:
            return None
        if (cached := self._comparisons.get(owner, id)) is not None:
            if not (id in self._outdated and self._comparison_may_go(owner, cached)):
                return cached
            self._comparisons.pop(id)
            self._outdated.discard(id)
        try:
            saved = self.store.comparisons.load(owner, id)
            if saved is None:
                return None
            comparison = load_comparison(saved.id, saved.body)
        except PaddockError:
            return None
        chats = {column.id: self.find_chat(owner, column.id) for column in comparison.columns}
        existing = {id: chat for id, chat in chats.items() if chat is not None}
        if not existing:
            return None
        for chat in existing.values():
            self.refresh_chat(owner, chat)
        columns = tuple(column for column in comparison.columns if column.id in existing)
        comparison = replace(comparison, columns=columns)
        if any(chat.is_answered_elsewhere for chat in existing.values()):
            return ComparisonSession(self.client, comparison, existing, lambda now: self._changed(owner, now))
        return self._take(owner, comparison, existing)

    def new_comparison(self, owner: str, like: ChatSession | None = None) -> ComparisonSession:
        """Add a new comparison of two columns, both like that chat, else with the owner's start preset."""
        chat = self.new_chat(owner, like)
        session = self._take(owner, Comparison((ComparisonColumn(chat.id, "A"),)), {chat.id: chat})
        self.add_chat(owner, session.duplicate(chat.id))
        return session

    def _take(self, owner: str, comparison: Comparison, chats: dict[str, ChatSession]) -> ComparisonSession:
        session = ComparisonSession(self.client, comparison, chats, lambda now: self._changed(owner, now))
        return self._comparisons.add(owner, session.id, session)

    def _comparison_may_go(self, _: str, session: ComparisonSession) -> bool:
        # Without the lock: a comparison that changes holds its own, and then asks for this one.
        if session.is_busy:
            return False
        with self._lock:
            return session.id not in self._unsaved

    def _changed(self, owner: str, comparison: Comparison) -> None:
        """Save a comparison once it has a round. The autosave saves its conversations."""
        if comparison.rounds:
            with self._lock:
                self._unsaved[comparison.id] = (owner, comparison)
            self._save_comparisons()

    def _save_comparisons(self) -> None:
        with self._lock:
            unsaved = dict(self._unsaved)
        for id, (owner, comparison) in unsaved.items():
            title = comparison_title(comparison)
            columns = tuple(column.id for column in comparison.columns)
            saved = SavedComparison(id, title, dump_comparison(comparison), columns)
            try:
                stored = self.store.comparisons.save(owner, saved)
            except PaddockError:
                return  # it is tried again, and the save warning says what is wrong with the database
            with self._lock:
                if stored is not saved:
                    self._outdated.add(id)
                if self._unsaved.get(id) == (owner, comparison):
                    del self._unsaved[id]

    def delete_comparison(self, owner: str, id: str) -> None:
        """Delete a comparison; its conversations go into the bin. Raise StorageFailed if that fails."""
        session = self.find_comparison(owner, id)
        if session is not None:
            session.stop()
            self.store.comparisons.remove(owner, id)
            self._comparisons.pop(id)
            with self._lock:
                self._unsaved.pop(id, None)
            self.drop_chats(*session.chats)

    def drop_chats(self, *ids: str) -> None:
        """Drop chats that were deleted, and stop their answers."""
        for id in ids:
            if (chat := self._chats.pop(id)) is not None:
                chat.stop()

    def new_experiment_run(self, owner: str, experiment: str, plan: Plan) -> ExperimentRun:
        """Add a new run of one of the owner's experiments, not started yet. Raise StorageFailed if that fails."""
        run = create_run(self.store, self.client, owner, experiment, plan, self.catalogue.find_model)
        return self._runs.add(owner, run.id, run)

    def find_experiment_run(self, owner: str, id: str | None) -> ExperimentRun | None:
        """Return the owner's run of that id, from memory or the database; None if they have no such run.

        A run that was working when its server ended does not resume by itself: its credentials may have belonged to
        a browser tab, and it may cost money for a result that nobody wants any more. A run that another server works
        on is loaded again every few seconds. Raise StorageFailed if the database fails.
        """
        if not id:
            return None
        with self._reading:  # else two tabs could make two objects of one run
            if (cached := self._runs.get(owner, id)) is not None and not _is_outdated(cached):
                return cached
            saved = self.store.runs.load(owner, id)
            if saved is None:
                return None
            cells, find_model = self.store.cells.load(owner, id), self.catalogue.find_model
            run = ExperimentRun(self.client, self.store, owner, saved, cells, find_model)
            self._runs.pop(id)
            return self._runs.add(owner, id, run)

    def is_experiment_run_working(self, owner: str, id: str) -> bool:
        """Return True if the owner's run of that id is working in this process."""
        run = self._runs.get(owner, id)
        return run is not None and run.is_working

    def drop_experiment_run(self, owner: str, id: str) -> None:
        """Drop a run that was deleted, and stop it."""
        if (run := self._runs.get(owner, id)) is not None:
            self._runs.pop(id)
            run.stop()

    def restore_backup(self, owner: str, name: str) -> None:
        """Replace the database's content, of every owner, by that of a backup. ``name`` is the name of its file.

        Raise BadInput if the owner is not the local one or if anything is running, and StorageFailed if the backup or
        the database fails; nothing has changed then.
        """
        if owner != LOCAL_OWNER:
            raise BadInput("Only somebody at the computer that Paddock runs on can restore a backup.")
        backups = self.store.database.backups
        backup = (
            next((made for made in backups.entries() if made.file.name == name), None) if backups else None
        )
        if backup is None:
            raise BadInput("This backup no longer exists.")
        if any(chat.snapshot()[1] for _, chat in self._chats.entries()) or any(
            run.is_working for _, run in self._runs.entries()
        ):
            raise BadInput(
                "An answer or an experiment is running.", advice="Wait until it has ended, or stop it first."
            )
        with self.autosave.paused():
            self._save_comparisons()
            self.autosave.save()
            saved = {
                snapshot.conversation.id
                for snapshot in self._snapshots()
                if snapshot.conversation.messages and self.autosave.is_saved(snapshot)
            }
            was_backed_up = self.store.database.restore(backup)
            # Answers that were running when the backup was made.
            self.store.conversations.recover(is_start=True)
            if was_backed_up:
                self._show_restored_state(saved)
            else:
                # What is in memory may be nowhere else any more: it is saved into the restored database.
                for comparison_owner, session in self._comparisons.entries():
                    self._changed(comparison_owner, session.comparison)

    def _show_restored_state(self, saved: set[str]) -> None:
        """Read from the database again what had been saved before a restore. The rest stays in memory."""
        for owner, session in self._comparisons.entries():
            if self._comparison_may_go(owner, session):
                self._comparisons.pop(session.id)
        for _, run in self._runs.entries():
            if not run.is_working:
                self._runs.pop(run.id)
        for owner, chat in self._chats.entries():
            if chat.id not in saved:
                continue
            restored = self.store.conversations.load(owner, chat.id)
            # In place, because open pages hold the chat: what they send is saved then.
            if restored is None or restored.entry.deleted_at is not None:
                self._chats.pop(chat.id)
                continue
            with suppress(BadInput):  # an answer has begun: the conversation is saved as it is in memory
                if chat.restore(restored.conversation, chat.conversation):
                    chat.load_settings(restored.settings)

    def _chat_may_go(self, owner: str, chat: ChatSession) -> bool:
        """Return True for an idle chat that is empty or saved: it can be read from the database again."""
        for _, session in self._comparisons.entries():
            if any(column.id == chat.id for column in session.comparison.columns):
                return False
        snapshot = snapshot_chat(owner, chat)
        return not snapshot.unfinished and (
            not snapshot.conversation.messages or self.autosave.is_saved(snapshot)
        )

    def unsaved_conversations(self, owner: str) -> list[ConversationFile]:
        """Return the owner's conversations that are not in the database, with the text of running answers so far."""
        return [
            ConversationFile(snapshot.with_cut_off_answers(), snapshot.settings)
            for snapshot in self._snapshots()
            if snapshot.owner == owner
            and snapshot.conversation.messages
            and not self.autosave.is_saved(snapshot)
        ]

    def _snapshots(self) -> list[Snapshot]:
        return [snapshot_chat(owner, chat) for owner, chat in self._chats.entries()]

    def _adopt(self, snapshot: Snapshot, merged: Snapshot, other: Setup | None) -> None:
        """Show in the chat what another server changed of its conversation."""
        if (chat := self._chats.get(snapshot.owner, snapshot.conversation.id)) is not None:
            chat.adopt(snapshot, merged, other)

    def _clean_up_forever(self) -> None:
        while not self._closed.wait(CLEAN_UP_SECONDS):
            self.clean_up()

    def clean_up(self) -> None:
        """Save comparisons, back up, recover the answers of killed servers, stop those that no page reads."""
        self._save_comparisons()
        with suppress(PaddockError):  # History → Files shows the problem
            self.store.database.back_up_daily()
        with suppress(PaddockError):  # the save warning says what is wrong with the database
            self.store.conversations.recover()
        now = time.monotonic()
        for _, chat in self._chats.entries():
            _, live = chat.snapshot()
            if live is not None and now - live.run.last_watched_at > ORPHAN_SECONDS:
                live.run.stop()


def _is_outdated(run: ExperimentRun) -> bool:
    """Return True if another server has worked on the run since it was loaded, or may have."""
    if run.is_working:
        return False
    is_old = time.monotonic() - run.loaded_at > ELSEWHERE_SECONDS
    return run.is_outdated or (run.state is RunState.ELSEWHERE and is_old)


@st.cache_resource(show_spinner=False)
def registry() -> Registry:
    """Return the registry of this process."""
    # What exists at this point lives as long as the process: the garbage collector need not visit it again.
    gc.collect()
    gc.freeze()
    return Registry(configured_database())
