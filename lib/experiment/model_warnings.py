"""Warnings about a plan's models: settings that one of them lacks, or takes only in narrower bounds."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import replace

from lib.experiment.plan_grid import format_value
from lib.experiment.plan_models import ResolvedPlan, fit_variant, model_names
from lib.experiment.plan_problems import PlanProblem, setting_problem
from lib.model.model_record import Model, Number, Parameter
from lib.model.settings import Setting, Settings, fit_setting

_FEATURE_LABELS = {
    "form": "the single prompt",
    "response_format": "the JSON answer",
    "tools": "the tools",
    "functions": "the functions",
    "lora": "the adapter",
    "raw": "“No template”",
}


def find_model_warnings(resolved: ResolvedPlan) -> Iterator[PlanProblem]:
    """Yield what each of the plan's models does not take as it is set."""
    plan, label_of = resolved.plan, resolved.parameter_label
    for asked, name in zip(resolved.models, model_names(plan.models), strict=True):
        if not asked.is_known:
            continue
        parameters = {parameter.name: parameter for parameter in asked.parameters}
        swept = () if plan.variants else plan.axes
        for number, axis in enumerate(swept):
            words = _describe_axis(axis.values, label_of(axis.name), name, parameters.get(axis.name))
            if words:
                yield setting_problem(words, "Remove the model or the setting if that is not wanted.", number)
        axes = {axis.name for axis in swept}
        all_settings = [variant.settings for variant in plan.variants] or [plan.base]
        if asked is resolved.model:
            # Values out of its own bounds are problems: only what it lacks is left to say.
            all_settings = [_without(settings, parameters) for settings in all_settings]
        lines = [line for settings in all_settings for line in _find_changes(settings, label_of, asked, axes)]
        for line in dict.fromkeys(lines):
            yield setting_problem(f"{name} {line}", "The other models are asked with it.")


def _without(settings: Settings, names: Container[str]) -> Settings:
    return replace(settings, items=tuple(item for item in settings.items if item.name not in names))


def _describe_axis(
    values: Sequence[Number | None], label: str, name: str, parameter: Parameter | None
) -> str:
    """Return in which way the model does not take all of an axis's values, empty if it does."""
    if parameter is None:
        more = ", so all its values ask the same" if len(values) > 1 else ""
        return f"{name} has no {label.lower()}{more}."
    changed = []
    for value in values:
        if value is not None:
            fitted = fit_setting(Setting(parameter.name, value, is_sent=True), parameter)
            if fitted.value != value:
                changed.append(f"{format_value(fitted.value)} instead of {format_value(value)}")
    return (
        f"{name} takes {label.lower()} {parameter.bounds_text}: it gets {', '.join(changed)}."
        if changed
        else ""
    )


def _find_changes(
    settings: Settings, label_of: Callable[[str], str], asked: Model, axes: set[str]
) -> Iterator[str]:
    fitted = fit_variant(settings, asked)
    sent = fitted.sent_values()
    for name, value in settings.sent_values().items():
        label = label_of(name).lower()
        if name in axes:
            continue
        if name not in sent:
            yield f"has no {label}, so {format_value(value)} is not sent to it."
        elif sent[name] != value:
            instead = f"{format_value(sent[name])} instead of {format_value(value)}"
            yield f"gets {label} {instead}, which is out of its bounds."
    for field, label in _FEATURE_LABELS.items():
        if getattr(settings.features, field) != getattr(fitted.features, field):
            yield f"does not document {label}, so it is asked without."
