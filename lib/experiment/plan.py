"""The plan of an experiment, as values: prompts, inputs, settings, checks and limits."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from lib.experiment.checks.check_kinds import Check
from lib.experiment.inputs.input_table import Inputs
from lib.model.model_record import Number
from lib.model.settings import Settings


@dataclass(frozen=True)
class PromptVersion:
    """A wording of the prompt. Both texts are templates with ``{{variables}}``; ``system`` may be empty."""

    name: str
    system: str
    user: str


@dataclass(frozen=True)
class Axis:
    """A swept parameter and its values; None means that the parameter is not sent."""

    name: str
    values: tuple[Number | None, ...]


@dataclass(frozen=True)
class Variant:
    """Named settings to try. ``system``, unless None, replaces the prompt's system prompt."""

    name: str
    settings: Settings
    system: str | None = None


@dataclass(frozen=True)
class Limits:
    """Limits of a run. ``dollars`` and ``requests`` are budgets (None: none); ``attempts`` count the first try."""

    dollars: Decimal | None = None
    requests: int | None = None
    per_minute: int = 300
    concurrency: int = 8
    attempts: int = 3


@dataclass(frozen=True)
class Plan:
    """Everything an experiment asks, and how the answers are judged.

    Settings are varied by ``axes``, as a grid over ``base``, or by ``variants`` (presets); with ``variants``
    the axes are ignored. Each of the ``models`` (their IDs) is asked with all of these settings; without any, the
    settings name the model.
    """

    prompts: tuple[PromptVersion, ...]
    inputs: Inputs
    base: Settings
    axes: tuple[Axis, ...] = ()
    variants: tuple[Variant, ...] = ()
    repetitions: int = 1
    checks: tuple[Check, ...] = ()
    limits: Limits = Limits()
    models: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """A request of the grid. The fields are indexes, from 0; ``number`` is its place in the run."""

    number: int
    prompt: int
    row: int
    variant: int
    repetition: int
