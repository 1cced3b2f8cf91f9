"""Several servers write one conversation: the union of what they wrote is stored, and all of them see it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies

from lib.chat import chat_session
from lib.chat.conversation import Conversation
from lib.store import conversation_writer
from lib.store.store import Store
from tests.store.concurrent_writers import Record, ScriptedRun, Writer
from tests.store.conversation_trees import make_conversation
from tests.store.postgres_server import PostgresServer

STEPS = strategies.lists(
    strategies.tuples(
        strategies.integers(0, 2), strategies.sampled_from(Writer.ACTIONS), strategies.integers(0, 7)
    ),
    min_size=1,
    max_size=24,
)


@pytest.fixture(autouse=True)
def _scripted_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_session, "AnswerRun", ScriptedRun)


def open_writers(stack: ExitStack, url: str, count: int, conversation: Conversation) -> list[Writer]:
    """Return servers that have all loaded the stored conversation."""
    record = Record(conversation)
    writers = [Writer(url, conversation, record) for _ in range(count)]
    for writer in writers:
        stack.enter_context(closing(writer.store))
    writers[0].save()
    for writer in writers:
        writer.reload()
    return writers


def check_interleaving(url: str, count: int, steps: list[tuple[int, str, int]]) -> None:
    """Let the writers take these steps, then save: all must have everything."""
    with ExitStack() as stack:
        writers = open_writers(stack, url, count, make_conversation("first"))
        for number, (index, action, pick) in enumerate(steps):
            writers[index % count].do(action, pick, f"text{number}.")
        for writer in writers:
            writer.end()
        for writer in (*writers, *writers):
            writer.save()
        stored = writers[0].load()
        assert writers[0].record.missing(stored) == []
        check_tree(stored)
        for writer in writers:
            check_tree(writer.chat.conversation)
            writer.refresh()
            assert writer.record.missing(writer.chat.conversation) == []


def ids(conversation: Conversation) -> set[str]:
    return {message.id for message in conversation.messages}


def check_tree(conversation: Conversation) -> None:
    """Check that parents come before their children, and that the open path exists."""
    seen: set[str | None] = {None}
    for message in conversation.messages:
        assert message.parent in seen
        assert message.id not in seen
        seen.add(message.id)
    assert conversation.head in seen


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file with all tables: to make them takes longer than all steps."""
    file = tmp_path_factory.mktemp("empty") / "paddock.sqlite3"
    with closing(Store(f"sqlite:///{file}")) as store:
        store.database.open()
    return file


@settings(max_examples=60, derandomize=True)
@given(steps=STEPS, count=strategies.sampled_from([2, 3]))
def test_nothing_is_lost(empty_database: Path, steps: list[tuple[int, str, int]], count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(empty_database, f"{folder}/paddock.sqlite3")
        check_interleaving(f"sqlite:///{folder}/paddock.sqlite3", count, steps)


@settings(max_examples=10, derandomize=True)
@given(steps=STEPS, count=strategies.sampled_from([2, 3]))
def test_nothing_is_lost_on_postgresql(
    server: PostgresServer, steps: list[tuple[int, str, int]], count: int
) -> None:
    check_interleaving(server.database(), count, steps)


@pytest.fixture
def writers(url: str) -> Iterator[tuple[Writer, Writer]]:
    """Return two servers that have loaded a question and its answer."""
    with ExitStack() as stack:
        ours, theirs = open_writers(stack, url, 2, make_conversation("first"))
        yield ours, theirs


def path_texts(conversation: Conversation) -> list[str]:
    return [message.content for message in conversation.path()]


def test_both_send(writers: tuple[Writer, Writer]) -> None:
    """Each keeps its open path; the other's is a branch of the same tree."""
    ours, theirs = writers
    for writer, text in ((theirs, "theirs"), (ours, "ours")):
        writer.act("send", 0, text)
        writer.end()
        writer.save()
    assert path_texts(ours.chat.conversation) == ["first", "You said: first", "ours", " end"]
    assert theirs.chat.changed_elsewhere is None
    assert ours.chat.changed_elsewhere is not None
    ours.chat.open_message(ours.chat.changed_elsewhere)
    assert path_texts(ours.chat.conversation) == ["first", "You said: first", "theirs", " end"]
    stored = ours.load()
    theirs.refresh()
    assert path_texts(theirs.chat.conversation) == ["first", "You said: first", "theirs", " end"]
    assert ids(theirs.chat.conversation) == ids(stored)
    assert len(stored.messages) == 6


def test_both_continue_one_answer(writers: tuple[Writer, Writer]) -> None:
    """Each server keeps its own text, with the other's beside it; what follows theirs follows their text."""
    ours, theirs = writers
    for writer, text in ((theirs, "theirs"), (ours, "ours")):
        writer.act("go on", 1, "")
        writer.do("say", 0, text)
        writer.end()
    theirs.act("send", 0, "and")
    theirs.end()
    theirs.save()
    ours.save()
    assert path_texts(ours.chat.conversation) == ["first", "You said: first ours end"]
    (copy,) = (message for message in ours.load().messages if "theirs" in message.content)
    assert path_texts(ours.load().open_message(copy.id)) == [
        "first",
        "You said: first theirs end",
        "and",
        " end",
    ]
    theirs.refresh()
    assert path_texts(theirs.chat.conversation) == ["first", "You said: first theirs end", "and", " end"]
    ours.refresh()
    assert len(ours.load().messages) == 5, "the copy is made once"


def test_a_message_deleted_elsewhere_goes_but_not_what_was_added_to_it(
    writers: tuple[Writer, Writer],
) -> None:
    ours, theirs = writers
    theirs.act("delete", 0, "")
    theirs.save()
    ours.act("send", 0, "second")
    ours.end()
    ours.save()
    assert path_texts(ours.load()) == ["You said: first", "second", " end"]
    ours.refresh()
    theirs.refresh()
    theirs.act("delete", 0, "")
    ours.act("go on", 0, "")
    ours.end()
    ours.save()
    theirs.save()
    assert (
        path_texts(theirs.load().open_message(ours.chat.conversation.messages[0].id))[0]
        == "You said: first end"
    )


def test_a_conversation_in_the_bin_comes_back_with_a_new_message(writers: tuple[Writer, Writer]) -> None:
    ours, theirs = writers
    assert theirs.store.conversations.delete("ann", ours.chat.id) == 1
    ours.act("system", 0, "Be kind.")
    ours.save()
    assert ours.store.conversations.count("ann") == 0
    ours.act("send", 0, "second")
    ours.save()
    assert ours.store.conversations.count("ann") == 1


def test_a_purged_conversation_comes_back_with_a_new_message(writers: tuple[Writer, Writer]) -> None:
    ours, theirs = writers
    assert theirs.store.conversations.purge("ann", ours.chat.id) == 1
    ours.act("system", 0, "Be kind.")
    ours.save()
    assert ours.store.conversations.load("ann", ours.chat.id) is None
    ours.act("send", 0, "second")
    ours.end()
    ours.save()
    assert path_texts(ours.load()) == ["first", "You said: first", "second", " end"]


def test_the_last_change_of_title_pin_and_system_prompt_counts(writers: tuple[Writer, Writer]) -> None:
    ours, theirs = writers
    theirs.chat.set_system("Be brief.")
    theirs.save()
    theirs.store.conversations.rename("ann", ours.chat.id, "Theirs")
    ours.store.conversations.rename("ann", ours.chat.id, "Ours")
    theirs.store.conversations.pin("ann", ours.chat.id)
    ours.act("send", 0, "second")
    ours.save()
    (entry,) = theirs.store.conversations.entries("ann")
    assert (entry.title, entry.pinned) == ("Ours", True)
    assert ours.chat.conversation.system == ours.load().system == "Be brief."


def test_an_answer_that_came_while_another_server_saved_counts_once(writers: tuple[Writer, Writer]) -> None:
    ours, theirs = writers
    ours.act("send", 0, "second")
    ours.do("say", 0, "half")
    ours.save()
    theirs.refresh()
    theirs.act("edit", 2, "another")
    theirs.save()
    ours.end()
    ours.save()
    texts = [message.content for message in ours.load().messages]
    assert texts.count(" half") == texts.count(" half end") == 1, (
        "their copy of the answer so far, and the answer"
    )
    assert sum(day.answer_count for day in ours.store.conversations.daily_usage("ann")) == 2


def test_a_running_answer_of_another_server_is_left_to_it(writers: tuple[Writer, Writer]) -> None:
    ours, theirs = writers
    theirs.act("send", 0, "theirs")
    theirs.do("say", 0, "half")
    theirs.save()
    ours.act("send", 0, "ours")
    ours.end()
    ours.save()
    ours.act("insert", 2, "before it")
    ours.save()
    with ours.store.database.reading() as connection:
        assert len(conversation_writer.find_running(connection)) == 1
    saved = ours.store.conversations.load("ann", ours.chat.id)
    assert saved is not None
    assert saved.is_answered_elsewhere
    theirs.end()
    theirs.save()
    ours.refresh()
    (answered,) = (message for message in ours.chat.conversation.messages if message.content == " half end")
    assert answered.answers[-1].error is None
    assert path_texts(ours.load().open_message(answered.id))[-3:] == ["theirs", "before it", " half end"]
