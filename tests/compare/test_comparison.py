"""A comparison: sending to all columns or none, repetitions, differences, blind rating and winners."""

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
from lib.model.known_models import find_record
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
SEED = next(parameter.name for parameter in MODEL.parameters if parameter.is_seed)
CAP = MODEL.output_limit.name


def new_comparison(columns: int = 2) -> ComparisonSession:
    first = ChatSession(sample_values.make_client(), MODEL, Conversation("Be kind."))
    started = ComparisonSession(
        first._client, Comparison((ComparisonColumn(first.id, "A"),)), {first.id: first}, lambda _: None
    )
    for _ in range(columns - 1):
        started.duplicate(started.comparison.columns[-1].id)
    return started


def column_ids(session: ComparisonSession) -> list[str]:
    return [column.id for column in session.comparison.columns]


def wait_until_done(session: ComparisonSession) -> None:
    for id, chat in session.chats.items():
        while session.pending_count(id):
            _, live = chat.snapshot()
            if live is not None:
                live.run.join(TIMEOUT)


def answer_texts(session: ComparisonSession, number: int = -1) -> list[list[str]]:
    comparison, threads = session.comparison, session.conversations()
    at = number % len(comparison.rounds)
    return [
        [answer.content for answer in comparison.answers(column, threads[column.id], at)]
        for column in comparison.columns
    ]


def iter_sent_bodies(server: ScriptedServer) -> Iterator[Any]:
    return (request.json() for request in server.requests)


def test_one_input_for_all_and_each_keeps_its_thread() -> None:
    session = new_comparison(3)
    assert [column.name for column in session.comparison.columns] == ["A", "B", "C"]
    session.chat(column_ids(session)[1]).set_system("Be brief.")
    numbers = itertools.count()

    def script(peer: Peer, received: ReceivedRequest) -> None:  # every answer has a different text
        streams(f"n{next(numbers)}")(peer, received)

    with ScriptedServer(script) as server:
        backend = sample_values.make_backend(server.url)
        for text in ("One", "Two"):
            session.send(text, backend)
            wait_until_done(session)
        sent_texts = [
            [message["content"] for message in body["messages"]] for body in iter_sent_bodies(server)
        ]
    assert [round.text for round in session.comparison.rounds] == ["One", "Two"]
    assert sorted(texts[:2] for texts in sent_texts[:3]) == [
        ["Be brief.", "One"],
        ["Be kind.", "One"],
        ["Be kind.", "One"],
    ]
    for column, (first,) in zip(session.comparison.columns, answer_texts(session, 0), strict=True):
        system = session.chat(column.id).conversation.system
        assert [system, "One", first, "Two"] in sent_texts  # its own answer, not another column's


def test_what_cannot_be_sent_in_one_column_is_sent_in_none() -> None:
    session = new_comparison()
    a, b = column_ids(session)
    session.chat(b).settings = session.chat(b).settings.with_setting(
        replace(session.chat(b).settings[CAP], value=-5, is_sent=True)
    )
    with ScriptedServer() as server:
        with pytest.raises(ColumnRefused, match="must be") as refused:
            session.send("One", sample_values.make_backend(server.url))
        with pytest.raises(BadInput, match="nothing to send"):
            session.send(" \n", sample_values.make_backend(server.url))
        assert server.requests == []
    assert refused.value.column == "B"
    assert session.comparison.rounds == ()
    assert session.chat(a).conversation.messages == ()


def test_repetitions_are_asked_alike_but_for_the_seed() -> None:
    session = new_comparison()
    session.set_repetitions(3)
    a, b = column_ids(session)
    for id in (a, b):
        session.chat(id).settings = session.chat(id).settings.with_value(SEED, 7)
    with ScriptedServer(*(streams(f"n{n}") for n in range(6))) as server:
        session.send("One", sample_values.make_backend(server.url))
        session.chat(a).settings = session.chat(a).settings.with_value(CAP, 99)  # counts from the next send
        wait_until_done(session)
        asked = list(iter_sent_bodies(server))
    assert sorted(body[SEED] for body in asked) == [7, 7, 8, 8, 9, 9]
    assert {body[CAP] for body in asked} != {99}
    assert len({body[CAP] for body in asked}) == 1
    assert [len(answers) for answers in answer_texts(session)] == [3, 3]
    # The conversation continues from the selected answer.
    asked_in_a = session.comparison.rounds[0].question_ids[a]
    chosen = session.comparison.answers(session.comparison.columns[0], session.conversations()[a], 0)[0]
    session.select_answer(asked_in_a, chosen.id)
    session.set_repetitions(1)
    with ScriptedServer(streams("x"), streams("y")) as server:
        session.send("Two", sample_values.make_backend(server.url))
        wait_until_done(session)
        sent = [[message["content"] for message in body["messages"]] for body in iter_sent_bodies(server)]
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
    session = new_comparison()
    session.set_repetitions(4)
    a, b = column_ids(session)
    with ScriptedServer(
        *(sends_then_waits(response_head(), text_events("some ")) for _ in range(2))
    ) as server:
        session.send("One", sample_values.make_backend(server.url))
        lives = [session.chat(id).snapshot()[1] for id in (a, b)]
        for live in lives:
            assert live is not None
            next(text for text in live.run.follow(0.01) if text)
        session.stop(a)
        lives[0].run.join(TIMEOUT)  # type: ignore[union-attr]
        assert session.pending_count(a) == 0
        assert session.pending_count(b) == 4
        with pytest.raises(BadInput, match="still coming"):
            session.send("Two", sample_values.make_backend(server.url))
        session.stop()
        wait_until_done(session)
    for column in (a, b):
        (answer,) = session.comparison.answers(
            session.comparison.column(column), session.conversations()[column], 0
        )
        assert answer.content == "some "
        assert answer.answers[-1].ending is Ending.STOPPED
    with ScriptedServer(streams("More")) as server:
        session.add_answer(a, sample_values.make_backend(server.url))
        wait_until_done(session)
    assert answer_texts(session) == [["some ", "More"], ["some "]]


def test_a_failure_in_one_column_leaves_the_others() -> None:
    session = new_comparison()
    session.set_repetitions(3)
    session.chat(column_ids(session)[0]).set_system("Fail.")

    def script(peer: Peer, received: ReceivedRequest) -> None:
        fails = b"Fail." in received.body
        (refuses(400, 5006, "Bad input") if fails else streams("Fine"))(peer, received)

    with ScriptedServer(script) as server:
        session.send("One", sample_values.make_backend(server.url))
        wait_until_done(session)
        assert len(server.requests) == 4  # a refused input is not repeated
    assert answer_texts(session) == [[""], ["Fine", "Fine", "Fine"]]


def test_a_duplicate_has_the_thread_and_the_settings_and_columns_keep_their_order() -> None:
    session = new_comparison()
    with ScriptedServer(*(streams(f"n{n}") for n in range(5))) as server:
        session.send("One", sample_values.make_backend(server.url))
        wait_until_done(session)
        a, b = column_ids(session)
        copy = session.duplicate(a)
        assert [column.name for column in session.comparison.columns] == ["A", "B", "C"]
        assert copy.settings == session.chat(a).settings
        assert answer_texts(session)[0] == answer_texts(session)[2]
        session.send("Two", sample_values.make_backend(server.url))
        wait_until_done(session)
        assert len(server.requests) == 5
    session.remove(a)
    assert [column.name for column in session.comparison.columns] == ["B", "C"]
    with pytest.raises(BadInput, match="needs at least two columns"):
        session.remove(b)
    session.duplicate(b)
    session.duplicate(b)
    assert [column.name for column in session.comparison.columns] == ["B", "C", "A", "D"]
    with pytest.raises(BadInput, match="at most 4 columns"):
        session.duplicate(b)


def test_blind_until_all_is_rated() -> None:
    session = new_comparison(4)
    session.set_blind(True)
    orders = set()
    for _ in range(8):
        with ScriptedServer(*(streams("x") for _ in range(4))) as server:
            session.send("One", sample_values.make_backend(server.url))
            wait_until_done(session)
        assert sorted(session.comparison.blind_order) == sorted(column_ids(session))
        orders.add(session.comparison.blind_order)
        with pytest.raises(BadInput, match="hidden"):
            session.duplicate(column_ids(session)[0])
        for answer in session.comparison.unrated_answers(session.conversations()):
            assert session.comparison.blind_order
            session.rate(answer, 3)
        assert session.comparison.blind_order == ()
    assert len(orders) > 1
    assert session.comparison.displayed_columns == session.comparison.columns


def test_who_wins_by_setting() -> None:
    session = new_comparison()
    a = column_ids(session)[0]
    with ScriptedServer(*(streams("x") for _ in range(6))) as server:
        for stars in ((5, 2), (3, 3), (1, 4)):
            if stars == (1, 4):  # from here on A has another set-up
                session.chat(a).settings = session.chat(a).settings.with_value(CAP, 77)
            session.send("One", sample_values.make_backend(server.url))
            wait_until_done(session)
            for column, given_stars in zip(session.comparison.columns, stars, strict=True):
                last = session.comparison.answers(
                    column, session.conversations()[column.id], len(session.comparison.rounds) - 1
                )
                session.rate(last[0].id, given_stars)
    results = standings(find_record, session.comparison, session.conversations())
    summary = [
        (standing.column.name, standing.wins, standing.ties, standing.rated, standing.stars)
        for standing in results
    ]
    assert summary == [("A", 1, 1, 2, 4), ("B", 1, 1, 3, 3), ("A", 0, 0, 1, 1)]
    assert [dict(setup) for setup in differing_fields([standing.setup for standing in results])][2] == {
        MODEL.output_limit.label: "77"
    }
    session.rate(
        session.comparison.unrated_answers(session.conversations())[0]
        if session.comparison.unrated_answers(session.conversations())
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
    session = new_comparison()
    with ScriptedServer(*(streams(f"n{n}") for n in range(4))) as server:
        for text in ("One", "Two"):
            session.send(text, sample_values.make_backend(server.url))
            wait_until_done(session)
    column = session.comparison.columns[0]
    conversation = session.conversations()[column.id]
    (answer,) = session.comparison.answers(column, conversation, 0)
    assert answer_thread(conversation, answer.id) == (answer,)


def test_a_blind_order_that_names_a_column_twice_draws_none_twice() -> None:
    columns = (ComparisonColumn("a", "A"), ComparisonColumn("b", "B"))
    for order in (("b", "b"), ("b", "b", "a"), ("b",)):
        shown = Comparison(columns=columns, blind_order=order).displayed_columns
        assert sorted(column.id for column in shown) == ["a", "b"]
