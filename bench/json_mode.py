"""Measure how often the twin's answers in JSON mode fit their schema. ``python -m bench.json_mode [schemas]``

The default is 200 random schemas: objects with nested objects, lists, enums, numbers with bounds, patterns, and some
required properties. Every answer is validated with jsonschema; failures are counted by their reason. The speed of
the engine is compared with that of plain text of the same prompts.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import time
from collections import Counter
from dataclasses import replace
from enum import Enum
from typing import Any

import httpx
import jsonschema

from lib.twin import json_mode, user_schema, weights
from lib.twin.engine import Engine
from lib.twin.generation import EndPiece, GenerationJob, TextPiece
from tests.twin.conftest import TOKEN, end_twin, start_ready_twin

MODEL = "@cf/meta/llama-3.2-1b-instruct"
TOKENS = 200
WORDS = ["name", "age", "city", "price", "colour", "tags", "owner", "size", "note", "count", "kind", "open"]


class JsonModeOutcome(Enum):
    """The result of one request."""

    VALID = "parses and validates"
    INVALID = "success, but not valid"
    CUT_OFF = "5024: cut off at max_tokens"
    NOT_MET = "5024: ended by itself, not valid"
    REFUSED = "another refusal"


def random_schema(chance: random.Random, depth: int = 0) -> dict[str, Any]:
    """Return a random schema: an object at depth 0, below it any kind of value, with fewer objects and lists."""
    kinds = ["string", "string", "integer", "number", "boolean", "enum", "null or"]
    kind = "object" if not depth else chance.choice(kinds + ["object", "array"] * (3 - depth))
    match kind:
        case "object":
            names = chance.sample(WORDS, chance.randint(1, 5 - depth))
            properties = {name: random_schema(chance, depth + 1) for name in names}
            made: dict[str, Any] = {"type": "object", "properties": properties}
            made["required"] = chance.sample(names, chance.randint(0, len(names)))
            return made | ({"additionalProperties": False} if chance.random() < 0.4 else {})
        case "array":
            made = {"type": "array", "items": random_schema(chance, depth + 1)}
            made |= {"minItems": chance.randint(0, 2)} if chance.random() < 0.5 else {}
            return made | ({"maxItems": chance.randint(2, 4)} if chance.random() < 0.5 else {})
        case "string":
            bounds = [{}, {"maxLength": chance.randint(5, 40)}, {"minLength": 3}, {"format": "date"}]
            return {"type": "string", **chance.choice([*bounds, {"pattern": "^[A-Z]{2}[0-9]{3}$"}])}
        case "integer" | "number":
            low = chance.randint(-50, 500)
            bounds = [
                {},
                {"minimum": low},
                {"exclusiveMinimum": low, "maximum": low + chance.randint(2, 900)},
            ]
            return {"type": kind, **chance.choice([*bounds, {"minimum": low / 4, "maximum": low / 4 + 7}])}
        case "enum":
            return {"enum": chance.sample(["red", "green", "blue", 1, 2.5, True, None], 3)}
        case "boolean":
            return {"type": "boolean"}
        case _:
            return {"anyOf": [{"type": "null"}, {"type": "string", "maxLength": 30}]}


def request_outcome(client: httpx.Client, url: str, schema: dict[str, Any], seed: int) -> JsonModeOutcome:
    """Send one request and return its outcome."""
    response_format = {"type": "json_schema", "json_schema": schema}
    body = {"prompt": "Invent an example.", "seed": seed + 1, "max_tokens": TOKENS}
    response = client.post(url, json={**body, "response_format": response_format})
    answer = response.json()
    if answer["success"]:
        valid = jsonschema.Draft202012Validator(schema).is_valid(answer["result"]["response"])
        return JsonModeOutcome.VALID if valid else JsonModeOutcome.INVALID
    if answer["errors"][0]["code"] != 5024:
        return JsonModeOutcome.REFUSED
    # The error does not tell the reason. With more tokens, an answer that was cut off ends by itself.
    longer = client.post(
        url, json={**body, "max_tokens": 6 * TOKENS, "response_format": response_format}
    ).json()
    return JsonModeOutcome.CUT_OFF if longer["success"] else JsonModeOutcome.NOT_MET


def count_outcomes(count: int) -> Counter[JsonModeOutcome]:
    """Ask a twin of its own for answers to this many schemas."""
    outcomes: Counter[JsonModeOutcome] = Counter()
    twin, ready = start_ready_twin()
    try:
        url = f"{ready['base_url']}/accounts/{ready['account_id']}/ai/run/{MODEL}"
        headers = {"authorization": f"Bearer {TOKEN}"}
        with httpx.Client(headers=headers, timeout=300, trust_env=False) as client:
            for seed in range(count):
                outcomes[request_outcome(client, url, random_schema(random.Random(seed)), seed)] += 1
                # A busy machine takes minutes.
                if seed % 20 == 19:
                    print(f"{seed + 1}: { ({kind.name: n for kind, n in outcomes.items()}) }", flush=True)
    finally:
        end_twin(twin)
    return outcomes


async def cpu_per_token(engine: Engine, job: GenerationJob) -> tuple[int, float]:
    """Return the tokens of an answer, and the CPU seconds of each after the first."""
    first = 0.0
    async for piece in engine.generate(job):
        if isinstance(piece, TextPiece):
            first = first or time.process_time()
        elif isinstance(piece, EndPiece):
            tokens = piece.completion_tokens
            return tokens, (time.process_time() - first) / max(1, tokens - 1)
    raise AssertionError


async def measure_speed(engine: Engine, count: int) -> None:
    """Compare JSON answers with plain text of the same prompt and length.

    By CPU time, because other processes disturb it less than the wall clock.
    """
    ratios = []
    for seed in range(count):
        schema = user_schema.read_schema(random_schema(random.Random(seed)), "/")
        instructions = json_mode.json_instructions(schema)
        messages = (("system", instructions), ("user", "Invent an example."))
        plain = GenerationJob(max_tokens=TOKENS, temperature=0.6, seed=seed + 1, messages=messages)
        json_job = replace(plain, json_schema=json_mode.narrow_schema(schema, 2 * TOKENS))
        tokens, json_seconds = await cpu_per_token(engine, json_job)
        plain_tokens, plain_seconds = await cpu_per_token(engine, replace(plain, max_tokens=tokens))
        # Short answers say more about the clock.
        if min(tokens, plain_tokens) >= 20:
            ratios.append(json_seconds / plain_seconds)
    print(
        f"CPU time per token, JSON ÷ plain: median {statistics.median(ratios):.3f} of {len(ratios)} answers"
    )


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    begun = time.monotonic()
    outcomes = count_outcomes(count)
    print(f"{count} schemas, max_tokens {TOKENS}, {time.monotonic() - begun:.0f} s")
    for kind in JsonModeOutcome:
        print(f"  {outcomes[kind]:4}  {kind.value}")
    ended = count - outcomes[JsonModeOutcome.CUT_OFF]
    share = outcomes[JsonModeOutcome.VALID] / max(1, ended)
    print(f"of those that ended by themselves: {share:.1%} parse and validate")
    engine = Engine(weights.ensure_weights(), slots=1, threads=1, context=4096)
    try:
        asyncio.run(measure_speed(engine, min(count, 40)))
    finally:
        engine.close()


if __name__ == "__main__":
    main()
