"""The list of conversations, the search, the bin, and the usage."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from lib.chat.conversation import Conversation, Message
from lib.model.usage import Usage
from lib.store.store import Store
from lib.store.stored_values import DailyUsage
from tests.store.conversation_trees import (
    MODEL,
    SETTINGS,
    make_answer,
    make_conversation,
    make_unanswered,
    make_unfinished,
    texts,
)


class SteppingClock:
    """A clock that advances by a second each time it is read."""

    def __init__(self, start: datetime) -> None:
        self.now = start.timestamp()

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def clock(store: Store) -> SteppingClock:
    clock = SteppingClock(datetime(2026, 11, 23, 12, tzinfo=UTC))
    store.database.clock = clock
    return clock


def list_titles(
    store: Store, search: str = "", page: int = 0, size: int = 25, deleted: bool = False
) -> list[str]:
    found = store.conversations.entries("ann", search, page, size, deleted=deleted)
    assert len(found) == len({entry.id for entry in found})
    return [entry.title for entry in found]


def test_order_and_pages(store: Store, clock: SteppingClock) -> None:
    all_of_them = [make_conversation(f"talk {number}") for number in range(7)]
    for one in all_of_them:
        store.conversations.save("ann", one, SETTINGS)
    assert list_titles(store, size=3) == ["talk 6", "talk 5", "talk 4"]
    assert list_titles(store, page=2, size=3) == ["talk 0"]
    assert list_titles(store, page=3, size=3) == []
    assert store.conversations.count("ann") == 7
    store.conversations.save("ann", make_conversation("more", conversation=all_of_them[2]), SETTINGS)
    assert store.conversations.pin("ann", all_of_them[0].id)
    assert list_titles(store)[:3] == ["talk 0", "talk 2", "talk 6"]
    # Opening a conversation or changing its settings does not make it newer.
    store.conversations.save("ann", all_of_them[4].open_message(all_of_them[4].messages[0].id), SETTINGS)
    store.conversations.save("ann", all_of_them[4], SETTINGS.with_value(SETTINGS.items[0].name, 3))
    assert list_titles(store)[:3] == ["talk 0", "talk 2", "talk 6"]
    assert store.conversations.pin("ann", all_of_them[0].id, False)
    assert list_titles(store)[-1] == "talk 0"
    entry = store.conversations.entries("ann", "talk 5")[0]
    assert (entry.message_count, entry.pinned, entry.deleted_at) == (2, False, None)
    assert entry.created.date() == date(2026, 11, 23)
    assert entry.created <= entry.updated


def test_titles(store: Store) -> None:
    one = make_conversation("  What is\n\nthe   weather? " + "word " * 100)
    store.conversations.save("ann", one, SETTINGS)
    (title,) = list_titles(store)
    assert title.startswith("What is the weather? word word")
    assert len(title) <= 80
    assert title.endswith("…")
    assert store.conversations.rename("ann", one.id, " My \x00 weather ")
    store.conversations.save("ann", make_conversation("And tomorrow?", conversation=one), SETTINGS)
    assert list_titles(store) == ["My \x00 weather"]
    assert store.conversations.rename("ann", one.id, " ")
    assert list_titles(store) == [title]
    other = one.edit(one.messages[0].id, "Changed")
    store.conversations.save("ann", other, SETTINGS)
    assert list_titles(store) == ["Changed"]
    alone = Conversation("Be kind.").append(Message("assistant", "Hello"))
    store.conversations.save("ann", alone, SETTINGS)
    assert "Be kind." in list_titles(store)


def test_the_bin(store: Store) -> None:
    a, b, c = (make_conversation(text) for text in "abc")
    for one in (a, b, c):
        store.conversations.save("ann", one, SETTINGS)
    store.conversations.save("bob", make_conversation("bob's"), SETTINGS)
    assert store.conversations.delete("ann", a.id, b.id, "nobody") == 2
    assert list_titles(store) == ["c"]
    assert sorted(list_titles(store, deleted=True)) == ["a", "b"]
    assert store.conversations.entries("ann", deleted=True)[0].deleted_at is not None
    store.conversations.save("ann", make_conversation("more", conversation=a), SETTINGS)
    assert list_titles(store) == ["c"], "what is deleted here stays in the bin"
    assert store.conversations.restore("ann", a.id) == 1
    assert sorted(list_titles(store)) == ["a", "c"]
    gone = store.conversations.delete_all("ann")
    assert set(gone) == {a.id, c.id}
    assert list_titles(store) == []
    assert store.conversations.restore("ann", *gone) == 2
    assert store.conversations.purge("ann", b.id, "nobody") == 1
    assert list_titles(store, deleted=True) == []
    assert store.conversations.load("ann", b.id) is None
    assert store.conversations.count("bob") == 1


def test_search(store: Store) -> None:
    first = make_conversation("Warum ist der HIMMEL blau?", "And foo_bar-baz/qux.txt, 3.14 or C++ :-)")
    second = make_conversation("Le ciel est 猫が好き bleu", "x\x00y \ud800 100%")
    for one in (first, second):
        store.conversations.save("ann", one, SETTINGS)

    def found(words: str) -> list[str]:
        ids = [entry.id for entry in store.conversations.entries("ann", words)]
        assert store.conversations.count("ann", words) == len(ids)
        return [{first.id: "1", second.id: "2"}[id] for id in ids]

    for words in ("himmel", "HIMMEL", "him", "foo_bar", "foo", "baz/qu", "qux.txt", "3.14", ":-)", "or C++"):
        assert found(words) == ["1"], words
    for words in ("himm blau", "war blau", "himmel ciel", "imme", "nothing"):
        assert found(words) == [], words
    assert found("himmel foo") == ["1"], "the words may stand in different messages"
    for words in ("猫", "好き", "ciel bleu", "100%", "%", "x\x00y", "\ud800"):
        assert found(words) == ["2"], words
    assert sorted(found("You said")) == ["1", "2"]
    assert store.conversations.rename("ann", second.id, "Zebra")
    assert found("zeb") == ["2"]
    changed = second.edit(second.messages[0].id, "giraffe")
    store.conversations.save("ann", changed, SETTINGS)
    assert found("giraffe") == ["2"]
    store.conversations.save("ann", changed.delete(changed.messages[0].id), SETTINGS)
    assert found("ciel est") == ["2"], "the answer and a copy still say it"
    store.conversations.delete("ann", first.id)
    assert found("himmel") == []
    store.conversations.purge("ann", first.id)
    assert found("himmel") == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(text=texts | strategies.text(strategies.sampled_from("\"'*()-+:^&|!<>\\%_ANDORT\x00 "), max_size=30))
def test_no_search_is_an_error(store: Store, text: str) -> None:
    store.conversations.entries("ann", text)
    assert store.conversations.count("ann", text) == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    text=strategies.text(strategies.sampled_from("ab1.eÄßжЖ한猫ไ😀é。’\x00\x1b\ud800'*\"-_/\\ "), min_size=1)
)
def test_what_is_said_is_found(store: Store, text: str) -> None:
    said = make_conversation(text)
    store.conversations.save("ann", said, SETTINGS)
    try:
        assert store.conversations.count("ann", text) == 1
        assert store.conversations.count("ann", text + " nowhere") == 0
    finally:
        store.conversations.purge("ann", said.id)


def test_a_text_of_a_megabyte(store: Store) -> None:
    long = make_conversation("start " + " ".join(f"w{number}" for number in range(200_000)))
    store.conversations.save("ann", long, SETTINGS)
    assert store.conversations.count("ann", "w1000") == 1


def test_spend(store: Store, clock: SteppingClock) -> None:
    neurons = ["0.1", "0.2", "0.000000000000000000001", "0.1"]
    conversation = Conversation()
    for number, count in enumerate(neurons):
        conversation = conversation.append(Message("user", str(number), conversation.head))
        said = make_answer(conversation, "x", count, backend="Cloudflare", billed=True)
        conversation = conversation.append(Message("assistant", "x", conversation.head, (said,)))
    store.conversations.save("ann", conversation, SETTINGS)
    tokens = make_conversation("twin", "again")
    failed = tokens.append(Message("assistant", "", tokens.head, (make_answer(tokens, "", usage=None),)))
    store.conversations.save("ann", failed, SETTINGS)
    billed = DailyUsage(
        date(2026, 11, 23), MODEL, "Cloudflare", True, Usage(40, 80, 0, Decimal("0.400000000000000000001")), 4
    )
    free = DailyUsage(date(2026, 11, 23), MODEL, "Twin", False, Usage(20, 40), 2)
    assert sorted(store.conversations.daily_usage("ann"), key=lambda one: one.backend) == [billed, free]
    assert store.conversations.entries("ann", "twin")[0].daily_usage == (free,)
    # Copies, in the same conversation or another one, cost nothing.
    edited = failed.edit(failed.messages[0].id, "twin, edited")
    store.conversations.save("ann", edited, SETTINGS)
    branch = edited.branch(edited.messages[-1].id)
    store.conversations.save("ann", branch, SETTINGS)
    clock.now += 86_400
    store.conversations.save("ann", branch.edit(branch.messages[0].id, "next day"), SETTINGS)
    assert set(store.conversations.daily_usage("ann")) == {billed, free}
    assert store.conversations.daily_usage("ann", date(2026, 11, 24)) == ()
    store.conversations.delete("ann", edited.id)
    assert set(store.conversations.daily_usage("ann")) == {billed, free}
    # A running answer counts with estimated usage.
    waiting, request = make_unanswered("tomorrow")
    store.conversations.save("ann", waiting, SETTINGS, (make_unfinished(waiting, request, "abcd"),))
    (new,) = store.conversations.daily_usage("ann", date(2026, 11, 24))
    assert (new.usage.completion_tokens, new.usage.estimated, new.day.day) == (1, True, 24)


def test_spend_is_the_sum_of_what_is_stored(store: Store) -> None:
    total = Usage(0, 0, 0, Decimal(0))
    for number in range(40):
        said = make_answer(Conversation(), "x", f"0.{number:03}7", backend="Cloudflare", billed=True)
        assert said.usage is not None
        said = replace(said, usage=replace(said.usage, prompt_tokens=number**9))
        assert said.usage is not None
        total += said.usage
        message = Message("assistant", "x", None, (said,))
        store.conversations.save("ann", Conversation().append(message), SETTINGS)
    (only,) = store.conversations.daily_usage("ann")
    assert (only.usage, only.request_count) == (total, 40)
