"""Settings that follow the user from one model to another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from lib.model.model_record import Model, Parameter
from lib.model.schema_alternatives import Scalar
from lib.model.settings import Setting, Settings, default_setting, fit_to_model

_FEATURE_LABELS = {
    "form": "Single prompt",
    "response_format": "JSON answer",
    "tools": "Tools",
    "functions": "Functions",
    "lora": "Adapter",
    "raw": "No template",
    "stream": "Stream",
}


@dataclass(frozen=True)
class SettingChange:
    """A setting that the new model does not take as it was: ``after`` is None if it is not sent any more."""

    label: str
    before: Scalar
    after: Scalar | None = None


def move_to_model(settings: Settings, old: Model, new: Model) -> tuple[Settings, tuple[SettingChange, ...]]:
    """Return the settings for the new model, and what it does not take as it was.

    What the user has set follows if the new model has the parameter, moved into its bounds. What stands at the old
    model's default becomes the new one's.
    """
    old_parameters = {parameter.name: parameter for parameter in old.parameters}
    changed_by_user = replace(
        settings,
        items=tuple(item for item in settings.items if not _is_default(item, old_parameters.get(item.name))),
    )
    moved = fit_to_model(changed_by_user, new)
    labels = {parameter.name: parameter.label for parameter in (*old.parameters, *new.parameters)}
    return moved, tuple(_find_changes(changed_by_user, moved, labels))


def _find_changes(before: Settings, after: Settings, labels: Mapping[str, str]) -> Iterator[SettingChange]:
    items = {item.name: item for item in after.items}
    for item in before.items:
        if not item.is_sent:
            continue
        moved, label = items.get(item.name), labels.get(item.name, item.name)
        if moved is None or not moved.is_sent:
            yield SettingChange(label, item.value)
        elif moved.value != item.value:
            yield SettingChange(label, item.value, moved.value)
    for name, label in _FEATURE_LABELS.items():
        if getattr(before.features, name) != getattr(after.features, name):
            yield SettingChange(label, True)


def _is_default(item: Setting, parameter: Parameter | None) -> bool:
    return parameter is not None and item == default_setting(parameter)
