"""Find settings that cannot work together or have no effect, before a request is sent; each has a fix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lib.api.backend import Backend
from lib.api.request import Messages, Prompt, Request
from lib.model.model_record import Model, format_value
from lib.model.request_options import Features, InputForm
from lib.model.schema_alternatives import as_number
from lib.model.settings import Settings
from lib.preflight import raw_prompt
from lib.preflight.schema_limits import SchemaLimits, find_schema_limits

# The controls at which a conflict is shown, besides those of the parameters.
FORM, STREAM, RAW, LORA, FORMAT, TOOLS = "form", "stream", "raw", "lora", "response_format", "tools"

_MAX_NAMED_LIMITS = 3


@dataclass(frozen=True)
class Conflict:
    """A conflict, shown at ``control``: one of the constants above or the name of a parameter.

    ``fix_label`` names the fix and ``fixed_settings`` are the settings after it; None if the prompt must
    be rendered again instead. ``is_refused``: the backend will refuse the request; otherwise the setting is left out
    or has no effect.
    """

    control: str
    text: str
    fix_label: str
    fixed_settings: Settings | None
    is_refused: bool = False


@dataclass(frozen=True)
class NextRequest:
    """The next request; ``request`` is None if there is none to send yet.

    ``template_sample`` is a question in the model's own chat format, with its special tokens.
    """

    request: Request | None
    prompt_tokens: int
    context_window: int
    template_sample: str
    special_tokens: tuple[str, ...]


def find_conflicts(
    model: Model, backend: Backend, settings: Settings, next_request: NextRequest
) -> Iterator[Conflict]:
    """Yield the conflicts in the order of the controls."""
    yield from _form_conflicts(settings)
    yield from _format_conflicts(model, backend, settings)
    yield from _tool_conflicts(model, backend, settings)
    yield from _lora_conflicts(model, backend, settings)
    yield from _raw_conflicts(settings, next_request)
    yield from _length_conflicts(model, settings, next_request)
    yield from _sampling_conflicts(model, settings)


def _form_conflicts(settings: Settings) -> Iterator[Conflict]:
    chosen = settings.features
    match chosen.form:
        case InputForm.MESSAGES if chosen.lora.strip():
            yield Conflict(
                LORA,
                "An adapter works only with a single prompt. In a conversation it is not sent.",
                "Ask with a single prompt",
                settings.with_features(form=InputForm.PROMPT),
            )
        case InputForm.PROMPT if chosen.tools or chosen.functions:
            yield Conflict(
                TOOLS,
                "Tools and functions work only in a conversation. With a single prompt they are not sent.",
                "Ask in a conversation",
                settings.with_features(form=InputForm.MESSAGES),
            )


def _format_conflicts(model: Model, backend: Backend, settings: Settings) -> Iterator[Conflict]:
    chosen = settings.features
    if chosen.response_format is None:
        return
    if chosen.stream:
        yield Conflict(
            STREAM,
            "A JSON answer cannot appear while it is written (Cloudflare's code 5023): it comes in one piece.",
            "Turn Stream off",
            settings.with_features(stream=False),
        )
    if _offers_tools(chosen):
        yield Conflict(
            FORMAT,
            "With tools and JSON together, the model cannot both ask for a tool and answer in JSON.",
            "Answer as text",
            settings.with_features(response_format=None),
        )
    if backend.billed and not model.capability("json_mode").listed:
        yield Conflict(
            FORMAT,
            "Cloudflare does not list this model for JSON, so it may answer in plain text. Paddock checks the "
            "answer in any case.",
            "Answer as text",
            settings.with_features(response_format=None),
        )

    if not backend.billed and chosen.response_format.schema is not None:
        text, is_refused = _schema_words(find_schema_limits(chosen.response_format.schema), "An answer")
        if text:
            fixed = settings.with_features(response_format=None)
            yield Conflict(FORMAT, text, "Answer as text", fixed, is_refused)


def _schema_words(limits: SchemaLimits, what: str) -> tuple[str, bool]:
    """Return words for what the practice model cannot do with a schema, and True if it refuses the schema."""
    if limits.is_refused:
        return "The practice model refuses a schema that refers to itself (code 5006).", True
    if not limits.unheld:
        return "", False
    more = (
        f" and {len(limits.unheld) - _MAX_NAMED_LIMITS} more"
        if len(limits.unheld) > _MAX_NAMED_LIMITS
        else ""
    )
    named = ", ".join(limits.unheld[:_MAX_NAMED_LIMITS])
    return f"The practice model cannot be held to {named}{more}. {what} may not fit.", False


def _offers_tools(chosen: Features) -> bool:
    return chosen.form is InputForm.MESSAGES and bool(chosen.tools or chosen.functions)


def _tool_conflicts(model: Model, backend: Backend, settings: Settings) -> Iterator[Conflict]:
    chosen = settings.features
    if not _offers_tools(chosen):
        return
    if chosen.raw:
        yield Conflict(
            TOOLS,
            "Without the template the model does not see the tools.",
            "Turn No template off",
            settings.with_features(raw=False),
            is_refused=True,
        )
    if backend.billed and not model.capability("tools").listed:
        yield Conflict(
            TOOLS,
            "Cloudflare does not say that this model can use tools, so it may ignore them.",
            "Send no tools",
            settings.with_features(tools=(), functions=()),
        )

    for tool in () if backend.billed else chosen.tools:
        text, is_refused = _schema_words(find_schema_limits(tool.parameters), "What it fills in")
        if text:
            fixed = settings.with_features(tools=tuple(other for other in chosen.tools if other != tool))
            yield Conflict(TOOLS, f"{tool.name}: {text}", f"Send without {tool.name}", fixed, is_refused)


def _lora_conflicts(model: Model, backend: Backend, settings: Settings) -> Iterator[Conflict]:
    chosen = settings.features
    is_sent = chosen.form is InputForm.PROMPT and chosen.lora.strip()
    if is_sent and not backend.takes_lora and not model.capability("lora").listed:
        yield Conflict(
            LORA,
            "Cloudflare does not list this model for adapters, and will probably refuse this one (code 5005).",
            "Send no adapter",
            settings.with_features(lora=""),
            is_refused=True,
        )


def _raw_conflicts(settings: Settings, next_request: NextRequest) -> Iterator[Conflict]:
    if not settings.features.raw or next_request.request is None or not next_request.template_sample:
        return
    match next_request.request.input:
        case Prompt(text):
            fixed = None
        case Messages(turns):
            text = "".join(turn.content for turn in turns)
            fixed = settings.with_features(raw=False)
    for problem in raw_prompt.find_problems(text, next_request.template_sample, next_request.special_tokens):
        label = "Write the prompt again" if fixed is None else "Turn No template off"
        yield Conflict(RAW, problem, label, fixed)


def _length_conflicts(model: Model, settings: Settings, next_request: NextRequest) -> Iterator[Conflict]:
    cap = model.output_limit
    if cap is None:
        return
    output_limit = as_number(settings.sent_values().get(cap.name, cap.default)) or 0
    left = next_request.context_window - next_request.prompt_tokens
    if output_limit <= left:
        return
    if left < cap.minimum:
        yield Conflict(
            cap.name,
            f"Your text takes {next_request.prompt_tokens:,} tokens, and the model has room for "
            f"{next_request.context_window:,}.",
            f"Lower {cap.label.lower()}",
            settings.with_value(cap.name, cap.minimum),
            is_refused=True,
        )
        return
    yield Conflict(
        cap.name,
        f"Your text takes {next_request.prompt_tokens:,} tokens and leaves room for {left:,} in the answer; you "
        f"allow {output_limit:,}.",
        f"Lower it to {left:,}",
        settings.with_value(cap.name, left),
        is_refused=True,
    )


def _sampling_conflicts(model: Model, settings: Settings) -> Iterator[Conflict]:
    """Yield the sent values that change nothing."""
    sent = settings.sent_values()
    parameters = [parameter for parameter in model.parameters if parameter.name in sent]
    certain = next(
        (parameter for parameter in parameters if sent[parameter.name] == parameter.deterministic_at), None
    )
    for parameter in parameters:
        value = sent[parameter.name]
        unsent = settings.with_setting(replace(settings[parameter.name], is_sent=False))
        if certain is not None and parameter.needs_randomness:
            yield Conflict(
                parameter.name,
                f"At {certain.label.lower()} {certain.deterministic_at} answers barely vary; "
                f"{parameter.label.lower()} has no effect.",
                "Turn it off",
                unsent,
            )
        elif parameter.is_neutral_at(value):
            yield Conflict(
                parameter.name, f"At {format_value(value)} it has no effect.", "Turn it off", unsent
            )
