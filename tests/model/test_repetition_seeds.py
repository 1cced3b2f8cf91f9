"""The seeds of a request's repetitions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lib.model.model_record import Model, Number, default_model
from lib.model.settings import advance_seeds

MODEL = default_model()
SEED = next(parameter for parameter in MODEL.parameters if parameter.is_seed)


@pytest.mark.parametrize(
    ("minimum", "maximum", "seed", "repetition", "expected"),
    [
        (0, 9, 7, 0, 7),
        (0, 9, 7, 2, 9),
        (0, 9, 7, 3, 0),
        (1, 9, 9, 1, 1),
        (1, 9, 9, 10, 1),
        (1, None, 9, 10, 19),
    ],
)
def test_advance_seeds(
    minimum: float, maximum: float | None, seed: int, repetition: int, expected: int
) -> None:
    parameters: dict[str, Number] = {SEED.name: seed, "top_k": 5}
    advanced = advance_seeds(bounded_model(minimum, maximum), parameters, repetition)
    assert advanced == {SEED.name: expected, "top_k": 5}
    assert parameters[SEED.name] == seed, "the given parameters stay as they are"


def bounded_model(minimum: float, maximum: float | None) -> Model:
    """Return the model with a seed between those two."""
    bounded = replace(SEED, minimum=minimum, maximum=maximum)
    return replace(MODEL, parameters=(bounded,))


def test_without_a_seed_nothing_changes() -> None:
    assert advance_seeds(MODEL, {"top_k": 5}, 3) == {"top_k": 5}
