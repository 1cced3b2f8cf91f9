"""The models that a plan asks, and their settings: each takes what its schema has of the common ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from lib.experiment.checks.check_kinds import Judge
from lib.experiment.plan import Axis, Plan
from lib.model.known_models import ModelLookup, find_record, known_or_unknown
from lib.model.model_record import Model, Number, Parameter
from lib.model.settings import Setting, Settings, default_setting, fit_setting, fit_to_model


@dataclass(frozen=True)
class ModelGroups:
    """The models of a plan that asks several: their ``names``, and for each variant the place of its model.

    Without models in the plan, each of its variants (presets that name models) counts as one.
    """

    names: tuple[str, ...]

    def model_of(self, variant: int) -> int:
        return variant % len(self.names)

    def setting_of(self, variant: int) -> Hashable:
        """Return what the variant has in common with those of other models: they are compared under it."""
        return variant // len(self.names)


def asked_models(plan: Plan) -> tuple[str, ...]:
    """Return the IDs of the models that are asked, each once."""
    if plan.models or not plan.variants:
        return plan.models or (plan.base.model,)
    return tuple(dict.fromkeys(variant.settings.model for variant in plan.variants))


def models_of_requests(plan: Plan) -> tuple[str, ...]:
    """Return the IDs of all models that requests go to: those that are asked, and the judge's."""
    judge = (plan.base.model,) if any(isinstance(check, Judge) for check in plan.checks) else ()
    return tuple(dict.fromkeys((*asked_models(plan), *judge)))


def group_by_model(plan: Plan) -> ModelGroups | None:
    """Return the models to be compared, None if only one is asked."""
    if len(asked_models(plan)) < 2:
        return None
    if plan.models:
        return ModelGroups(model_names(plan.models))
    return ModelGroups(tuple(variant.name for variant in plan.variants))


def model_names(ids: Sequence[str]) -> tuple[str, ...]:
    """Return short names: the last part of each ID, or all of it if two have the same last part."""
    short = [id.rsplit("/", 1)[-1] for id in ids]
    counts = Counter(short)
    return tuple(name if name and counts[name] == 1 else id for name, id in zip(short, ids, strict=True))


@dataclass(frozen=True)
class ResolvedPlan:
    """A plan with its models. Made for one drawing of the page or one run, because the listed models can change.

    ``model`` is the one that the plan's base names, and the judge; ``find_model`` looks up the others.
    """

    plan: Plan
    model: Model
    find_model: ModelLookup = find_record

    def model_of(self, id: str) -> Model:
        """Return the model of that ID, a stand-in if it is not listed here."""
        return self.model if self.model.id == id else known_or_unknown(self.find_model, id)

    @cached_property
    def models(self) -> tuple[Model, ...]:
        """The plan's ``models``."""
        return tuple(map(self.model_of, self.plan.models))

    @cached_property
    def other_parameters(self) -> Mapping[str, Parameter]:
        """The parameters, by name, that models of the plan have and the base's model has not.

        If several models have one, it is that of the first.
        """
        own = {parameter.name for parameter in self.model.parameters}
        others = (known for model in reversed(self.models) for known in model.parameters)
        return {known.name: known for known in others if known.name not in own}

    def find_parameter(self, name: str) -> Parameter | None:
        """Return the parameter of that name: the base's model's own, else another asked model's, else None."""
        own = next((known for known in self.model.parameters if known.name == name), None)
        return own or self.other_parameters.get(name)

    def parameter_label(self, name: str) -> str:
        """Return the label of the parameter of that name, or the name if no asked model has it."""
        parameter = self.find_parameter(name)
        return name if parameter is None else parameter.label

    def models_with(self, name: str) -> tuple[str, ...]:
        """Return the short names of the plan's models that have that parameter."""
        return tuple(
            short
            for model, short in zip(self.models, model_names(self.plan.models), strict=True)
            if any(known.name == name for known in model.parameters)
        )

    def fit_base(self, before: Settings | None = None) -> Settings:
        """Return the base's settings as its model takes them, and those that only the other models have.

        Those are at their defaults unless the base has them, or the settings ``before``.
        """
        base = fit_to_model(self.plan.base, self.model)
        set_already = {item.name: item for item in (*(before.items if before else ()), *self.plan.base.items)}
        others = tuple(
            fit_setting(set_already[name], parameter) if name in set_already else default_setting(parameter)
            for name, parameter in sorted(self.other_parameters.items())
        )
        return replace(base, items=(*base.items, *others))


def fit_variant(
    settings: Settings, model: Model, swept: Sequence[tuple[Axis, Number | None]] = ()
) -> Settings:
    """Return the settings as this model takes them, with the swept values that it has."""
    fitted = fit_to_model(settings, model)
    for axis, value in swept:
        parameter = next((known for known in model.parameters if known.name == axis.name), None)
        if parameter is None:
            continue
        if value is None:
            fitted = fitted.with_setting(Setting(axis.name, fitted[axis.name].value, is_sent=False))
        else:
            fitted = fitted.with_setting(fit_setting(Setting(axis.name, value, is_sent=True), parameter))
    return fitted
