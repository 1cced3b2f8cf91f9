"""A plan's variants and cells, each made on demand: they are counted without being listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from math import prod
from typing import overload

from lib.experiment.inputs.prompt_template import template_variables
from lib.experiment.plan import Axis, Cell, Plan, Variant
from lib.experiment.plan_models import ResolvedPlan, fit_variant, model_names
from lib.model import model_record
from lib.model.model_record import Number, Parameter
from lib.model.schema_alternatives import Scalar
from lib.model.settings import Setting, Settings, default_setting

AS_SET = "As set"  # the name of the only variant of a plan that varies nothing
EXPECTED_VARIABLE = "expected"  # stands for the value of the column marked as expected


def count_variants(plan: Plan) -> int:
    """Return the number of settings, each counted with every model."""
    return count_settings(plan) * max(len(plan.models), 1)


def count_settings(plan: Plan) -> int:
    """Return the number of settings that every model is asked with."""
    return len(plan.variants) if plan.variants else prod(len(axis.values) for axis in plan.axes)


def count_rows(plan: Plan) -> int:
    """Return how many inputs each prompt is sent with: 1 if the table is empty and no text uses a variable."""
    if plan.inputs.rows:
        return len(plan.inputs.rows)
    return 0 if used_variables(plan) else 1


def count_cells(plan: Plan) -> int:
    return plan.repetitions * count_rows(plan) * len(plan.prompts) * count_variants(plan)


def cell_at(plan: Plan, number: int) -> Cell:
    """Return the cell of that number, from 0. Raise IndexError.

    Variants change fastest, then prompts, rows and repetitions: wherever a run stops, the variants have been
    asked equally often, give or take one.
    """
    if not 0 <= number < count_cells(plan):
        raise IndexError(number)
    rest, variant = divmod(number, count_variants(plan))
    rest, prompt = divmod(rest, len(plan.prompts))
    repetition, row = divmod(rest, count_rows(plan))
    return Cell(number, prompt, row, variant, repetition)


def row_values(plan: Plan, row: int) -> Mapping[str, str]:
    """Return the row's variables: its columns, and ``expected`` for the column marked as such.

    Empty for the one row of a plan without inputs.
    """
    inputs = plan.inputs
    if not inputs.rows:
        return {}
    values = dict(zip(inputs.columns, inputs.rows[row], strict=True))
    return values | {EXPECTED_VARIABLE: values[inputs.expected]} if inputs.expected is not None else values


def used_variables(plan: Plan) -> tuple[str, ...]:
    """Return the variables of all texts that are sent."""
    texts = [text for _, text in sent_templates(plan)]
    return tuple(dict.fromkeys(name for text in texts for name in template_variables(text)))


def sent_templates(plan: Plan) -> list[tuple[str, str]]:
    """Return each template that is sent, with the name of its prompt version or variant."""
    uses_prompt_systems = any(variant.system is None for variant in plan.variants) or not plan.variants
    templates = []
    for prompt in plan.prompts:
        if uses_prompt_systems:
            templates.append((prompt.name, prompt.system))
        templates.append((prompt.name, prompt.user))
    own_systems = [(variant.name, variant.system) for variant in plan.variants]
    return templates + [(name, system) for name, system in own_systems if system is not None]


def variants(resolved: ResolvedPlan) -> Sequence[Variant]:
    """Return the plan's own variants or, if it has none, the grid of its axes over its base; each with every model.

    Of each setting's variants, the models change fastest.
    """
    plan = resolved.plan
    return plan.variants if plan.variants and not plan.models else _VariantGrid(resolved)


def variants_for_run(resolved: ResolvedPlan) -> Sequence[Variant]:
    """Return the variants for building the requests of a run: a list, which is faster, if the run is as long."""
    all_variants = variants(resolved)
    return list(all_variants) if len(all_variants) <= count_cells(resolved.plan) else all_variants


class _VariantGrid(Sequence[Variant]):
    def __init__(self, resolved: ResolvedPlan) -> None:
        self._plan = plan = resolved.plan
        self._count = count_variants(plan)
        self._models, self._names = resolved.models, model_names(plan.models)
        # None: no model has it. A run can be older than today's list of models.
        self._parameters = {axis.name: resolved.find_parameter(axis.name) for axis in plan.axes}
        self._labels = {axis.name: resolved.parameter_label(axis.name) for axis in plan.axes}

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Variant: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Variant]: ...
    def __getitem__(self, index: int | slice) -> Variant | Sequence[Variant]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(self._count))]
        place = index + self._count if index < 0 else index
        if not 0 <= place < self._count:
            raise IndexError(index)
        if not self._models:
            return self._own_variant(place)
        setting, number = divmod(place, len(self._models))
        variant = self._own_variant(setting)
        is_only = len(self._models) == 1
        parts = [variant.name] if is_only else [self._names[number]]
        if not is_only and variant.name != AS_SET:
            parts.append(variant.name)
        if self._plan.variants:
            settings = fit_variant(variant.settings, self._models[number])
        else:
            swept = zip(self._plan.axes, axis_values(self._plan, place), strict=True)
            settings = fit_variant(self._plan.base, self._models[number], tuple(swept))
        return Variant(" · ".join(parts), settings, variant.system)

    def _own_variant(self, setting: int) -> Variant:
        """Return the variant of a setting, with the model that the plan's own settings name."""
        if self._plan.variants:
            return self._plan.variants[setting]
        values = _axis_values(self._plan.axes, setting)
        choices = list(zip(self._plan.axes, values, strict=True))
        settings = self._plan.base
        for axis, value in reversed(choices):
            settings = _with_value(settings, axis.name, self._parameters[axis.name], value)
        described = [f"{self._labels[axis.name]} {format_value(value)}" for axis, value in choices]
        return Variant(" · ".join(described) or AS_SET, settings)


def axis_values(plan: Plan, variant: int) -> tuple[Number | None, ...]:
    """Return each axis's value in that variant of the grid, in the axes' order. The last axis changes fastest."""
    return _axis_values(plan.axes, variant // max(len(plan.models), 1))


def _axis_values(axes: Sequence[Axis], setting: int) -> tuple[Number | None, ...]:
    values: list[Number | None] = []
    for axis in reversed(axes):
        setting, index = divmod(setting, len(axis.values))
        values.append(axis.values[index])
    return tuple(reversed(values))


def _with_value(settings: Settings, name: str, parameter: Parameter | None, value: Number | None) -> Settings:
    """Return the settings with a swept value, as it is if no model has the parameter."""
    if name not in {setting.name for setting in settings.items}:
        added = Setting(name, 0, is_sent=False) if parameter is None else default_setting(parameter)
        settings = replace(settings, items=(*settings.items, added))
    if value is None:
        return settings.with_setting(replace(settings[name], is_sent=False))
    return settings.with_value(name, value if parameter is None else parameter.cast(value))


def format_value(value: Scalar | None) -> str:
    """Write a value as people do: 1 rather than 1.0, and every digit of a seed."""
    if value is None:
        return "not sent"
    if isinstance(value, (bool, str)):
        return model_record.format_value(value)
    return str(int(value)) if value == int(value) else f"{Decimal(repr(value)):f}"
