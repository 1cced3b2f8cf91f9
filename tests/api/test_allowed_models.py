"""A backend that lets only some models be asked: nothing is sent to another one, in any way of asking."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from lib.api.backend import Backend
from lib.api.cancellation import CancelToken
from lib.api.client import WorkersAI
from lib.api.model_catalogue import ModelCatalogue
from lib.api.request import Request
from lib.errors import BadInput
from lib.model.model_record import DEFAULT_MODEL_ID
from tests import sample_values
from tests.scripted_server import ScriptedServer, streams

OTHER = replace(sample_values.make_request(), model="@cf/meta/llama-3.3-70b-instruct-fp8-fast")


def stream(client: WorkersAI, backend: Backend, request: Request) -> None:
    list(client.stream(backend, request, CancelToken()))


def stream_over(client: WorkersAI, backend: Backend, request: Request) -> None:
    with closing(client.open_connection(backend.without_cache())) as connection:
        list(client.stream_over(connection, request))


@pytest.mark.parametrize("ask", [stream, stream_over])
def test_nothing_is_sent_to_a_model_that_is_not_allowed(
    ask: Callable[[WorkersAI, Backend, Request], None],
) -> None:
    client = sample_values.make_client()
    with ScriptedServer(streams("Hi")) as server:
        backend = sample_values.make_backend(server.url)
        restricted = replace(backend, allowed_models=frozenset({DEFAULT_MODEL_ID}))
        with pytest.raises(BadInput, match="Visitors of this Paddock may not ask @cf/meta/") as refused:
            ask(client, restricted, OTHER)
        assert DEFAULT_MODEL_ID in refused.value.advice
        assert server.requests == []
        ask(client, restricted, sample_values.make_request())
        ask(client, backend, OTHER)
    assert [request.target.partition("/ai/run/")[2] for request in server.requests] == [
        DEFAULT_MODEL_ID,
        OTHER.model,
    ]


def test_only_allowed_models_are_listed(tmp_path: Path) -> None:
    items = ", ".join(f'{{"name": "{id}"}}' for id in (DEFAULT_MODEL_ID, OTHER.model))
    body = f'{{"success": true, "result": [{items}], "errors": [], "messages": []}}'

    class Lists(WorkersAI):
        def fetch(self, backend: Backend, path: str) -> str:
            return body

    catalogue = ModelCatalogue(Lists(), tmp_path)
    backend = sample_values.make_backend("https://api.example/client/v4")
    restricted = replace(backend, allowed_models=frozenset({DEFAULT_MODEL_ID}))
    for found in (catalogue.refresh(restricted), catalogue.find(restricted)):
        assert found is not None
        assert [entry.id for entry in found.entries] == [DEFAULT_MODEL_ID]
    assert catalogue.fetch_model(restricted, OTHER.model) is None
    everything = catalogue.find(backend)
    assert everything is not None
    assert len(everything.entries) == 2
