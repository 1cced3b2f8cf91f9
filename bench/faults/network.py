"""Put a faulty network between Paddock's clients and a server, and print what becomes of the requests.

Run ``python -m bench.faults.network --faults 2100 --seed 1``: refused, reset, closed, silent and dropped connections,
unknown names, certificates that are wrong or expired, proxies that refuse, cut or want a password, and a clock that
jumps. Each has to end in the right text or in the error of its kind, in the chat's and the experiment's client, and a
request that arrived has to count as sent. Exit status 1 otherwise.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time

from tests.faults.network_faults import run_network_faults
from tests.faults.wire_faults import print_counts


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--faults", type=int, default=210)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    begun, threads = time.monotonic(), threading.active_count()
    counts = run_network_faults(arguments.faults, arguments.seed)
    print(f"seed {arguments.seed}")
    print_counts(counts)
    print(
        f"{time.monotonic() - begun:.0f} s, {time.process_time():.0f} s of CPU, "
        f"{threading.active_count() - threads} threads left"
    )
    return int(any(of.failures for of in counts.values()))


if __name__ == "__main__":
    sys.exit(main())
