"""A process that autosaves a growing answer until it is killed: ``python -m tests.store.autosave_process URL``."""

from __future__ import annotations

import sys
import time

from lib.store.autosave import Autosaver
from lib.store.store import Store
from lib.store.stored_values import Snapshot
from tests.store.conversation_trees import SETTINGS, make_unanswered, make_unfinished


def main(url: str) -> None:
    """Append a word every 10 ms, and print after each how many there are."""
    conversation, request = make_unanswered("Tell me a story")
    parts: list[str] = []
    saver = Autosaver(
        Store(url),
        lambda: [
            Snapshot("ann", conversation, SETTINGS, (make_unfinished(conversation, request, "".join(parts)),))
        ],
    )
    saver.start()
    while True:
        parts.append("word ")
        print(conversation.id, len(parts), time.time(), flush=True)
        time.sleep(0.01)


if __name__ == "__main__":
    main(sys.argv[1])
