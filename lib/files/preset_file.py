"""Presets: a system prompt and settings under a name, as JSON files; and the shipped ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from lib.chat.prepared_messages import MAX_PREPARED_MESSAGES
from lib.errors import BadInput
from lib.files.answer_codec import parse_features, parse_model, parse_scalar
from lib.files.value_codec import MODEL_FIELD, write_features, write_model
from lib.jsonkit.file_limits import MAX_PRESET_FILE_BYTES
from lib.jsonkit.json_reader import FILE_BOUNDS, Node, parse
from lib.model.model_record import Model, default_model
from lib.model.request_options import Features
from lib.model.settings import Setting, Settings, check_parameters, fit_features, fit_to_model

SHIPPED_FILE = Path(__file__).parent / "presets.json"
FORMAT = "paddock.presets"
VERSION = 1
MAX_PRESET_NAME_CHARS = 80

_BAD_FILE_ADVICE = "Choose a file that Paddock exported."
_VERSION_ADVICE = "Use the version of Paddock that made them."


@dataclass(frozen=True)
class Preset:
    """A named choice of settings; ``about`` is its purpose. None in ``system`` or ``features`` changes nothing.

    ``messages`` are prepared, to be sent one by one; without any, those that there are stay.
    """

    name: str
    system: str | None
    settings: Settings
    about: str = ""
    features: Features | None = None
    messages: tuple[str, ...] = ()

    def apply_to(self, settings: Settings) -> Settings:
        """Return the preset's settings, with the features of ``settings`` if the preset has none."""
        return replace(self.settings, features=self.features or settings.features)


@cache
def shipped_presets(model: Model) -> tuple[Preset, ...]:
    """Return the presets that come with Paddock. Parameters that a preset does not name are not sent.

    They are for any model: what this one does not take is left out or moved into its bounds.
    """
    records = json.loads(SHIPPED_FILE.read_text(encoding="utf-8"))
    return tuple(_fit_preset(parse_preset(record, default_model()), model) for record in records)


def _fit_preset(preset: Preset, model: Model) -> Preset:
    sent = Settings(tuple(item for item in preset.settings.items if item.is_sent))
    names = preset.settings.sent_values().keys()
    values = {name: value for name, value in fit_to_model(sent, model).sent_values().items() if name in names}
    return replace(
        preset,
        settings=Settings.defaults(model).with_only_sent(values),
        features=preset.features and fit_features(preset.features, model),
    )


def write_preset(preset: Preset) -> dict[str, Any]:
    """Return the preset as plain JSON values."""
    body: dict[str, Any] = {"name": preset.name, "about": preset.about}
    if preset.system is not None:
        body["system"] = preset.system
    body |= write_model(preset.settings.model)
    body["parameters"] = dict(preset.settings.sent_values())
    if preset.features is not None:
        body["features"] = write_features(preset.features)
    if preset.messages:
        body["messages"] = list(preset.messages)
    return body


def dump_presets(presets: Iterable[Preset]) -> str:
    """Return the presets as a JSON document."""
    body = {"format": FORMAT, "version": VERSION, "presets": [write_preset(preset) for preset in presets]}
    return json.dumps(body, ensure_ascii=False, indent=2)


def load_presets(data: bytes, model: Model) -> tuple[Preset, ...]:
    """Return the presets in a JSON document. Raise BadInput, which names the preset that is wrong."""
    body = parse(data, replace(FILE_BOUNDS, bytes=MAX_PRESET_FILE_BYTES)).value
    presets = body.get("presets") if isinstance(body, dict) and body.get("format") == FORMAT else None
    if not isinstance(presets, list):
        raise BadInput("The file has no presets.", advice=_BAD_FILE_ADVICE)
    if body.get("version") != VERSION:
        raise BadInput("The presets are from another version of Paddock.", advice=_VERSION_ADVICE)
    return tuple(parse_preset(record, model) for record in presets)


def clean_name(text: str) -> str:
    """Return a typed name without surplus white space. Raise BadInput if it is empty."""
    if not text.strip():
        raise BadInput("The preset has no name.", advice="Type one.")
    return " ".join(text.split())


def parse_preset(record: Any, model: Model) -> Preset:
    """Return the preset in plain JSON values. Raise BadInput, which names the preset."""
    name = record.get("name") if isinstance(record, dict) else None
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_PRESET_NAME_CHARS:
        raise BadInput("A preset has no name, or one that is too long.", advice=_BAD_FILE_ADVICE)
    system, about = record.get("system"), record.get("about", "")
    parameters = record.get("parameters", {})
    if (
        not isinstance(system, str | None)
        or not isinstance(about, str)
        or not isinstance(parameters, Mapping)
    ):
        raise BadInput(f"The preset “{name}” is not complete.", advice=_BAD_FILE_ADVICE)
    parameter_names = {parameter.name for parameter in model.parameters}
    is_other = MODEL_FIELD in record
    if not is_other and (unknown := set(parameters) - parameter_names):
        first = min(map(str, unknown))
        raise BadInput(f"The preset “{name}” names a setting “{first}” that the model does not have.")
    if not is_other:
        check_parameters(parameters, model)
    try:
        settings = _parse_settings(Node(record, "preset"), model)
        features = parse_features(Node(record["features"], "features")) if "features" in record else None
        texts = Node(record.get("messages", []), "messages").items()
        messages = tuple(text.text() for text in texts)[:MAX_PREPARED_MESSAGES]
    except BadInput as error:
        message = f"The preset “{name}” is not whole: {error.message}"
        raise BadInput(message, advice=_BAD_FILE_ADVICE) from None
    return Preset(name, system, settings, about, features, messages)


def _parse_settings(record: Node, model: Model) -> Settings:
    """Return the settings of a preset. The bounds of another model than the default may not be known here."""
    parameters = record["parameters"].fields() if "parameters" in record else ()
    if MODEL_FIELD in record:
        items = tuple(Setting(key, parse_scalar(value), is_sent=True) for key, value in parameters)
        return Settings(items, model=parse_model(record))
    values = {key: model.parameter(key).cast_value(value.value) for key, value in parameters}
    return Settings.defaults(model).with_only_sent(values)
