"""A reply's deadline: single bytes do not extend it for ever, and each limit is named when it is exceeded."""

from __future__ import annotations

import pytest

from lib.api import reply_limits
from lib.api.reply_limits import ReplyDeadline, too_large_error
from lib.api.transport import Timeouts
from lib.errors import TimedOut


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def deadline(clock: Clock) -> ReplyDeadline:
    return ReplyDeadline(Timeouts(connect=1, first_byte=180, silence=60), clock)


def drip(deadline: ReplyDeadline, clock: Clock, seconds: float) -> str:
    """Receive a byte every so many seconds, until the deadline; return its message."""
    for _ in range(100_000):
        try:
            assert deadline.seconds_left() >= 0
        except TimedOut as error:
            return error.message
        clock.now += seconds
    raise AssertionError("it never ends")


def test_a_head_has_its_time_in_total(deadline: ReplyDeadline, clock: Clock) -> None:
    assert deadline.seconds_left() == 180
    assert drip(deadline, clock, 1) == "No answer began within 180 s."
    assert clock.now == 1180


def test_the_first_event_has_its_time_in_total(deadline: ReplyDeadline, clock: Clock) -> None:
    clock.now += 170
    deadline.expect_answer()
    assert deadline.seconds_left() == 60
    assert drip(deadline, clock, 1) == "The answer had no first event within 240 s."
    assert clock.now == 1240


def test_silence_ends_it_earlier(deadline: ReplyDeadline, clock: Clock) -> None:
    deadline.expect_answer()
    clock.now += deadline.seconds_left()
    assert deadline.error().message == "The answer stopped: nothing more came for 60 s."


def test_after_the_first_event_only_events_count(deadline: ReplyDeadline, clock: Clock) -> None:
    deadline.expect_answer()
    for _ in range(100):
        clock.now += 59
        assert deadline.seconds_left() > 0
        deadline.note_event()
    assert drip(deadline, clock, 1) == "The answer stopped: nothing more came for 60 s."
    assert clock.now == 1000 + 100 * 59 + 60


def test_events_do_not_extend_it_for_ever(deadline: ReplyDeadline, clock: Clock) -> None:
    deadline.expect_answer()
    while clock.now < 1000 + reply_limits.MAX_ANSWER_SECONDS - 10:
        clock.now += 50
        deadline.note_event()
    assert drip(deadline, clock, 1) == "The answer did not end within 7200 s."


def test_a_refusal_is_explained_soon(deadline: ReplyDeadline, clock: Clock) -> None:
    clock.now += 100
    deadline.expect_error_body()
    assert drip(deadline, clock, 0.5) == "The refusal was not explained within 10 s."
    assert clock.now == 1110


def test_each_request_has_its_own(deadline: ReplyDeadline, clock: Clock) -> None:
    clock.now += 1000
    with pytest.raises(TimedOut) as failed:
        deadline.seconds_left()
    assert not failed.value.retryable, "it may have been paid"
    deadline.begin()
    assert deadline.seconds_left() == 180


@pytest.mark.parametrize(
    ("limit", "what", "expected"),
    [
        (reply_limits.MAX_REPLY_BYTES, "bytes", "32 MB"),
        (reply_limits.MAX_EVENT_BYTES, "bytes", "512 KB"),
        (reply_limits.MAX_EVENTS, "events", "600,000 events"),
    ],
)
def test_the_limit_is_named(limit: int, what: str, expected: str) -> None:
    assert f"the limit of {expected}." in too_large_error(limit, what).message
