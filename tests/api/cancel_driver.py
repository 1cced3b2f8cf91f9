"""How the tests ask a request to end from another thread, and measure that it does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from lib.api.cancellation import CancelToken
from lib.api.client import WorkersAI
from tests import sample_values
from tests.scripted_server import TIMEOUT


def assert_stream_cancels(
    url: str,
    expected: type[BaseException],
    ready: Callable[[], object] | None = None,
    client: WorkersAI | None = None,
) -> list[object]:
    """Ask that server in a thread, stop once ``ready`` returns; the events that came before the end."""
    patient, stop = client or sample_values.make_client(first_byte=60, silence=60), CancelToken()
    return assert_cancels(
        lambda: patient.stream(sample_values.make_backend(url), sample_values.make_request(), stop),
        stop,
        expected,
        ready,
    )


def assert_cancels(
    ask: Callable[[], Iterable[object]],
    stop: CancelToken,
    expected: type[BaseException],
    ready: Callable[[], object] | None = None,
) -> list[object]:
    """The same of anything that this stop is to end."""
    came: list[object] = []
    raised: list[BaseException] = []

    def work() -> None:
        try:
            came.extend(ask())
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    if ready is not None:
        ready()
    else:
        thread.join(0.2)  # for stages that show nothing outside
        assert thread.is_alive(), raised
    begun = time.monotonic()
    stop.cancel()
    thread.join(TIMEOUT)
    assert not thread.is_alive()
    assert time.monotonic() - begun < 1.0
    assert [type(error) for error in raised] == [expected]
    return came
