"""Cancel a request from another thread, and check that it ends."""

from __future__ import annotations

import threading
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
    """Send a request in a thread and cancel it once ``ready`` returns. Return the events until then."""
    patient, stop = (
        client or sample_values.make_client(connect=600, first_byte=600, silence=600),
        CancelToken(),
    )
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
    """Run ``ask`` in a thread, cancel it once ``ready`` returns, and return the events until then."""
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
        thread.join(0.2)  # for stages that cannot be observed
        assert thread.is_alive(), raised
    stop.cancel()
    thread.join(TIMEOUT)
    assert not thread.is_alive()
    assert [type(error) for error in raised] == [expected]
    return came
