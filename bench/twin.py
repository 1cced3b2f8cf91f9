"""Measure the twin's overhead over its engine, and how fast a Stop frees a slot. ``python bench/twin.py``

(a) From the engine's callback to the line at the client, on one monotonic clock.
(b) From a disconnect to the free slot, while text is generated and while a long prompt is being read.
(c) Tokens per second through the twin, as a ratio to the engine alone in the same minute: one answer, four at once.
(d) The first token of a conversation's turn 20, as a ratio to turn 2, with a seed; the prompt tokens that it reads.
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
from concurrent.futures import ThreadPoolExecutor
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
ANSWERS, TURNS = 4, 20


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


async def measure_engine_together(engine: Engine) -> float:
    """Return the tokens per second of four answers of the engine at once, from the start to the last token."""

    async def count(seed: int) -> int:
        job = GenerationJob(messages=(("user", PROMPT),), max_tokens=TOKENS, temperature=0.6, seed=seed)
        ends = [piece async for piece in engine.generate(job) if isinstance(piece, EndPiece)]
        return ends[0].completion_tokens

    start = time.monotonic()
    counts = await asyncio.gather(*(count(seed) for seed in range(1, ANSWERS + 1)))
    return sum(counts) / (time.monotonic() - start)


def measure_together(client: httpx.Client, url: str) -> float:
    """Return the tokens per second of four answers of the twin at once, from the start to the last token."""

    def count(seed: int) -> int:
        body = {"prompt": PROMPT, "seed": seed, "max_tokens": TOKENS}
        return int(client.post(url, json=body).json()["result"]["usage"]["completion_tokens"])

    start = time.monotonic()
    with ThreadPoolExecutor(ANSWERS) as pool:
        return sum(pool.map(count, range(1, ANSWERS + 1))) / (time.monotonic() - start)


def measure_turns(client: httpx.Client, url: str) -> tuple[list[float], int, int]:
    """Return the seconds to the first token of each turn, and the last turn's prompt tokens, all and those read."""
    messages, seconds, usage = [], [], {}
    for turn in range(1, TURNS + 1):
        messages.append({"role": "user", "content": f"Question {turn}: what do you know about horses?"})
        start, first, text = time.monotonic(), 0.0, ""
        body = {"messages": messages, "max_tokens": 30, "stream": True, "seed": turn}
        with client.stream("POST", url, json=body) as response:
            for line in response.iter_lines():
                if line.startswith("data: {"):
                    first = first or time.monotonic() - start
                    event = json.loads(line[6:])
                    text, usage = text + event["response"], event.get("usage", usage)
        messages.append({"role": "assistant", "content": text})
        seconds.append(first)
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    return seconds, usage["prompt_tokens"], usage["prompt_tokens"] - cached


def measure_stops(
    client: httpx.Client, url: str, slots: str, body: dict[str, Any], wait: float
) -> list[float]:
    """Return the seconds from a disconnect until no slot is taken, 40 times."""
    took = []
    for turn in range(40):
        # A prompt of its own, so that nothing of it comes from the cache.
        body = {**body, "prompt": f"{turn} {body['prompt']}"}
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
    engine = Engine(path, slots=ANSWERS, threads=threads, context=8192)
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
        ratios = []
        for _ in range(5):
            through, alone = measure_together(client, url), asyncio.run(measure_engine_together(engine))
            ratios.append(through / alone)
            print(f"    {ANSWERS} at once: through the twin {through:.1f} tokens/s, engine alone {alone:.1f}")
        print(f"(c) {ANSWERS} at once, twin ÷ engine alone: median {statistics.median(ratios):.3f}")
        ratios = []
        for _ in range(3):
            seconds, prompt_tokens, read_tokens = measure_turns(client, url)
            ratios.append(seconds[-1] / seconds[1])
            print(f"    first token: turn 2 {seconds[1]:.2f} s, turn {TURNS} {seconds[-1]:.2f} s")
            print(f"    turn {TURNS} has {prompt_tokens} prompt tokens, of which {read_tokens} were read")
        print(f"(d) first token of turn {TURNS} ÷ turn 2: median {statistics.median(ratios):.2f}")
    engine.close()
    process.stdin.close()
    process.wait(10)


if __name__ == "__main__":
    if "BENCH_LOG" in os.environ:
        os._exit(serve(os.environ["BENCH_LOG"]))
    main()
