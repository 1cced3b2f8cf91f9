"""A comparison: one input for all columns or for none, repetitions, what differs, blind rating, and who wins."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given as anything
from hypothesis import strategies as st

from lib.api.request import Messages, Turn, build_request
from lib.chat.answer import Ending
from lib.chat.chat_session import ChatSession
from lib.chat.conversation import Conversation
from lib.compare.comparison import (
    Comparison,
    ComparisonColumn,
    ComparisonRound,
    answer_thread,
    differing_fields,
    dump_comparison,
    load_comparison,
    repeat_request,
    setup_fields,
    standings,
)
from lib.compare.comparison_session import ColumnRefused, ComparisonSession
from lib.errors import BadInput
from lib.model import model_record
from lib.model.request_options import InputForm
from lib.model.settings import Settings
from tests import sample_values
from tests.scripted_server import (
    TIMEOUT,
    Peer,
    ReceivedRequest,
    ScriptedServer,
    refuses,
    response_head,
    sends_then_waits,
    streams,
    text_events,
)

MODEL = model_record.default_model()
SEED = next(one.name for one in MODEL.parameters if one.is_seed)
CAP = MODEL.output_limit.name


def new_comparison(columns: int = 2) -> ComparisonSession:
    first = ChatSession(sample_values.make_client(), MODEL, Conversation("Be kind."))
    started = ComparisonSession(
        first._client, Comparison((ComparisonColumn(first.id, "A"),)), {first.id: first}, lambda _: None
    )
    for _ in range(columns - 1):
        started.duplicate(started.comparison.columns[-1].id)
    return started


def column_ids(held: ComparisonSession) -> list[str]:
    return [column.id for column in held.comparison.columns]


def wait_until_done(held: ComparisonSession) -> None:
    for id, chat in held.chats.items():
        while held.pending_count(id):
            _, live = chat.snapshot()
            if live is not None:
                live.run.join(TIMEOUT)


def answer_texts(held: ComparisonSession, number: int = -1) -> list[list[str]]:
    comparison, threads = held.comparison, held.conversations()
    at = number % len(comparison.rounds)
    return [
        [answer.content for answer in comparison.answers(column, threads[column.id], at)]
        for column in comparison.columns
    ]


def iter_sent_bodies(server: ScriptedServer) -> Iterator[Any]:
    return (request.json() for request in server.requests)


def test_one_input_for_all_and_each_keeps_its_thread() -> None:
    held = new_comparison(3)
    assert [column.name for column in held.comparison.columns] == ["A", "B", "C"]
    held.chat(column_ids(held)[1]).set_system("Be brief.")
    numbers = itertools.count()

    def script(peer: Peer, received: ReceivedRequest) -> None:  # every answer is another text
        streams(f"n{next(numbers)}")(peer, received)

    with ScriptedServer(script) as server:
        backend = sample_values.make_backend(server.url)
        for text in ("One", "Two"):
            held.send(text, backend)
            wait_until_done(held)
        said = [[message["content"] for message in body["messages"]] for body in iter_sent_bodies(server)]
    assert [one.text for one in held.comparison.rounds] == ["One", "Two"]
    assert sorted(one[:2] for one in said[:3]) == [
        ["Be brief.", "One"],
        ["Be kind.", "One"],
        ["Be kind.", "One"],
    ]
    for column, (first,) in zip(held.comparison.columns, answer_texts(held, 0), strict=True):
        system = held.chat(column.id).conversation.system
        assert [system, "One", first, "Two"] in said  # its own answer, and no other column's


def test_what_cannot_be_sent_in_one_column_is_sent_in_none() -> None:
    held = new_comparison()
    a, b = column_ids(held)
    held.chat(b).settings = held.chat(b).settings.with_setting(
        replace(held.chat(b).settings[CAP], value=-5, is_sent=True)
    )
    with ScriptedServer() as server:
        with pytest.raises(ColumnRefused, match="must be") as refused:
            held.send("One", sample_values.make_backend(server.url))
        with pytest.raises(BadInput, match="nothing to send"):
            held.send(" \n", sample_values.make_backend(server.url))
        assert server.requests == []
    assert refused.value.column == "B"
    assert held.comparison.rounds == ()
    assert held.chat(a).conversation.messages == ()


def test_repetitions_are_asked_alike_but_for_the_seed() -> None:
    held = new_comparison()
    held.set_repetitions(3)
    a, b = column_ids(held)
    for id in (a, b):
        held.chat(id).settings = held.chat(id).settings.with_value(SEED, 7)
    with ScriptedServer(*(streams(f"n{n}") for n in range(6))) as server:
        held.send("One", sample_values.make_backend(server.url))
        held.chat(a).settings = held.chat(a).settings.with_value(CAP, 99)  # counts from the next send
        wait_until_done(held)
        asked = list(iter_sent_bodies(server))
    assert sorted(body[SEED] for body in asked) == [7, 7, 8, 8, 9, 9]
    assert {body[CAP] for body in asked} != {99}
    assert len({body[CAP] for body in asked}) == 1
    assert [len(answers) for answers in answer_texts(held)] == [3, 3]
    # The thread goes on from the answer that is looked at.
    asked_in_a = held.comparison.rounds[0].question_ids[a]
    chosen = held.comparison.answers(held.comparison.columns[0], held.conversations()[a], 0)[0]
    held.select_answer(asked_in_a, chosen.id)
    held.set_repetitions(1)
    with ScriptedServer(streams("x"), streams("y")) as server:
        held.send("Two", sample_values.make_backend(server.url))
        wait_until_done(held)
        sent = [[one["content"] for one in body["messages"]] for body in iter_sent_bodies(server)]
    assert ["Be kind.", "One", chosen.content, "Two"] in sent


def test_a_seed_at_its_end_begins_again() -> None:
    parameter = MODEL.parameter(SEED)
    assert parameter.maximum is not None
    request = build_request(MODEL, Messages((Turn("user", "Hi"),)), {SEED: parameter.maximum})
    assert repeat_request(MODEL, request, 0) == request
    assert repeat_request(MODEL, request, 2).parameters[SEED] == parameter.minimum + 1
    without = build_request(MODEL, Messages((Turn("user", "Hi"),)))
    assert repeat_request(MODEL, without, 3) == without


def test_stop_ends_one_column_with_its_repetitions_or_all() -> None:
    held = new_comparison()
    held.set_repetitions(4)
    a, b = column_ids(held)
    with ScriptedServer(
        *(sends_then_waits(response_head(), text_events("some ")) for _ in range(2))
    ) as server:
        held.send("One", sample_values.make_backend(server.url))
        lives = [held.chat(id).snapshot()[1] for id in (a, b)]
        for live in lives:
            assert live is not None
            next(text for text in live.run.follow(lambda: 0.01) if text)
        held.stop(a)
        lives[0].run.join(TIMEOUT)  # type: ignore[union-attr]
        assert held.pending_count(a) == 0
        assert held.pending_count(b) == 4
        with pytest.raises(BadInput, match="still coming"):
            held.send("Two", sample_values.make_backend(server.url))
        held.stop()
        wait_until_done(held)
    for column in (a, b):
        (answer,) = held.comparison.answers(held.comparison.column(column), held.conversations()[column], 0)
        assert answer.content == "some "
        assert answer.answers[-1].ending is Ending.STOPPED
    with ScriptedServer(streams("More")) as server:
        held.add_answer(a, sample_values.make_backend(server.url))
        wait_until_done(held)
    assert answer_texts(held) == [["some ", "More"], ["some "]]


def test_a_failure_in_one_column_leaves_the_others() -> None:
    held = new_comparison()
    held.set_repetitions(3)
    held.chat(column_ids(held)[0]).set_system("Fail.")

    def script(peer: Peer, received: ReceivedRequest) -> None:
        fails = b"Fail." in received.body
        (refuses(400, 5006, "Bad input") if fails else streams("Fine"))(peer, received)

    with ScriptedServer(script) as server:
        held.send("One", sample_values.make_backend(server.url))
        wait_until_done(held)
        assert len(server.requests) == 4  # what is refused once is not asked again
    assert answer_texts(held) == [[""], ["Fine", "Fine", "Fine"]]


def test_a_duplicate_has_the_thread_and_the_settings_and_columns_keep_their_order() -> None:
    held = new_comparison()
    with ScriptedServer(*(streams(f"n{n}") for n in range(5))) as server:
        held.send("One", sample_values.make_backend(server.url))
        wait_until_done(held)
        a, b = column_ids(held)
        copy = held.duplicate(a)
        assert [column.name for column in held.comparison.columns] == ["A", "B", "C"]
        assert copy.settings == held.chat(a).settings
        assert answer_texts(held)[0] == answer_texts(held)[2]
        held.send("Two", sample_values.make_backend(server.url))
        wait_until_done(held)
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
    held = new_comparison(4)
    held.set_blind(True)
    orders = set()
    for _ in range(8):
        with ScriptedServer(*(streams("x") for _ in range(4))) as server:
            held.send("One", sample_values.make_backend(server.url))
            wait_until_done(held)
        assert sorted(held.comparison.blind_order) == sorted(column_ids(held))
        orders.add(held.comparison.blind_order)
        with pytest.raises(BadInput, match="hidden"):
            held.duplicate(column_ids(held)[0])
        for answer in held.comparison.unrated_answers(held.conversations()):
            assert held.comparison.blind_order
            held.rate(answer, 3)
        assert held.comparison.blind_order == ()
    assert len(orders) > 1
    assert held.comparison.displayed_columns == held.comparison.columns


def test_who_wins_by_setting() -> None:
    held = new_comparison()
    a = column_ids(held)[0]
    with ScriptedServer(*(streams("x") for _ in range(6))) as server:
        for stars in ((5, 2), (3, 3), (1, 4)):
            if stars == (1, 4):  # from now on A is another set-up
                held.chat(a).settings = held.chat(a).settings.with_value(CAP, 77)
            held.send("One", sample_values.make_backend(server.url))
            wait_until_done(held)
            for column, given_stars in zip(held.comparison.columns, stars, strict=True):
                last = held.comparison.answers(
                    column, held.conversations()[column.id], len(held.comparison.rounds) - 1
                )
                held.rate(last[0].id, given_stars)
    found = standings(MODEL, held.comparison, held.conversations())
    told = [(one.column.name, one.wins, one.ties, one.rated, one.stars) for one in found]
    assert told == [("A", 1, 1, 2, 4), ("B", 1, 1, 3, 3), ("A", 0, 0, 1, 1)]
    assert [dict(setup) for setup in differing_fields([one.setup for one in found])][2] == {
        MODEL.output_limit.label: "77"
    }
    held.rate(
        held.comparison.unrated_answers(held.conversations())[0]
        if held.comparison.unrated_answers(held.conversations())
        else "",
        None,
    )


def test_what_differs() -> None:
    settings = Settings.defaults(MODEL)
    other = settings.with_value(CAP, 5).with_features(form=InputForm.PROMPT)
    one, two = (setup_fields(MODEL, "Be kind.", settings), setup_fields(MODEL, "Be kind.", other))
    assert differing_fields([one, one]) == ((), ())
    assert dict(differing_fields([one, two])[1]) == {"Input form": "prompt", MODEL.output_limit.label: "5"}
    long = "You are a helpful assistant who answers in short and friendly sentences, "
    ends = differing_fields(
        [setup_fields(MODEL, long + end, settings) for end in ("in French.", "in Greek.", "")]
    )
    assert [dict(found)["System prompt"][:1] for found in ends[:2]] == ["…", "…"]
    assert "French" in dict(ends[0])["System prompt"]
    assert "Greek" in dict(ends[1])["System prompt"]


@anything(st.data())
def test_a_record_comes_back(data: st.DataObject) -> None:
    text = st.text(max_size=10)
    columns = tuple(ComparisonColumn(f"c{n}", letter) for n, letter in enumerate("ABC"))
    asked = st.dictionaries(text, text, max_size=3)
    comparison = Comparison(
        columns,
        tuple(data.draw(st.lists(st.builds(ComparisonRound, text, asked), max_size=3))),
        data.draw(st.integers(1, 10)),
        data.draw(st.dictionaries(text, st.integers(1, 5), max_size=3)),
        data.draw(asked),
        data.draw(st.booleans()),
        tuple(data.draw(st.permutations([column.id for column in columns]))),
    )
    assert load_comparison(comparison.id, dump_comparison(comparison)) == comparison
    with pytest.raises(BadInput, match="another version"):
        load_comparison("x", {"version": 99})


def test_the_thread_of_an_answer_ends_at_the_next_input() -> None:
    held = new_comparison()
    with ScriptedServer(*(streams(f"n{n}") for n in range(4))) as server:
        for text in ("One", "Two"):
            held.send(text, sample_values.make_backend(server.url))
            wait_until_done(held)
    column = held.comparison.columns[0]
    conversation = held.conversations()[column.id]
    (answer,) = held.comparison.answers(column, conversation, 0)
    assert answer_thread(conversation, answer.id) == (answer,)
