"""Which failures are retried, and after which wait."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from lib.api.cancellation import Cancelled, CancelToken
from lib.api.client import WorkersAI
from lib.api.events import Event, Finished, TextDelta
from lib.api.retries import RetryPolicy
from lib.api.transport import Timeouts
from lib.errors import (
    AllocationSpent,
    CutOff,
    PaddockError,
    RateLimited,
    ServiceFailed,
    TimedOut,
    Unreachable,
)
from tests import sample_values
from tests.api.cancel_driver import assert_stream_cancels
from tests.scripted_server import (
    DONE,
    TIMEOUT,
    ScriptedServer,
    refuses,
    response_head,
    sends,
    sends_then_resets,
    sends_then_waits,
    streams,
    text_events,
)
from tests.waiting import ends

PAGE = sends(response_head(502, "text/html"), b"<!DOCTYPE html><html>Bad gateway</html>")
SPENT = refuses(429, 4006, "AiError: AiError: you have used up your daily free allocation of 10,000 neurons")
FULL = refuses(429, 3040, "Capacity temporarily exceeded, please try again.")

RetryCalls = list[tuple[int, float, PaddockError]]


def collect_with_retries(
    server: ScriptedServer, retries: RetryCalls, client: WorkersAI | None = None
) -> list[Event]:
    def on_retry(attempt: int, wait: float, error: PaddockError) -> None:
        retries.append((attempt, wait, error))

    stream = (client or sample_values.make_client()).stream(
        sample_values.make_backend(server.url), sample_values.make_request(), CancelToken(), on_retry
    )
    return list(stream)


@pytest.mark.parametrize(
    "first",
    [
        PAGE,
        FULL,
        refuses(408, 3007, "Request timeout"),
        refuses(500, 3043, "internal server error"),
        refuses(429, 3021, "rate limiting: inference request per min rate reached"),
        sends(),
        sends_then_resets(),
        sends_then_resets(response_head()),
        sends(response_head()),
        sends(response_head(), DONE[:5]),
    ],
)
def test_tried_again_and_told(first: object) -> None:
    retries: RetryCalls = []
    with ScriptedServer(first, first, streams("Hi")) as server:  # type: ignore[arg-type]
        assert TextDelta("Hi") in collect_with_retries(server, retries)
    assert [attempt for attempt, _, _ in retries] == [1, 2]
    assert len(server.requests) == 3
    assert len({request.body for request in server.requests}) == 1


def test_bounded() -> None:
    retries: RetryCalls = []
    with ScriptedServer(PAGE) as server, pytest.raises(ServiceFailed) as failed:
        collect_with_retries(server, retries)
    assert len(server.requests) == 3
    assert len(retries) == 2
    assert failed.value.status == 502
    assert "web page" in failed.value.message


@pytest.mark.parametrize(
    "script",
    [
        SPENT,
        refuses(429, 3036, "spent"),
        refuses(401, 10000, "Authentication error"),
        refuses(400, 5006, "AiError: Bad input"),
        refuses(413, 5021, "too long"),
    ],
)
def test_not_tried_again(script: object) -> None:
    retries: RetryCalls = []
    with ScriptedServer(script) as server, pytest.raises(PaddockError):  # type: ignore[arg-type]
        collect_with_retries(server, retries)
    assert len(server.requests) == 1
    assert not retries


def test_the_spent_allocation_is_known_by_its_class() -> None:
    with ScriptedServer(SPENT) as server, pytest.raises(AllocationSpent, match="used up"):
        collect_with_retries(server, [])


@pytest.mark.parametrize("ending", [sends, sends_then_resets])
def test_never_after_text(ending: object) -> None:
    with ScriptedServer(ending(response_head(), text_events("Hello"))) as server, pytest.raises(CutOff):  # type: ignore[operator]
        collect_with_retries(server, [])
    assert len(server.requests) == 1


def test_retry_after_in_seconds_is_obeyed() -> None:
    retries: RetryCalls = []
    with ScriptedServer(refuses(429, 3021, "slow down", retry_after="1"), streams("Hi")) as server:
        collect_with_retries(server, retries)
    assert [(wait, error.retry_after) for _, wait, error in retries] == [(1.0, 1.0)]
    assert server.times[1] - server.times[0] >= 1.0


def test_retry_after_as_a_date_is_obeyed() -> None:
    retries: RetryCalls = []
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    with ScriptedServer(refuses(503, 3043, "busy", retry_after=date), streams("Hi")) as server:
        collect_with_retries(server, retries)
    [(_, wait, _)] = retries
    assert 0 < wait <= 2
    assert server.times[1] - server.times[0] >= wait


def test_a_wait_that_is_too_long_is_left_to_the_reader() -> None:
    retries: RetryCalls = []
    with (
        ScriptedServer(refuses(429, 3021, "slow down", retry_after="61")) as server,
        pytest.raises(RateLimited) as failed,
    ):
        collect_with_retries(server, retries)
    assert failed.value.retry_after == 61
    assert len(server.requests) == 1
    assert not retries


def test_pauses_grow_with_jitter() -> None:
    retries = RetryPolicy(attempts=4, pause=0.5)
    for attempt, middle in ((1, 0.5), (2, 1.0), (3, 2.0)):
        waits = [retries.delay_after(attempt, None) for _ in range(50)]
        assert all(wait is not None and 0.75 * middle <= wait <= 1.25 * middle for wait in waits)
        assert len(set(waits)) > 1
    assert retries.delay_after(4, None) is None
    assert retries.delay_after(4, 1.0) is None
    assert retries.delay_after(1, 0.0) == 0.0
    assert retries.delay_after(1, float("inf")) is None


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def stream_failure(url: str, client: WorkersAI | None = None) -> PaddockError:
    stream = (client or sample_values.make_client()).stream(
        sample_values.make_backend(url), sample_values.make_request(), CancelToken()
    )
    with pytest.raises(PaddockError) as failed:
        list(stream)
    return failed.value


def test_refused_connection() -> None:
    error = stream_failure(f"http://127.0.0.1:{closed_port()}")
    assert type(error) is Unreachable
    assert error.retryable
    assert "refused" in error.message


def test_unknown_name() -> None:
    error = stream_failure("https://nonexistent.invalid/client/v4", sample_values.make_client(attempts=1))
    assert type(error) is Unreachable
    assert "was not found" in error.message


def test_name_that_cannot_be_one() -> None:
    assert (
        type(stream_failure(f"https://{'a' * 70}.example", sample_values.make_client(attempts=1)))
        is Unreachable
    )


@pytest.fixture
def full() -> Iterator[socket.socket]:
    """Yield a listener with a full queue: connecting to it hangs until it accepts a connection."""
    with socket.socket() as listener, contextlib.ExitStack() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener


def listener_url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_connecting_takes_too_long(full: socket.socket) -> None:
    with ends():
        error = stream_failure(listener_url(full), sample_values.make_client(connect=0.3, attempts=1))
    assert type(error) is TimedOut
    assert error.message == "No connection within 0.3 s."


def test_stop_while_connecting(full: socket.socket) -> None:
    """connect() cannot be interrupted. The abandoned thread sends nothing, even if it connects later."""
    assert_stream_cancels(listener_url(full), Cancelled)
    left = [thread for thread in threading.enumerate() if thread.name == "paddock-open"]
    assert left
    full.settimeout(0.1)
    came = []
    deadline = time.monotonic() + TIMEOUT
    while any(thread.is_alive() for thread in left) and time.monotonic() < deadline:
        with contextlib.suppress(TimeoutError):
            came.append(full.accept()[0])
    assert not any(thread.is_alive() for thread in left)
    for connection in came:
        connection.setblocking(False)
        with contextlib.suppress(OSError):  # nothing there, or a reset
            assert connection.recv(1000) == b""
        connection.close()


def test_redirects_are_not_followed() -> None:
    with ScriptedServer(streams("stolen")) as thief:
        for status in (301, 302, 303, 307, 308):
            elsewhere = sends(response_head(status, location=f"http://127.0.0.1:{thief.port}/steal"))
            with ScriptedServer(elsewhere) as server:
                error = stream_failure(server.url)
            assert type(error) is Unreachable
            assert "127.0.0.1" in error.message
            assert not error.retryable
    assert not thief.peers


@pytest.mark.parametrize("location", ["https://[", "//", "\x7f", "https://" + "a" * 300])
def test_redirects_to_nowhere(location: str) -> None:
    with ScriptedServer(sends(response_head(302, location=location))) as server:
        assert type(stream_failure(server.url, sample_values.make_client(attempts=1))) is Unreachable


def test_proxies_do_not_apply_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    with ScriptedServer(streams("Hi")) as server:
        assert TextDelta("Hi") in collect_with_retries(server, [])
        local = server.url.replace("127.0.0.1", "localhost")
        assert Finished() in list(
            sample_values.make_client().stream(
                sample_values.make_backend(local), sample_values.make_request(), CancelToken()
            )
        )


def test_proxies_apply_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(sends_then_waits(b"HTTP/1.1 403 No\r\n\r\n"), reads=False) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        error = stream_failure("https://api.example/client/v4", sample_values.make_client(attempts=1))
        assert proxy.peers
    assert type(error) is Unreachable
    assert "proxy" in error.message


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "gopher://127.0.0.1:9", "http://[", "127.0.0.1:x"])
def test_proxies_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    error = stream_failure("https://nonexistent.invalid/client/v4", sample_values.make_client(attempts=1))
    assert type(error) is Unreachable
    assert error.advice


def test_defaults_are_patient_and_bounded() -> None:
    client = WorkersAI()
    assert client.timeouts == Timeouts(10.0, 180.0, 60.0)
    assert client.retries == RetryPolicy(3, 0.5, 30.0)
