"""Settings: the user's value for each parameter, and which of them are sent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lib.errors import BadInput
from lib.model.model_record import DEFAULT_MODEL_ID, MAX_EXACT_NUMBER, Model, Number, Parameter
from lib.model.request_options import DEFAULT_FEATURES, Features, InputForm
from lib.model.schema_alternatives import Scalar, as_number
from lib.model.schema_reader import MESSAGES, PROMPT, ParameterKind

# Features that are properties of a request, which a schema documents or not.
_DOCUMENTED_FEATURES = ("response_format", "tools", "functions", "lora", "raw")


@dataclass(frozen=True)
class Setting:
    """A parameter's value. A value that is not sent is kept until the user switches it on."""

    name: str
    value: Scalar
    is_sent: bool

    @property
    def number(self) -> Number:
        """The value of a number, 0 for any other value."""
        return as_number(self.value) or 0


@dataclass(frozen=True)
class Settings:
    """A setting for every parameter of a model, in the record's order, the request options and the model's ID."""

    items: tuple[Setting, ...]
    features: Features = DEFAULT_FEATURES
    model: str = DEFAULT_MODEL_ID

    @classmethod
    def defaults(cls, model: Model) -> Settings:
        """Return the default settings: only parameters with a documented default are sent."""
        items = tuple(default_setting(parameter) for parameter in model.parameters)
        return cls(items, fit_features(DEFAULT_FEATURES, model), model.id)

    def __getitem__(self, name: str) -> Setting:
        return {setting.name: setting for setting in self.items}[name]

    def with_setting(self, setting: Setting) -> Settings:
        items = tuple(setting if old.name == setting.name else old for old in self.items)
        return replace(self, items=items)

    def with_value(self, name: str, value: Scalar) -> Settings:
        """Return a copy in which this value is sent."""
        return self.with_setting(replace(self[name], value=value, is_sent=True))

    def with_features(self, **changes: Any) -> Settings:
        return replace(self, features=replace(self.features, **changes))

    def with_only_sent(self, parameters: Mapping[str, Scalar]) -> Settings:
        """Return a copy in which exactly these values are sent; the other settings keep their values."""
        items = tuple(
            replace(old, value=parameters.get(old.name, old.value), is_sent=old.name in parameters)
            for old in self.items
        )
        return replace(self, items=items)

    def capped(self, model: Model, most: int) -> Settings:
        """Return the settings with ``most`` as the maximum of each length that has no documented one."""
        capped = self
        for parameter in model.parameters:
            if parameter.limits_output and parameter.maximum is None:
                setting, limit = self[parameter.name], max(most, int(parameter.minimum))
                if setting.number > limit:
                    capped = capped.with_setting(replace(setting, value=parameter.cast(limit)))
        return capped

    def sent_values(self) -> Mapping[str, Scalar]:
        """Return the values that are sent, by parameter name."""
        return {setting.name: setting.value for setting in self.items if setting.is_sent}


def default_setting(parameter: Parameter) -> Setting:
    """Return the setting that “Back to default” restores.

    A usual one is sent if a default is documented that changes something.
    """
    default = parameter.default
    is_sent = parameter.is_usual and default is not None and not parameter.is_neutral_at(default)
    return Setting(parameter.name, parameter.cast_value(parameter.start), is_sent)


def _is_finite(value: Number) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an int that is too large for a float
        return False


def check_parameters(parameters: Mapping[str, Scalar], model: Model) -> None:
    """Raise BadInput for the first value that is not among the documented ones."""
    for name, value in parameters.items():
        try:
            parameter = model.parameter(name)
        except KeyError:
            raise BadInput(f"{model.name} has no parameter {name!r}.", advice="Reset the settings.") from None
        check_parameter_value(parameter, value)


def check_parameter_value(parameter: Parameter, value: Scalar) -> None:
    """Raise BadInput for a value outside the parameter's documented bounds or choices, or of the wrong type."""
    match parameter.kind:
        case ParameterKind.SWITCH:
            if not isinstance(value, bool):
                raise BadInput(f"{parameter.label} must be on or off.", advice="Choose one of them.")
        case ParameterKind.CHOICE:
            if not any(type(value) is type(choice) and value == choice for choice in parameter.choices):
                raise BadInput(
                    f"{parameter.label} must be one of {parameter.bounds_text}.", advice="Choose one of them."
                )
        case _:
            _check_number(parameter, value)


def _check_number(parameter: Parameter, value: Scalar) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not _is_finite(value):
        raise BadInput(f"{parameter.label} must be a number.", advice="Enter a number.")
    if parameter.kind is ParameterKind.INTEGER and value != int(value):
        raise BadInput(f"{parameter.label} must be a whole number.", advice="Enter a whole number.")
    bounds, upper = f"at least {parameter.minimum}", math.inf
    if parameter.maximum is not None:
        bounds, upper = f"between {parameter.minimum} and {parameter.maximum}", parameter.maximum
        if parameter.minimum <= -MAX_EXACT_NUMBER:
            bounds = f"at most {parameter.maximum}"
    if not parameter.minimum <= value <= upper:
        raise BadInput(
            f"{parameter.label} must be {bounds}; {value} is not.", advice="Enter a value in that range."
        )


def fit_to_model(settings: Settings, model: Model) -> Settings:
    """Return the settings as this model takes them: in its order, with defaults for missing ones.

    Values are moved into the model's bounds; settings and features that it does not have are left out.
    """
    by_name = {setting.name: setting for setting in settings.items}
    items = tuple(
        fit_setting(by_name[parameter.name], parameter)
        if parameter.name in by_name
        else default_setting(parameter)
        for parameter in model.parameters
    )
    return Settings(items, fit_features(settings.features, model), model.id)


def fit_setting(setting: Setting, parameter: Parameter) -> Setting:
    """Return the setting with the nearest value that the parameter takes, else the parameter's default."""
    value, number = setting.value, as_number(setting.value)
    if parameter.is_number and number is not None:
        upper = number if parameter.maximum is None else min(number, parameter.maximum)
        value = parameter.cast(max(upper, parameter.minimum))
    try:
        check_parameter_value(parameter, value)
    except BadInput:
        return default_setting(parameter)
    return setting if value == setting.value else replace(setting, value=value)


def fit_features(features: Features, model: Model) -> Features:
    """Return the features without those that the model's schema does not document."""
    usual = DEFAULT_FEATURES
    left_out = {name: getattr(usual, name) for name in _DOCUMENTED_FEATURES if not model.takes(name)}
    if not model.takes("stream"):
        left_out["stream"] = False
    if model.takes(MESSAGES) and not model.takes(PROMPT):
        left_out["form"] = InputForm.MESSAGES
    return replace(features, **left_out)


def advance_seeds(model: Model, parameters: Mapping[str, Scalar], repetition: int) -> Mapping[str, Scalar]:
    """Return the parameters for that repetition (from 0): its number is added to a seed that is sent.

    With one seed for all, every answer would be the same. After the largest seed comes the smallest.
    """
    advanced = dict(parameters)
    for parameter in model.parameters:
        value = as_number(advanced.get(parameter.name))
        if not parameter.is_seed or value is None:
            continue
        smallest = int(parameter.minimum)
        offset = int(value) - smallest + repetition
        if parameter.maximum is not None:
            offset %= int(parameter.maximum) - smallest + 1
        advanced[parameter.name] = parameter.cast(smallest + offset)
    return advanced
