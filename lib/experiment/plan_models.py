"""The models that a plan asks, and their settings: each takes what its schema has of the common ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from lib.experiment.plan import Axis, Plan
from lib.model.known_models import ModelLookup, known_or_unknown
from lib.model.model_record import Model, Number
from lib.model.settings import Setting, Settings, fit_setting, fit_to_model


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


def resolve_model(id: str, model: Model, find_model: ModelLookup) -> Model:
    """Return ``model`` if it has that ID, else the one that is looked up; a stand-in if it is not listed here."""
    return model if model.id == id else known_or_unknown(find_model, id)


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
