"""The rate limiter on a manual clock, so that no test waits."""

from __future__ import annotations

import itertools

import pytest

from lib.runner.rate_limit import MAX_PAUSE_SECONDS, RECOVERY_SECONDS, RateLimiter


class ManualClock:
    """A clock that is set by hand."""

    def __init__(self, pace: RateLimiter | None = None) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def make_rate_limiter(clock: ManualClock, per_minute: int = 300) -> RateLimiter:
    """Return a limiter that moves the clock instead of waiting."""
    pace = RateLimiter(per_minute, clock)

    def wait(seconds: float) -> bool:
        clock.now += seconds
        return False

    pace._changed.wait = wait  # type: ignore[method-assign, assignment]
    return pace


def take_turns(pace: RateLimiter, count: int) -> list[float]:
    return [turn for _ in range(count) if (turn := pace.wait_for_turn(lambda: False)) is not None]


def test_so_many_a_minute_evenly(clock: ManualClock) -> None:
    pace = make_rate_limiter(clock)
    came = take_turns(pace, 301)
    assert came[-1] - came[0] == pytest.approx(60.0, abs=0.1)
    assert min(later - earlier for earlier, later in itertools.pairwise(came)) > 0.14


def test_a_rest_is_no_licence_for_a_burst(clock: ManualClock) -> None:
    pace = make_rate_limiter(clock)
    take_turns(pace, 1)
    clock.now += 600
    came = take_turns(pace, 11)
    assert came[-1] - came[0] > 1.9


def test_another_pace_while_it_runs(clock: ManualClock) -> None:
    pace = make_rate_limiter(clock, 1)
    take_turns(pace, 1)
    pace.set_rate(6000)
    came = take_turns(pace, 101)
    assert came[-1] - 1000.0 == pytest.approx(1.0, abs=0.1)


def test_a_refusal_halves_it_once_and_it_recovers(clock: ManualClock) -> None:
    pace = make_rate_limiter(clock, 600)
    came = take_turns(pace, 20)
    for turn in came[-5:]:  # five requests in flight are refused together: they count as one refusal
        pace.report_refusal(turn, None, "Cloudflare")
    assert pace.current_rate == pytest.approx(300, rel=0.1)
    clock.now += RECOVERY_SECONDS / 2
    assert pace.current_rate == pytest.approx(450, rel=0.1)
    clock.now += RECOVERY_SECONDS
    assert pace.current_rate == 600


def test_what_was_asked_for_may_be_beyond_everybody(clock: ManualClock) -> None:
    pace = make_rate_limiter(clock, 100_000)
    for _ in range(50):
        clock.now += 0.1
        turn = take_turns(pace, 1)[0]
    pace.report_refusal(turn, None, "Cloudflare")
    assert pace.current_rate < 100_000 * 0.051, (
        "half of the 600 a minute that were sent, or the least there is"
    )


def test_retry_after_holds_everybody(clock: ManualClock) -> None:
    pace = make_rate_limiter(clock)
    turn = take_turns(pace, 1)[0]
    pace.report_refusal(turn, 12.0, "Cloudflare")
    assert pace.waiting_reason == "Cloudflare asked to wait 12 s."
    assert take_turns(pace, 1)[0] >= turn + 12.0
    assert pace.waiting_reason == ""


def test_without_a_network_it_tries_less_and_less(clock: ManualClock) -> None:
    pace = make_rate_limiter(clock)
    gaps = []
    for _ in range(8):
        turn = take_turns(pace, 1)[0]
        pace.report_unreachable(turn)
        pace.report_unreachable(turn)  # another request in flight
        assert pace.waiting_reason.startswith("No network.")
        gaps.append(take_turns(pace, 1)[0] - turn)
    assert gaps[:4] == pytest.approx([1, 2, 4, 8], abs=0.5)
    assert max(gaps) <= MAX_PAUSE_SECONDS + 0.5
    pace.report_reached()
    turn = take_turns(pace, 1)[0]
    pace.report_unreachable(turn)
    assert take_turns(pace, 1)[0] - turn < 1.5


def test_an_end_is_heeded(clock: ManualClock) -> None:
    assert make_rate_limiter(clock).wait_for_turn(lambda: True) is None
