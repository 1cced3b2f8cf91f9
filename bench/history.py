"""Time of list, search and save with 10,000 saved conversations and with 100: ``python -m bench.history``."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lib.chat.conversation import Conversation
from lib.store.store import Store
from tests.store.conversation_trees import SETTINGS, make_conversation, make_unanswered, make_unfinished

WORDS = [
    "weather",
    "sky",
    "blue",
    "rain",
    "sun",
    "moon",
    "garden",
    "river",
    "music",
    "paper",
    "stone",
    "bread",
    "window",
    "train",
    "summer",
]
RARE = "zanzibar"  # in every hundredth conversation


def save_conversations(store: Store, count: int) -> None:
    """Save ``count`` conversations of three questions and answers each."""
    for number in range(count):
        word = [WORDS[(number + shift) % len(WORDS)] for shift in range(3)]
        rare = RARE if number % 100 == 0 else "plain"
        questions = (
            f"Tell me about {word[0]} {number}",
            f"And {word[1]}? " + "text " * 40,
            f"And {rare} {word[2]}?",
        )
        store.conversations.save("ann", make_conversation(*questions), SETTINGS)


def median_milliseconds(work: Callable[[], object], times: int = 15) -> float:
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return sorted(taken)[times // 2] * 1000


def make_save(store: Store) -> Callable[[], None]:
    """Return a function that saves an unfinished answer of 2,000 tokens, one word longer each time."""
    conversation, request = make_unanswered("Go on", make_conversation(*"abcdefgh"))
    text = ["word " * 2000]

    def save() -> None:
        text[0] += "more "
        store.conversations.save(
            "ann", conversation, SETTINGS, (make_unfinished(conversation, request, text[0]),)
        )

    save()
    return save


def measure_store(url: str, count: int) -> dict[str, float]:
    """Return milliseconds by action, on a database with ``count`` conversations."""
    store = Store(url)
    save_conversations(store, count)
    long = make_conversation(
        *(f"question {number} " + "word " * 50 for number in range(1000)), conversation=Conversation()
    )
    store.conversations.save("bob", long, SETTINGS)
    figures = {
        "list, first page": median_milliseconds(lambda: store.conversations.entries("ann")),
        "list, last page": median_milliseconds(
            lambda: store.conversations.entries("ann", page=count // 25 - 1)
        ),
        "count": median_milliseconds(lambda: store.conversations.count("ann")),
        "search, rare word": median_milliseconds(lambda: store.conversations.entries("ann", RARE)),
        "search, word of a fifth": median_milliseconds(lambda: store.conversations.entries("ann", "garden")),
        "search, word of all": median_milliseconds(lambda: store.conversations.entries("ann", "tell")),
        "search, letters (:-))": median_milliseconds(lambda: store.conversations.entries("ann", ":-)"), 5),
        "spend": median_milliseconds(lambda: store.conversations.daily_usage("ann"), 5),
        "open, 2,000 messages": median_milliseconds(lambda: store.conversations.load("bob", long.id), 5),
        "save while it comes": median_milliseconds(make_save(store), 50),
    }
    store.close()
    return figures


def main(urls: list[str]) -> None:
    """Use SQLite in a temporary folder, or the two empty databases with these URLs."""
    with tempfile.TemporaryDirectory() as folder:
        small, big = urls or [f"sqlite:///{Path(folder)}/{name}.sqlite3" for name in ("small", "big")]
        few, many = measure_store(small, 100), measure_store(big, 10_000)
    print(f"{'':26}{'100':>10}{'10,000':>10}{'ratio':>8}")
    for name in few:
        print(f"{name:26}{few[name]:8.2f}ms{many[name]:8.2f}ms{many[name] / few[name]:8.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])
