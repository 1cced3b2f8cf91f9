"""An answer that an AI Gateway gives from its cache costs nothing, wherever it is shown, saved or exported."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from decimal import Decimal

import pytest

from lib.api.backend import Gateway
from lib.api.cancellation import CancelToken
from lib.api.events import Event, FromGatewayCache, TextDelta
from lib.chat.answer import Answer
from lib.chat.answer_accumulator import AnswerAccumulator
from lib.chat.answer_cost import answer_cost, count_cached_answers
from lib.chat.conversation import Conversation
from lib.errors import CutOff
from lib.files import value_codec
from lib.files.conversation_json import ConversationFile, dump_conversation
from lib.files.markdown_export import export_markdown
from lib.model.known_models import find_record
from lib.model.model_record import default_model
from lib.model.pricing import cost_in_dollars, cost_in_neurons, cost_of_neurons
from lib.model.settings import Settings
from lib.model.usage import Usage
from lib.runner.attempt import price_attempt
from tests import sample_values
from tests.files.saved_conversations import load_conversation
from tests.page.stored_conversations import add_exchange
from tests.scripted_server import (
    DONE,
    Script,
    ScriptedServer,
    refuses,
    response_head,
    sends,
    text_events,
    usage_event,
)

MODEL = default_model()
CACHED = Usage(1_000, 100, neurons=Decimal("7.5"), from_gateway_cache=True)


def streams_with(status: str, *ending: bytes) -> Script:
    """Return a script that streams one word, with this status of the gateway's cache."""
    return sends(response_head(cf_aig_cache_status=status), text_events("Hi"), *ending)


def collect_events(script: Script, *more: Script) -> list[Event]:
    """Return the events of an answer in chat, up to an error."""
    events: list[Event] = []
    with ScriptedServer(script, *more) as server:
        backend = replace(sample_values.make_backend(server.url), gateway=Gateway("g"))
        client, request = sample_values.make_client(), sample_values.make_request()
        try:
            for event in client.stream(backend, request, CancelToken()):
                events.append(event)
        except CutOff:
            pass
        with closing(client.open_connection(backend)) as connection:
            try:
                over = list(client.stream_over(connection, request))
            except CutOff:
                over = events
    assert events == over, "an experiment's way decodes the same"
    return events


def accumulate(events: Iterable[Event]) -> Answer:
    accumulator = AnswerAccumulator(
        sample_values.make_backend("http://127.0.0.1:9"), MODEL, sample_values.make_request()
    )
    for event in events:
        accumulator.add(event)
    return accumulator.build_answer()


@pytest.mark.parametrize("status", ["HIT", "hit"])
def test_a_hit_is_marked_before_its_first_text(status: str) -> None:
    events = collect_events(streams_with(status, usage_event(10, 3), DONE))
    assert events[:2] == [FromGatewayCache(), TextDelta("Hi")]
    assert events.count(FromGatewayCache()) == 1
    assert accumulate(events).usage == Usage(10, 3, from_gateway_cache=True)


@pytest.mark.parametrize("status", ["MISS", "EXPIRED", "BYPASS", ""])
def test_nothing_else_is_a_hit(status: str) -> None:
    events = collect_events(streams_with(status, usage_event(10, 3), DONE))
    assert accumulate(events).usage == Usage(10, 3)


def test_a_hit_without_a_count_is_free_too() -> None:
    usage = accumulate(collect_events(streams_with("HIT"))).usage
    assert usage is not None
    assert (usage.estimated, usage.from_gateway_cache) == (True, True)


def test_a_refused_hit_is_sent_again() -> None:
    refused = refuses(500, 3043, "Internal", cf_aig_cache_status="HIT")
    with ScriptedServer(refused, streams_with("MISS", usage_event(10, 3), DONE)) as server:
        backend = sample_values.make_backend(server.url)
        events = list(
            sample_values.make_client().stream(backend, sample_values.make_request(), CancelToken())
        )
    assert FromGatewayCache() not in events
    assert len(server.requests) == 2


def test_it_costs_nothing_in_dollars_and_neurons() -> None:
    paid = replace(CACHED, from_gateway_cache=False)
    for price_of in (cost_in_dollars, cost_in_neurons, cost_of_neurons):
        assert price_of(CACHED, MODEL.price) == 0
        assert price_of(paid, MODEL.price) > 0


def test_a_sum_with_one_that_was_paid_is_not_free() -> None:
    paid = Usage(1, 1)
    assert not (CACHED + paid).from_gateway_cache
    assert not (paid + CACHED).from_gateway_cache
    assert (CACHED + CACHED).from_gateway_cache


def conversation() -> tuple[Conversation, list[Answer]]:
    """Return a conversation with an answer that was paid and one from the cache, and both answers."""
    talk = add_exchange(Conversation(), "a", "b", Usage(1_000, 100))
    talk = add_exchange(talk, "c", "d", CACHED)
    return talk, [answer for message in talk.path() for answer in message.answers]


def test_the_sum_of_a_conversation_is_what_was_paid() -> None:
    _, answers = conversation()
    cost = answer_cost([*answers, answers[1]], find_record)
    assert cost is not None
    assert cost.listed == cost_in_dollars(Usage(1_000, 100), MODEL.price)
    assert count_cached_answers([*answers, answers[1]]) == 1
    # Nothing was asked of this model, so its price need not be known.
    free = answer_cost(answers[1:], lambda id: None)
    assert free is not None
    assert (free.listed, free.neurons, free.billed) == (0, 0, 0)


def test_the_budget_of_an_experiment_counts_nothing() -> None:
    _, (_, cached) = conversation()
    backend = sample_values.make_backend("http://127.0.0.1:9")
    for usage in (CACHED, replace(CACHED, estimated=True)):
        attempt = price_attempt(replace(cached, usage=usage), True, Decimal(1), MODEL, backend)
        assert (attempt.cost, attempt.uncertain) == (0, 0)
    paid = price_attempt(replace(cached, usage=Usage(1, 1, estimated=True)), True, Decimal(1), MODEL, backend)
    assert paid.cost + paid.uncertain == 1


def test_files_keep_it() -> None:
    talk, answers = conversation()
    text = dump_conversation(ConversationFile(talk, Settings.defaults(MODEL), "T", pinned=False))
    read = load_conversation(text.encode(), MODEL).conversation
    assert [answer.usage for message in read.path() for answer in message.answers] == [
        answer.usage for answer in answers
    ]
    # Earlier versions can read every file without such an answer.
    first, second = json.loads(text)["answers"]
    assert "from_gateway_cache" not in first["usage"]
    assert second["usage"]["from_gateway_cache"] is True
    assert value_codec.read_usage(value_codec.write_usage(CACHED)) == CACHED
    shown = export_markdown("T", talk, Settings.defaults(MODEL), find_record)
    assert shown.count("from the AI Gateway's cache") == 1
    assert f'dollars: "{cost_in_dollars(Usage(1_000, 100), MODEL.price):f}"' in shown
