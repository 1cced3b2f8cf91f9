"""Conversations for tests: arbitrary ones, as hypothesis strategies, and simple ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from hypothesis import strategies

from lib.api.request import Messages, Prompt, Request
from lib.chat.answer import Answer, Ending, Timings
from lib.chat.conversation import Conversation, Message, message_turn
from lib.chat.snapshot import UnfinishedAnswer
from lib.errors import BadInput, CutOff, PaddockError, RateLimited
from lib.files import value_codec
from lib.model import model_record
from lib.model.request_options import Features, Function, InputForm, ResponseFormat, Tool, ToolCall
from lib.model.settings import Settings
from lib.model.usage import Usage

SETTINGS = Settings.defaults(model_record.default_model())
MODEL = model_record.default_model().id

# Half characters, NUL and the store's own escape are among them.
texts = strategies.text(strategies.characters(codec=None), max_size=20) | strategies.sampled_from(
    ["", "\x00", "\x1a0041", "\ud800", "a\x00b\x1a", "‘%_\\'\"", "Ünï 😀 猫"]
)
numbers = strategies.integers(0, 10**12) | strategies.floats(allow_nan=False, allow_infinity=False)
counts = strategies.integers(0, 10**9)
seconds = strategies.floats(0, 1e6)
usages = strategies.builds(
    Usage,
    counts,
    counts,
    counts,
    strategies.none() | strategies.decimals(0, 10**9, places=6),
    strategies.booleans(),
)
errors = strategies.builds(
    lambda kind, *args, **kw: kind(*args, **kw),
    strategies.sampled_from([PaddockError, BadInput, RateLimited, CutOff]),
    texts,
    advice=texts,
    code=strategies.none() | counts,
    status=strategies.none() | counts,
    retryable=strategies.booleans(),
    retry_after=strategies.none() | seconds,
)


calls = strategies.lists(strategies.builds(ToolCall, texts, texts, texts), max_size=2).map(tuple)
tools = strategies.lists(strategies.builds(Tool, texts, texts, texts, strategies.booleans()), max_size=2).map(
    tuple
)
functions = strategies.lists(strategies.builds(Function, texts, texts), max_size=2).map(tuple)
formats = strategies.none() | strategies.builds(ResponseFormat, strategies.none() | texts)
features = strategies.builds(
    Features,
    strategies.sampled_from(InputForm),
    strategies.booleans(),
    strategies.booleans(),
    texts,
    formats,
    tools,
    functions,
)


@strategies.composite
def requests(draw: strategies.DrawFn, conversation: Conversation, upto: str | None) -> Request:
    """Draw a request for an answer after message ``upto``, or an unrelated one."""
    input = draw(
        strategies.just(Messages(conversation.turns(upto)))
        | strategies.just(Messages(()))
        | strategies.builds(
            Messages, strategies.just(conversation.turns(upto)), strategies.booleans(), tools, functions
        )
        | strategies.builds(Prompt, texts, strategies.booleans(), texts)
    )
    parameters = draw(strategies.dictionaries(strategies.sampled_from(["a", "b"]), numbers))
    stream = draw(strategies.booleans())
    rejects = draw(strategies.booleans())
    return Request(MODEL, input, MappingProxyType(parameters), stream, draw(formats), rejects)


@strategies.composite
def answers(draw: strategies.DrawFn, conversation: Conversation, upto: str | None) -> Answer:
    """Draw any answer."""
    return Answer(
        draw(texts),
        draw(requests(conversation, upto)),
        draw(texts),
        draw(strategies.booleans()),
        draw(strategies.none() | usages),
        Timings(draw(strategies.none() | seconds), draw(seconds)),
        draw(strategies.sampled_from(Ending)),
        draw(strategies.none() | errors),
        draw(calls),
    )


@strategies.composite
def changes(draw: strategies.DrawFn, conversation: Conversation) -> Conversation:
    """Draw the conversation after one action of a user."""
    messages = conversation.messages
    what = draw(
        strategies.sampled_from(
            [
                "say",
                "say",
                "answer",
                "answer",
                "result",
                "edit",
                "delete",
                "insert",
                "open",
                "system",
                "go on",
            ]
            if messages
            else ["say", "system"]
        )
    )
    if what == "system":
        return replace(conversation, system=draw(texts))
    if what == "say":
        return conversation.append(Message("user", draw(texts), conversation.head))
    one = draw(strategies.sampled_from(messages))
    match what:
        case "answer":
            answer = draw(answers(conversation, one.id))
            return conversation.append(Message("assistant", answer.text, one.id, (answer,), answer.calls))
        case "result":
            return conversation.append(
                Message("tool", draw(texts), one.id, call_id=draw(texts), name=draw(texts))
            )
        case "go on":
            answer = draw(answers(conversation, one.id))
            return conversation.replace_message(
                replace(one, content=one.content + answer.text, answers=(*one.answers, answer))
            )
        case "edit":
            return conversation.edit(one.id, draw(texts))
        case "delete":
            return conversation.delete(one.id)
        case "insert":
            return conversation.insert(draw(strategies.sampled_from([None, one.id])), "user", draw(texts))
    return conversation.open_message(one.id)


@strategies.composite
def histories(draw: strategies.DrawFn) -> list[Conversation]:
    """Draw the states of a conversation, each one change after the last."""
    states = [Conversation("Be kind.")]
    for _ in range(draw(strategies.integers(1, 8))):
        states.append(draw(changes(states[-1])))
    return states


def as_plain_values(conversation: Conversation) -> dict[str, Any]:
    """Return the conversation as JSON values. Errors with equal fields are equal there."""
    return {
        "id": conversation.id,
        "system": conversation.system,
        "head": conversation.head,
        "messages": [
            {
                "id": message.id,
                "parent": message.parent,
                **value_codec.write_turn(message_turn(message)),
                "answers": [value_codec.write_answer(answer) for answer in message.answers],
            }
            for message in conversation.messages
        ],
    }


def make_answer(conversation: Conversation, text: str, neurons: str | None = None, **changes: Any) -> Answer:
    """Return a simple answer to the open path."""
    request = Request(MODEL, Messages(conversation.turns(conversation.head)), MappingProxyType({}), True)
    usage = Usage(10, 20, 0, None if neurons is None else Decimal(neurons))
    whole = Answer(text, request, "Twin", False, usage, Timings(0.1, 1.0), Ending.FINISHED)
    return replace(whole, **changes)


def make_conversation(*texts: str, conversation: Conversation | None = None) -> Conversation:
    """Return a conversation with an answer to each of these questions."""
    conversation = conversation or Conversation()
    for text in texts:
        conversation = conversation.append(Message("user", text, conversation.head))
        said = make_answer(conversation, f"You said: {text}")
        conversation = conversation.append(Message("assistant", said.text, conversation.head, (said,)))
    return conversation


def make_unanswered(text: str, conversation: Conversation | None = None) -> tuple[Conversation, Request]:
    """Return a conversation that ends with a question and an empty message for its answer, and the request."""
    conversation = conversation or Conversation()
    conversation = conversation.append(Message("user", text, conversation.head))
    request = Request(MODEL, Messages(conversation.turns(conversation.head)), MappingProxyType({}), True)
    return conversation.append(Message("assistant", "", conversation.head)), request


def make_unfinished(conversation: Conversation, request: Request, text: str) -> UnfinishedAnswer:
    """Return the unfinished answer of the open message, with its text so far."""
    return UnfinishedAnswer(conversation.head or "", request, "Twin", False, text, 0.5 + len(text) / 100, 0.5)


def growing_prefixes(text: str) -> Iterator[str]:
    """Yield the beginnings of the text, each a word longer."""
    words = text.split(" ")
    for number in range(1, len(words) + 1):
        yield " ".join(words[:number])
