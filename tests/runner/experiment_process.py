"""The work of a process that runs an experiment until it is done or killed."""

from __future__ import annotations

from lib.api.backend import Backend, Secret
from lib.api.client import WorkersAI
from lib.runner.experiment_run import ExperimentRun
from lib.store.store import Store
from tests.killable_process import Report
from tests.runner.run_fixtures import OWNER
from tests.sample_values import ACCOUNT, TOKEN


def run_experiment(report: Report, database: str, url: str, run: str, billed: bool) -> None:
    """Run it; report when it has begun, and its state at the end."""
    store = Store(database)
    saved = store.runs.load(OWNER, run)
    assert saved is not None
    batch = ExperimentRun(WorkersAI(), store, OWNER, saved, store.cells.load(OWNER, run))
    batch.start(Backend("test", url, ACCOUNT, Secret(TOKEN), billed=billed))
    report("begun", None)
    while batch.is_working:
        batch.join(60)
    report("ended", batch.state)
