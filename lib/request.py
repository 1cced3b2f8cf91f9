"""THE builder of requests: what is sent, shown, exported and priced comes from build() alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lib.errors import BadInput
from lib.model import Model, Number
from lib.pricing import estimate_tokens
from lib.settings import check

ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True)
class Turn:
    """One message as it is sent."""

    role: str
    content: str


@dataclass(frozen=True)
class Messages:
    """A conversation as input. A last turn of the assistant is a beginning that the model goes on from."""

    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class Prompt:
    """One text as input; ``raw``: no chat template is applied to it."""

    text: str
    raw: bool = False


Input = Messages | Prompt


@dataclass(frozen=True)
class Request:
    """One request to one model, checked. ``parameters`` are the sampling parameters that are sent."""

    model: str
    input: Input
    parameters: Mapping[str, Number]
    stream: bool

    def estimated_prompt_tokens(self) -> int:
        """A rough size of the input, in tokens, template included."""
        match self.input:
            case Messages(turns):
                return sum(estimate_tokens(turn.content) + 4 for turn in turns) + 4
            case Prompt(text):
                return estimate_tokens(text) + 4


def build(
    model: Model, input: Input, parameters: Mapping[str, Number] | None = None, *, stream: bool = True
) -> Request:
    """A checked request. Raises BadInput, naming the field, for what the schema would refuse."""
    chosen = dict(parameters or {})
    check(chosen, model)
    match input:
        case Messages(turns):
            if not turns:
                raise BadInput("There is nothing to send.", advice="Write a message.")
            for turn in turns:
                if turn.role not in ROLES:
                    raise BadInput(
                        f"No message has the role “{turn.role}”.", advice=f"Use one of {', '.join(ROLES)}."
                    )
                _sendable(turn.content, f"{turn.role} message")
        case Prompt(text):
            if not text:
                raise BadInput("The prompt is empty.", advice="Write a prompt.")
            _sendable(text, "prompt")
    # A whole number in float's clothes (40.0) would be refused where the schema says integer.
    cast = {name: model.parameter(name).cast(value) for name, value in chosen.items()}
    return Request(model.id, input, MappingProxyType(cast), stream)


def _sendable(text: str, what: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadInput(
            f"Character {error.start + 1} of the {what} is half a character (a lone surrogate) and cannot be sent.",
            advice="Delete it and type it again.",
        ) from None
