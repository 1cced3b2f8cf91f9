"""Kill a process that runs an experiment with SIGKILL at random moments, and count what the server was asked."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, replace

from lib.experiment.results.cell_result import Status
from lib.runner.progress import RunState
from lib.runner.worker import worker_count
from lib.store.store import Store
from tests.killable_process import KillableProcess
from tests.runner import fake_cloud, run_fixtures
from tests.runner.experiment_process import run_experiment
from tests.runner.fake_cloud import FakeCloudProcess
from tests.sample_values import make_backend
from tests.waiting import wait_until

# So many cells are asked before each kill that asking all of them again exceeds ``max_repeated`` by far.
MIN_ASKED_BEFORE_KILL = 3 * worker_count(run_fixtures.QUICK_LIMITS)


@dataclass(frozen=True)
class KillOutcome:
    """Counts after a run to its end: kills, cells in doubt or without a result, repeated and uncounted requests."""

    kills: int
    doubtful: int
    repeated: int
    missing: int
    forgotten: int

    @property
    def max_repeated(self) -> int:
        """Requests that may be repeated in a free run: one for each worker and kill."""
        return self.kills * worker_count(run_fixtures.QUICK_LIMITS)


def run_with_kills(
    database: str,
    cells: int,
    kills: int,
    *,
    billed: bool,
    seed: int,
    wait: tuple[float, float],
    delay: float = 0.03,
) -> KillOutcome:
    """Run that many cells to the end, with at most that many kills on the way.

    A kill comes ``wait`` seconds (from, to) after MIN_ASKED_BEFORE_KILL requests.
    """
    chance = random.Random(seed)
    store = Store(database)
    limits = replace(run_fixtures.QUICK_LIMITS, per_minute=20_000)
    run = run_fixtures.new_run(store, run_fixtures.numbers_plan(cells, limits))
    with fake_cloud.run_fake_cloud((delay / 2, delay * 1.5)) as server:
        kills_done = 0
        while True:
            asked_before = count_requests(server)
            with KillableProcess(run_experiment, database, server.url, run.id, billed) as process:
                if kills_done < kills:
                    while (
                        count_requests(server) < asked_before + MIN_ASKED_BEFORE_KILL and process.is_running
                    ):
                        time.sleep(0.01)
                    time.sleep(chance.uniform(*wait))
                    if process.is_running:
                        process.kill()
                        kills_done += 1
                        continue
                wait_until(lambda: process.last("ended") is RunState.DONE, run_fixtures.PATIENCE)
                break
        # Cells in doubt are asked again below, so the requests are counted before that.
        bill = server.bill()
        repeated = sum(times - 1 for times in bill.asked.values())
        results = [stored.result for stored in store.cells.load(run_fixtures.OWNER, run.id)]
        latest = {result.cell.number: result for result in results}
        doubtful = sum(result.status is Status.DOUBTFUL for result in latest.values())
        answered = sum(result.status is Status.ANSWERED for result in latest.values())
        missing = cells - answered - doubtful
        forgotten = max(bill.requests - sum(result.requests for result in latest.values()), 0)
        if billed and doubtful:
            reloaded = run_fixtures.reload_run(store, run)
            reloaded.retry_unfinished(replace(make_backend(server.url), billed=True))
            reloaded.join(60)
            missing += cells - reloaded.progress().answered
    store.close()
    return KillOutcome(kills_done, doubtful, repeated, missing, forgotten)


def count_requests(server: FakeCloudProcess) -> int:
    return sum(server.bill().asked.values())
