"""Send damaged replies to the chat's and the experiment's client, and print what becomes of them.

Run ``python -m bench.faults.wire --streams 10000 --seed 1``. It prints a row of docs/reliability.md for each client,
and exits with status 1 unless each reply ends in the right text or in a typed error.
"""

from __future__ import annotations

import argparse
import resource
import sys
import threading
import time

from tests.faults.wire_faults import run_wire_faults


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--streams", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    begun, threads = time.monotonic(), threading.active_count()
    counts = run_wire_faults(arguments.streams, arguments.seed)
    print(f"seed {arguments.seed}")
    print("client      tried  right  typed errors  lost  crashed  hung")
    for client, of in counts.items():
        print(f"{client:10} {of.tried:6} {of.right:6} {of.errors:13} {of.lost:5} {of.crashed:8} {of.hung:5}")
        print(f"           {of.error_classes}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{time.monotonic() - begun:.0f} s, {time.process_time():.0f} s of CPU, peak {memory} MB, "
        f"{threading.active_count() - threads} threads left"
    )
    failures = [failure for of in counts.values() for failure in of.failures]
    print("\n".join(failures[:20]))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
