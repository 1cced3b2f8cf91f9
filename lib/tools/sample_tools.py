"""Tools that Paddock can run by itself: a calculator, a clock and invented weather. Local, and without any effect."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from lib.errors import BadInput
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.model.request_options import Tool, ToolCall
from lib.tools import arithmetic
from lib.tools.tool_call import find_call_faults, find_called_tool, parse_arguments
from lib.tools.tool_form import ParameterType, ToolParameter, rows_to_schema
from lib.tools.tool_spec import parse_json

Result = dict[str, Any]

_SKIES = ("sunny", "partly cloudy", "cloudy", "light rain", "showers", "fog", "light snow")
_INVENTED = "A sample: this weather is invented, always the same for the same place."


class _NoResult(Exception):
    """What a tool says instead of a result."""


@dataclass(frozen=True)
class SampleTool:
    """A tool, and what it does with arguments that fit its schema."""

    tool: Tool
    run: Callable[[Mapping[str, Any], datetime], Result]


def _calculator(given: Mapping[str, Any], _: datetime) -> Result:
    try:
        return {"expression": given["expression"], "result": arithmetic.evaluate(given["expression"])}
    except arithmetic.CannotCompute as error:
        raise _NoResult(str(error)) from None


def _clock(given: Mapping[str, Any], now: datetime) -> Result:
    zone = _zone(given["time_zone"])
    local = now.astimezone(ZoneInfo(zone))
    return {
        "time_zone": zone,
        "weekday": f"{local:%A}",
        "date": f"{local:%Y-%m-%d}",
        "time": f"{local:%H:%M:%S}",
        "utc_offset": local.isoformat()[-6:],
    }


def _weather(given: Mapping[str, Any], _: datetime) -> Result:
    place = " ".join(given["place"].split())
    if not place:
        raise _NoResult("The place is empty.")
    digest = hashlib.sha256(place.casefold().encode()).digest()
    sky = _SKIES[digest[0] % len(_SKIES)]
    celsius = -12 + digest[1] % 14 if "snow" in sky else 3 + digest[1] % 30
    fahrenheit = given.get("unit") == "fahrenheit"
    return {
        "place": place,
        "sky": sky,
        "degrees": round(celsius * 9 / 5 + 32) if fahrenheit else celsius,
        "unit": "fahrenheit" if fahrenheit else "celsius",
        "wind_km_h": digest[2] % 45,
        "note": _INVENTED,
    }


SAMPLE_TOOLS = (
    SampleTool(
        Tool(
            "calculator",
            "Computes an arithmetic expression exactly.",
            rows_to_schema(
                (
                    ToolParameter(
                        "expression",
                        "The expression, for example (2 + 3) * 4 ** 2. "
                        f"Known are + - * / // % **, brackets and {', '.join(arithmetic.FUNCTION_NAMES)}.",
                    ),
                )
            ),
        ),
        _calculator,
    ),
    SampleTool(
        Tool(
            "clock",
            "Tells the date and the time of now in a time zone.",
            rows_to_schema(
                (ToolParameter("time_zone", "The zone's IANA name, for example Europe/Lisbon or UTC."),)
            ),
        ),
        _clock,
    ),
    SampleTool(
        Tool(
            "weather",
            "Tells the weather of today in a place.",
            rows_to_schema(
                (
                    ToolParameter("place", "The place, for example Lisbon."),
                    ToolParameter(
                        "unit",
                        "The unit of the degrees.",
                        ParameterType.CHOICE,
                        False,
                        ("celsius", "fahrenheit"),
                    ),
                )
            ),
        ),
        _weather,
    ),
)


def find_sample_tool(call: ToolCall, tools: Iterable[Tool]) -> SampleTool | None:
    """The sample that can answer this call: one of ``tools`` has its name and its parameters."""
    one, tool = _named(call.name), find_called_tool(call, tools)
    if one is None or tool is None:
        return None
    try:
        same = parse_json(tool.parameters).value == parse_json(one.tool.parameters).value
    except BadInput:
        return None
    return one if same else None


def run_sample_tool(call: ToolCall, now: datetime | None = None) -> str:
    """The result as JSON text, or the error as JSON text: ``{"error": …}``. ``now`` is the clock's, an aware time."""
    result = json.dumps(_result(call, now or datetime.now(UTC)), ensure_ascii=False)
    # The name of the tool and the arguments come from a model.
    return replace_lone_surrogates(result)


def answer_calls(
    calls: Iterable[ToolCall], tools: Iterable[Tool], now: datetime | None = None
) -> tuple[str, ...] | None:
    """The result of each call; None where one of them is no sample's, and a person has to answer."""
    known = tuple(tools)
    found = []
    for call in calls:
        if find_sample_tool(call, known) is None:
            return None
        found.append(run_sample_tool(call, now))
    return tuple(found)


def _result(call: ToolCall, now: datetime) -> Result:
    if (one := _named(call.name)) is None:
        return {"error": f"There is no sample tool of the name {call.name[:64]}."}
    if wrong := find_call_faults(call, (one.tool,)):
        return {"error": " ".join(wrong)}
    try:
        return one.run(parse_arguments(call), now)
    except _NoResult as error:
        return {"error": str(error)}


def _named(name: str) -> SampleTool | None:
    return next((one for one in SAMPLE_TOOLS if one.tool.name == name), None)


@cache
def _zones() -> dict[str, str]:
    """Every zone by its name in small letters. A name is looked up here and never becomes a file's."""
    return {name.casefold(): name for name in sorted(available_timezones() - {"localtime"})}


def _zone(name: str) -> str:
    asked = name.strip().replace(" ", "_").casefold()
    if (known := _zones().get(asked)) is not None:
        return known
    near = [zone for low, zone in _zones().items() if asked and low.rpartition("/")[2] == asked]
    hint = (
        f" Did you mean {near[0]}?"
        if near
        else " Examples: Europe/Lisbon, America/New_York, Asia/Tokyo, UTC."
    )
    raise _NoResult(f"There is no time zone “{name[:64]}”.{hint}")
