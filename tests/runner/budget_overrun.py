"""Run an experiment on a failing server with too small a budget, and compare the server's bill with it."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from decimal import Decimal

from lib.api.client import WorkersAI
from lib.api.transport import Timeouts
from lib.experiment.checks.check_kinds import Contains, Judge
from lib.experiment.plan import Limits
from lib.runner.progress import RunProgress, RunState
from lib.store.store import Store
from tests.runner import fake_cloud, run_fixtures
from tests.sample_values import make_backend


@dataclass(frozen=True)
class BudgetOverrun:
    """Requests and dollars on the server's bill, and the limits of the run.

    ``dollars`` are at the listed price, ``billed_dollars`` those of the neurons. ``closed`` counts connections that
    the server closed after an answer.
    """

    requests: int
    dollars: Decimal
    billed_dollars: Decimal
    limits: Limits
    progress: RunProgress
    closed: int

    @property
    def excess(self) -> tuple[int, Decimal]:
        """Requests and dollars beyond the budget; negative if some is left."""
        most_requests = self.requests if self.limits.requests is None else self.limits.requests
        most_dollars = self.billed_dollars if self.limits.dollars is None else self.limits.dollars
        return self.requests - most_requests, self.billed_dollars - most_dollars

    @property
    def understated(self) -> Decimal:
        """Dollars on the bill that Paddock does not count; never above 0."""
        return self.dollars - self.progress.dollars - self.progress.uncertain


def measure_overrun(database: str, cells: int, seed: int) -> BudgetOverrun:
    """Run with a random budget of requests, dollars or both, and pause and resume on the way."""
    chance = random.Random(seed)
    dollars = Decimal(chance.randint(5, 60)) / 10_000
    requests = chance.randint(cells // 4, cells)
    kind = seed % 3
    limits = Limits(
        None if kind == 1 else dollars, None if kind == 0 else requests, 100_000, chance.choice([4, 16, 32])
    )
    checks = (Contains("Answer"), Judge("Is it right?")) if chance.random() < 0.5 else ()
    store = Store(database)
    run = run_fixtures.new_run(
        store, run_fixtures.numbers_plan(cells, limits, checks), WorkersAI(Timeouts(5, 10, 10))
    )
    with fake_cloud.run_fake_cloud((0.0, 0.04), trouble=0.3, seed=seed) as server:
        billed_backend = replace(make_backend(server.url), billed=True)
        run.start(billed_backend)
        run.join(chance.uniform(0.1, 0.4))
        run.pause()
        run.join(60)
        for _ in range(20):  # a run that paused by itself is resumed, as a user would
            if run.state in (RunState.BUDGET, RunState.DONE):
                break
            run.start(billed_backend)
            run.join(120)
        bill = server.bill()
    store.close()
    return BudgetOverrun(
        bill.requests,
        bill.dollars(run_fixtures.MODEL.price),
        bill.billed_dollars(run_fixtures.MODEL.price),
        limits,
        run.progress(),
        bill.closed,
    )
