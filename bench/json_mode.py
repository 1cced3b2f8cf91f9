"""How often the twin's JSON mode gives what the schema says. ``python -m bench.json_mode [schemas]``

200 generated schemas by default: object roots with nested objects, lists, enums, numbers with bounds, patterns, and
some properties required. Every answer is checked with jsonschema; the rest is told by its reason.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from enum import Enum
from pathlib import Path
from typing import Any

import httpx
import jsonschema

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

TOKEN = "bench-token_0123456789-0123456789-012345"
MODEL = "@cf/meta/llama-3.2-1b-instruct"
TOKENS = 200
WORDS = ["name", "age", "city", "price", "colour", "tags", "owner", "size", "note", "count", "kind", "open"]


class JsonModeOutcome(Enum):
    """What became of one request."""

    VALID = "parses and validates"
    INVALID = "success, but not valid"
    CUT_OFF = "5024: cut off at max_tokens"
    NOT_MET = "5024: ended by itself, not valid"
    REFUSED = "another refusal"


def random_schema(chance: random.Random, depth: int = 0) -> dict[str, Any]:
    """An object; with ``depth``, any kind of value, objects and lists ever rarer."""
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


def request_outcome(client: httpx.Client, url: str, wanted: dict[str, Any], seed: int) -> JsonModeOutcome:
    """One request, and what became of it."""
    response_format = {"type": "json_schema", "json_schema": wanted}
    body = {"prompt": "Invent an example.", "seed": seed + 1, "max_tokens": TOKENS}
    response = client.post(url, json={**body, "response_format": response_format})
    answer = response.json()
    if answer["success"]:
        valid = jsonschema.Draft202012Validator(wanted).is_valid(answer["result"]["response"])
        return JsonModeOutcome.VALID if valid else JsonModeOutcome.INVALID
    if answer["errors"][0]["code"] != 5024:
        return JsonModeOutcome.REFUSED
    # The twin says only that it was not met; with room enough, an answer that was cut off ends by itself.
    more = client.post(
        url, json={**body, "max_tokens": 6 * TOKENS, "response_format": response_format}
    ).json()
    return JsonModeOutcome.CUT_OFF if more["success"] else JsonModeOutcome.NOT_MET


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    command = [sys.executable, "-m", "lib.twin", "--supervised", "--port", "0"]
    twin = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PADDOCK_TWIN_TOKEN": TOKEN},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert twin.stdout
    assert twin.stdin
    try:
        ready = next(told for told in map(json.loads, twin.stdout) if told["state"] in ("ready", "failed"))
        url = f"{ready['base_url']}/accounts/{ready['account_id']}/ai/run/{MODEL}"
        headers = {"authorization": f"Bearer {TOKEN}"}
        begun = time.monotonic()
        with httpx.Client(headers=headers, timeout=300, trust_env=False) as client:
            found: Counter[JsonModeOutcome] = Counter()
            for seed in range(count):
                found[request_outcome(client, url, random_schema(random.Random(seed)), seed)] += 1
                if seed % 20 == 19:  # a machine under load takes its time
                    print(f"{seed + 1}: { ({kind.name: n for kind, n in found.items()}) }", flush=True)
        ended = count - found[JsonModeOutcome.CUT_OFF]
        print(f"{count} schemas, max_tokens {TOKENS}, {time.monotonic() - begun:.0f} s")
        for kind in JsonModeOutcome:
            print(f"  {found[kind]:4}  {kind.value}")
        print(
            "of those that ended by themselves: "
            f"{found[JsonModeOutcome.VALID] / max(1, ended):.1%} parse and validate"
        )
    finally:
        twin.stdin.close()
        twin.wait(10)


if __name__ == "__main__":
    main()
