"""Plans and runs that the tests of the runner start from."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from lib.api.client import WorkersAI
from lib.experiment.checks.check_kinds import Check, Contains
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.plan import Limits, Plan, PromptVersion
from lib.model import model_record
from lib.model.settings import Settings
from lib.runner.experiment_run import ExperimentRun, create_run
from lib.store.store import Store
from lib.store.stored_values import SavedExperiment

MODEL = model_record.default_model()
OWNER = "ann"
PATIENCE = 60.0  # seconds until a run that does not end fails its test
QUICK_LIMITS = Limits(per_minute=100_000, concurrency=8)


def wait_for_run(run: ExperimentRun) -> ExperimentRun:
    """Return the run once it has ended."""
    assert run.join(PATIENCE), run.progress()
    return run


def numbers_plan(
    rows: int,
    limits: Limits = QUICK_LIMITS,
    checks: tuple[Check, ...] = (Contains("Answer"),),
    seed: int | None = None,
) -> Plan:
    """Return a plan with a different prompt for each row."""
    settings = Settings.defaults(MODEL)
    for parameter in MODEL.parameters:
        if parameter.is_seed and seed is not None:
            settings = settings.with_value(parameter.name, seed)
    return Plan(
        prompts=(PromptVersion("A", "Be brief.", "Number {{n}}"),),
        inputs=Inputs(("n",), tuple((str(number),) for number in range(rows))),
        base=settings,
        checks=checks,
        limits=limits,
    )


def new_run(store: Store, asked: Plan, client: WorkersAI | None = None, owner: str = OWNER) -> ExperimentRun:
    """Save the plan as an experiment, and return a new run of it."""
    store.experiments.save(owner, SavedExperiment(f"x-{owner}", "Numbers", asked))
    return create_run(store, client or WorkersAI(), owner, f"x-{owner}", asked)


def reload_run(store: Store, batch: ExperimentRun) -> ExperimentRun:
    """Return the same run as a new process would load it."""
    saved = store.runs.load(batch.owner, batch.id)
    assert saved is not None
    return ExperimentRun(WorkersAI(), store, batch.owner, saved, store.cells.load(batch.owner, batch.id))


def budget_limits(dollars: str | None, requests: int | None = None) -> Limits:
    """Return limits with that budget and no other low limit."""
    return replace(QUICK_LIMITS, dollars=None if dollars is None else Decimal(dollars), requests=requests)
