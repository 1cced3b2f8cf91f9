"""Request options besides the input and the sampling parameters: form, streaming, JSON mode, tools, LoRA."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class InputForm(Enum):
    """The two forms of input in the documented schema."""

    MESSAGES = "messages"
    PROMPT = "prompt"


@dataclass(frozen=True)
class ResponseFormat:
    """JSON mode. ``schema`` is the JSON text of a JSON Schema; None stands for ``json_object``, any JSON object."""

    schema: str | None = None

    @property
    def type(self) -> str:
        """The value of ``response_format.type`` in the request."""
        return "json_object" if self.schema is None else "json_schema"


@dataclass(frozen=True)
class Tool:
    """A tool. ``parameters`` is the JSON text of its JSON Schema.

    ``nested``: the tool is sent as ``{"type": "function", "function": {…}}``, the second of two documented shapes.
    """

    name: str
    description: str
    parameters: str
    nested: bool = False


@dataclass(frozen=True)
class Function:
    """An entry of ``functions``: a name and source text."""

    name: str
    code: str


@dataclass(frozen=True)
class ToolCall:
    """A model's call of a tool. ``arguments`` is JSON text; ``id`` is empty if the reply has none."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Features:
    """The chosen options. ``lib.api.request.build_request`` leaves out those that the form does not allow.

    ``lora`` is an adapter's name or id, empty for none. ``reject_if_busy``: a service without free capacity refuses
    the request at once, instead of letting it wait.
    """

    form: InputForm = InputForm.MESSAGES
    stream: bool = True
    raw: bool = False
    lora: str = ""
    response_format: ResponseFormat | None = None
    tools: tuple[Tool, ...] = ()
    functions: tuple[Function, ...] = ()
    reject_if_busy: bool = False

    @property
    def is_raw_prompt(self) -> bool:
        """True if a prompt is sent without a chat template."""
        return self.form is InputForm.PROMPT and self.raw


DEFAULT_FEATURES = Features()
