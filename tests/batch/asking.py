"""A process that runs a batch until it is killed or done: ``python -m tests.batch.asking DATABASE URL RUN``."""

from __future__ import annotations

import sys

from lib.backend import Backend, Secret
from lib.batch.batch import Batch
from lib.client import WorkersAI
from lib.store import Store
from tests.batch.given import MODEL, OWNER
from tests.given import ACCOUNT, TOKEN


def main(database: str, url: str, run: str, billed: bool) -> None:
    """Says so once it has begun, and once it is done."""
    store = Store(database)
    saved = store.run(OWNER, run)
    assert saved is not None
    batch = Batch(WorkersAI(), store, MODEL, OWNER, saved, store.cells(OWNER, run))
    batch.start(Backend("test", url, ACCOUNT, Secret(TOKEN), billed=billed))
    print("begun", flush=True)
    while batch.at_work:
        batch.join(60)
    print(batch.state.value, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4], billed=sys.argv[4] == "billed")
