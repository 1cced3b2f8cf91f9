"""Kill -9 of a process that runs a batch, at moments of chance, and what the server has on its bill then."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace

from lib.experiment.results.cell_result import Status
from lib.store import Store
from tests.runner import fake_cloud, run_fixtures
from tests.sample_values import make_backend


@dataclass(frozen=True)
class KillOutcome:
    """What came of it: kills, cells in doubt, and what must be none: cells asked twice, cells missing."""

    kills: int
    doubtful: int
    twice: int
    missing: int


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
    """Run so many cells, with so many kills on the way, then to the end."""
    chance = random.Random(seed)
    store = Store(database)
    batch = run_fixtures.new_run(
        store, run_fixtures.numbers_plan(cells, replace(run_fixtures.QUICK_LIMITS, per_minute=20_000))
    )
    with fake_cloud.run_fake_cloud((delay / 2, delay * 1.5)) as server:
        command = [sys.executable, "-m", "tests.runner.experiment_process", database, server.url, batch.id]
        command.append("billed" if billed else "free")
        done, before = 0, 0
        while True:
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                assert process.stdout.readline() == "begun\n"
                if done < kills:
                    while sum(server.bill().asked.values()) == before:  # a slow machine has not begun yet
                        time.sleep(0.01)
                    time.sleep(chance.uniform(*wait))
                    process.kill()
                    process.wait()
                    done, before = done + 1, sum(server.bill().asked.values())
                elif process.stdout.readline() == "done\n":
                    break
        bill = server.bill()
        latest = {one.cell.number: one for one in store.results(run_fixtures.OWNER, batch.id)}
        doubtful = {number for number, one in latest.items() if one.status is Status.DOUBTFUL}
        answered = {number for number, one in latest.items() if one.status is Status.ANSWERED}
        if billed:  # nobody may have been asked twice but by his wish
            repeated = Counter(bill.asked) - Counter(dict.fromkeys(bill.asked, 1))
        else:  # those that were on their way alone
            repeated = Counter({cell: times - 1 - kills for cell, times in bill.asked.items()})
            repeated = +repeated
        missing = cells - len(answered) - len(doubtful)
        if billed and doubtful:
            again = run_fixtures.reload_run(store, batch)
            again.retry_unfinished(replace(make_backend(server.url), billed=True))
            again.join(60)
            missing += cells - again.progress().answered
    store.close()
    return KillOutcome(kills, len(doubtful), sum(repeated.values()), missing)
