"""Let several servers on one database change one conversation in random order, and count what is lost."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from unittest import mock

from lib.chat import chat_session
from lib.chat.conversation import Conversation
from lib.store.store import Store
from tests.store.concurrent_writers import ScriptedRun, Writer, open_writers
from tests.store.conversation_trees import make_conversation

MAX_STEPS = 24
MAX_WRITERS = 3
# Saves of every writer until nobody has anything new: the first brings all to the database, the second to all pages.
ROUNDS_TO_AGREE = 3


@dataclass
class WriterCounts:
    """What became of the interleavings; ``failures`` names those that lost something, or whose writers disagree."""

    tried: int = 0
    survived: int = 0
    lost: int = 0
    disagreed: int = 0
    failures: list[str] = field(default_factory=list)


def run_writer_faults(interleavings: int, seed: int, url: str) -> WriterCounts:
    """Try that many interleavings, each with a conversation of its own; the seed and the number make one."""
    counts = WriterCounts()
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(chat_session, "AnswerRun", ScriptedRun))
        stores = [stack.enter_context(closing(Store(url))) for _ in range(MAX_WRITERS)]
        for number in range(interleavings):
            chance = random.Random(f"{seed}/{number}")
            lost, disagreement = try_interleaving(chance, stores[: chance.randint(2, MAX_WRITERS)])
            counts.tried += 1
            counts.lost += bool(lost)
            counts.disagreed += bool(disagreement)
            counts.survived += not (lost or disagreement)
            for fault in (*lost, *disagreement):
                counts.failures.append(f"interleaving {number} of seed {seed}: {fault}")
    return counts


def try_interleaving(chance: random.Random, stores: Sequence[Store]) -> tuple[list[str], list[str]]:
    """Let a server with each store take random steps, then save. Return what is lost, and what they disagree in."""
    writers = open_writers(stores, make_conversation("first"))
    for number in range(chance.randint(1, MAX_STEPS)):
        writer = chance.choice(writers)
        writer.do(chance.choice(Writer.ACTIONS), chance.randrange(8), f"text{number}.")
    for writer in writers:
        writer.end()
    for _ in range(ROUNDS_TO_AGREE):
        for writer in writers:
            writer.save()
            writer.refresh()
    stored = writers[0].load()
    shown = [writer.chat.conversation for writer in writers]
    lost = [text for conversation in (stored, *shown) for text in writers[0].record.missing(conversation)]
    lost += [fault for conversation in (stored, *shown) for fault in tree_faults(conversation)]
    setup = writers[0].load_setup()
    lost += writers[0].record.missing_setup_values(setup)
    disagreement = [
        f"writer {number} shows other messages than are stored"
        for number, conversation in enumerate(shown)
        if contents(conversation) != contents(stored)
    ]
    disagreement += [
        f"writer {number} has another system prompt or settings than are stored"
        for number, writer in enumerate(writers)
        if writer.setup != setup
    ]
    return lost, disagreement


def contents(conversation: Conversation) -> dict[str, tuple[object, ...]]:
    """Return what the messages hold, by id."""
    return {
        message.id: (
            message.parent,
            message.content,
            [(answer.id, answer.text) for answer in message.answers],
        )
        for message in conversation.messages
    }


def tree_faults(conversation: Conversation) -> list[str]:
    """Return what is wrong with the tree: a message before its parent or twice, or an open path to nowhere."""
    seen: set[str | None] = {None}
    faults = []
    for message in conversation.messages:
        if message.parent not in seen or message.id in seen:
            faults.append(f"message {message.id} is in a wrong place")
        seen.add(message.id)
    return faults if conversation.head in seen else [*faults, "the open path ends nowhere"]
