"""A comparison: one input for all columns or for none, repetitions, what differs, blind rating, and who wins."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given as anything
from hypothesis import strategies as st

from lib.api.request import Messages, Turn, build
from lib.chat.answer import Ending
from lib.chat.chat_session import Chat
from lib.chat.conversation import Conversation
from lib.compare.comparison import (
    Column,
    Comparison,
    Round,
    differing,
    facts,
    read,
    record,
    repeated,
    standings,
    thread,
)
from lib.compare.comparison_session import Contest, Refused
from lib.errors import BadInput
from lib.model import model_record
from lib.model.request_options import Form
from lib.model.settings import Settings
from tests import sample_values
from tests.servers import PATIENCE, Peer, Received, Server, head, refuses, says_then_waits, streams, texts

MODEL = model_record.default()
SEED = next(one.name for one in MODEL.parameters if one.rolls)
CAP = MODEL.output_cap.name


def contest(columns: int = 2) -> Contest:
    first = Chat(sample_values.client(), MODEL, Conversation("Be kind."))
    started = Contest(first._client, Comparison((Column(first.id, "A"),)), {first.id: first}, lambda _: None)
    for _ in range(columns - 1):
        started.duplicate(started.comparison.columns[-1].id)
    return started


def ids(held: Contest) -> list[str]:
    return [column.id for column in held.comparison.columns]


def settle(held: Contest) -> None:
    for id, chat in held.chats.items():
        while held.coming(id):
            _, live = chat.view()
            if live is not None:
                live.run.join(PATIENCE)


def texts_of(held: Contest, number: int = -1) -> list[list[str]]:
    comparison, threads = held.comparison, held.threads()
    at = number % len(comparison.rounds)
    return [
        [answer.content for answer in comparison.answers(column, threads[column.id], at)]
        for column in comparison.columns
    ]


def bodies(server: Server) -> Iterator[Any]:
    return (request.json() for request in server.requests)


def test_one_input_for_all_and_each_keeps_its_thread() -> None:
    held = contest(3)
    assert [column.name for column in held.comparison.columns] == ["A", "B", "C"]
    held.chat(ids(held)[1]).set_system("Be brief.")
    numbers = itertools.count()

    def script(peer: Peer, received: Received) -> None:  # every answer is another text
        streams(f"n{next(numbers)}")(peer, received)

    with Server(script) as server:
        backend = sample_values.backend(server.url)
        for text in ("One", "Two"):
            held.send(text, backend)
            settle(held)
        said = [[message["content"] for message in body["messages"]] for body in bodies(server)]
    assert [one.text for one in held.comparison.rounds] == ["One", "Two"]
    assert sorted(one[:2] for one in said[:3]) == [
        ["Be brief.", "One"],
        ["Be kind.", "One"],
        ["Be kind.", "One"],
    ]
    for column, (first,) in zip(held.comparison.columns, texts_of(held, 0), strict=True):
        system = held.chat(column.id).conversation.system
        assert [system, "One", first, "Two"] in said  # its own answer, and no other column's


def test_what_cannot_be_sent_in_one_column_is_sent_in_none() -> None:
    held = contest()
    a, b = ids(held)
    held.chat(b).settings = held.chat(b).settings.put(
        replace(held.chat(b).settings[CAP], value=-5, sent=True)
    )
    with Server() as server:
        with pytest.raises(Refused, match="must be") as refused:
            held.send("One", sample_values.backend(server.url))
        with pytest.raises(BadInput, match="nothing to send"):
            held.send(" \n", sample_values.backend(server.url))
        assert server.requests == []
    assert refused.value.column == "B"
    assert held.comparison.rounds == ()
    assert held.chat(a).conversation.messages == ()


def test_repetitions_are_asked_alike_but_for_the_seed() -> None:
    held = contest()
    held.repeat(3)
    a, b = ids(held)
    for id in (a, b):
        held.chat(id).settings = held.chat(id).settings.with_value(SEED, 7)
    with Server(*(streams(f"n{n}") for n in range(6))) as server:
        held.send("One", sample_values.backend(server.url))
        held.chat(a).settings = held.chat(a).settings.with_value(CAP, 99)  # counts from the next send
        settle(held)
        asked = list(bodies(server))
    assert sorted(body[SEED] for body in asked) == [7, 7, 8, 8, 9, 9]
    assert {body[CAP] for body in asked} != {99}
    assert len({body[CAP] for body in asked}) == 1
    assert [len(answers) for answers in texts_of(held)] == [3, 3]
    # The thread goes on from the answer that is looked at.
    asked_in_a = held.comparison.rounds[0].asked[a]
    chosen = held.comparison.answers(held.comparison.columns[0], held.threads()[a], 0)[0]
    held.show(asked_in_a, chosen.id)
    held.repeat(1)
    with Server(streams("x"), streams("y")) as server:
        held.send("Two", sample_values.backend(server.url))
        settle(held)
        sent = [[one["content"] for one in body["messages"]] for body in bodies(server)]
    assert ["Be kind.", "One", chosen.content, "Two"] in sent


def test_a_seed_at_its_end_begins_again() -> None:
    parameter = MODEL.parameter(SEED)
    assert parameter.maximum is not None
    request = build(MODEL, Messages((Turn("user", "Hi"),)), {SEED: parameter.maximum})
    assert repeated(MODEL, request, 0) == request
    assert repeated(MODEL, request, 2).parameters[SEED] == parameter.minimum + 1
    without = build(MODEL, Messages((Turn("user", "Hi"),)))
    assert repeated(MODEL, without, 3) == without


def test_stop_ends_one_column_with_its_repetitions_or_all() -> None:
    held = contest()
    held.repeat(4)
    a, b = ids(held)
    with Server(*(says_then_waits(head(), texts("some ")) for _ in range(2))) as server:
        held.send("One", sample_values.backend(server.url))
        lives = [held.chat(id).view()[1] for id in (a, b)]
        for live in lives:
            assert live is not None
            next(text for text in live.run.follow(lambda: 0.01) if text)
        held.stop(a)
        lives[0].run.join(PATIENCE)  # type: ignore[union-attr]
        assert held.coming(a) == 0
        assert held.coming(b) == 4
        with pytest.raises(BadInput, match="still coming"):
            held.send("Two", sample_values.backend(server.url))
        held.stop()
        settle(held)
    for column in (a, b):
        (answer,) = held.comparison.answers(held.comparison.column(column), held.threads()[column], 0)
        assert answer.content == "some "
        assert answer.answers[-1].ending is Ending.STOPPED
    with Server(streams("More")) as server:
        held.more(a, sample_values.backend(server.url))
        settle(held)
    assert texts_of(held) == [["some ", "More"], ["some "]]


def test_a_failure_in_one_column_leaves_the_others() -> None:
    held = contest()
    held.repeat(3)
    held.chat(ids(held)[0]).set_system("Fail.")

    def script(peer: Peer, received: Received) -> None:
        fails = b"Fail." in received.body
        (refuses(400, 5006, "Bad input") if fails else streams("Fine"))(peer, received)

    with Server(script) as server:
        held.send("One", sample_values.backend(server.url))
        settle(held)
        assert len(server.requests) == 4  # what is refused once is not asked again
    assert texts_of(held) == [[""], ["Fine", "Fine", "Fine"]]


def test_a_duplicate_has_the_thread_and_the_settings_and_columns_keep_their_order() -> None:
    held = contest()
    with Server(*(streams(f"n{n}") for n in range(5))) as server:
        held.send("One", sample_values.backend(server.url))
        settle(held)
        a, b = ids(held)
        copy = held.duplicate(a)
        assert [column.name for column in held.comparison.columns] == ["A", "B", "C"]
        assert copy.settings == held.chat(a).settings
        assert texts_of(held)[0] == texts_of(held)[2]
        held.send("Two", sample_values.backend(server.url))
        settle(held)
        assert len(server.requests) == 5
    held.remove(a)
    assert [column.name for column in held.comparison.columns] == ["B", "C"]
    with pytest.raises(BadInput, match="needs two columns"):
        held.remove(b)
    held.duplicate(b)
    held.duplicate(b)
    assert [column.name for column in held.comparison.columns] == ["B", "C", "A", "D"]
    with pytest.raises(BadInput, match="room for 4"):
        held.duplicate(b)


def test_blind_until_all_is_rated() -> None:
    held = contest(4)
    held.blind(True)
    orders = set()
    for _ in range(8):
        with Server(*(streams("x") for _ in range(4))) as server:
            held.send("One", sample_values.backend(server.url))
            settle(held)
        assert sorted(held.comparison.hidden) == sorted(ids(held))
        orders.add(held.comparison.hidden)
        with pytest.raises(BadInput, match="hidden"):
            held.duplicate(ids(held)[0])
        for answer in held.comparison.unrated(held.threads()):
            assert held.comparison.hidden
            held.rate(answer, 3)
        assert held.comparison.hidden == ()
    assert len(orders) > 1
    assert held.comparison.order == held.comparison.columns


def test_who_wins_by_setting() -> None:
    held = contest()
    a = ids(held)[0]
    with Server(*(streams("x") for _ in range(6))) as server:
        for stars in ((5, 2), (3, 3), (1, 4)):
            if stars == (1, 4):  # from now on A is another set-up
                held.chat(a).settings = held.chat(a).settings.with_value(CAP, 77)
            held.send("One", sample_values.backend(server.url))
            settle(held)
            for column, given_stars in zip(held.comparison.columns, stars, strict=True):
                last = held.comparison.answers(
                    column, held.threads()[column.id], len(held.comparison.rounds) - 1
                )
                held.rate(last[0].id, given_stars)
    found = standings(MODEL, held.comparison, held.threads())
    told = [(one.column.name, one.wins, one.ties, one.rated, one.stars) for one in found]
    assert told == [("A", 1, 1, 2, 4), ("B", 1, 1, 3, 3), ("A", 0, 0, 1, 1)]
    assert [dict(setup) for setup in differing([one.setup for one in found])][2] == {
        MODEL.output_cap.label: "77"
    }
    held.rate(
        held.comparison.unrated(held.threads())[0] if held.comparison.unrated(held.threads()) else "", None
    )


def test_what_differs() -> None:
    settings = Settings.defaults(MODEL)
    other = settings.with_value(CAP, 5).with_features(form=Form.PROMPT)
    one, two = (facts(MODEL, "Be kind.", settings), facts(MODEL, "Be kind.", other))
    assert differing([one, one]) == ((), ())
    assert dict(differing([one, two])[1]) == {"Input form": "prompt", MODEL.output_cap.label: "5"}
    long = "You are a helpful assistant who answers in short and friendly sentences, "
    ends = differing([facts(MODEL, long + end, settings) for end in ("in French.", "in Greek.", "")])
    assert [dict(found)["System prompt"][:1] for found in ends[:2]] == ["…", "…"]
    assert "French" in dict(ends[0])["System prompt"]
    assert "Greek" in dict(ends[1])["System prompt"]


@anything(st.data())
def test_a_record_comes_back(data: st.DataObject) -> None:
    text = st.text(max_size=10)
    columns = tuple(Column(f"c{n}", letter) for n, letter in enumerate("ABC"))
    asked = st.dictionaries(text, text, max_size=3)
    comparison = Comparison(
        columns,
        tuple(data.draw(st.lists(st.builds(Round, text, asked), max_size=3))),
        data.draw(st.integers(1, 10)),
        data.draw(st.dictionaries(text, st.integers(1, 5), max_size=3)),
        data.draw(asked),
        data.draw(st.booleans()),
        tuple(data.draw(st.permutations([column.id for column in columns]))),
    )
    assert read(comparison.id, record(comparison)) == comparison
    with pytest.raises(BadInput, match="another version"):
        read("x", {"version": 99})


def test_the_thread_of_an_answer_ends_at_the_next_input() -> None:
    held = contest()
    with Server(*(streams(f"n{n}") for n in range(4))) as server:
        for text in ("One", "Two"):
            held.send(text, sample_values.backend(server.url))
            settle(held)
    column = held.comparison.columns[0]
    conversation = held.threads()[column.id]
    (answer,) = held.comparison.answers(column, conversation, 0)
    assert thread(conversation, answer.id) == (answer,)
