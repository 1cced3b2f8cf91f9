"""The work of Paddock without its page, for processes that are killed.

They report what a page would show: an id, a problem, the length of the answer that is saved.
"""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path
from typing import Any

from sqlalchemy import event

from lib.api.backend import Backend, Secret
from lib.chat.chat_session import ChatSession
from lib.chat.conversation import Conversation
from lib.chat.snapshot import Snapshot
from lib.errors import PaddockError
from lib.files.conversation_import_export import read_conversations
from lib.model import model_record
from lib.store.autosave import Autosaver
from lib.store.store import Store
from lib.ui.shell.chat_snapshot import snapshot_chat
from tests.killable_process import Report
from tests.page.upstream import ACCOUNT, TOKEN
from tests.sample_values import make_client

OWNER = "ann"
NOBODY = 65534  # an ordinary user
INTERVAL = 0.01  # seconds between two reports
PLENTY = 1_000_000  # pages of the database


def limit_disk(store: Store, room: Path, spare_pages: int) -> None:
    """Give the database only so many more pages until the file ``room`` exists, as a full disk would."""
    file = Path(store.database.url.database or "")
    full = file.stat().st_size // 4096 + spare_pages

    def limit(connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count={PLENTY if room.exists() else full}")

    event.listen(store.database.engine, "checkout", limit)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def answer(report: Report, url: str, database: Path, trouble: str, room: Path, spare: int) -> None:
    """Ask a question, and save the answer while it comes. ``spare`` is what the trouble leaves."""
    store = Store(f"sqlite:///{database}")
    model = model_record.default_model()
    chat = ChatSession(make_client(attempts=1), model, Conversation())
    taken = [snapshot_chat(OWNER, chat)]

    def take_snapshot() -> list[Snapshot]:
        taken[0] = snapshot_chat(OWNER, chat)
        return taken.copy()

    saver = Autosaver(store, take_snapshot)
    chat.on_run = saver.wake
    match trouble:
        case "full disk":
            limit_disk(store, room, spare)
        case "read-only folder" if os.geteuid() == 0:
            # Read first: the repository may be closed to that user.
            store.database.open()
            store.close()
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        case "few files":
            resource.setrlimit(resource.RLIMIT_NOFILE, (open_files() + spare, 4096))
    saver.start()
    report("id", chat.id)
    try:
        chat.send("Count", Backend("Cloudflare", url, ACCOUNT, Secret(TOKEN), billed=True))
    except PaddockError as error:
        report("problem", error.message)
    length, problem = -1, ""
    while True:
        # The one that the saver took: while an answer comes, the newest one is never saved.
        snapshot = taken[0]
        text = snapshot.with_cut_off_answers().path()
        if saver.is_saved(snapshot) and text and len(text[-1].content) != length:
            length = len(text[-1].content)
            report("saved", length)
        new = "" if saver.problem is None else saver.problem.message
        if new != problem:
            problem = new
            report("problem", problem)
        if room.exists():
            resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
        time.sleep(INTERVAL)


def import_file(report: Report, file: Path, database: Path) -> None:
    """Import a file of conversations."""
    conversations = list(read_conversations(file.read_bytes(), model_record.default_model()))
    store = Store(f"sqlite:///{database}")
    store.database.open()
    report("begun", None)
    report("imported", store.conversations.add_all(OWNER, conversations))
    time.sleep(60)


def recover(report: Report, database: Path) -> None:
    """Recover the answers of a killed server, as a server does at its start."""
    report("begun", None)
    Autosaver(Store(f"sqlite:///{database}"), list).save()
    time.sleep(60)
