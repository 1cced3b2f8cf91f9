"""Two servers write one conversation: nothing of either is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from lib.chat import chat_session
from lib.chat.conversation import Conversation
from lib.chat.setup_merge import Setup
from lib.store import conversation_writer
from lib.store.store import Store
from tests.faults.writer_faults import contents, run_writer_faults
from tests.store.concurrent_writers import ScriptedRun, Writer, open_writers
from tests.store.conversation_trees import SETTINGS, make_conversation
from tests.store.postgres_server import PostgresServer


@pytest.fixture(autouse=True)
def _scripted_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_session, "AnswerRun", ScriptedRun)


def test_random_orders_on_postgresql(server: PostgresServer) -> None:
    """The short form on SQLite is in ``tests/faults``."""
    assert run_writer_faults(8, 20261130, server.database()).failures == []


def ids(conversation: Conversation) -> set[str]:
    return {message.id for message in conversation.messages}


@pytest.fixture
def writers(url: str) -> Iterator[tuple[Writer, Writer]]:
    """Return two servers that have loaded a question and its answer."""
    with closing(Store(url)) as our_store, closing(Store(url)) as their_store:
        ours, theirs = open_writers([our_store, their_store], make_conversation("first"))
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
    assert sum(day.request_count for day in ours.store.conversations.daily_usage("ann")) == 2


def test_a_copy_of_an_answer_that_runs_elsewhere_is_stored_as_it_is_shown(
    writers: tuple[Writer, Writer],
) -> None:
    """Both go on with one answer; here, theirs is a copy, and nobody else writes the copy."""
    ours, theirs = writers
    for writer in (theirs, ours):
        writer.act("go on", 1, "")
    theirs.do("say", 0, "half")
    theirs.save()
    ours.save()
    theirs.do("say", 0, "more")
    theirs.save()
    ours.end()
    for _ in range(2):
        ours.save()
        ours.refresh()
        theirs.end()
        theirs.save()
    assert contents(ours.load()) == contents(ours.chat.conversation)


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


def test_the_later_change_of_a_setting_counts_and_the_other_is_offered(
    writers: tuple[Writer, Writer],
) -> None:
    ours, theirs = writers
    theirs.act("system", 0, "theirs")
    theirs.act("limit", 0, "")
    their_setup = theirs.setup
    theirs.save()
    ours.act("system", 0, "ours")
    ours.save()
    assert ours.setup == Setup("ours", their_setup.settings)
    assert ours.load_setup() == ours.setup
    assert ours.chat.other_setup == Setup("theirs", SETTINGS)
    theirs.refresh()
    assert theirs.setup == ours.setup
    assert theirs.chat.other_setup == their_setup
    theirs.chat.use_other_setup(their_setup)
    theirs.save()
    assert ours.load_setup() == their_setup


def test_a_database_that_was_opened_again_has_nobody_elses_settings(writers: tuple[Writer, Writer]) -> None:
    ours, _ = writers
    ours.save()
    ours.act("system", 0, "ours")
    ours.act("limit", 0, "")
    setup = ours.setup
    ours.store.database.close()
    ours.save()
    assert ours.chat.other_setup is None
    assert ours.load_setup() == ours.setup == setup
