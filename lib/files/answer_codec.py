"""Answers of a conversation as JSON and back, with the turns of all their requests in one table.

The store's tables do the same in a database. What is read here is somebody's file: nothing in it is taken on trust.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import partial
from types import MappingProxyType
from typing import Any

from lib.api.request import ROLES, Messages, Prompt, Request, Turn
from lib.chat.answer import Answer, Ending, Timings
from lib.errors import PaddockError
from lib.files import value_codec
from lib.jsonkit.json_reader import MAX_NUMBER, Node, Reader, list_of, optional
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.model.catalogue_entry import is_model_id
from lib.model.model_record import DEFAULT_MODEL_ID
from lib.model.request_options import Features, Function, InputForm, ResponseFormat, Tool, ToolCall
from lib.model.schema_alternatives import Scalar
from lib.model.settings import Setting, Settings
from lib.model.usage import Usage

# In memory every request has its own tuple of turns. This many turns in all requests together take 80 MB.
MAX_TURNS_SENT = 10_000_000

_MAX_TOKENS = 10**12  # of one answer: sums of thousands still fit a database
_MAX_NEURONS = 10**15
_MAX_NAME_CHARS = 255
_ID = re.compile("[A-Za-z0-9_-]{1,64}")


class TurnTable:
    """The table of turns, which grows while requests are written."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._numbers: dict[tuple[int | None, Turn], int] = {}

    def write_answer(self, answer: Answer) -> dict[str, Any]:
        """Return the answer as JSON values. Its request has the number of its last turn instead of its turns."""
        return value_codec.write_answer(answer, self._write_request(answer.request))

    def _write_request(self, request: Request) -> dict[str, Any]:
        if not isinstance(request.input, Messages):
            return value_codec.write_request(request)
        last: int | None = None
        for turn in request.input.turns:
            last = self._number_turn(last, turn)
        return value_codec.write_request_by_turn(request, request.input, last)

    def _number_turn(self, parent: int | None, turn: Turn) -> int:
        number = self._numbers.get((parent, turn))
        if number is None:
            # Turns that differ only in lone surrogates are equal when they are read again.
            clean_turn = _replace_surrogates(turn)
            number = self._numbers.setdefault((parent, clean_turn), len(self.rows) + 1)
            self._numbers[parent, turn] = number
            if number > len(self.rows):
                self.rows.append({"id": number, "parent": parent} | value_codec.write_turn(clean_turn))
        return number


def _replace_surrogates(turn: Turn) -> Turn:
    clean = replace_lone_surrogates
    calls = tuple(ToolCall(clean(call.id), clean(call.name), clean(call.arguments)) for call in turn.calls)
    return Turn(turn.role, clean(turn.content), calls, clean(turn.call_id), clean(turn.name))


def parse_id(node: Node) -> str:
    """Return the id. Raise BadFile if it is not 1 to 64 letters, digits, - and _."""
    if not _ID.fullmatch(text := node.text()):
        raise node.error("must be 1 to 64 letters, digits, - and _")
    return text


TurnPath = tuple[int, int | None, Turn]  # depth, number of the turn before it, the turn


def _parse_turns(node: Node) -> dict[int, TurnPath]:
    turns: dict[int, TurnPath] = {}
    for item in node.items():
        item.require_only_keys("id", "parent", *TURN_KEYS)
        id, parent = _parse_turn_number(item["id"]), item["parent"].optional(_parse_turn_number)
        if id in turns:
            raise item["id"].error("is another turn's already")
        if parent is not None and parent not in turns:
            raise item["parent"].error("names no turn that stands before this one")
        depth = 1 if parent is None else turns[parent][0] + 1
        turns[id] = depth, parent, parse_turn(item)
    return turns


TURN_KEYS = ("role", "content", "calls", "call_id", "name")


def parse_turn(node: Node) -> Turn:
    """Return the turn in a message of a request or of the conversation."""
    return Turn(
        node["role"].one_of(ROLES),
        node["content"].text(),
        parse_calls(node["calls"]),
        node["call_id"].text(),
        node["name"].text(),
    )


def parse_calls(node: Node) -> tuple[ToolCall, ...]:
    """Return the tool calls. Raise BadFile if one is not valid."""
    fields: dict[str, Reader] = {"id": Node.text, "name": Node.text, "arguments": Node.text}
    return tuple(ToolCall(**call.read_fields(**fields)) for call in node.items())


def parse_name(node: Node) -> str:
    """Return a text of at most 255 characters."""
    return node.text(_MAX_NAME_CHARS)


def parse_settings(node: Node, parse_value: Callable[[Node, str], Scalar] | None = None) -> Settings:
    """Return the settings. ``parse_value`` gets the value and the name of each parameter of the default model.

    The bounds of another model may not be known here: its values are checked when they are sent.
    """
    items: dict[str, Setting] = {}
    node.require_only_keys("parameters", "features", *model_keys(node))
    model = parse_model(node)
    if parse_value is None or model != DEFAULT_MODEL_ID:
        parse_value = _parse_any_value
    for item in node["parameters"].items():
        name = parse_name(item.require_only_keys("name", "value", "sent")["name"])
        if name in items:
            raise item["name"].error("is there twice")
        items[name] = Setting(name, parse_value(item["value"], name), item["sent"].boolean())
    return Settings(tuple(items.values()), parse_features(node["features"]), model)


def model_keys(node: Node) -> tuple[str, ...]:
    """Return the field that names a model, if there is one: files with the default model have none."""
    return (value_codec.MODEL_FIELD,) if value_codec.MODEL_FIELD in node else ()


def parse_model(node: Node) -> str:
    """Return the ID of the model that settings are for. Raise BadFile if it is not an ID."""
    if value_codec.MODEL_FIELD not in node:
        return DEFAULT_MODEL_ID
    field = node[value_codec.MODEL_FIELD]
    if not is_model_id(id := parse_name(field)):
        raise field.error("is no ID of a model")
    return id


def _parse_any_value(node: Node, name: str) -> Scalar:
    return parse_scalar(node)


def parse_scalar(node: Node) -> Scalar:
    """Return a finite number, a text or a switch, as parameters have them. Raise BadFile for anything else."""
    match node.value:
        case bool():
            return node.boolean()
        case str():
            return parse_name(node)
    number = node.number(float("-inf"))
    is_small = math.isfinite(number) if isinstance(number, float) else abs(number) <= MAX_NUMBER
    if not is_small:
        raise node.error("is too large a number")
    return number


def parse_features(node: Node) -> Features:
    """Return the features. Raise BadFile if a field is missing, unknown or not valid."""
    fields = node.read_fields(
        form=_parse_form,
        stream=Node.boolean,
        lora=parse_name,
        **_OPTION_READERS,
        **_later_readers(node),
        response_format=optional(_parse_response_format),
    )
    return Features(**fields)


def _later_readers(node: Node) -> Mapping[str, Reader]:
    """Return the reader of the field that files of earlier versions, and those without a need for it, do not have."""
    return {"reject_if_busy": Node.boolean} if "reject_if_busy" in node else {}


def _parse_form(node: Node) -> InputForm:
    return InputForm(node.one_of([form.value for form in InputForm]))


def _parse_response_format(node: Node) -> ResponseFormat:
    format = ResponseFormat(node.require_only_keys("type", "schema")["schema"].optional(Node.text))
    if node["type"].text() != format.type:
        raise node["type"].error("does not go with its schema")
    return format


def _parse_tool(node: Node) -> Tool:
    return Tool(
        **node.read_fields(name=Node.text, description=Node.text, parameters=Node.text, nested=Node.boolean)
    )


def _parse_function(node: Node) -> Function:
    return Function(**node.read_fields(name=Node.text, code=Node.text))


_OPTION_READERS: Mapping[str, Reader] = {
    "raw": Node.boolean,
    "tools": list_of(_parse_tool),
    "functions": list_of(_parse_function),
}


def _parse_turn_number(node: Node) -> int:
    return node.integer(1, 10**9)


def parse_answers(node: Node, table: Node) -> dict[str, Answer]:
    """Return the answers by id. ``table`` holds the turns of their requests."""
    turns = _parse_turns(table)
    answers: dict[str, Answer] = {}
    # Requests that end with the same turn share their turns.
    inputs: dict[int | None, tuple[Turn, ...]] = {None: ()}
    sent = 0
    for item in node.items():
        if (id := parse_id(item["id"])) in answers:
            raise item["id"].error("is another answer's already")
        input = None
        if "turn" in (request := item["request"]):
            last = request["turn"].optional(_parse_turn_number)
            if last is not None and last not in turns:
                raise request["turn"].error("names no turn")
            if last is not None and last not in inputs:
                sent += turns[last][0]
                if sent > MAX_TURNS_SENT:
                    raise node.error(f"sent more than {MAX_TURNS_SENT:,} turns in all")
                inputs[last] = _collect_turns(last, turns)
            input = inputs[last]
        answers[id] = _parse_answer(item, id, input)
    return answers


def _collect_turns(number: int | None, turns: Mapping[int, TurnPath]) -> tuple[Turn, ...]:
    path = []
    while number is not None:
        _, number, turn = turns[number]
        path.append(turn)
    return tuple(reversed(path))


def _parse_answer(node: Node, id: str, input: tuple[Turn, ...] | None) -> Answer:
    fields = node.read_fields(
        "id",
        "first_token",
        "total",
        text=Node.text,
        request=partial(_parse_request, turns=input),
        backend=parse_name,
        billed=Node.boolean,
        usage=optional(_parse_usage),
        ending=_parse_ending,
        error=optional(_parse_error),
        calls=parse_calls,
    )
    timings = Timings(node["first_token"].optional(_parse_seconds), _parse_seconds(node["total"]))
    return Answer(**fields, timings=timings, id=id)


def _parse_ending(node: Node) -> Ending:
    return Ending[node.one_of(Ending.__members__)]


def _parse_seconds(node: Node) -> float:
    return node.number(0)


def _parse_request(node: Node, turns: tuple[Turn, ...] | None) -> Request:
    head: dict[str, Reader] = {
        "model": parse_name,
        "parameters": _parse_parameters,
        "stream": Node.boolean,
        "response_format": optional(_parse_response_format),
        **_later_readers(node),
    }
    if turns is None:
        return Request(**node.read_fields(**head, input=_parse_prompt))
    fields = node.read_fields("turn", **head, **_OPTION_READERS)
    options = {name: fields.pop(name) for name in _OPTION_READERS}
    return Request(**fields, input=Messages(turns, **options))


def _parse_prompt(node: Node) -> Prompt:
    fields = node.read_fields(prompt=Node.text, raw=Node.boolean, lora=Node.text)
    return Prompt(fields["prompt"], fields["raw"], fields["lora"])


def _parse_parameters(node: Node) -> Mapping[str, Scalar]:
    return MappingProxyType({name: parse_scalar(value) for name, value in node.fields()})


def _parse_usage(node: Node) -> Usage:
    later: dict[str, Reader] = {"from_gateway_cache": Node.boolean} if "from_gateway_cache" in node else {}
    fields = node.read_fields(
        prompt_tokens=_parse_tokens,
        completion_tokens=_parse_tokens,
        cached_tokens=_parse_tokens,
        neurons=optional(_parse_decimal),
        estimated=Node.boolean,
        **later,
    )
    return Usage(**fields)


def _parse_tokens(node: Node) -> int:
    return node.integer(0, _MAX_TOKENS)


def _parse_decimal(node: Node) -> Decimal:
    """Return a decimal. Raise BadFile unless it is as Python writes it, and its exponent does not fill the memory."""
    try:
        value = Decimal(node.text(100))
    except InvalidOperation:
        value = Decimal("NaN")
    exponent = value.as_tuple().exponent
    is_small = isinstance(exponent, int) and exponent >= -100 and 0 <= value <= _MAX_NEURONS
    if not is_small or str(value) != node.value:
        raise node.error("must be a decimal number's digits, as a text")
    return value


def _parse_error(node: Node) -> PaddockError:
    fields = node.read_fields(
        kind=Node.text,
        message=Node.text,
        advice=Node.text,
        code=optional(_parse_code),
        status=optional(_parse_code),
        retryable=Node.boolean,
        retry_after=optional(_parse_seconds),
    )
    return value_codec.read_error(fields)


def _parse_code(node: Node) -> int:
    return node.integer(-(10**12), 10**12)
