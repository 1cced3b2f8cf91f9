"""Store: the conversations of every owner in one database. No method reads or writes another owner's."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime

from lib.api.request import Request
from lib.api.trace import Trace
from lib.chat.answer import Answer
from lib.chat.conversation import Conversation
from lib.errors import PaddockError, StorageFailed
from lib.experiment.plan import Limits
from lib.experiment.results.cell_result import Result
from lib.model.settings import Settings
from lib.store import (
    comparison_store,
    conversation_list,
    conversation_reader,
    conversation_writer,
    experiment_store,
    preset_store,
    run_cells,
    saved_schema_store,
)
from lib.store.database import Database
from lib.store.stored_values import (
    CellChange,
    ConversationEntry,
    DailyUsage,
    ExperimentEntry,
    RunEntry,
    SavedComparison,
    SavedConversation,
    SavedExperiment,
    SavedPreset,
    SavedRun,
    SavedSchema,
    Snapshot,
    StoredCell,
    UnfinishedAnswer,
)
from lib.store.written_state import WrittenState

MAX_REMEMBERED = 500  # conversations whose state in the database is remembered; of others it is looked up


class Store:
    """Safe from any thread. Every method raises StorageFailed where the database fails, and can be tried again."""

    def __init__(self, url: str, clock: Callable[[], float] = time.time) -> None:
        self._database = Database(url)
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], tuple[int, WrittenState]] = OrderedDict()
        self._purged: set[str] = set()
        self._lock = threading.Lock()
        self._runs: dict[tuple[str, str], tuple[int, int]] = {}  # a run's key, and the generation it is of

    @property
    def name(self) -> str:
        """Where it is, as it may be shown."""
        return self._database.name

    @property
    def generation(self) -> int:
        """Counts the openings: after another one, what was saved before may not be there any more."""
        return self._database.generation

    def open(self) -> None:
        """Connect and migrate now. Raises NewerDatabase, or StorageFailed. Any other method does it too."""
        self._database.open()

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def save(
        self,
        owner: str,
        conversation: Conversation,
        settings: Settings,
        live: tuple[UnfinishedAnswer, ...] = (),
    ) -> None:
        """Write what changed since it was last saved, all or nothing. What nobody has begun yet is not kept."""
        snapshot = Snapshot(owner, conversation, settings, live)
        with self._lock:
            if conversation.id in self._purged:
                return
            remembered = (owner, conversation.id) in self._known
            try:
                self._save(snapshot)
            except StorageFailed as error:
                if error.retryable or not remembered:
                    raise
                self._save(snapshot)  # another server wrote it too: look up what is there

    def _save(self, snapshot: Snapshot) -> None:
        owner, id = snapshot.owner, snapshot.conversation.id
        generation, known = self._known.pop((owner, id), (0, None))  # forgotten, unless what follows succeeds
        with self._database.writing() as connection:
            if generation != self._database.generation or known is None:
                generation = self._database.generation
                known = conversation_writer.look(connection, owner, id)
            if known is None:
                if not snapshot.conversation.messages and not snapshot.conversation.system.strip():
                    return
                known = conversation_writer.create(connection, snapshot, self._now())
            new = conversation_writer.write(connection, known, snapshot, self._now())
        if new is None:
            self._purged.add(id)  # by another server
        else:
            self._remember(owner, id, generation, new)

    def _remember(
        self, owner: str, id: str, generation: int, known: WrittenState, *, newer: bool = True
    ) -> None:
        """``newer`` than what is remembered of it: what was read may have been written over meanwhile."""
        old, _ = self._known.get((owner, id), (0, None))
        if newer or old < generation:
            self._known[owner, id] = (generation, known)
        if len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)

    def load(self, owner: str, id: str) -> SavedConversation | None:
        """The conversation, None where that owner has none of that id. An answer that was running is cut off."""
        with self._database.reading() as connection:
            generation = self._database.generation
            found = conversation_reader.read(connection, owner, id)
        if found is None:
            return None
        saved, known = found
        with self._lock:
            self._remember(owner, id, generation, known, newer=False)
        return saved

    def trace(self, owner: str, id: str, answer: str) -> Trace | None:
        """What went over the wire for one of a conversation's answers, None where that was not kept."""
        with self._database.reading() as connection:
            return conversation_reader.trace(connection, owner, id, answer)

    def recover(self) -> int:
        """Write down that the answers of a server that was killed are cut off, each for its owner. Gives how many.

        Only before anything is answered here, and where no other server works on the same database.
        """
        with self._database.reading() as connection:
            unfinished = conversation_list.unfinished(connection)
        for owner, id in unfinished:
            if saved := self.load(owner, id):
                self.save(owner, saved.conversation, saved.settings)
        return len(unfinished)

    def entries(
        self, owner: str, search: str = "", page: int = 0, size: int = 25, *, deleted: bool = False
    ) -> tuple[ConversationEntry, ...]:
        """One page of the list, or of the bin: pinned ones first, then newest first. Pages count from 0."""
        with self._database.reading() as connection:
            return conversation_list.entries(connection, owner, search, page, size, deleted)

    def count(self, owner: str, search: str = "", *, deleted: bool = False) -> int:
        """How many the list, or the bin, has."""
        with self._database.reading() as connection:
            return conversation_list.count(connection, owner, search, deleted)

    def rename(self, owner: str, id: str, title: str) -> bool:
        """Give it a title that stays. A blank one: back to the first message's words."""
        title = " ".join(title.split())
        edited = bool(title)
        if not edited:
            saved = self.load(owner, id)
            title = conversation_writer.list_title(saved.conversation) if saved else ""
        with self._database.writing() as connection:
            return conversation_list.change(connection, owner, [id], title=title, title_edited=edited) == 1

    def pin(self, owner: str, id: str, pinned: bool = True) -> bool:
        """Keep it at the top of the list, or no more."""
        with self._database.writing() as connection:
            return conversation_list.change(connection, owner, [id], pinned=pinned) == 1

    def delete(self, owner: str, *ids: str) -> int:
        """Put them into the bin. Gives how many there were."""
        with self._database.writing() as connection:
            return conversation_list.change(connection, owner, ids, deleted_at=self._now())

    def restore(self, owner: str, *ids: str) -> int:
        """Take them out of the bin."""
        with self._database.writing() as connection:
            return conversation_list.change(connection, owner, ids, deleted_at=None)

    def delete_all(self, owner: str) -> tuple[str, ...]:
        """Put the whole list into the bin. Gives the ids, for restore()."""
        with self._database.writing() as connection:
            ids = conversation_list.ids(connection, owner, deleted=False)
            conversation_list.change(connection, owner, ids, deleted_at=self._now())
        return ids

    def purge(self, owner: str, *ids: str) -> int:
        """Forget them for ever, in the bin or not; later saves of them do nothing."""
        with self._lock:
            with self._database.writing() as connection:
                mine = [id for id in ids if conversation_reader.owned(connection, owner, id)]
                gone = conversation_list.purge(connection, owner, mine)
            self._purged.update(mine)
            return gone

    def purge_bin(self, owner: str, before: datetime | None = None) -> int:
        """Forget what is in the bin; ``before``: what was put there before that moment."""
        until = None if before is None else int(before.timestamp() * 1000)
        with self._database.reading() as connection:
            ids = conversation_list.ids(connection, owner, deleted=True, before=until)
        return self.purge(owner, *ids)

    def spend(self, owner: str, since: date | None = None) -> tuple[DailyUsage, ...]:
        """What all answers used by UTC day, model and backend; each answer once, however often it was copied."""
        with self._database.reading() as connection:
            return conversation_list.spend(
                connection, owner, None if since is None else conversation_list.milliseconds(since)
            )

    def presets(self, owner: str) -> tuple[SavedPreset, ...]:
        """Every preset, in the order they were made."""
        with self._database.reading() as connection:
            return preset_store.presets(connection, owner)

    def put_preset(self, owner: str, preset: SavedPreset) -> None:
        """Keep a preset, in the place of an older one of its id. At most one is the start."""
        with self._database.writing() as connection:
            preset_store.put(connection, owner, preset)

    def remove_preset(self, owner: str, id: str) -> bool:
        """Forget a preset."""
        with self._database.writing() as connection:
            return preset_store.remove(connection, owner, id)

    def schemas(self, owner: str) -> tuple[SavedSchema, ...]:
        """Every schema for JSON mode that is kept, in the order they were made."""
        with self._database.reading() as connection:
            return saved_schema_store.schemas(connection, owner)

    def put_schema(self, owner: str, schema: SavedSchema) -> None:
        """Keep a schema, in the place of an older one of its id."""
        with self._database.writing() as connection:
            saved_schema_store.put(connection, owner, schema)

    def remove_schema(self, owner: str, id: str) -> bool:
        """Forget a schema."""
        with self._database.writing() as connection:
            return saved_schema_store.remove(connection, owner, id)

    def experiments(self, owner: str) -> tuple[ExperimentEntry, ...]:
        """The list of experiments, the one that was changed last first."""
        with self._database.reading() as connection:
            return experiment_store.entries(connection, owner)

    def experiment(self, owner: str, id: str) -> SavedExperiment | None:
        """One of them, None where that owner has none of that id."""
        with self._database.reading() as connection:
            return experiment_store.read(connection, owner, id)

    def put_experiment(self, owner: str, experiment: SavedExperiment) -> None:
        """Keep an experiment, in the place of an older one of its id; its runs stay as they were run."""
        with self._database.writing() as connection:
            experiment_store.put(connection, owner, experiment, self._now())

    def delete_experiment(self, owner: str, id: str) -> bool:
        """Take an experiment out of the list. It can be restored until another is deleted: then it is forgotten."""
        with self._database.writing() as connection:
            experiment_store.remove_deleted(connection, owner, but=id)
            return experiment_store.mark_deleted(connection, owner, id, self._now())

    def restore_experiment(self, owner: str, id: str) -> bool:
        """Bring back what was deleted last, with all its runs."""
        with self._database.writing() as connection:
            return experiment_store.mark_deleted(connection, owner, id, None)

    def remove_experiment(self, owner: str, id: str) -> bool:
        """Forget an experiment, its runs and all that came of them."""
        with self._database.writing() as connection:
            return experiment_store.remove(connection, owner, id)

    def runs(self, owner: str, experiment: str) -> tuple[RunEntry, ...]:
        """The runs of an experiment, newest first."""
        with self._database.reading() as connection:
            return experiment_store.runs(connection, owner, experiment)

    def run(self, owner: str, id: str) -> SavedRun | None:
        """A run, None where that owner has none of that id."""
        with self._database.reading() as connection:
            return experiment_store.run(connection, owner, id)

    def put_run(self, owner: str, run: SavedRun) -> None:
        """A new run of one of the owner's experiments. Raises StorageFailed where there is no such experiment."""
        with self._database.writing() as connection:
            experiment_store.put_run(connection, owner, run, self._now())

    def change_run(
        self,
        owner: str,
        id: str,
        *,
        state: str,
        error: PaddockError | None,
        backend: str,
        billed: bool,
        limits: Limits,
    ) -> bool:
        """Write down where a run stands. False where that owner has no such run."""
        with self._database.writing() as connection:
            return experiment_store.change_run(connection, owner, id, state, error, backend, billed, limits)

    def remove_run(self, owner: str, id: str) -> bool:
        """Forget a run and all that came of it."""
        with self._database.writing() as connection:
            return experiment_store.remove_run(connection, owner, id)

    def cells(self, owner: str, run: str) -> tuple[StoredCell, ...]:
        """Every cell of a run that was asked, in the order of their last change, with their requests built anew."""
        with self._database.reading() as connection:
            saved, key = (
                experiment_store.run(connection, owner, run),
                experiment_store.key_of(connection, owner, run),
            )
            return () if saved is None or key is None else run_cells.read(connection, key, saved)

    def results(self, owner: str, run: str) -> tuple[Result, ...]:
        """What came of a run's cells, in the order of their last change."""
        return tuple(one.result for one in self.cells(owner, run))

    def write_cells(self, owner: str, run: str, changes: Sequence[CellChange]) -> None:
        """Write those cells, all or nothing; of each number at most one.

        Raises StorageFailed, not ``retryable`` where the run is gone, or another server has begun one of the cells.
        """
        with self._database.writing() as connection:
            generation = self._database.generation
            known, key = self._runs.get((owner, run), (0, None))
            if key is None or known != generation:
                key = experiment_store.key_of(connection, owner, run)
                if key is None:
                    raise StorageFailed("This run was deleted.", advice="Start a new one.")
                self._runs[owner, run] = (generation, key)
            run_cells.write(connection, key, changes)

    def rate(self, owner: str, run: str, number: int, rating: int | None) -> bool:
        """Keep a person's opinion of a cell's answer, or forget it. False where there is no such cell."""
        with self._database.writing() as connection:
            key = experiment_store.key_of(connection, owner, run)
            return key is not None and run_cells.rate(connection, key, number, rating)

    def answers(self, owner: str, asked: Mapping[str, Request]) -> dict[str, Answer]:
        """The answers that the owner's runs have had to requests of these fingerprints, whole ones alone."""
        with self._database.reading() as connection:
            return run_cells.answers(connection, owner, asked)

    def comparisons(self, owner: str, most: int = 50) -> tuple[SavedComparison, ...]:
        """The newest comparisons, newest first."""
        with self._database.reading() as connection:
            return comparison_store.comparisons(connection, owner, most)

    def comparison(self, owner: str, id: str) -> SavedComparison | None:
        """The comparison of that id, None where that owner has none."""
        with self._database.reading() as connection:
            return comparison_store.load(connection, owner, id)

    def put_comparison(self, owner: str, saved: SavedComparison) -> None:
        """Keep a comparison, in the place of an older one of its id. Its columns leave the list of conversations."""
        with self._database.writing() as connection:
            comparison_store.put(connection, owner, saved, self._now())

    def remove_comparison(self, owner: str, id: str) -> bool:
        """Forget a comparison and put its columns' conversations into the bin."""
        with self._database.writing() as connection:
            saved = comparison_store.load(connection, owner, id)
            if saved is None:
                return False
            conversation_list.change(connection, owner, saved.column_ids, deleted_at=self._now())
            return comparison_store.remove(connection, owner, id)

    def _now(self) -> int:
        return int(self._clock() * 1000)
