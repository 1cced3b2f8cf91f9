"""Run an experiment until killed or done: ``python -m tests.runner.experiment_process DATABASE URL RUN KIND``."""

from __future__ import annotations

import sys

from lib.api.backend import Backend, Secret
from lib.api.client import WorkersAI
from lib.runner.experiment_run import ExperimentRun
from lib.store.store import Store
from tests.runner.run_fixtures import MODEL, OWNER
from tests.sample_values import ACCOUNT, TOKEN


def main(database: str, url: str, run: str, billed: bool) -> None:
    """Run it; print a line once it has begun, and its state at the end."""
    store = Store(database)
    saved = store.runs.load(OWNER, run)
    assert saved is not None
    batch = ExperimentRun(WorkersAI(), store, MODEL, OWNER, saved, store.cells.load(OWNER, run))
    batch.start(Backend("test", url, ACCOUNT, Secret(TOKEN), billed=billed))
    print("begun", flush=True)
    while batch.is_working:
        batch.join(60)
    print(batch.state.value, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4], billed=sys.argv[4] == "billed")
