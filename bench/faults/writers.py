"""Let servers on one database change one conversation in random order, and print what is lost.

Run ``python -m bench.faults.writers --interleavings 2000 --seed 1``. Two or three servers send, edit, delete, branch,
save, reload and restart in an order that the seed makes. Then all messages that no user deleted must be stored, and
every server must show the same messages. ``--postgresql`` starts a PostgreSQL server for it instead of SQLite. It
prints a row of docs/reliability.md, and exits with status 1 if anything was lost.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time

from tests.faults.writer_faults import run_writer_faults
from tests.store.postgres_server import PostgresServer


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--interleavings", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgresql", action="store_true")
    arguments = parser.parse_args()
    begun = time.monotonic()
    with contextlib.ExitStack() as stack:
        if arguments.postgresql:
            server = PostgresServer()
            stack.callback(server.remove)
            url = server.database()
        else:
            url = f"sqlite:///{stack.enter_context(tempfile.TemporaryDirectory())}/paddock.sqlite3"
        counts = run_writer_faults(arguments.interleavings, arguments.seed, url)
    print(f"seed {arguments.seed}, {'PostgreSQL' if arguments.postgresql else 'SQLite'}")
    print("tried  survived  lost  disagreed")
    print(f"{counts.tried:5} {counts.survived:9} {counts.lost:5} {counts.disagreed:10}")
    print(f"{time.monotonic() - begun:.0f} s, {time.process_time():.0f} s of CPU")
    print(*counts.failures[:20], sep="\n")
    return 1 if counts.failures else 0


if __name__ == "__main__":
    sys.exit(main())
