"""Tools that Paddock runs itself: a calculator, a clock and invented weather. They are local and change nothing."""

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
    """The tool has no result; the message is its error."""


@dataclass(frozen=True)
class SampleTool:
    """A tool and the function that runs it, with arguments that fit its schema and the time."""

    tool: Tool
    run: Callable[[Mapping[str, Any], datetime], Result]


def _calculator(arguments: Mapping[str, Any], _: datetime) -> Result:
    try:
        return {"expression": arguments["expression"], "result": arithmetic.evaluate(arguments["expression"])}
    except arithmetic.CannotCompute as error:
        raise _NoResult(str(error)) from None


def _clock(arguments: Mapping[str, Any], now: datetime) -> Result:
    zone = _find_zone(arguments["time_zone"])
    local = now.astimezone(ZoneInfo(zone))
    return {
        "time_zone": zone,
        "weekday": f"{local:%A}",
        "date": f"{local:%Y-%m-%d}",
        "time": f"{local:%H:%M:%S}",
        "utc_offset": local.isoformat()[-6:],
    }


def _invent_weather(arguments: Mapping[str, Any], _: datetime) -> Result:
    place = " ".join(arguments["place"].split())
    if not place:
        raise _NoResult("The place is empty.")
    digest = hashlib.sha256(place.casefold().encode()).digest()
    sky = _SKIES[digest[0] % len(_SKIES)]
    celsius = -12 + digest[1] % 14 if "snow" in sky else 3 + digest[1] % 30
    fahrenheit = arguments.get("unit") == "fahrenheit"
    return {
        "place": place,
        "sky": sky,
        "degrees": round(celsius * 9 / 5 + 32) if fahrenheit else celsius,
        "unit": "fahrenheit" if fahrenheit else "celsius",
        "wind_km_h": digest[2] % 45,
        "note": _INVENTED,
    }


def _sample_tool(
    name: str, description: str, run: Callable[[Mapping[str, Any], datetime], Result], *rows: ToolParameter
) -> SampleTool:
    return SampleTool(Tool(name, description, rows_to_schema(rows)), run)


SAMPLE_TOOLS = (
    _sample_tool(
        "calculator",
        "Computes an arithmetic expression exactly.",
        _calculator,
        ToolParameter(
            "expression",
            "The expression, for example (2 + 3) * 4 ** 2. "
            f"Known are + - * / // % **, brackets and {', '.join(arithmetic.FUNCTION_NAMES)}.",
        ),
    ),
    _sample_tool(
        "clock",
        "Tells the date and the time of now in a time zone.",
        _clock,
        ToolParameter("time_zone", "The zone's IANA name, for example Europe/Lisbon or UTC."),
    ),
    _sample_tool(
        "weather",
        "Tells the weather of today in a place.",
        _invent_weather,
        ToolParameter("place", "The place, for example Lisbon."),
        ToolParameter(
            "unit", "The unit of the degrees.", ParameterType.CHOICE, False, ("celsius", "fahrenheit")
        ),
    ),
)


def find_sample_tool(call: ToolCall, tools: Iterable[Tool]) -> SampleTool | None:
    """Return the sample tool for a call, if one of ``tools`` has the same name and the same parameters."""
    sample, tool = _find_by_name(call.name), find_called_tool(call, tools)
    if sample is None or tool is None:
        return None
    try:
        is_same = parse_json(tool.parameters).value == parse_json(sample.tool.parameters).value
    except BadInput:
        return None
    return sample if is_same else None


def run_sample_tool(call: ToolCall, now: datetime | None = None) -> str:
    """Return the result of a call as JSON text, ``{"error": …}`` for an error. ``now`` must have a time zone."""
    result = json.dumps(_result(call, now or datetime.now(UTC)), ensure_ascii=False)
    # The name of the tool and the arguments come from a model.
    return replace_lone_surrogates(result)


def answer_calls(
    calls: Iterable[ToolCall], tools: Iterable[Tool], now: datetime | None = None
) -> tuple[str, ...] | None:
    """Return the result of each call; None if the user must answer one because it is not for a sample tool."""
    offered = tuple(tools)
    results = []
    for call in calls:
        if find_sample_tool(call, offered) is None:
            return None
        results.append(run_sample_tool(call, now))
    return tuple(results)


def _result(call: ToolCall, now: datetime) -> Result:
    if (sample := _find_by_name(call.name)) is None:
        return {"error": f"There is no sample tool of the name {call.name[:64]}."}
    if faults := find_call_faults(call, (sample.tool,)):
        return {"error": " ".join(faults)}
    try:
        return sample.run(parse_arguments(call), now)
    except _NoResult as error:
        return {"error": str(error)}


def _find_by_name(name: str) -> SampleTool | None:
    return next((sample for sample in SAMPLE_TOOLS if sample.tool.name == name), None)


@cache
def _zones_by_name() -> dict[str, str]:
    """Return all zone names by their lower-case form. A model's name is looked up here, never opened as a file."""
    return {name.casefold(): name for name in sorted(available_timezones() - {"localtime"})}


def _find_zone(name: str) -> str:
    normalized = name.strip().replace(" ", "_").casefold()
    if (zone := _zones_by_name().get(normalized)) is not None:
        return zone
    hint = "Examples: Europe/Lisbon, America/New_York, Asia/Tokyo, UTC."
    for low, zone in _zones_by_name().items():
        if normalized and low.rpartition("/")[2] == normalized:
            hint = f"Did you mean {zone}?"
            break
    raise _NoResult(f"There is no time zone “{name[:64]}”. {hint}")
