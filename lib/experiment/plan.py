"""Plan: what an experiment asks, as values. Its cells are counted, never listed whole."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from lib.experiment.checks.check_kinds import Check
from lib.experiment.inputs.input_table import Inputs
from lib.model.model_record import Number
from lib.model.settings import Settings


@dataclass(frozen=True)
class PromptVersion:
    """One wording that is tried. Both texts are templates with ``{{variables}}``; ``system`` may be empty."""

    name: str
    system: str
    user: str


@dataclass(frozen=True)
class Axis:
    """A parameter that is swept, and the values that it takes; None is one of them where it is not sent."""

    name: str
    values: tuple[Number | None, ...]


@dataclass(frozen=True)
class Variant:
    """One way to ask: its settings, and the name that it is shown by. ``system`` takes the place of the prompt's."""

    name: str
    settings: Settings
    system: str | None = None


@dataclass(frozen=True)
class Limits:
    """What a run may take. ``dollars`` and ``requests`` are budgets, None for none; ``per_minute`` is the pace."""

    dollars: Decimal | None = None
    requests: int | None = None
    per_minute: int = 300
    concurrency: int = 8
    attempts: int = 3


@dataclass(frozen=True)
class Plan:
    """All that an experiment asks and how it is judged.

    The ways to ask are the grid of the ``axes`` over ``base``, or, where there are any, the ``variants`` (presets).
    """

    prompts: tuple[PromptVersion, ...]
    inputs: Inputs
    base: Settings
    axes: tuple[Axis, ...] = ()
    variants: tuple[Variant, ...] = ()
    repetitions: int = 1
    checks: tuple[Check, ...] = ()
    limits: Limits = Limits()


@dataclass(frozen=True)
class Cell:
    """One request of the grid, by the numbers (from 0) of what it is made of; ``number`` is its place in the run."""

    number: int
    prompt: int
    row: int
    variant: int
    repetition: int
