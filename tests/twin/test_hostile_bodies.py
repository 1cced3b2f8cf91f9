"""A short form of ``bench.faults.bodies``: a hundred hostile bodies leave the twin as it was."""

from __future__ import annotations

import pytest

from bench.faults import bodies
from bench.faults.bodies import HostileBody, find_fault, hostile_body, send_bodies
from tests.twin.conftest import TOKEN, RunningTwin


def envelope(code: int) -> bytes:
    error = b'{"errors":[{"message":"x","code":%d}],"success":false,"result":{},"messages":[]}'
    return error % code


SEED = 1
# MiB. Allocators keep some of what the largest bodies took.
MAX_GROWTH = 150


def test_hostile_bodies(twin: RunningTwin) -> None:
    print(f"seed {SEED}")
    report = send_bodies(twin.base_url, twin.account, TOKEN, twin.process.pid, count=100, seed=SEED)
    assert not report.faults
    assert twin.process.poll() is None
    assert report.growth is None or report.growth < MAX_GROWTH
    # Bodies of each kind were refused, and some were answered.
    assert report.answers.keys() >= {"200", "400", "413"}
    twin.wait_for(running=0, waiting=0)


def test_a_seed_gives_the_same_bodies_again() -> None:
    assert [hostile_body(7, number) for number in range(20)] == [
        hostile_body(7, number) for number in range(20)
    ]
    assert {hostile_body(7, number).kind for number in range(20)} == {
        "bytes",
        "value",
        "size",
        "schema",
        "framing",
    }


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", None),
        (b"HTTP/1.1 413 X\r\n\r\n" + envelope(3006), None),
        (b"", f"no answer within {bodies.TIMEOUT} s"),
        (b"HTTP/1.1 400 X\r\n\r\nInvalid HTTP request received.", "400 without the API's envelope"),
        (b'HTTP/1.1 400 X\r\n\r\n{"errors":[]}', "400 without the API's envelope"),
        (b"HTTP/1.1 500 X\r\n\r\n" + envelope(3043), "500 with code 3043"),
        (b"HTTP/1.1 400 X\r\n\r\n" + envelope(1), "400 with code 1"),
    ],
)
def test_wrong_answers_are_found(answer: bytes, fault: str | None) -> None:
    assert find_fault(HostileBody("x", "", b"", b""), answer) == fault
