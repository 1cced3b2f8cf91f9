"""Upload hostile files. ``python -m bench.faults.files --files 500 --seed 1``

Every file is read as an upload is, in a process of its own with the limits of the page. It has to be read, or to end
in an error of Paddock's tree, within its time and memory. A seed and a number give the same file again.
``--answers N`` compares the time of an answer to another visitor while a bomb is being read with that of one alone.
Linux: elsewhere the memory is not measured.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from lib.api.backend import backend_from_environment
from lib.api.cancellation import CancelToken
from lib.api.client import WorkersAI
from lib.errors import PaddockError
from lib.experiment.inputs.input_reader import read_input_file
from lib.files.conversation_import_export import read_conversations
from lib.files.preset_file import load_presets
from lib.files.upload_reading import ReadingLimits, UploadReading
from lib.jsonkit.file_limits import MAX_READING_MEMORY, MAX_READING_PROCESSES, MAX_READING_SECONDS
from lib.model.model_record import default_model
from tests import sample_values
from tests.files.hostile_files import FAMILIES, HostileFile, hostile_files, shared_strings
from tests.page.upstream import StreamReply, Upstream, numbered_words

# The process is ended at its limit; starting and ending it is not counted there.
GRACE_SECONDS = 3.0
MAX_RATIO = 1.5
ANSWER_TOKENS, ANSWERS_A_ROUND = 1_500, 5


def start_reading(file: HostileFile, seconds: float = MAX_READING_SECONDS) -> UploadReading:
    """Read the file as its upload control does, but always in a process."""
    model = default_model()
    calls: dict[str, tuple[Callable[..., Any], ...]] = {
        "table": (read_input_file, file.name, file.data),  # type: ignore[dict-item]
        "conversations": (read_conversations, file.data, model),  # type: ignore[dict-item]
        "presets": (load_presets, file.data, model),  # type: ignore[dict-item]
    }
    return UploadReading(*calls[file.kind], limits=ReadingLimits(seconds, read_in_place=-1))


def resident_bytes(process: int) -> int:
    """Return the process's private memory now, 0 if it has ended."""
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("RssAnon")).split()[1])
    return 0


def read(file: HostileFile, seconds: float) -> tuple[str, float, int]:
    """Read the file; return the outcome in one word, the seconds, and the most bytes of private memory."""
    most = 0
    reading = start_reading(file, seconds)
    while not reading.wait(0.02):
        if (process := reading._job._process) is not None:
            most = max(most, resident_bytes(process.pid))
        if reading.seconds > seconds + 30:
            reading.cancel()
            return "hung", reading.seconds, most
    taken = reading.seconds
    try:
        for _ in reading.values():
            pass
    except PaddockError as error:
        unexpected = ("ended without a result", "unexpected result", "damaged, or not what its name says")
        outcome = "crashed" if any(words in error.message for words in unexpected) else "refused"
        if "was stopped" in error.message:
            outcome = "stopped"
        return outcome, taken, most
    return "read", taken, most


def attack(files: int, seed: int, scale: int, seconds: float) -> int:
    """Read that many hostile files, as many at once as the page does, print the counts, and return the failures."""
    remaining = enumerate(hostile_files(seed, files, scale), 1)
    outcomes: Counter[str] = Counter()
    measured: list[tuple[float, int]] = []
    failures = 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal failures
        while True:
            with lock:
                if (entry := next(remaining, None)) is None:
                    return
            number, file = entry
            outcome, taken, memory = read(file, seconds)
            with lock:
                outcomes[outcome] += 1
                measured.append((taken, memory))
                is_over = taken > seconds + GRACE_SECONDS or memory > MAX_READING_MEMORY
                if outcome in ("crashed", "hung") or is_over:
                    failures += 1
                    megabytes = f"{memory / 1e6:.0f} MB"
                    print(
                        f"  {number}: {file.family} as {file.kind}: {outcome}, {taken:.1f} s, {megabytes}",
                        flush=True,
                    )

    with ThreadPoolExecutor(MAX_READING_PROCESSES) as pool:
        for worker in [pool.submit(work) for _ in range(MAX_READING_PROCESSES)]:
            worker.result()
    counts = ", ".join(
        f"{outcomes[name]} {name}" for name in ("read", "refused", "stopped", "crashed", "hung")
    )
    print(f"{files} hostile files of {len(FAMILIES)} families, seed {seed}: {counts}")
    most_seconds, most_bytes = (max(values) for values in zip(*measured, strict=True))
    print(f"at most {most_seconds:.1f} s and {most_bytes / 1e6:.0f} MB of memory; {failures} failures")
    return failures


def compare_answers(rounds: int, seed: int) -> float:
    """Return the ratio of an answer's median time while a bomb is read to its median time alone, taken by turns."""
    upstream, client = Upstream(), WorkersAI()
    backend = backend_from_environment(upstream.environment())
    assert backend is not None
    bomb = HostileFile("", "table", "a.xlsx", shared_strings(Random(seed), 499_999))
    text = "".join(numbered_words(count=ANSWER_TOKENS))

    def answer() -> float:
        upstream.plan_replies(StreamReply(text, rate=1e9))
        begun = time.monotonic()
        for _ in client.stream(backend, sample_values.make_request(), CancelToken()):
            pass
        return time.monotonic() - begun

    def answers() -> list[float]:
        return [answer() for _ in range(ANSWERS_A_ROUND)]

    answer()
    alone: list[float] = []
    beside: list[float] = []
    for _ in range(rounds):
        alone += answers()
        reading = start_reading(bomb)
        while not reading.seconds:
            time.sleep(0.01)
        beside += answers()
        assert not reading.is_done, "the bomb was read before the answers ended"
        reading.cancel()
        reading.wait(60)
    upstream.close()
    ratio = median(beside) / median(alone)
    print(f"an answer of {ANSWER_TOKENS} tokens takes {ratio:.2f} times as long while a file is being read,")
    print(f"medians of {len(alone)} answers alone ({median(alone):.2f} s) and as many beside it, by turns")
    return ratio


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=int, default=1_000_000, help="the most repetitions in a file")
    parser.add_argument("--seconds", type=float, default=MAX_READING_SECONDS, help="the limit on time")
    parser.add_argument("--answers", type=int, default=0, help="rounds that compare another visitor's answer")
    options = parser.parse_args()
    failures = attack(options.files, options.seed, options.scale, options.seconds) if options.files else 0
    is_slow = options.answers > 0 and compare_answers(options.answers, options.seed) > MAX_RATIO
    return int(failures > 0 or is_slow)


if __name__ == "__main__":
    sys.exit(main())
