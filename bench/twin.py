"""Measure the twin's overhead over its engine, and how fast a Stop frees a slot. ``python bench/twin.py``

(a) From the engine's callback to the line at the client, on one monotonic clock.
(b) From a disconnect to the free slot, while text is generated and while a long prompt is being read.
(c) Tokens per second through the twin, as a ratio to the engine alone in the same minute.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lib.model.model_record import default_model
from lib.twin import weights
from lib.twin.engine import Engine, _Generation
from lib.twin.generation import EndPiece, GenerationJob, TextPiece

TOKEN = "bench-token_0123456789-0123456789-012345"
ACCOUNT = "b" * 32
PROMPT = "Write a long story about a fox and a river."
TOKENS = 200


def serve(log: str) -> int:
    """Run a twin whose engine logs the time of each piece of text."""
    from lib.twin.__main__ import main

    original = Engine.on_chunk
    with open(log, "w", buffering=1) as file:

        def log_chunk(self: Engine, generation: _Generation, chunk: bytes) -> bool:
            now = time.monotonic_ns()
            choice = (json.loads(chunk).get("choices") or [{}])[0]
            if choice.get("text") or (choice.get("delta") or {}).get("content"):
                file.write(f"{now}\n")
            return original(self, generation, chunk)

        Engine.on_chunk = log_chunk  # type: ignore[method-assign]
        return main()


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measure_stream(client: httpx.Client, url: str, **body: Any) -> tuple[list[int], float]:
    """Return the arrival time of each text event (ns), and the tokens per second after the first."""
    arrivals, usage = [], {}
    with client.stream("POST", url, json={"prompt": PROMPT, "stream": True, "seed": 1, **body}) as response:
        for line in response.iter_lines():
            now = time.monotonic_ns()
            if line.startswith('data: {"response":""'):
                usage = json.loads(line[6:])["usage"]
            elif line.startswith("data: {"):
                arrivals.append(now)
    return arrivals, (usage["completion_tokens"] - 1) / ((arrivals[-1] - arrivals[0]) / 1e9)


async def measure_engine(engine: Engine) -> float:
    """Return the tokens per second of the engine in this process, without HTTP."""
    first = last = 0.0
    job = GenerationJob(messages=(("user", PROMPT),), max_tokens=TOKENS, temperature=0.6, seed=1)
    async for piece in engine.generate(job):
        if isinstance(piece, TextPiece):
            last = time.monotonic()
            first = first or last
        elif isinstance(piece, EndPiece):
            return (piece.completion_tokens - 1) / (last - first)
    return 0.0


def measure_stops(
    client: httpx.Client, url: str, slots: str, body: dict[str, Any], wait: float
) -> list[float]:
    """Return the seconds from a disconnect until no slot is taken, 40 times."""
    took = []
    for turn in range(40):
        # With a seed, nothing of the prompt comes from the cache.
        body = {**body, "seed": turn + 1}
        with httpx.Client(headers=client.headers, timeout=60, trust_env=False) as other:
            # Before the first token, a timeout disconnects.
            if wait:
                with suppress(httpx.ReadTimeout):
                    other.post(url, json={**body, "stream": True}, timeout=httpx.Timeout(60, read=wait))
                    sys.exit("the prompt was read too soon")
                start = time.monotonic()
            else:
                with other.stream("POST", url, json={**body, "stream": True}) as response:
                    lines = response.iter_lines()
                    for _ in range(10):
                        next(lines)
                start = time.monotonic()
        while client.get(slots).json()["result"]["running"]:
            time.sleep(0.002)
        took.append(time.monotonic() - start)
    return took


def main() -> None:
    path, model = weights.ensure_weights(), default_model()
    log = Path(tempfile.mkdtemp()) / "callbacks"
    process = subprocess.Popen(
        [sys.executable, __file__, "--supervised", "--port", "0", "--account", ACCOUNT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PADDOCK_TWIN_TOKEN": TOKEN, "BENCH_LOG": str(log)},
        text=True,
    )
    assert process.stdin
    assert process.stdout
    ready = next(state for state in map(json.loads, process.stdout) if state["state"] in ("ready", "failed"))
    root = f"{ready['base_url']}/accounts/{ACCOUNT}/ai"
    url, slots = f"{root}/run/{model.id}", f"{root}/paddock/slots"
    threads = max(1, (os.cpu_count() or 2) - 1)
    engine = Engine(path, slots=1, threads=threads, context=8192)
    print(f"{os.cpu_count()} cores, {threads} engine threads, load {os.getloadavg()[0]:.1f}")
    with httpx.Client(headers={"authorization": f"Bearer {TOKEN}"}, timeout=120, trust_env=False) as client:
        measure_stream(client, url, max_tokens=20)
        delays: list[float] = []
        ratios: list[float] = []
        for _ in range(6):
            before = len(log.read_text().splitlines())
            arrivals, through = measure_stream(client, url, max_tokens=TOKENS)
            left = [int(line) for line in log.read_text().splitlines()[before:]]
            assert len(left) == len(arrivals), (len(left), len(arrivals))
            delays += [(came - went) / 1e6 for went, came in zip(left, arrivals, strict=True)]
            alone = asyncio.run(measure_engine(engine))
            ratios.append(through / alone)
            print(f"    through the twin {through:.1f} tokens/s, engine alone {alone:.1f}")
        p50, p95 = statistics.median(delays), percentile(delays, 0.95)
        print(f"(a) callback → client line: median {p50:.2f} ms, p95 {p95:.2f} ms ({len(delays)} events)")
        long = {"prompt": "a" + " a" * 5000, "raw": True}
        for name, body, wait in (
            ("while writing", {"prompt": PROMPT, "max_tokens": 2000}, 0.0),
            ("while reading a 5,000-token prompt", long, 0.5),
        ):
            took = measure_stops(client, url, slots, body, wait)
            p50, p95 = statistics.median(took), percentile(took, 0.95)
            print(f"(b) Stop → slot free, {name}: p50 {p50:.3f} s, p95 {p95:.3f} s, worst {max(took):.3f} s")
        print(f"(c) tokens/s through the twin ÷ engine alone: median {statistics.median(ratios):.3f}")
    engine.close()
    process.stdin.close()
    process.wait(10)


if __name__ == "__main__":
    if "BENCH_LOG" in os.environ:
        os._exit(serve(os.environ["BENCH_LOG"]))
    main()
