"""One conversation, whole, as a JSON document and back: the tree, its settings, and all that is known of each answer.

Requests repeat what was said before them. Here their turns stand in one table, each with the turn that it follows,
and a request names its last. An answer that several messages share stands there once too.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from lib import document
from lib.answer import Answer, Ending, Timings
from lib.conversation import Conversation, Message
from lib.errors import BadInput
from lib.model import Model
from lib.node import BadFile, Node, parse
from lib.request import ROLES, Messages, Prompt, Request, Turn
from lib.settings import Settings, check, complete

FORMAT = "paddock.conversation"
VERSION = 1
MOST_MESSAGES = 10_000
MOST_TITLE = 1_000
# In memory each request has its turns to itself: this many, in all requests together, take 80 MB.
MOST_TURNS_SENT = 10_000_000

_MOST_TOKENS = 10**12  # of one answer: thousands of them can still be added up
_MOST_NEURONS = 10**15
_MOST_NAME = 255
_ID = re.compile("[A-Za-z0-9_-]{1,64}")
_NEWER = "Use the version of Paddock that made it, or a newer one."


@dataclass(frozen=True)
class Archived:
    """A conversation and what is kept beside it. ``title``: as it was chosen, empty where nobody chose one."""

    conversation: Conversation
    settings: Settings
    title: str = ""
    pinned: bool = False


def fresh(conversation: Conversation) -> Conversation:
    """The same as another conversation: one that is imported twice must not overwrite itself."""
    return replace(conversation, id=uuid.uuid4().hex)


def whole(text: str) -> str:
    """The text in whole characters: halves that belong together joined, a lone one as U+FFFD; it means nothing."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def dump(archived: Archived) -> str:
    """The document. The same conversation gives the same text, byte for byte."""
    conversation, turns = archived.conversation, _Turns()
    answers = {answer.id: answer for message in conversation.messages for answer in message.answers}
    body = {
        "format": FORMAT,
        "version": VERSION,
        "id": conversation.id,
        "title": archived.title[:MOST_TITLE],
        "pinned": archived.pinned,
        "settings": document.write_settings(archived.settings),
        "system": conversation.system,
        "head": conversation.head,
        "messages": [
            {
                "id": message.id,
                "parent": message.parent,
                "role": message.role,
                "content": message.content,
                "answers": [answer.id for answer in message.answers],
            }
            for message in conversation.messages
        ],
        "answers": [
            document.write_answer(replace(answer, request=_EMPTY)) | {"request": turns.write(answer.request)}
            for answer in answers.values()
        ],
        "turns": turns.table,
    }
    return whole(json.dumps(body, ensure_ascii=False, allow_nan=False, indent=1)) + "\n"


_EMPTY = Request("", Messages(()), {}, True)


class _Turns:
    """The table, as requests are written."""

    def __init__(self) -> None:
        self.table: list[dict[str, Any]] = []
        self._numbers: dict[tuple[int | None, str, str], int] = {}

    def write(self, request: Request) -> dict[str, Any]:
        """The request, with its last turn's number in the place of its turns."""
        if not isinstance(request.input, Messages):
            return document.write_request(request)
        last: int | None = None
        for turn in request.input.turns:
            last = self._number(last, turn)
        return document.write_head(request) | {"turn": last}

    def _number(self, parent: int | None, turn: Turn) -> int:
        number = self._numbers.get((parent, turn.role, turn.content))
        if number is None:
            # Two texts that differ in half characters only are one when they are read again.
            content = whole(turn.content)
            number = self._numbers.setdefault((parent, turn.role, content), len(self.table) + 1)
            self._numbers[parent, turn.role, turn.content] = number
            if number > len(self.table):
                self.table.append({"id": number, "parent": parent, "role": turn.role, "content": content})
        return number


def load(data: bytes, model: Model) -> Archived:
    """What the document holds. Raises BadInput, which says what is wrong with it, and where."""
    return read(parse(data), model)


def read(root: Node, model: Model) -> Archived:
    """What a document that has been parsed holds."""
    if "format" not in root or root["format"].value != FORMAT:
        raise BadFile("The file holds no conversation that Paddock exported.")
    if root["version"].value != VERSION or isinstance(root["version"].value, bool):
        raise BadFile("The conversation was written by another version.", advice=_NEWER)
    root.only(
        "format", "version", "id", "title", "pinned", "settings",
        "system", "head", "messages", "answers", "turns",
    )  # fmt: skip
    answers = _read_answers(root["answers"], _read_turns(root["turns"]))
    messages: dict[str, Message] = {}
    for node in root["messages"].items(MOST_MESSAGES):
        message = _read_message(node, messages, answers)
        messages[message.id] = message
    head = root["head"].maybe(_id)
    if head is not None and head not in messages:
        raise root["head"].wrong("names no message")
    conversation = Conversation(root["system"].text(), tuple(messages.values()), head, _id(root["id"]))
    settings = _read_settings(root["settings"], model)
    return Archived(conversation, settings, root["title"].text(MOST_TITLE), root["pinned"].flag())


def _id(node: Node) -> str:
    if not _ID.fullmatch(text := node.text()):
        raise node.wrong("must be 1 to 64 letters, digits, - and _")
    return text


def _read_settings(node: Node, model: Model) -> Settings:
    items: list[dict[str, Any]] = []
    for one in node.items():
        name = one.only("name", "value", "sent")["name"].text()
        if name in [item["name"] for item in items]:
            raise one["name"].wrong("is there twice")
        one["sent"].flag()
        items.append(one.value | {"value": setting_value(one["value"], name, model)})
    return complete(document.read_settings(items), model)


def setting_value(node: Node, name: str, model: Model) -> int | float:
    """The value of that parameter, in its own type and its bounds."""
    value = node.number()
    try:
        check({name: value}, model)
    except BadInput as error:
        raise node.wrong(f"cannot be taken: {error.message.removesuffix('.')}") from None
    return model.parameter(name).cast(value)


def _read_message(node: Node, before: Mapping[str, Message], answers: Mapping[str, Answer]) -> Message:
    node.only("id", "parent", "role", "content", "answers")
    id, parent = _id(node["id"]), node["parent"].maybe(_id)
    if id in before:
        raise node["id"].wrong("is another message's already")
    if parent is not None and parent not in before:  # so nothing can follow itself, however long the way
        raise node["parent"].wrong("names no message that stands before this one")
    under = []
    for one in node["answers"].items():
        if one.text() not in answers:
            raise one.wrong("names no answer")
        under.append(answers[one.value])
    return Message(node["role"].one_of(ROLES), node["content"].text(), parent, tuple(under), id)


Path = tuple[int, int | None, Turn]  # how many turns there are down to this one, the one before it, itself


def _read_turns(node: Node) -> dict[int, Path]:
    turns: dict[int, Path] = {}
    for one in node.items():
        one.only("id", "parent", "role", "content")
        id, parent = _number(one["id"]), one["parent"].maybe(_number)
        if id in turns:
            raise one["id"].wrong("is another turn's already")
        if parent is not None and parent not in turns:
            raise one["parent"].wrong("names no turn that stands before this one")
        depth = 1 if parent is None else turns[parent][0] + 1
        turns[id] = depth, parent, Turn(one["role"].one_of(ROLES), one["content"].text())
    return turns


def _number(node: Node) -> int:
    return node.whole(1, 10**9)


def _read_answers(node: Node, turns: Mapping[int, Path]) -> dict[str, Answer]:
    answers: dict[str, Answer] = {}
    inputs: dict[int | None, Messages] = {
        None: Messages(())
    }  # one for all requests that end with the same turn
    sent = 0
    for one in node.items():
        one.only(
            "id", "text", "request", "backend", "billed", "usage", "first_token", "total", "ending", "error"
        )
        if (id := _id(one["id"])) in answers:
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


def _input(at: int | None, turns: Mapping[int, Path]) -> Messages:
    path = []
    while at is not None:
        _, at, turn = turns[at]
        path.append(turn)
    return Messages(tuple(reversed(path)))


def _read_answer(node: Node, id: str, input: Messages | None) -> Answer:
    return Answer(
        text=node["text"].text(),
        request=_read_request(node["request"], input),
        backend=node["backend"].text(_MOST_NAME),
        billed=node["billed"].flag(),
        usage=node["usage"].maybe(_read_usage),
        timings=Timings(node["first_token"].maybe(_seconds), _seconds(node["total"])),
        ending=Ending[node["ending"].one_of(Ending.__members__)],
        error=node["error"].maybe(_read_error),
        id=id,
    )


def _seconds(node: Node) -> float:
    return node.number(0)


def _read_request(node: Node, input: Messages | Prompt | None) -> Request:
    if input is None:
        prompt = node.only("model", "parameters", "stream", "input")["input"].only("prompt", "raw")
        input = Prompt(prompt["prompt"].text(), prompt["raw"].flag())
    else:
        node.only("model", "parameters", "stream", "turn")
    for _, value in node["parameters"].fields():
        value.number(float("-inf"))
    node["model"].text(_MOST_NAME)
    node["stream"].flag()
    return document.read_request(node.value, input)


def _read_usage(node: Node) -> Any:
    node.only("prompt_tokens", "completion_tokens", "cached_tokens", "neurons", "estimated")
    for name in ("prompt_tokens", "completion_tokens", "cached_tokens"):
        node[name].whole(0, _MOST_TOKENS)
    node["neurons"].maybe(_check_decimal)
    node["estimated"].flag()
    return document.read_usage(node.value)


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


def _read_error(node: Node) -> Any:
    node.only("kind", "message", "advice", "code", "status", "retryable", "retry_after")
    for name in ("kind", "message", "advice"):
        node[name].text()
    for name in ("code", "status"):
        node[name].maybe(lambda one: one.whole(-(10**12), 10**12))
    node["retryable"].flag()
    node["retry_after"].maybe(_seconds)
    return document.read_error(node.value)
