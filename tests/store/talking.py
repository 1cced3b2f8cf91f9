"""A process that has a Saver and an answer that comes, until it is killed: ``python -m tests.store.talking URL``."""

from __future__ import annotations

import sys
import time

from lib.saver import Saver
from lib.store import Snapshot, Store
from tests.store.trees import SETTINGS, asked, coming


def main(url: str) -> None:
    """A hundred pieces a second; says after each how much has come."""
    conversation, request = asked("Tell me a story")
    parts: list[str] = []
    saver = Saver(
        Store(url),
        lambda: [Snapshot("ann", conversation, SETTINGS, (coming(conversation, request, "".join(parts)),))],
    )
    saver.start()
    while True:
        parts.append("word ")
        print(conversation.id, len(parts), time.time(), flush=True)
        time.sleep(0.01)


if __name__ == "__main__":
    main(sys.argv[1])
