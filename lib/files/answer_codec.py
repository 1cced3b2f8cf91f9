"""Answers of a conversation as JSON and back, with the turns of all their requests in one table.

The store's tables do the same in a database. What is read here is somebody's file: nothing in it is taken on trust.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from lib.api.request import ROLES, Messages, Prompt, Request, Turn
from lib.chat.answer import Answer, Ending, Timings
from lib.errors import PaddockError
from lib.files import value_codec
from lib.jsonkit.json_reader import Node
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.model.request_options import Features, InputForm, ResponseFormat, ToolCall
from lib.model.usage import Usage

# In memory every request has its own tuple of turns. This many turns in all requests together take 80 MB.
MAX_TURNS_SENT = 10_000_000

_MAX_TOKENS = 10**12  # of one answer: sums of thousands still fit a database
_MAX_NEURONS = 10**15
_MAX_NAME_CHARS = 255
_ID = re.compile("[A-Za-z0-9_-]{1,64}")


def _clean_turn(turn: Turn) -> Turn:
    calls = tuple(
        ToolCall(
            replace_lone_surrogates(call.id),
            replace_lone_surrogates(call.name),
            replace_lone_surrogates(call.arguments),
        )
        for call in turn.calls
    )
    return Turn(
        turn.role,
        replace_lone_surrogates(turn.content),
        calls,
        replace_lone_surrogates(turn.call_id),
        replace_lone_surrogates(turn.name),
    )


_EMPTY_REQUEST = Request("", Messages(()), {}, True)


class TurnTable:
    """The table of turns, which grows while requests are written."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._numbers: dict[tuple[int | None, Turn], int] = {}

    def write_answer(self, answer: Answer) -> dict[str, Any]:
        """Return the answer as JSON values. Its request has the number of its last turn instead of its turns."""
        return value_codec.write_answer(replace(answer, request=_EMPTY_REQUEST)) | {
            "request": self._write(answer.request)
        }

    def _write(self, request: Request) -> dict[str, Any]:
        if not isinstance(request.input, Messages):
            return value_codec.write_request(request)
        last: int | None = None
        for turn in request.input.turns:
            last = self._number_turn(last, turn)
        return (
            value_codec.write_request_head(request)
            | value_codec.write_messages_options(request.input)
            | {"turn": last}
        )

    def _number_turn(self, parent: int | None, turn: Turn) -> int:
        number = self._numbers.get((parent, turn))
        if number is None:
            # Turns that differ only in lone surrogates are equal when they are read again.
            clean_turn = _clean_turn(turn)
            number = self._numbers.setdefault((parent, clean_turn), len(self.rows) + 1)
            self._numbers[parent, turn] = number
            if number > len(self.rows):
                self.rows.append({"id": number, "parent": parent} | value_codec.write_turn(clean_turn))
        return number


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
    return tuple(
        ToolCall(item["id"].text(), item["name"].text(), item["arguments"].text())
        for item in (call.require_only_keys("id", "name", "arguments") for call in node.items())
    )


def parse_features(node: Node) -> Features:
    """Return the features. Raise BadFile if a field is missing, unknown or not valid."""
    node.require_only_keys("form", "stream", "raw", "lora", *_FEATURE_KEYS)
    node["form"].one_of([form.value for form in InputForm])
    node["stream"].boolean()
    node["lora"].text(_MAX_NAME_CHARS)
    _check_raw_and_tools(node)
    node["response_format"].optional(_check_response_format)
    return value_codec.read_features(node.value)


_FEATURE_KEYS = ("response_format", "tools", "functions")


def _check_raw_and_tools(node: Node) -> None:
    node["raw"].boolean()
    for tool in node["tools"].items():
        tool.require_only_keys("name", "description", "parameters", "nested")
        for name in ("name", "description", "parameters"):
            tool[name].text()
        tool["nested"].boolean()
    for function in node["functions"].items():
        function.require_only_keys("name", "code")
        function["name"].text()
        function["code"].text()


def _check_response_format(node: Node) -> None:
    schema = node.require_only_keys("type", "schema")["schema"].optional(Node.text)
    if node["type"].text() != ResponseFormat(schema).type:
        raise node["type"].error("does not go with its schema")


def _parse_turn_number(node: Node) -> int:
    return node.integer(1, 10**9)


def parse_answers(node: Node, table: Node) -> dict[str, Answer]:
    """Return the answers by id. ``table`` holds the turns of their requests."""
    turns = _parse_turns(table)
    answers: dict[str, Answer] = {}
    inputs: dict[int | None, tuple[Turn, ...]] = {
        None: ()
    }  # shared by all requests that end with the same turn
    sent = 0
    for item in node.items():
        item.require_only_keys(
            "id",
            "text",
            "request",
            "backend",
            "billed",
            "usage",
            "first_token",
            "total",
            "ending",
            "error",
            "calls",
        )
        if (id := parse_id(item["id"])) in answers:
            raise item["id"].error("is another answer's already")
        if "turn" in (request := item["request"]):
            last = request["turn"].optional(_parse_turn_number)
            if last is not None and last not in turns:
                raise request["turn"].error("names no turn")
            if last is not None and last not in inputs:
                sent += turns[last][0]
                if sent > MAX_TURNS_SENT:
                    raise node.error(f"sent more than {MAX_TURNS_SENT:,} turns in all")
                inputs[last] = _collect_turns(last, turns)
            answers[id] = _parse_answer(item, id, inputs[last])
        else:
            answers[id] = _parse_answer(item, id, None)
    return answers


def _collect_turns(number: int | None, turns: Mapping[int, TurnPath]) -> tuple[Turn, ...]:
    path = []
    while number is not None:
        _, number, turn = turns[number]
        path.append(turn)
    return tuple(reversed(path))


def _parse_answer(node: Node, id: str, input: tuple[Turn, ...] | None) -> Answer:
    return Answer(
        text=node["text"].text(),
        request=_parse_request(node["request"], input),
        backend=node["backend"].text(_MAX_NAME_CHARS),
        billed=node["billed"].boolean(),
        usage=node["usage"].optional(_parse_usage),
        timings=Timings(node["first_token"].optional(_parse_seconds), _parse_seconds(node["total"])),
        ending=Ending[node["ending"].one_of(Ending.__members__)],
        error=node["error"].optional(_parse_error),
        calls=parse_calls(node["calls"]),
        id=id,
    )


def _parse_seconds(node: Node) -> float:
    return node.number(0)


def _parse_request(node: Node, turns: tuple[Turn, ...] | None) -> Request:
    head = ("model", "parameters", "stream", "response_format")
    input: Messages | Prompt
    if turns is None:
        prompt = node.require_only_keys(*head, "input")["input"].require_only_keys("prompt", "raw", "lora")
        input = Prompt(prompt["prompt"].text(), prompt["raw"].boolean(), prompt["lora"].text())
    else:
        node.require_only_keys(*head, "turn", "raw", "tools", "functions")
        _check_raw_and_tools(node)
        input = value_codec.read_messages(node.value, turns)
    for _, value in node["parameters"].fields():
        value.number(float("-inf"))
    node["model"].text(_MAX_NAME_CHARS)
    node["stream"].boolean()
    node["response_format"].optional(_check_response_format)
    return value_codec.read_request(node.value, input)


def _parse_usage(node: Node) -> Usage:
    node.require_only_keys("prompt_tokens", "completion_tokens", "cached_tokens", "neurons", "estimated")
    for name in ("prompt_tokens", "completion_tokens", "cached_tokens"):
        node[name].integer(0, _MAX_TOKENS)
    node["neurons"].optional(_check_decimal)
    node["estimated"].boolean()
    return value_codec.read_usage(node.value)


def _check_decimal(node: Node) -> None:
    """Raise BadFile unless the text is a decimal as Python writes it, whose exponent does not fill the memory."""
    try:
        value = Decimal(node.text(100))
        good = str(value) == node.value and value.is_finite() and 0 <= value <= _MAX_NEURONS
        exponent = value.as_tuple().exponent
        good = good and isinstance(exponent, int) and exponent >= -100
    except InvalidOperation:
        good = False
    if not good:
        raise node.error("must be a decimal number's digits, as a text")


def _parse_error(node: Node) -> PaddockError:
    node.require_only_keys("kind", "message", "advice", "code", "status", "retryable", "retry_after")
    for name in ("kind", "message", "advice"):
        node[name].text()
    for name in ("code", "status"):
        node[name].optional(lambda item: item.integer(-(10**12), 10**12))
    node["retryable"].boolean()
    node["retry_after"].optional(_parse_seconds)
    return value_codec.read_error(node.value)
