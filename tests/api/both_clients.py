"""Ask the same of a server in both ways, as a chat and as an experiment does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from lib.api.cancellation import CancelToken
from lib.api.client import WorkersAI
from lib.api.events import Event, TextDelta
from lib.errors import PaddockError
from tests import sample_values


def ask_both_ways(url: str, client: WorkersAI) -> list[tuple[str, PaddockError | None, bool]]:
    """Return text, error and whether the request was sent: by the client alone, and over a connection.

    Any exception that is not of the tree fails the test.
    """
    backend, request = sample_values.make_backend(url), sample_values.make_request()
    alone = (*collect(client.stream(backend, request, CancelToken())), True)
    with closing(client.open_connection(backend)) as connection:
        over = (*collect(client.stream_over(connection, request)), connection.was_sent)
    return [alone, over]


def collect(events: Iterator[Event]) -> tuple[str, PaddockError | None]:
    texts: list[str] = []
    try:
        for event in events:
            if isinstance(event, TextDelta):
                texts.append(event.text)
    except PaddockError as error:
        return "".join(texts), error
    return "".join(texts), None
