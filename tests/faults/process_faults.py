"""Kill processes of Paddock with SIGKILL at random moments, and count what is lost."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lib.chat.answer import Ending
from lib.files.conversation_import_export import dump_zip
from lib.files.conversation_json import ConversationFile
from lib.model.known_models import find_record
from lib.store.store import Store
from tests.faults import core_process
from tests.faults.core_process import NOBODY, OWNER
from tests.killable_process import KillableProcess
from tests.page.upstream import StreamReply, Upstream, UpstreamRequest, numbered_words
from tests.runner.kill_driver import run_with_kills
from tests.store.conversation_trees import SETTINGS, make_conversation

MAX_SECONDS_LOST = 1.0  # as docs/features.md says
RATE = 200.0  # tokens a second, 4.5 characters each
PATIENCE = 30.0  # seconds to wait for a phase; a process in trouble may never get there
PHASES = ("start", "before the first token", "within", "end", "after")
TROUBLES = ("", "", "", "full disk", "read-only folder", "few files")
IMPORTED = 150  # conversations in an import
EXPERIMENT_KILLS = 4


@dataclass
class KillCounts:
    """What became of the kills. ``seconds_lost`` and ``characters_lost`` are the longest text that one lost.

    ``failures`` names those that lost more than the page promises, left a damaged database or forgot a request.
    """

    tried: int = 0
    survived: int = 0
    lost: int = 0
    unsound: int = 0
    forgotten: int = 0
    rounds: Counter[str] = field(default_factory=Counter)
    seconds_lost: list[float] = field(default_factory=list)
    characters_lost: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def add(self, kind: str, where: str, outcome: KillOutcome) -> None:
        self.rounds[kind] += 1
        self.tried += outcome.kills
        self.lost += bool(outcome.lost)
        self.unsound += bool(outcome.unsound)
        self.forgotten += bool(outcome.forgotten)
        faults = [*outcome.lost, *outcome.unsound, *outcome.forgotten]
        self.survived += max(outcome.kills - bool(faults), 0)
        self.failures += [f"{where}: {fault}" for fault in faults]
        if kind in ("answer", "server"):
            self.seconds_lost.append(outcome.seconds_lost)
            self.characters_lost.append(outcome.characters_lost)


@dataclass
class KillOutcome:
    """What one round of ``kills`` has lost, damaged and forgotten, in words; and the text of an answer it lost."""

    kills: int = 1
    lost: list[str] = field(default_factory=list)
    unsound: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    characters_lost: int = 0
    seconds_lost: float = 0.0


@dataclass(frozen=True)
class Scene:
    """A round's random source, its folder, where ``database`` has all tables and no content, and the upstream.

    ``max_seconds_lost`` is the age of the oldest text, or request, that a kill may lose.
    """

    chance: random.Random
    folder: Path
    upstream: Upstream
    max_seconds_lost: float

    @property
    def database(self) -> Path:
        return self.folder / "paddock.sqlite3"


def wait_for(condition: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Wait until the condition holds, at most that many seconds. Return True if it does."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return bool(condition())


def kill_answer(scene: Scene) -> KillOutcome:
    """Kill a server in a phase of an answer, sometimes while it cannot save, and sometimes its successor too."""
    chance, upstream, outcome = scene.chance, scene.upstream, KillOutcome()
    phase, trouble = chance.choice(PHASES), chance.choice(TROUBLES)
    is_over = bool(trouble) and chance.random() < 0.5
    text = "".join(numbered_words(count=chance.randint(5, 60)))
    is_endless = phase in ("start", "within")
    upstream.plan_replies(
        StreamReply(text, RATE, endless=is_endless, held=0 if phase == "before the first token" else None)
    )
    room = scene.folder / "room"
    if trouble == "read-only folder":
        allow_writing(scene.folder, allowed=False)
    spare = chance.randint(0, 6)
    with KillableProcess(core_process.answer, upstream.url, scene.database, trouble, room, spare) as core:
        wait_for(lambda: core.last("id"))
        wait_for_phase(phase, core, upstream, chance)
        if is_over:
            allow_writing(scene.folder, allowed=True)
            room.touch()
            if not wait_for(lambda: core.last("saved") is not None and not core.last("problem")):
                outcome.lost.append("not saved once there was room")
        killed = time.monotonic()
        core.kill()
    allow_writing(scene.folder, allowed=True)
    if chance.random() < 0.2:
        outcome.kills += 1
        with KillableProcess(core_process.recover, scene.database) as successor:
            wait_for(lambda: successor.reports)
            time.sleep(chance.uniform(0.0, 0.1))
    outcome.unsound += database_faults(scene.database)
    with closing(Store(f"sqlite:///{scene.database}")) as store:
        store.conversations.recover(is_start=True)
        saved = store.conversations.load(OWNER, core.last("id") or "")
        counted = sum(day.request_count for day in store.conversations.daily_usage(OWNER))
    last = saved.conversation.messages[-1] if saved else None
    request = upstream.requests[-1] if upstream.requests else None
    kept = last.content if last is not None else ""
    if len(kept) < (core.last("saved") or 0):
        outcome.lost.append(f"{core.last('saved')} characters were reported as saved, and {len(kept)} are")
    if request is not None and not request.sent_text.startswith(kept):
        outcome.unsound.append("another text than was sent")
    # With a problem, the text was offered for download, with the word that it is lost if Paddock ends.
    if request is not None and not core.last("problem"):
        is_known = last is not None and bool(last.answers) and (counted > 0 or not kept)
        if not is_known and killed - request.received > scene.max_seconds_lost:
            outcome.forgotten.append(f"a request of {killed - request.received:.2f} s ago")
        if last is None or not last.answers or last.answers[-1].ending is Ending.CUT_OFF:
            measure_loss(scene, outcome, request, len(kept), killed)
    outcome.lost = [f"{words} ({phase}, {trouble or 'no trouble'})" for words in outcome.lost]
    return outcome


def wait_for_phase(phase: str, core: KillableProcess, upstream: Upstream, chance: random.Random) -> None:
    def arrived() -> bool:
        return bool(upstream.requests or core.last("problem"))

    match phase:
        case "start":
            time.sleep(chance.uniform(0.0, 0.1))
        case "before the first token":
            wait_for(arrived)
            time.sleep(chance.uniform(0.0, 1.0))
        case "within":
            wait_for(arrived)
            wait_for(lambda: not upstream.requests or upstream.requests[-1].sent_text)
            time.sleep(chance.uniform(0.0, 2.0))
        case _:
            wait_for(arrived)
            wait_for(lambda: not upstream.requests or not upstream.requests[-1].is_live)
            time.sleep(chance.uniform(0.0, 0.1 if phase == "end" else 1.0))


def measure_loss(
    scene: Scene, outcome: KillOutcome, request: UpstreamRequest, kept: int, killed: float
) -> None:
    """Note the text beyond ``kept`` characters that had been sent by ``killed``, a time.monotonic()."""
    arrivals = [(at, length) for at, length in request.progress if at <= killed]
    if arrivals and arrivals[-1][1] > kept:
        outcome.characters_lost = arrivals[-1][1] - kept
        outcome.seconds_lost = killed - next(at for at, length in arrivals if length > kept)
    if outcome.seconds_lost > scene.max_seconds_lost:
        outcome.lost.append(f"{outcome.characters_lost} characters, {outcome.seconds_lost:.2f} s")


def kill_import(scene: Scene) -> KillOutcome:
    """Kill a server in an import: all of the file is there, or nothing."""
    outcome, file = KillOutcome(), scene.folder / "import.zip"
    files = [
        ConversationFile(make_conversation(f"question {number}", "and"), SETTINGS)
        for number in range(IMPORTED)
    ]
    file.write_bytes(dump_zip(files, find_record))
    with KillableProcess(core_process.import_file, file, scene.database) as core:
        wait_for(lambda: core.reports)
        time.sleep(scene.chance.uniform(0.0, 1.0))
    with closing(Store(f"sqlite:///{scene.database}")) as store:
        count = store.conversations.count(OWNER)
    if count not in (0, IMPORTED) or (core.last("imported") and count != IMPORTED):
        outcome.lost.append(f"{count} of {IMPORTED} imported conversations are there")
    outcome.unsound += database_faults(scene.database)
    return outcome


def kill_experiment(scene: Scene) -> KillOutcome:
    """Kill a server in a run of an experiment, several times until the run is done."""
    chance, billed = scene.chance, scene.chance.random() < 0.6
    cells, seed = 60 * EXPERIMENT_KILLS, chance.randrange(10**6)
    url = f"sqlite:///{scene.database}"
    run = run_with_kills(url, cells, EXPERIMENT_KILLS, billed=billed, seed=seed, wait=(0.0, 0.3))
    outcome = KillOutcome(kills=run.kills)
    if run.missing:
        outcome.lost.append(f"{run.missing} cells")
    if run.forgotten or run.repeated > (0 if billed else run.max_repeated):
        outcome.forgotten.append(f"{run.forgotten} requests uncounted, {run.repeated} sent twice")
    outcome.unsound += database_faults(scene.database)
    return outcome


Kind = tuple[str, Callable[[Scene], KillOutcome]]


@contextmanager
def open_folder(empty: Path) -> Iterator[Path]:
    """Yield a new folder with a copy of the empty database, which an ordinary user may write."""
    with tempfile.TemporaryDirectory(prefix="paddock-kill-") as name:
        folder = Path(name)
        shutil.copy(empty, folder / "paddock.sqlite3")
        allow_writing(folder, allowed=True)
        yield folder


def run_process_faults(
    kills: int, seed: int, kinds: tuple[Kind, ...], max_seconds_lost: float = MAX_SECONDS_LOST
) -> KillCounts:
    """Kill at least that often, each kind in turn; the seed and the number make a round."""
    counts = KillCounts()
    with ExitStack() as stack:
        upstream = Upstream()
        stack.callback(upstream.close)
        empty = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "paddock.sqlite3"
        with closing(Store(f"sqlite:///{empty}")) as store:
            store.database.open()
        number = 0
        while counts.tried < kills:
            name, kill = kinds[number % len(kinds)]
            upstream.reset()
            with open_folder(empty) as folder:
                scene = Scene(random.Random(f"{seed}/{number}"), folder, upstream, max_seconds_lost)
                counts.add(name, f"round {number} of seed {seed}, {name}", kill(scene))
            number += 1
    return counts


def database_faults(file: Path) -> list[str]:
    """Return what SQLite finds wrong with the database."""
    with closing(sqlite3.connect(file)) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchall()
        broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    return ([] if found == [("ok",)] else [f"integrity: {found[:3]}"]) + (
        [f"{len(broken)} broken references"] if broken else []
    )


def allow_writing(folder: Path, *, allowed: bool) -> None:
    """Let the folder and its files be written, or not; to root's children that became an ordinary user too."""
    for path in (folder, *folder.iterdir()):
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)
        path.chmod((0o777 if path.is_dir() else 0o666) if allowed else (0o555 if path.is_dir() else 0o444))
