"""Features: what a request carries beside its input and its sampling parameters: form, JSON mode, tools, LoRA."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class InputForm(Enum):
    """The two shapes of the documented schema."""

    MESSAGES = "messages"
    PROMPT = "prompt"


@dataclass(frozen=True)
class ResponseFormat:
    """JSON mode. ``schema`` is the JSON text of a JSON Schema; None is ``json_object``: any JSON object."""

    schema: str | None = None

    @property
    def type(self) -> str:
        """Its name on the wire."""
        return "json_object" if self.schema is None else "json_schema"


@dataclass(frozen=True)
class Tool:
    """One tool. ``parameters`` is the JSON text of its JSON Schema.

    ``nested``: sent as ``{"type": "function", "function": {…}}``, the second of the two documented shapes.
    """

    name: str
    description: str
    parameters: str
    nested: bool = False


@dataclass(frozen=True)
class Function:
    """One entry of ``functions``: a name and the source text of what it does."""

    name: str
    code: str


@dataclass(frozen=True)
class ToolCall:
    """What a model asks for: a tool's name and its arguments as JSON text. ``id``: empty where the wire has none."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Features:
    """What is chosen. What the form does not take is kept here, and not sent: see ``lib.api.request.build_request``.

    ``lora`` is an adapter's name or id, empty for none.
    """

    form: InputForm = InputForm.MESSAGES
    stream: bool = True
    raw: bool = False
    lora: str = ""
    response_format: ResponseFormat | None = None
    tools: tuple[Tool, ...] = ()
    functions: tuple[Function, ...] = ()


DEFAULT_FEATURES = Features()
