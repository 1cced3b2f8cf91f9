"""Settings: the user's value for each parameter, and which of them are sent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lib.errors import BadInput
from lib.model.model_record import Model, Number, Parameter
from lib.model.request_options import DEFAULT_FEATURES, Features
from lib.model.schema_reader import ParameterKind


@dataclass(frozen=True)
class Setting:
    """A parameter's value. A value that is not sent is kept until the user switches it on."""

    name: str
    value: Number
    is_sent: bool


@dataclass(frozen=True)
class Settings:
    """A setting for every parameter of a model, in the record's order, and the request options."""

    items: tuple[Setting, ...]
    features: Features = DEFAULT_FEATURES

    @classmethod
    def defaults(cls, model: Model) -> Settings:
        """Return the default settings: only parameters with a documented default are sent."""
        return cls(tuple(default_setting(parameter) for parameter in model.parameters))

    def __getitem__(self, name: str) -> Setting:
        return {setting.name: setting for setting in self.items}[name]

    def with_setting(self, setting: Setting) -> Settings:
        items = tuple(setting if old.name == setting.name else old for old in self.items)
        return replace(self, items=items)

    def with_value(self, name: str, value: Number) -> Settings:
        """Return a copy in which this value is sent."""
        return self.with_setting(replace(self[name], value=value, is_sent=True))

    def with_features(self, **changes: Any) -> Settings:
        return replace(self, features=replace(self.features, **changes))

    def with_only_sent(self, parameters: Mapping[str, Number]) -> Settings:
        """Return a copy in which exactly these values are sent; the other settings keep their values."""
        items = tuple(
            replace(old, value=parameters.get(old.name, old.value), is_sent=old.name in parameters)
            for old in self.items
        )
        return replace(self, items=items)

    def capped(self, model: Model, most: int) -> Settings:
        """Return the settings with ``most`` as the maximum of each parameter that has no documented one."""
        capped = self
        for parameter in model.parameters:
            setting = self[parameter.name]
            limit = max(most, int(parameter.minimum))
            if parameter.maximum is None and setting.value > limit:
                capped = capped.with_setting(replace(setting, value=parameter.cast(limit)))
        return capped

    def sent_values(self) -> Mapping[str, Number]:
        """Return the values that are sent, by parameter name."""
        return {setting.name: setting.value for setting in self.items if setting.is_sent}


def default_setting(parameter: Parameter) -> Setting:
    """Return the setting that “Back to default” restores."""
    return Setting(parameter.name, parameter.cast(parameter.start), is_sent=parameter.default is not None)


def _is_finite(value: Number) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an int that is too large for a float
        return False


def check_parameters(parameters: Mapping[str, Number], model: Model) -> None:
    """Raise BadInput for the first value outside its documented bounds."""
    for name, value in parameters.items():
        try:
            parameter = model.parameter(name)
        except KeyError:
            raise BadInput(f"{model.name} has no parameter {name!r}.", advice="Reset the settings.") from None
        check_parameter_value(parameter, value)


def check_parameter_value(parameter: Parameter, value: Number) -> None:
    """Raise BadInput for a value outside the parameter's documented bounds or of the wrong type."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not _is_finite(value):
        raise BadInput(f"{parameter.label} must be a number.", advice="Enter a number.")
    if parameter.kind is ParameterKind.INTEGER and value != int(value):
        raise BadInput(f"{parameter.label} must be a whole number.", advice="Enter a whole number.")
    bounds, upper = f"at least {parameter.minimum}", math.inf
    if parameter.maximum is not None:
        bounds, upper = f"between {parameter.minimum} and {parameter.maximum}", parameter.maximum
    if not parameter.minimum <= value <= upper:
        raise BadInput(
            f"{parameter.label} must be {bounds}; {value} is not.", advice="Enter a value in that range."
        )


def fit_to_model(settings: Settings, model: Model) -> Settings:
    """Return the settings in the model's order, without unknown ones and with defaults for missing ones."""
    by_name = {setting.name: setting for setting in settings.items}
    items = tuple(by_name.get(parameter.name, default_setting(parameter)) for parameter in model.parameters)
    return replace(settings, items=items)


def advance_seeds(model: Model, parameters: Mapping[str, Number], repetition: int) -> Mapping[str, Number]:
    """Return the parameters for that repetition (from 0): its number is added to a seed that is sent.

    With one seed for all, every answer would be the same. After the largest seed comes the smallest.
    """
    advanced = dict(parameters)
    for parameter in model.parameters:
        if not parameter.is_seed or parameter.name not in advanced:
            continue
        smallest = int(parameter.minimum)
        offset = int(advanced[parameter.name]) - smallest + repetition
        if parameter.maximum is not None:
            offset %= int(parameter.maximum) - smallest + 1
        advanced[parameter.name] = parameter.cast(smallest + offset)
    return advanced
