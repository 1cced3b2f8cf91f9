"""The answers of a conversation as JSON and back, with the turns of all their requests in one table.

The store's tables do the same in a database. What is read here is somebody's file: nothing in it is taken on trust.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from lib.api.events import Usage
from lib.api.request import ROLES, Messages, Prompt, Request, Turn
from lib.chat.answer import Answer, Ending, Timings
from lib.errors import PaddockError
from lib.files import value_codec
from lib.jsonkit.json_reader import Node
from lib.model.request_options import Features, Form, ResponseFormat, ToolCall

# In memory each request has its turns to itself: this many, in all requests together, take 80 MB.
MOST_TURNS_SENT = 10_000_000

_MOST_TOKENS = 10**12  # of one answer: thousands of them can still be added up
_MOST_NEURONS = 10**15
_MOST_NAME = 255
_ID = re.compile("[A-Za-z0-9_-]{1,64}")


def whole(text: str) -> str:
    """The text in whole characters: halves that belong together joined, a lone one as U+FFFD; it means nothing."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _whole_turn(turn: Turn) -> Turn:
    calls = tuple(ToolCall(whole(call.id), whole(call.name), whole(call.arguments)) for call in turn.calls)
    return Turn(turn.role, whole(turn.content), calls, whole(turn.call_id), whole(turn.name))


_EMPTY = Request("", Messages(()), {}, True)


class Turns:
    """The table, as requests are written."""

    def __init__(self) -> None:
        self.table: list[dict[str, Any]] = []
        self._numbers: dict[tuple[int | None, Turn], int] = {}

    def write_answer(self, answer: Answer) -> dict[str, Any]:
        """All that is known of the answer, but its request with its last turn's number in the place of its turns."""
        return value_codec.write_answer(replace(answer, request=_EMPTY)) | {
            "request": self._write(answer.request)
        }

    def _write(self, request: Request) -> dict[str, Any]:
        if not isinstance(request.input, Messages):
            return value_codec.write_request(request)
        last: int | None = None
        for turn in request.input.turns:
            last = self._number(last, turn)
        return value_codec.write_head(request) | value_codec.write_around(request.input) | {"turn": last}

    def _number(self, parent: int | None, turn: Turn) -> int:
        number = self._numbers.get((parent, turn))
        if number is None:
            # Two texts that differ in half characters only are one when they are read again.
            kept = _whole_turn(turn)
            number = self._numbers.setdefault((parent, kept), len(self.table) + 1)
            self._numbers[parent, turn] = number
            if number > len(self.table):
                self.table.append({"id": number, "parent": parent} | value_codec.write_turn(kept))
        return number


def read_id(node: Node) -> str:
    """An id such as every place that keeps one can hold."""
    if not _ID.fullmatch(text := node.text()):
        raise node.wrong("must be 1 to 64 letters, digits, - and _")
    return text


Path = tuple[int, int | None, Turn]  # how many turns there are down to this one, the one before it, itself


def _read_turns(node: Node) -> dict[int, Path]:
    turns: dict[int, Path] = {}
    for one in node.items():
        one.only("id", "parent", *TURN)
        id, parent = _number(one["id"]), one["parent"].maybe(_number)
        if id in turns:
            raise one["id"].wrong("is another turn's already")
        if parent is not None and parent not in turns:
            raise one["parent"].wrong("names no turn that stands before this one")
        depth = 1 if parent is None else turns[parent][0] + 1
        turns[id] = depth, parent, read_turn(one)
    return turns


TURN = ("role", "content", "calls", "call_id", "name")


def read_turn(node: Node) -> Turn:
    """What a message says, in a request or in the tree."""
    return Turn(
        node["role"].one_of(ROLES),
        node["content"].text(),
        read_calls(node["calls"]),
        node["call_id"].text(),
        node["name"].text(),
    )


def read_calls(node: Node) -> tuple[ToolCall, ...]:
    """Tool calls."""
    return tuple(
        ToolCall(one["id"].text(), one["name"].text(), one["arguments"].text())
        for one in (call.only("id", "name", "arguments") for call in node.items())
    )


def read_features(node: Node) -> Features:
    """The features of a set-up. Raises BadFile where anything of it is not as it was written."""
    node.only("form", "stream", "raw", "lora", *_CARRIED)
    node["form"].one_of([form.value for form in Form])
    node["stream"].flag()
    node["lora"].text(_MOST_NAME)
    _check_around(node)
    node["response_format"].maybe(_check_format)
    return value_codec.read_features(node.value)


_CARRIED = ("response_format", "tools", "functions")


def _check_around(node: Node) -> None:
    node["raw"].flag()
    for tool in node["tools"].items():
        tool.only("name", "description", "parameters", "nested")
        for name in ("name", "description", "parameters"):
            tool[name].text()
        tool["nested"].flag()
    for function in node["functions"].items():
        function.only("name", "code")
        function["name"].text()
        function["code"].text()


def _check_format(node: Node) -> None:
    schema = node.only("type", "schema")["schema"].maybe(Node.text)
    if node["type"].text() != ResponseFormat(schema).type:
        raise node["type"].wrong("does not go with its schema")


def _number(node: Node) -> int:
    return node.whole(1, 10**9)


def read_answers(node: Node, table: Node) -> dict[str, Answer]:
    """The answers by their ids; ``table`` holds the turns of their requests."""
    turns = _read_turns(table)
    answers: dict[str, Answer] = {}
    inputs: dict[int | None, tuple[Turn, ...]] = {
        None: ()
    }  # one for all requests that end with the same turn
    sent = 0
    for one in node.items():
        one.only(
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
        if (id := read_id(one["id"])) in answers:
            raise one["id"].wrong("is another answer's already")
        if "turn" in (request := one["request"]):
            at = request["turn"].maybe(_number)
            if at is not None and at not in turns:
                raise request["turn"].wrong("names no turn")
            if at is not None and at not in inputs:
                sent += turns[at][0]
                if sent > MOST_TURNS_SENT:
                    raise node.wrong(f"sent more than {MOST_TURNS_SENT:,} turns in all")
                inputs[at] = _input(at, turns)
            answers[id] = _read_answer(one, id, inputs[at])
        else:
            answers[id] = _read_answer(one, id, None)
    return answers


def _input(at: int | None, turns: Mapping[int, Path]) -> tuple[Turn, ...]:
    path = []
    while at is not None:
        _, at, turn = turns[at]
        path.append(turn)
    return tuple(reversed(path))


def _read_answer(node: Node, id: str, input: tuple[Turn, ...] | None) -> Answer:
    return Answer(
        text=node["text"].text(),
        request=_read_request(node["request"], input),
        backend=node["backend"].text(_MOST_NAME),
        billed=node["billed"].flag(),
        usage=node["usage"].maybe(_read_usage),
        timings=Timings(node["first_token"].maybe(_seconds), _seconds(node["total"])),
        ending=Ending[node["ending"].one_of(Ending.__members__)],
        error=node["error"].maybe(_read_error),
        calls=read_calls(node["calls"]),
        id=id,
    )


def _seconds(node: Node) -> float:
    return node.number(0)


def _read_request(node: Node, turns: tuple[Turn, ...] | None) -> Request:
    head = ("model", "parameters", "stream", "response_format")
    input: Messages | Prompt
    if turns is None:
        prompt = node.only(*head, "input")["input"].only("prompt", "raw", "lora")
        input = Prompt(prompt["prompt"].text(), prompt["raw"].flag(), prompt["lora"].text())
    else:
        node.only(*head, "turn", "raw", "tools", "functions")
        _check_around(node)
        input = value_codec.read_around(node.value, turns)
    for _, value in node["parameters"].fields():
        value.number(float("-inf"))
    node["model"].text(_MOST_NAME)
    node["stream"].flag()
    node["response_format"].maybe(_check_format)
    return value_codec.read_request(node.value, input)


def _read_usage(node: Node) -> Usage:
    node.only("prompt_tokens", "completion_tokens", "cached_tokens", "neurons", "estimated")
    for name in ("prompt_tokens", "completion_tokens", "cached_tokens"):
        node[name].whole(0, _MOST_TOKENS)
    node["neurons"].maybe(_check_decimal)
    node["estimated"].flag()
    return value_codec.read_usage(node.value)


def _check_decimal(node: Node) -> None:
    """A decimal as Python writes it; an exponent far out would fill the memory once it is written out."""
    try:
        value = Decimal(node.text(100))
        good = str(value) == node.value and value.is_finite() and 0 <= value <= _MOST_NEURONS
        exponent = value.as_tuple().exponent
        good = good and isinstance(exponent, int) and exponent >= -100
    except InvalidOperation:
        good = False
    if not good:
        raise node.wrong("must be a decimal number's digits, as a text")


def _read_error(node: Node) -> PaddockError:
    node.only("kind", "message", "advice", "code", "status", "retryable", "retry_after")
    for name in ("kind", "message", "advice"):
        node[name].text()
    for name in ("code", "status"):
        node[name].maybe(lambda one: one.whole(-(10**12), 10**12))
    node["retryable"].flag()
    node["retry_after"].maybe(_seconds)
    return value_codec.read_error(node.value)
