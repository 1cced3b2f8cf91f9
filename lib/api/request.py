"""Build and check requests. Everything that is sent, shown, exported or priced comes from build_request()."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from lib.errors import BadInput
from lib.jsonkit import json_text
from lib.jsonkit.json_text import UnusableJson
from lib.jsonkit.surrogates import find_surrogate
from lib.model.model_record import Model
from lib.model.pricing import estimate_tokens
from lib.model.request_options import Features, Function, InputForm, ResponseFormat, Tool, ToolCall
from lib.model.schema_alternatives import Scalar
from lib.model.settings import Setting, Settings, check_parameters

ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True)
class Turn:
    """A message as it is sent. ``calls`` are the assistant's; a tool's result names its call by ``call_id``."""

    role: str
    content: str
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    name: str = ""


@dataclass(frozen=True)
class Messages:
    """A conversation as input. The model continues a last turn of the assistant."""

    turns: tuple[Turn, ...]
    raw: bool = False
    tools: tuple[Tool, ...] = ()
    functions: tuple[Function, ...] = ()


@dataclass(frozen=True)
class Prompt:
    """A text as input; ``raw`` applies no chat template; ``lora`` is an adapter's name, or empty."""

    text: str
    raw: bool = False
    lora: str = ""


RequestInput = Messages | Prompt


@dataclass(frozen=True)
class Request:
    """A checked request. ``parameters`` are those that are sent, by their names."""

    model: str
    input: RequestInput
    parameters: Mapping[str, Scalar]
    stream: bool
    response_format: ResponseFormat | None = None
    reject_if_busy: bool = False

    def estimated_prompt_tokens(self) -> int:
        """Return a rough size of the input in tokens, template included."""
        texts: list[str] = []
        if self.response_format is not None and self.response_format.schema is not None:
            texts.append(self.response_format.schema)
        match self.input:
            case Messages(turns):
                texts += [tool.name + tool.description + tool.parameters for tool in self.input.tools]
                texts += [function.name + function.code for function in self.input.functions]
                texts += [call.name + call.arguments for turn in turns for call in turn.calls]
                texts += [turn.content for turn in turns]
                template = 4 * len(turns) + 4
            case Prompt(text):
                texts.append(text)
                template = 4
        return sum(map(estimate_tokens, texts)) + template


def can_continue(request: Request) -> bool:
    """Return True if its answer can be continued: JSON cannot, and an adapter's answer only to a raw prompt."""
    match request.input:
        case Prompt(raw=False, lora=lora) if lora:
            return False
    return request.response_format is None


def build_input(features: Features, turns: tuple[Turn, ...]) -> RequestInput:
    """Return the input in the chosen form. The prompt form holds the last turn's text only.

    Features that the form does not have are left out: an adapter with messages, tools with a prompt.
    """
    match features.form:
        case InputForm.MESSAGES:
            return Messages(turns, features.raw, features.tools, features.functions)
        case InputForm.PROMPT:
            return Prompt(turns[-1].content if turns else "", features.raw, features.lora.strip())


def settings_from_request(request: Request, before: Settings) -> Settings:
    """Return the settings that ask such a request; what it says nothing of stays as it was before."""
    settings = before.with_only_sent(request.parameters)
    if request.model != before.model:
        items = tuple(Setting(name, value, is_sent=True) for name, value in request.parameters.items())
        settings = replace(before, items=items, model=request.model)
    changes: dict[str, Any] = {
        "stream": request.stream,
        "response_format": request.response_format,
        "reject_if_busy": request.reject_if_busy,
    }
    match request.input:
        case Messages(_, raw, tools, functions):
            changes |= {"form": InputForm.MESSAGES, "raw": raw, "tools": tools, "functions": functions}
        case Prompt(_, raw, lora):
            changes |= {"form": InputForm.PROMPT, "raw": raw, "lora": lora}
    return settings.with_features(**changes)


def system_prompt_from_request(request: Request) -> str:
    """Return the request's system prompt, empty if it has none."""
    match request.input:
        case Messages(turns) if turns and turns[0].role == "system":
            return turns[0].content
    return ""


def build_request(
    model: Model,
    input: RequestInput,
    parameters: Mapping[str, Scalar] | None = None,
    *,
    stream: bool = True,
    response_format: ResponseFormat | None = None,
    reject_if_busy: bool = False,
) -> Request:
    """Return a checked request. Raises BadInput, naming the field, for what the schema would refuse.

    JSON mode is never streamed, because Cloudflare refuses that (code 5023).
    """
    require_known(model)
    chosen = dict(parameters or {})
    check_parameters(chosen, model)
    match input:
        case Messages(turns):
            if not turns:
                raise BadInput("There is nothing to send.", advice="Write a message.")
            for turn in turns:
                if turn.role not in ROLES:
                    raise BadInput(
                        f"No message has the role “{turn.role}”.", advice=f"Use one of {', '.join(ROLES)}."
                    )
                _check_encodable(turn.content, f"{turn.role} message")
            for tool in input.tools:
                _check_encodable(tool.name + tool.description + tool.parameters, f"tool “{tool.name[:40]}”")
                _check_json(tool.parameters, f"parameters of the tool “{tool.name[:40]}”")
            for function in input.functions:
                _check_encodable(function.name + function.code, f"function “{function.name[:40]}”")
        case Prompt(text):
            if not text:
                raise BadInput("The prompt is empty.", advice="Write a prompt.")
            _check_encodable(text, "prompt")
            _check_encodable(input.lora, "adapter's name")
    if response_format is not None and response_format.schema is not None:
        _check_encodable(response_format.schema, "JSON schema")
        _check_json(response_format.schema, "JSON schema")
    # A float such as 40.0 would be refused where the schema says integer.
    cast = {name: model.parameter(name).cast_value(value) for name, value in chosen.items()}
    streamed = stream and response_format is None
    return Request(model.id, input, MappingProxyType(cast), streamed, response_format, reject_if_busy)


def require_known(model: Model) -> None:
    """Raise BadInput for a model that is not listed here: neither its settings nor its price are known."""
    if not model.is_known:
        raise BadInput(
            f"The model {model.id} is not among the models that Paddock can reach.",
            advice="Connect the Cloudflare account that has it, or choose another model.",
        )


def _check_json(text: str, what: str) -> None:
    """Raise BadInput for text that is not JSON: it is sent as a value, not as text."""
    try:
        json_text.decode(text, f"The {what}")
    except UnusableJson as error:
        raise BadInput(error.message, advice="Correct it, or start from a sample.") from None


def _check_encodable(text: str, what: str) -> None:
    if (position := find_surrogate(text)) is not None:
        raise BadInput(
            f"Character {position + 1} of the {what} is damaged (half a character) and cannot be sent.",
            advice="Delete it and type it again.",
        )
