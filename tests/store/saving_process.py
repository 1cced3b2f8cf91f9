"""A process that saves answers as they come, until it is killed: ``python -m tests.store.saving_process URL``."""

from __future__ import annotations

import itertools
import sys

from lib.store.store import Store
from tests.store.conversation_trees import SETTINGS, growing_prefixes, make_unanswered, make_unfinished

STORY = " ".join(f"word{number}" for number in range(400))


def main(url: str) -> None:
    """Print id and length after each save: whatever was printed before the kill must be stored."""
    store = Store(url)
    conversation, request = make_unanswered("Tell me a story")
    for number in itertools.count():
        for text in growing_prefixes(STORY):
            store.conversations.save(
                "ann", conversation, SETTINGS, (make_unfinished(conversation, request, text),)
            )
            print(conversation.id, len(text), flush=True)
        conversation, request = make_unanswered(f"Another one, {number}")


if __name__ == "__main__":
    main(sys.argv[1])
