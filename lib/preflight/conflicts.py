"""Conflicts: choices that cannot work together, or do nothing, said before anything is sent, each with its mend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lib.api.backend import Backend
from lib.api.request import Messages, Prompt, Request
from lib.model.model_record import Model
from lib.model.request_options import Features, InputForm
from lib.model.settings import Settings
from lib.preflight import raw_prompt

# Where it is said: at one of these controls, or at the parameter of that name.
FORM, STREAM, RAW, LORA, FORMAT, TOOLS = "form", "stream", "raw", "lora", "response_format", "tools"


@dataclass(frozen=True)
class Conflict:
    """``at`` names the control. ``mend`` is what one click does, and ``mended`` the settings after it.

    ``mended`` is None where the prompt's own text must change: it is to be laid out anew. ``refused``: the backend
    will say no; else what was chosen is left out, or has no effect.
    """

    control: str
    text: str
    fix_label: str
    fixed_settings: Settings | None
    is_refused: bool = False


@dataclass(frozen=True)
class NextRequest:
    """What is about to be sent, as far as it is known: ``request`` is None while there is none to send.

    ``sample`` is a question in the model's own chat format, with its special tokens.
    """

    request: Request | None
    prompt_tokens: int
    context_window: int
    template_sample: str
    special_tokens: tuple[str, ...]


def find_conflicts(
    model: Model, backend: Backend, settings: Settings, ahead: NextRequest
) -> Iterator[Conflict]:
    """What is wrong with the choices, in the order of the controls."""
    yield from _of_form(settings)
    yield from _of_format(model, backend, settings)
    yield from _of_tools(model, backend, settings)
    yield from _of_lora(model, backend, settings)
    yield from _of_raw(settings, ahead)
    yield from _of_length(model, settings, ahead)
    yield from _of_chance(model, settings)


def _of_form(settings: Settings) -> Iterator[Conflict]:
    chosen = settings.features
    match chosen.form:
        case InputForm.MESSAGES if chosen.lora.strip():
            yield Conflict(
                LORA,
                "An adapter stands on the prompt form alone: with messages it is not sent.",
                "Use the prompt form",
                settings.with_features(form=InputForm.PROMPT),
            )
        case InputForm.PROMPT if chosen.tools or chosen.functions:
            yield Conflict(
                TOOLS,
                "Tools and functions stand on the messages form alone: with a prompt they are not sent.",
                "Use the messages form",
                settings.with_features(form=InputForm.MESSAGES),
            )


def _of_format(model: Model, backend: Backend, settings: Settings) -> Iterator[Conflict]:
    chosen = settings.features
    if chosen.response_format is None:
        return
    if chosen.stream:
        yield Conflict(
            STREAM,
            "JSON mode cannot be streamed (Cloudflare's code 5023), so the answer is asked for whole.",
            "Switch streaming off",
            settings.with_features(stream=False),
        )
    if _calls(chosen):
        yield Conflict(
            FORMAT,
            "With tools and JSON mode together, the model cannot both call a tool and keep to the format.",
            "Leave JSON mode",
            settings.with_features(response_format=None),
        )
    if backend.billed and not model.capability("json_mode").listed:
        yield Conflict(
            FORMAT,
            "Cloudflare's list of models for JSON mode does not name this one: it may be ignored there. The "
            "answer is checked here in any case.",
            "Leave JSON mode",
            settings.with_features(response_format=None),
        )


def _calls(chosen: Features) -> bool:
    return chosen.form is InputForm.MESSAGES and bool(chosen.tools or chosen.functions)


def _of_tools(model: Model, backend: Backend, settings: Settings) -> Iterator[Conflict]:
    chosen = settings.features
    if not _calls(chosen):
        return
    if chosen.raw:
        yield Conflict(
            TOOLS,
            "A raw request has no chat template, and it is the template that shows the tools to the model.",
            "Switch raw off",
            settings.with_features(raw=False),
            is_refused=True,
        )
    if backend.billed and not model.capability("tools").listed:
        yield Conflict(
            TOOLS,
            "Cloudflare's page of this model does not mention function calling: the tools may be ignored.",
            "Send no tools",
            settings.with_features(tools=(), functions=()),
        )


def _of_lora(model: Model, backend: Backend, settings: Settings) -> Iterator[Conflict]:
    chosen = settings.features
    if chosen.form is not InputForm.PROMPT or not chosen.lora.strip():
        return
    if not backend.takes_lora and not model.capability("lora").listed:
        yield Conflict(
            LORA,
            "This model is on no list of models that take an adapter: expect Cloudflare to refuse it (5005).",
            "Send no adapter",
            settings.with_features(lora=""),
            is_refused=True,
        )


def _of_raw(settings: Settings, ahead: NextRequest) -> Iterator[Conflict]:
    if not settings.features.raw or ahead.request is None:
        return
    match ahead.request.input:
        case Prompt(text):
            mended = None
        case Messages(turns):
            text = "".join(turn.content for turn in turns)
            mended = settings.with_features(raw=False)
    for problem in raw_prompt.find_problems(text, ahead.template_sample, ahead.special_tokens):
        mend = "Lay the prompt out anew" if mended is None else "Switch raw off"
        yield Conflict(RAW, problem, mend, mended)


def _of_length(model: Model, settings: Settings, ahead: NextRequest) -> Iterator[Conflict]:
    cap = model.output_limit
    asked = settings.sent_values().get(cap.name, cap.default or 0)
    left = ahead.context_window - ahead.prompt_tokens
    if asked <= left:
        return
    if left < cap.minimum:
        yield Conflict(
            cap.name,
            f"The input alone takes {ahead.prompt_tokens:,} of the context's {ahead.context_window:,} tokens.",
            f"Lower {cap.label.lower()}",
            settings.with_value(cap.name, cap.minimum),
            is_refused=True,
        )
        return
    yield Conflict(
        cap.name,
        f"The input takes {ahead.prompt_tokens:,} tokens and leaves {left:,} of the context; {asked:,} are "
        "asked for.",
        f"Lower it to {left:,}",
        settings.with_value(cap.name, left),
        is_refused=True,
    )


def _of_chance(model: Model, settings: Settings) -> Iterator[Conflict]:
    """Values that change nothing. What is not sent cannot."""
    sent = settings.sent_values()
    certain = next(
        (
            one
            for one in model.parameters
            if one.deterministic_at is not None and sent.get(one.name) == one.deterministic_at
        ),
        None,
    )
    for parameter in model.parameters:
        if parameter.name not in sent:
            continue
        value = sent[parameter.name]
        unsent = settings.with_setting(replace(settings[parameter.name], is_sent=False))
        if certain is not None and parameter.needs_randomness:
            yield Conflict(
                parameter.name,
                f"At {certain.label.lower()} {certain.deterministic_at} the likeliest token is always taken: "
                f"{parameter.label.lower()} does nothing.",
                "Do not send it",
                unsent,
            )
        elif (
            parameter.neutral_range is not None
            and parameter.neutral_range[0] <= value <= parameter.neutral_range[1]
        ):
            yield Conflict(parameter.name, f"At {value:g} it changes nothing.", "Do not send it", unsent)
