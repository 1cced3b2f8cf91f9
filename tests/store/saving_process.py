"""The work of a process that saves answers as they come, until it is killed."""

from __future__ import annotations

import itertools

from lib.store.store import Store
from tests.killable_process import Report
from tests.store.conversation_trees import SETTINGS, growing_prefixes, make_unanswered, make_unfinished

STORY = " ".join(f"word{number}" for number in range(400))


def save_stories(report: Report, url: str) -> None:
    """Report each conversation's id and the length that is saved: it must be stored after the kill."""
    store = Store(url)
    conversation, request = make_unanswered("Tell me a story")
    for number in itertools.count():
        for text in growing_prefixes(STORY):
            store.conversations.save(
                "ann", conversation, SETTINGS, (make_unfinished(conversation, request, text),)
            )
            report(conversation.id, len(text))
        conversation, request = make_unanswered(f"Another one, {number}")
