"""The pace, on a clock that is set by hand: nothing here waits."""

from __future__ import annotations

import itertools

import pytest

from lib.runner.rate_limit import LONGEST_PAUSE, RECOVERY, Pace


class Clock:
    """A clock, and what waits on it lets it go on at once."""

    def __init__(self, pace: Pace | None = None) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def paced(clock: Clock, per_minute: int = 300) -> Pace:
    """A pace on whose condition waiting takes no time but the clock's."""
    pace = Pace(per_minute, clock)

    def wait(seconds: float) -> bool:
        clock.now += seconds
        return False

    pace._changed.wait = wait  # type: ignore[method-assign, assignment]
    return pace


def turns(pace: Pace, count: int) -> list[float]:
    return [turn for _ in range(count) if (turn := pace.wait(lambda: False)) is not None]


def test_so_many_a_minute_evenly(clock: Clock) -> None:
    pace = paced(clock)
    came = turns(pace, 301)
    assert came[-1] - came[0] == pytest.approx(60.0, abs=0.1)
    assert min(later - earlier for earlier, later in itertools.pairwise(came)) > 0.14


def test_a_rest_is_no_licence_for_a_burst(clock: Clock) -> None:
    pace = paced(clock)
    turns(pace, 1)
    clock.now += 600
    came = turns(pace, 11)
    assert came[-1] - came[0] > 1.9


def test_another_pace_while_it_runs(clock: Clock) -> None:
    pace = paced(clock, 1)
    turns(pace, 1)
    pace.set(6000)
    came = turns(pace, 101)
    assert came[-1] - 1000.0 == pytest.approx(1.0, abs=0.1)


def test_a_refusal_halves_it_once_and_it_recovers(clock: Clock) -> None:
    pace = paced(clock, 600)
    came = turns(pace, 20)
    for turn in came[-5:]:  # five on their way are refused together: that is one fact, not five
        pace.refused(turn, None, "Cloudflare")
    assert pace.now == pytest.approx(300, rel=0.1)
    clock.now += RECOVERY / 2
    assert pace.now == pytest.approx(450, rel=0.1)
    clock.now += RECOVERY
    assert pace.now == 600


def test_what_was_asked_for_may_be_beyond_everybody(clock: Clock) -> None:
    pace = paced(clock, 100_000)
    for _ in range(50):
        clock.now += 0.1
        turn = turns(pace, 1)[0]
    pace.refused(turn, None, "Cloudflare")
    assert pace.now < 100_000 * 0.051, "half of the 600 a minute that were sent, or the least there is"


def test_retry_after_holds_everybody(clock: Clock) -> None:
    pace = paced(clock)
    turn = turns(pace, 1)[0]
    pace.refused(turn, 12.0, "Cloudflare")
    assert pace.waiting == "Cloudflare asked to wait 12 s."
    assert turns(pace, 1)[0] >= turn + 12.0
    assert pace.waiting == ""


def test_without_a_network_it_tries_less_and_less(clock: Clock) -> None:
    pace = paced(clock)
    gaps = []
    for _ in range(8):
        turn = turns(pace, 1)[0]
        pace.unreachable(turn)
        pace.unreachable(turn)  # another that was on its way
        assert pace.waiting.startswith("The network is gone")
        gaps.append(turns(pace, 1)[0] - turn)
    assert gaps[:4] == pytest.approx([1, 2, 4, 8], abs=0.5)
    assert max(gaps) <= LONGEST_PAUSE + 0.5
    pace.reached()
    turn = turns(pace, 1)[0]
    pace.unreachable(turn)
    assert turns(pace, 1)[0] - turn < 1.5


def test_an_end_is_heeded(clock: Clock) -> None:
    assert paced(clock).wait(lambda: True) is None
