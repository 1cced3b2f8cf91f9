"""Compare the processor time of a request over a persistent connection and over httpx's client.

Run ``python -m bench.persistent_connection``. It prints the medians of alternating rounds and their ratio, and exits
with status 1 unless the persistent connection is cheaper.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import closing
from statistics import median

import httpx

from lib.api import wire
from lib.api.client import WorkersAI
from tests import sample_values
from tests.runner import fake_cloud

ROUNDS, REQUESTS = 15, 200


def cpu_seconds(send: Callable[[], object]) -> float:
    """Return this thread's processor time of one call, as the mean of REQUESTS calls."""
    begun = time.thread_time()
    for _ in range(REQUESTS):
        send()
    return (time.thread_time() - begun) / REQUESTS


def main() -> int:
    request = sample_values.make_request(stream=False)
    with fake_cloud.run_fake_cloud((0.0, 0.0)) as server:
        backend, client = sample_values.make_backend(server.url), WorkersAI()
        url = f"{backend.base_url}/accounts/{backend.account_id}/ai/run/{request.model}"
        with (
            closing(client.open_connection(backend)) as connection,
            httpx.Client(trust_env=False) as httpx_client,
        ):

            def send_over_connection() -> object:
                return list(client.stream_over(connection, request))

            def send_by_httpx() -> object:
                response = httpx_client.post(url, json=wire.encode_request(request))
                return list(wire.decode_answer(response.text))

            rounds = [(cpu_seconds(send_over_connection), cpu_seconds(send_by_httpx)) for _ in range(ROUNDS)]
    ours, httpx_time = (median(times) * 1000 for times in zip(*rounds, strict=True))
    ratio = median(connection_time / client_time for connection_time, client_time in rounds)
    print(
        f"persistent connection {ours:.3f} ms of CPU a request, httpx's client {httpx_time:.3f} ms, "
        f"ratio {ratio:.2f}"
    )
    return ratio >= 1


if __name__ == "__main__":
    sys.exit(main())
