"""The sample tools: their results, time zones and clock changes, and their errors."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.model.request_options import ToolCall
from lib.tools import tool_spec
from lib.tools.sample_tools import SAMPLE_TOOLS, answer_calls, find_sample_tool, run_sample_tool

OFFERED = tuple(one.tool for one in SAMPLE_TOOLS)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def run_tool(name: str, now: datetime = NOON, /, **given: Any) -> dict[str, Any]:
    """Return the result of a sample tool."""
    result: dict[str, Any] = json.loads(run_sample_tool(ToolCall("", name, json.dumps(given)), now))
    return result


def test_they_can_be_sent_in_both_shapes() -> None:
    tool_spec.check_tools(OFFERED)
    tool_spec.check_tools([replace(tool, nested=True) for tool in OFFERED])


def test_the_calculator() -> None:
    assert run_tool("calculator", expression="6 * 7") == {"expression": "6 * 7", "result": 42}
    assert run_tool("calculator", expression="9**9**9") == {"error": "The result is too large."}
    assert run_tool("calculator", expression=5) == {"error": "expression must be a text, not the number 5."}


@pytest.mark.parametrize(
    ("zone", "now", "expected"),
    [
        ("UTC", "2026-03-01T12:00:00+00:00", "2026-03-01 12:00:00 +00:00"),
        ("Europe/Lisbon", "2026-07-01T12:00:00+00:00", "2026-07-01 13:00:00 +01:00"),
        ("Asia/Kathmandu", "2026-07-01T12:00:00+00:00", "2026-07-01 17:45:00 +05:45"),
        ("Pacific/Kiritimati", "2026-12-31T11:00:00+00:00", "2027-01-01 01:00:00 +14:00"),
        # Berlin: 02:00 became 03:00 on 29 March 2026, and 03:00 becomes 02:00 on 25 October 2026.
        ("Europe/Berlin", "2026-03-29T00:59:59+00:00", "2026-03-29 01:59:59 +01:00"),
        ("Europe/Berlin", "2026-03-29T01:00:00+00:00", "2026-03-29 03:00:00 +02:00"),
        ("Europe/Berlin", "2026-10-25T00:30:00+00:00", "2026-10-25 02:30:00 +02:00"),
        ("Europe/Berlin", "2026-10-25T01:30:00+00:00", "2026-10-25 02:30:00 +01:00"),
        # Lord Howe moves by half an hour.
        ("Australia/Lord_Howe", "2026-04-04T14:59:00+00:00", "2026-04-05 01:59:00 +11:00"),
        ("Australia/Lord_Howe", "2026-04-04T15:00:00+00:00", "2026-04-05 01:30:00 +10:30"),
    ],
)
def test_the_clock_in_a_zone_and_around_its_changes(zone: str, now: str, expected: str) -> None:
    found = run_tool("clock", datetime.fromisoformat(now), time_zone=zone)
    assert f"{found['date']} {found['time']} {found['utc_offset']}" == expected
    assert found["time_zone"] == zone


@given(
    st.sampled_from(sorted(available_timezones() - {"localtime"})),
    st.datetimes(datetime(1990, 1, 1), datetime(2036, 1, 1)),
)
def test_the_clock_in_every_zone(zone: str, naive: datetime) -> None:
    now = naive.replace(tzinfo=UTC)
    found = run_tool("clock", now, time_zone=zone)
    there = now.astimezone(ZoneInfo(zone))
    assert found["date"] == there.date().isoformat()
    assert found["time"] == there.strftime("%H:%M:%S")
    assert found["weekday"] == there.strftime("%A")
    sign = -1 if found["utc_offset"][0] == "-" else 1
    hours, minutes, *seconds = map(int, found["utc_offset"][1:].split(":"))
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds[0] if seconds else 0)
    assert there.utcoffset() == sign * offset


@pytest.mark.parametrize(
    ("name", "found"),
    [("europe/berlin", "Europe/Berlin"), ("America/New York", "America/New_York"), (" utc ", "UTC")],
)
def test_a_zone_is_found_however_it_is_written(name: str, found: str) -> None:
    assert run_tool("clock", time_zone=name)["time_zone"] == found


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Europe",
        "Mars/Base",
        "../../etc/passwd",
        "/etc/localtime",
        "localtime",
        "\0",
        "x" * 9999,
        "é",
        "posix/UTC",
    ],
)
def test_unknown_zones(name: str) -> None:
    error = run_tool("clock", time_zone=name)["error"]
    assert "There is no time zone" in error
    assert len(error) < 200


def test_a_city_gets_a_hint_to_its_zone() -> None:
    assert run_tool("clock", time_zone="Tokyo")["error"].endswith("Did you mean Asia/Tokyo?")


def test_the_clock_runs() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    found = json.loads(run_sample_tool(ToolCall("", "clock", '{"time_zone": "UTC"}')))
    assert before <= datetime.fromisoformat(f"{found['date']}T{found['time']}+00:00") <= datetime.now(UTC)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip))
def test_the_weather_is_invented_and_says_so(place: str) -> None:
    found = run_tool("weather", place=place)
    assert found == run_tool("weather", NOON + timedelta(days=9), place=f"  {place} ")
    assert "sample" in found["note"]
    assert "invented" in found["note"]
    assert -12 <= found["degrees"] <= 32
    other = run_tool("weather", place=place, unit="fahrenheit")
    assert other["degrees"] == round(found["degrees"] * 9 / 5 + 32)
    assert (found["unit"], other["unit"]) == ("celsius", "fahrenheit")


def test_the_weather_differs_from_place_to_place() -> None:
    assert len({run_tool("weather", place=place)["degrees"] for place in "abcdefghijklmnop"}) > 5


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("weather", "{}", "The call has no “place”"),
        ("weather", '{"place": " "}', "The place is empty"),
        ("weather", '{"place": "A", "unit": "kelvin"}', "unit must be one of"),
        ("weather", '{"place": "\\ud800"}', "half a character"),
        ("clock", "", "The call has no “time_zone”"),
        ("clock", "[", "not JSON"),
        ("calculator", "[]", "must be an object, not a list"),
        ("teapot\ud800", "{}", "There is no sample tool"),
    ],
)
def test_an_error_is_json_that_a_model_can_read(name: str, given: str, words: str) -> None:
    text = run_sample_tool(ToolCall("", name, given))
    assert words in json.loads(text)["error"]
    text.encode()


def test_answers_of_all_calls_or_of_none() -> None:
    calls = [ToolCall("1", "calculator", '{"expression": "1+1"}'), ToolCall("2", "weather", "{}")]
    found = answer_calls(calls, OFFERED)
    assert found is not None
    assert [json.loads(text) for text in found] == [
        {"expression": "1+1", "result": 2},
        {"error": "The call has no “place”."},
    ]
    assert answer_calls([*calls, ToolCall("3", "book", "{}")], OFFERED) is None
    assert answer_calls([ToolCall("1", "clock", "{}")], OFFERED[:1]) is None  # not offered


def test_a_tool_that_only_shares_its_name_is_not_run() -> None:
    call = ToolCall("", "clock", "{}")
    mine = replace(OFFERED[1], parameters='{"type": "object", "properties": {}}')
    assert find_sample_tool(call, [mine]) is None
    assert find_sample_tool(call, [replace(mine, parameters="{")]) is None
    spaced = replace(OFFERED[1], description="Mine", nested=True, parameters=f" {OFFERED[1].parameters} ")
    assert find_sample_tool(call, [spaced]) is SAMPLE_TOOLS[1]
