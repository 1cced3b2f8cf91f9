"""A line beside httpx: the processor's time of a request over each, one after the other: ``python -m bench.line``.

Printed are the medians of rounds taken in turn, and their ratio. Exit status 1 where the line is not cheaper.
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


def cpu_seconds(ask: Callable[[], object]) -> float:
    """Seconds of processor time for one, in this thread."""
    begun = time.thread_time()
    for _ in range(REQUESTS):
        ask()
    return (time.thread_time() - begun) / REQUESTS


def main() -> int:
    """Print the figures."""
    request = sample_values.make_request(stream=False)
    with fake_cloud.run_fake_cloud((0.0, 0.0)) as server:
        there, client = sample_values.make_backend(server.url), WorkersAI()
        url = f"{there.base_url}/accounts/{there.account_id}/ai/run/{request.model}"
        with closing(client.open_connection(there)) as line, httpx.Client(trust_env=False) as plain:

            def by_line() -> object:
                return list(client.stream_over(line, request))

            def by_httpx() -> object:
                return list(wire.decode_answer(plain.post(url, json=wire.encode_request(request)).text))

            rounds = [(cpu_seconds(by_line), cpu_seconds(by_httpx)) for _ in range(ROUNDS)]
    mine, others = (median(one) * 1000 for one in zip(*rounds, strict=True))
    ratio = median(one / other for one, other in rounds)
    print(f"line {mine:.3f} ms of CPU a request, httpx's client {others:.3f} ms, line / httpx {ratio:.2f}")
    return ratio >= 1


if __name__ == "__main__":
    sys.exit(main())
