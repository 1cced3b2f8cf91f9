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

from tests.faults.wire_faults import print_counts, run_wire_faults


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
    print_counts(counts)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{time.monotonic() - begun:.0f} s, {time.process_time():.0f} s of CPU, peak {memory} MB, "
        f"{threading.active_count() - threads} threads left"
    )
    return int(any(of.failures for of in counts.values()))


if __name__ == "__main__":
    sys.exit(main())
