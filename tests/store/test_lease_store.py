"""Leases: what one server works on, no other recovers or overwrites, until the lease has expired."""

from __future__ import annotations

import subprocess
import threading
from contextlib import closing
from dataclasses import replace

import pytest
from sqlalchemy import select

from lib.chat.answer import Ending
from lib.chat.conversation import Conversation
from lib.chat.snapshot import Snapshot
from lib.errors import CutOff, HeldElsewhere
from lib.store import process_identity, tables
from lib.store.autosave import Autosaver
from lib.store.lease_store import LEASE_SECONDS, LeaseKey, LeaseKind
from lib.store.store import Store
from tests.clock import Clock
from tests.killable_process import KillableProcess
from tests.store.conversation_trees import (
    SETTINGS,
    as_plain_values,
    make_answer,
    make_unanswered,
    make_unfinished,
)
from tests.store.saving_process import save_stories
from tests.waiting import wait_until

RUN = LeaseKey(LeaseKind.RUN, "x")


def check(store: Store, key: LeaseKey) -> None:
    with store.database.writing() as connection:
        store.leases.check(connection, key)


def test_a_lease_is_one_servers_while_it_is_renewed(stores: tuple[Store, Store], clock: Clock) -> None:
    first, second = stores
    first.leases.take(RUN)
    first.leases.take(RUN)
    for _ in range(5):
        clock.now += LEASE_SECONDS - 1
        with pytest.raises(HeldElsewhere, match="Another Paddock server"):
            second.leases.take(RUN)
        first.leases.renew()
    with pytest.raises(HeldElsewhere):
        check(second, RUN)
    check(first, RUN)
    first.leases.release(RUN)
    check(second, RUN)
    second.leases.take(RUN)


def test_who_lost_a_lease_notices_at_the_next_write(stores: tuple[Store, Store], clock: Clock) -> None:
    first, second = stores
    first.leases.take(RUN)
    clock.now += LEASE_SECONDS
    check(first, RUN)  # expired, but nobody else took it
    second.leases.take(RUN)
    first.leases.renew()
    with pytest.raises(HeldElsewhere, match="was stopped for so long"):
        check(first, RUN)
    check(second, RUN)
    first.leases.release(RUN)
    with pytest.raises(HeldElsewhere):
        first.leases.take(RUN)


def test_a_server_that_ends_lets_its_leases_expire(stores: tuple[Store, Store]) -> None:
    first, second = stores
    first.leases.take(RUN)
    first.close()
    second.leases.take(RUN)


def test_the_heartbeat_renews_until_the_release(url: str, clock: Clock) -> None:
    others = set(threading.enumerate())
    with closing(Store(url, clock, heartbeat_seconds=0.001)) as store, closing(Store(url, clock)) as other:
        store.leases.take(RUN)
        for _ in range(3):
            clock.now += LEASE_SECONDS / 2
            wait_until(lambda: expiry(other) == int((clock.now + LEASE_SECONDS) * 1000))
        store.leases.release(RUN)
        names = {thread.name for thread in threading.enumerate() if thread not in others}
        assert names <= {"paddock-heartbeat"}
        wait_until(lambda: set(threading.enumerate()) <= others)


def expiry(store: Store) -> int:
    with store.database.reading() as connection:
        return connection.scalar(select(tables.lease.c.expires_at)) or 0


def test_a_live_answer_of_another_server_is_not_recovered(stores: tuple[Store, Store], clock: Clock) -> None:
    first, second = stores
    conversation, request = make_unanswered("Tell me")
    live = make_unfinished(conversation, request, "Once upon")
    first.conversations.save("ann", conversation, SETTINGS, (live,))
    clock.now += LEASE_SECONDS - 1
    saver = Autosaver(second, list)
    assert saver.save()  # recovers at its start
    assert second.conversations.recover(is_start=True) == 0
    shown = second.conversations.load("ann", conversation.id)
    assert shown is not None
    assert shown.is_answered_elsewhere
    (answer,) = shown.conversation.path()[-1].answers
    assert isinstance(answer.error, HeldElsewhere)
    # It goes on, ends, and stands there whole.
    ended = end_answer(conversation, "Once upon a time.")
    first.conversations.save("ann", ended, SETTINGS)
    saved = second.conversations.load("ann", conversation.id)
    assert saved is not None
    assert not saved.is_answered_elsewhere
    assert as_plain_values(saved.conversation) == as_plain_values(ended)


def end_answer(conversation: Conversation, text: str) -> Conversation:
    last = conversation.path()[-1]
    answer = make_answer(conversation, text)
    return conversation.replace_message(replace(last, content=text, answers=(answer,)))


def test_an_expired_answer_is_recovered_by_a_server_that_runs_on(
    stores: tuple[Store, Store], clock: Clock
) -> None:
    first, second = stores
    conversation, request = make_unanswered("Tell me")
    first.conversations.save(
        "ann", conversation, SETTINGS, (make_unfinished(conversation, request, "Once upon"),)
    )
    assert second.conversations.recover(is_start=True) == 0
    clock.now += LEASE_SECONDS
    assert second.conversations.recover() == 1
    assert second.conversations.recover(is_start=True) == 0
    saved = second.conversations.load("ann", conversation.id)
    assert saved is not None
    last = saved.conversation.path()[-1]
    assert (last.content, last.answers[0].ending) == ("Once upon", Ending.CUT_OFF)
    assert isinstance(last.answers[0].error, CutOff)
    assert second.conversations.count("ann", "upon") == 1, "it can be searched"
    # The first server was not dead: what came in the meantime is merged.
    whole = make_answer(conversation, "Once upon a time.", id=last.answers[0].id)
    ended = conversation.replace_message(
        replace(conversation.path()[-1], content=whole.text, answers=(whole,))
    )
    first.conversations.save("ann", ended, SETTINGS)
    after = second.conversations.load("ann", conversation.id)
    assert after is not None
    assert as_plain_values(after.conversation) == as_plain_values(ended)


def test_an_answer_that_was_recovered_but_goes_on_is_held_again(
    stores: tuple[Store, Store], clock: Clock
) -> None:
    """Its server stood still for a while. It loses no text, and the other one waits for it from then on."""
    first, second = stores
    conversation, request = make_unanswered("Tell me")
    live = make_unfinished(conversation, request, "Once upon")
    first.conversations.save("ann", conversation, SETTINGS, (live,))
    clock.now += LEASE_SECONDS
    assert second.conversations.recover() == 1
    first.leases.renew()
    first.conversations.save("ann", conversation, SETTINGS, (replace(live, text="Once upon a time"),))
    assert second.conversations.recover(is_start=True) == 0
    shown = second.conversations.load("ann", conversation.id)
    assert shown is not None
    assert shown.is_answered_elsewhere
    assert [message.content for message in shown.conversation.messages] == ["Tell me", "Once upon a time"]


def test_an_answer_that_is_no_longer_saved_is_released(stores: tuple[Store, Store]) -> None:
    """A deleted chat is not among the conversations to save any more."""
    first, second = stores
    conversation, request = make_unanswered("Tell me")
    snapshots = [Snapshot("ann", conversation, SETTINGS, (make_unfinished(conversation, request, "Once"),))]
    saver = Autosaver(first, lambda: snapshots)
    assert saver.save()
    assert second.conversations.recover() == 0
    snapshots.clear()
    assert saver.save()
    assert second.conversations.recover(is_start=True) == 1


def test_an_answer_of_a_process_that_ended_is_recovered_at_once(
    stores: tuple[Store, Store], url: str
) -> None:
    """The lease has not expired, but the process that held it is known to have been killed."""
    _, second = stores
    with KillableProcess(save_stories, url) as process:
        wait_until(lambda: bool(process.reports), 60)
        assert second.conversations.recover() == 0, "it lives"
    assert second.conversations.recover() == 1


def test_the_name_of_a_process() -> None:
    name = process_identity.name_this_process()
    machine, pid, start = name.split(" ")
    assert not process_identity.has_ended(name)
    assert process_identity.has_ended(f"{machine} {pid} {int(start) - 1}"), "an earlier one with the same PID"
    assert not process_identity.has_ended(f"elsewhere {pid} {int(start) - 1}"), "another machine's"
    assert not process_identity.has_ended("")
    with subprocess.Popen(["/bin/true"]) as child:
        child_name = f"{machine} {child.pid} 1"
        child.wait()
    assert process_identity.has_ended(child_name)
