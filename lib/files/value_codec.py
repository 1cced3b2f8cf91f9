"""Answers, requests, settings and errors as plain JSON values and back, without loss.

The ``read_`` functions trust their input, which Paddock wrote itself. Files of users go through ``answer_codec``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from lib.api.request import Messages, Prompt, Request, RequestInput, Turn
from lib.chat.answer import Answer
from lib.errors import PaddockError
from lib.model.model_record import DEFAULT_MODEL_ID
from lib.model.request_options import Features, Function, InputForm, ResponseFormat, Tool, ToolCall
from lib.model.settings import Setting, Settings
from lib.model.usage import Usage

Data = dict[str, Any]
MODEL_FIELD = "model"


def write_settings(settings: Settings) -> Data:
    """Return all settings, in their order, and the features."""
    return {
        "parameters": [
            {"name": item.name, "value": item.value, "sent": item.is_sent} for item in settings.items
        ],
        "features": write_features(settings.features),
    } | write_model(settings.model)


def write_model(id: str) -> Data:
    """Return the field with a model's ID; none for the default model, which earlier versions have alone."""
    return {} if id == DEFAULT_MODEL_ID else {MODEL_FIELD: id}


def read_settings(data: Data) -> Settings:
    items = tuple(Setting(item["name"], item["value"], item["sent"]) for item in data["parameters"])
    return Settings(items, read_features(data["features"]), data.get(MODEL_FIELD, DEFAULT_MODEL_ID))


def write_features(features: Features) -> Data:
    data = vars(features) | {
        "form": features.form.value,
        "response_format": _write_format(features.response_format),
        "tools": _write_tools(features.tools),
        "functions": _write_functions(features.functions),
    }
    return _without_default(data)


def _without_default(data: Data) -> Data:
    """Return the data without ``reject_if_busy`` where it is False: earlier versions do not know it."""
    return data if data["reject_if_busy"] else {name: data[name] for name in data if name != "reject_if_busy"}


def read_features(data: Data) -> Features:
    return Features(
        InputForm(data["form"]),
        data["stream"],
        data["raw"],
        data["lora"],
        _read_format(data["response_format"]),
        _read_tools(data["tools"]),
        _read_functions(data["functions"]),
        data.get("reject_if_busy", False),
    )


def _write_format(format: ResponseFormat | None) -> Data | None:
    return None if format is None else {"type": format.type, "schema": format.schema}


def _read_format(data: Data | None) -> ResponseFormat | None:
    return None if data is None else ResponseFormat(data["schema"])


def _write_tools(tools: tuple[Tool, ...]) -> list[Data]:
    return [asdict(tool) for tool in tools]


def _read_tools(data: list[Data]) -> tuple[Tool, ...]:
    return tuple(Tool(**item) for item in data)


def _write_functions(functions: tuple[Function, ...]) -> list[Data]:
    return [asdict(item) for item in functions]


def _read_functions(data: list[Data]) -> tuple[Function, ...]:
    return tuple(Function(**item) for item in data)


def write_calls(calls: tuple[ToolCall, ...]) -> list[Data]:
    """Return tool calls. Their arguments stay text."""
    return [asdict(call) for call in calls]


def read_calls(data: list[Data] | None) -> tuple[ToolCall, ...]:
    """Return the calls; None stands for none."""
    return tuple(ToolCall(**item) for item in data or ())


def write_request(request: Request) -> Data:
    """Return the request with its whole input."""
    return write_request_head(request) | {"input": _write_input(request.input)}


def write_request_head(request: Request) -> Data:
    """Return the request without its input."""
    return _without_default(
        {
            "model": request.model,
            "parameters": dict(request.parameters),
            "stream": request.stream,
            "response_format": _write_format(request.response_format),
            "reject_if_busy": request.reject_if_busy,
        }
    )


def write_request_by_turn(request: Request, messages: Messages, turn: int | str | None) -> Data:
    """Return the request with the id of its last turn instead of the turns of its ``messages``."""
    return write_request_head(request) | _write_messages_options(messages) | {"turn": turn}


def _write_messages_options(messages: Messages) -> Data:
    tools, functions = _write_tools(messages.tools), _write_functions(messages.functions)
    return {"raw": messages.raw, "tools": tools, "functions": functions}


def read_messages(data: Data, turns: tuple[Turn, ...]) -> Messages:
    """Return the messages with these turns."""
    return Messages(turns, data["raw"], _read_tools(data["tools"]), _read_functions(data["functions"]))


def read_request(data: Data, input: RequestInput | None = None) -> Request:
    """Return the request. Pass ``input`` if it is stored elsewhere."""
    return Request(
        data["model"],
        input or _read_input(data["input"]),
        MappingProxyType(dict(data["parameters"])),
        data["stream"],
        _read_format(data["response_format"]),
        data.get("reject_if_busy", False),
    )


def _write_input(input: RequestInput) -> Data:
    match input:
        case Messages(turns):
            return {"messages": [write_turn(turn) for turn in turns]} | _write_messages_options(input)
        case Prompt(text, raw, lora):
            return {"prompt": text, "raw": raw, "lora": lora}


def _read_input(data: Data) -> RequestInput:
    if "messages" in data:
        return read_messages(data, tuple(read_turn(turn) for turn in data["messages"]))
    return Prompt(data["prompt"], data["raw"], data["lora"])


def write_turn(turn: Turn) -> Data:
    return vars(turn) | {"calls": write_calls(turn.calls)}


def read_turn(data: Data) -> Turn:
    return Turn(data["role"], data["content"], read_calls(data["calls"]), data["call_id"], data["name"])


def write_usage(usage: Usage) -> Data:
    """Return the counts. Neurons are written as text, because most readers round JSON numbers."""
    data = asdict(usage) | {"neurons": None if usage.neurons is None else str(usage.neurons)}
    if not usage.from_gateway_cache:  # earlier versions do not know it
        del data["from_gateway_cache"]
    return data


def read_usage(data: Data) -> Usage:
    neurons = data["neurons"]
    return Usage(**data | {"neurons": None if neurons is None else Decimal(neurons)})


def write_error(error: PaddockError) -> Data:
    """Return the error's fields and the name of its class, without traceback and cause."""
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
    """Return an equal error. If its class does not exist any more, it is a PaddockError."""
    fields = {name: value for name, value in data.items() if name not in ("kind", "message")}
    kinds = {kind.__name__: kind for kind in _error_classes(PaddockError)}
    return kinds.get(data["kind"], PaddockError)(data["message"], **fields)


def _error_classes(kind: type[PaddockError]) -> Iterator[type[PaddockError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _error_classes(below)


def write_answer(answer: Answer, request: Data | None = None) -> Data:
    """Return the answer. Pass ``request`` if it is not written with its whole input."""
    return {
        "id": answer.id,
        "text": answer.text,
        "request": request or write_request(answer.request),
        "backend": answer.backend,
        "billed": answer.billed,
        "usage": None if answer.usage is None else write_usage(answer.usage),
        "first_token": answer.timings.first_token,
        "total": answer.timings.total,
        "ending": answer.ending.name,
        "calls": write_calls(answer.calls),
        "error": None if answer.error is None else write_error(answer.error),
    }
