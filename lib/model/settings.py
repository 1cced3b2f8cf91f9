"""Settings: what the user chose for each parameter, and which of them are sent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lib.errors import BadInput
from lib.model.model_record import Model, Number, Parameter
from lib.model.request_options import DEFAULT_FEATURES, Features


@dataclass(frozen=True)
class Setting:
    """One parameter's value and whether it is sent; a value that is not sent waits for its switch."""

    name: str
    value: Number
    is_sent: bool


@dataclass(frozen=True)
class Settings:
    """A setting for every parameter of a model, in the record's order, and what else a request carries."""

    items: tuple[Setting, ...]
    features: Features = DEFAULT_FEATURES

    @classmethod
    def defaults(cls, model: Model) -> Settings:
        """Documented defaults are sent; where the page documents none, the choice is the model's."""
        return cls(tuple(default_setting(parameter) for parameter in model.parameters))

    def __getitem__(self, name: str) -> Setting:
        for setting in self.items:
            if setting.name == name:
                return setting
        raise KeyError(name)

    def with_setting(self, setting: Setting) -> Settings:
        """The same with one setting changed."""
        items = tuple(setting if old.name == setting.name else old for old in self.items)
        return replace(self, items=items)

    def with_value(self, name: str, value: Number) -> Settings:
        """The same with that value, sent."""
        return self.with_setting(replace(self[name], value=value, is_sent=True))

    def with_features(self, **changes: Any) -> Settings:
        """The same with those features changed."""
        return replace(self, features=replace(self.features, **changes))

    def with_only_sent(self, parameters: Mapping[str, Number]) -> Settings:
        """The same with exactly those values sent; the others wait with the values that they have."""
        return replace(
            self,
            items=tuple(
                replace(old, value=parameters.get(old.name, old.value), is_sent=old.name in parameters)
                for old in self.items
            ),
        )

    def sent_values(self) -> Mapping[str, Number]:
        """What a request carries: the values that are switched on."""
        return {setting.name: setting.value for setting in self.items if setting.is_sent}


def default_setting(parameter: Parameter) -> Setting:
    """Where a parameter's control starts, and what a click on “back to default” gives."""
    return Setting(parameter.name, parameter.cast(parameter.start), is_sent=parameter.default is not None)


def _finite(value: Number) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an int beyond every float
        return False


def check_parameters(parameters: Mapping[str, Number], model: Model) -> None:
    """Raises BadInput for the first value that is out of its documented bounds."""
    for name, value in parameters.items():
        try:
            parameter = model.parameter(name)
        except KeyError:
            raise BadInput(
                f"{model.name} has no parameter {name!r}.", advice="Reset the settings to the model's own."
            ) from None
        check_parameter_value(parameter, value)


def check_parameter_value(parameter: Parameter, value: Number) -> None:
    """Raises BadInput for a value that is out of its documented bounds, or of another kind."""
    upper = parameter.maximum if parameter.maximum is not None else math.inf
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not _finite(value):
        raise BadInput(f"{parameter.label} must be a number.", advice="Enter a number.")
    if parameter.kind == "integer" and value != int(value):
        raise BadInput(f"{parameter.label} must be a whole number.", advice="Enter a whole number.")
    if not parameter.minimum <= value <= upper:
        bounds = (
            f"between {parameter.minimum} and {parameter.maximum}"
            if parameter.maximum is not None
            else f"at least {parameter.minimum}"
        )
        raise BadInput(
            f"{parameter.label} must be {bounds}; {value} is not.",
            advice="Move it back within its bounds.",
        )


def fit_to_model(settings: Settings, model: Model) -> Settings:
    """The settings in the model's own order: what it does not know left out, what is missing at its default."""
    known = {setting.name: setting for setting in settings.items}
    items = tuple(known.get(parameter.name, default_setting(parameter)) for parameter in model.parameters)
    return replace(settings, items=items)
