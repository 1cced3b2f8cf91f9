"""Answers, requests, settings and errors as plain JSON values and back, with nothing lost."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from lib.answer import Answer, Ending, Timings
from lib.errors import PaddockError
from lib.events import Usage
from lib.request import Input, Messages, Prompt, Request, Turn
from lib.settings import Setting, Settings

Data = dict[str, Any]


def write_settings(settings: Settings) -> list[Data]:
    """Every setting, in its order."""
    return [{"name": one.name, "value": one.value, "sent": one.sent} for one in settings.items]


def read_settings(data: list[Data]) -> Settings:
    """The settings that were written."""
    return Settings(tuple(Setting(one["name"], one["value"], one["sent"]) for one in data))


def write_request(request: Request) -> Data:
    """The request, its whole input included."""
    return write_head(request) | {"input": _write_input(request.input)}


def write_head(request: Request) -> Data:
    """The request without its input."""
    return {"model": request.model, "parameters": dict(request.parameters), "stream": request.stream}


def read_request(data: Data, input: Input | None = None) -> Request:
    """The request that was written; ``input`` where that was kept elsewhere."""
    parameters = MappingProxyType(dict(data["parameters"]))
    return Request(data["model"], input or _read_input(data["input"]), parameters, data["stream"])


def _write_input(input: Input) -> Data:
    match input:
        case Messages(turns):
            return {"messages": [{"role": turn.role, "content": turn.content} for turn in turns]}
        case Prompt(text, raw):
            return {"prompt": text, "raw": raw}


def _read_input(data: Data) -> Input:
    if "messages" in data:
        return Messages(tuple(Turn(turn["role"], turn["content"]) for turn in data["messages"]))
    return Prompt(data["prompt"], data["raw"])


def write_usage(usage: Usage) -> Data:
    """The counts; a decimal is written as its digits, for a JSON number would be rounded by most readers."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "cached_tokens": usage.cached_tokens,
        "neurons": None if usage.neurons is None else str(usage.neurons),
        "estimated": usage.estimated,
    }


def read_usage(data: Data) -> Usage:
    """The usage that was written."""
    neurons = data["neurons"]
    return Usage(
        data["prompt_tokens"],
        data["completion_tokens"],
        data["cached_tokens"],
        None if neurons is None else Decimal(neurons),
        data["estimated"],
    )


def write_error(error: PaddockError) -> Data:
    """What the error says, and the name of its class; neither its traceback nor its cause."""
    return {
        "kind": type(error).__name__,
        "message": error.message,
        "advice": error.advice,
        "code": error.code,
        "status": error.status,
        "retryable": error.retryable,
        "retry_after": error.retry_after,
    }


def read_error(data: Data) -> PaddockError:
    """An error that says the same. A class that is no more is read as the root of the tree."""
    fields = {name: value for name, value in data.items() if name not in ("kind", "message")}
    kinds = {kind.__name__: kind for kind in _kinds(PaddockError)}
    return kinds.get(data["kind"], PaddockError)(data["message"], **fields)


def _kinds(kind: type[PaddockError]) -> Iterator[type[PaddockError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)


def write_answer(answer: Answer) -> Data:
    """All that is known of the answer."""
    return {
        "id": answer.id,
        "text": answer.text,
        "request": write_request(answer.request),
        "backend": answer.backend,
        "billed": answer.billed,
        "usage": None if answer.usage is None else write_usage(answer.usage),
        "first_token": answer.timings.first_token,
        "total": answer.timings.total,
        "ending": answer.ending.name,
        "error": None if answer.error is None else write_error(answer.error),
    }


def read_answer(data: Data) -> Answer:
    """The answer that was written. Its error is equal in what it says, not the same object."""
    return Answer(
        text=data["text"],
        request=read_request(data["request"]),
        backend=data["backend"],
        billed=data["billed"],
        usage=None if data["usage"] is None else read_usage(data["usage"]),
        timings=Timings(data["first_token"], data["total"]),
        ending=Ending[data["ending"]],
        error=None if data["error"] is None else read_error(data["error"]),
        id=data["id"],
    )
