"""Give each repetition of a request its own seed: with one seed for all, every answer would be the same."""

from __future__ import annotations

from collections.abc import Mapping

from lib.model.model_record import Model, Number


def advance_seeds(model: Model, parameters: Mapping[str, Number], repetition: int) -> Mapping[str, Number]:
    """Return the parameters for that repetition (from 0): its number is added to a seed that is sent.

    After the largest seed comes the smallest.
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
