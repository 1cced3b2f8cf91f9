"""Send hostile bodies to the twin. ``python -m bench.faults.bodies --bodies 3000 --seed 1``

Each body is a valid one that was spoilt in one way: its bytes, one of its values, its size, its schema or its
framing. An answer is right if it is a success or one of the API's documented errors in the API's shape. Between the
bodies, ``/health`` has to answer. A seed and a number give the same body again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.twin.conftest import TOKEN, end_twin, start_ready_twin

MODEL = "@cf/meta/llama-3.2-1b-instruct"
# docs/twin.md and Cloudflare's list of errors.
DOCUMENTED_CODES = {3006, 3030, 3040, 3046, 5005, 5006, 5007, 5021, 5023, 5024, 5033, 6003}
HEALTH_EVERY = 5
# Seconds without a byte from the twin.
TIMEOUT = 60
# The engine and the allocator take what they keep during the first bodies.
WARM_UP = 50

HELLO = [{"role": "user", "content": "Hello"}]
TOOL = {
    "name": "weather",
    "description": "The weather in a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CALL = {"id": "1", "name": "weather", "arguments": {"city": "Oslo"}}
TALK = [
    *HELLO,
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "1", "name": "weather", "content": "rain"},
]
SCHEMA = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^a"}}, "required": ["a"]}
VALID: list[tuple[str, dict[str, Any]]] = [
    (f"run/{MODEL}", {"messages": HELLO, "temperature": 1, "seed": 1, "top_p": 0.9, "stream": True}),
    (f"run/{MODEL}", {"prompt": "Hello", "raw": True, "lora": ""}),
    (f"run/{MODEL}", {"messages": HELLO, "tools": [TOOL], "tool_choice": "required"}),
    (f"run/{MODEL}", {"messages": TALK}),
    (
        f"run/{MODEL}",
        {"messages": HELLO, "functions": [{"name": "f", "code": "(a) => a"}], "tool_choice": "none"},
    ),
    (f"run/{MODEL}", {"messages": HELLO, "response_format": {"type": "json_schema", "json_schema": SCHEMA}}),
    ("v1/chat/completions", {"model": MODEL, "messages": HELLO, "stop": ["x"], "stream_options": {}}),
    ("paddock/prompt", {"messages": HELLO}),
]

# JSON texts of values that some field does not expect. The long texts are too long for the context window: a prompt
# that fits it would be answered, which takes the engine a minute.
VALUES = [
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1.5",
    "1e999",
    "-0.0",
    "NaN",
    "-Infinity",
    "1" * 30,
    "9" * 5_000,
]
VALUES += [
    '""',
    '"\\u0000"',
    '"\\ud800"',
    '"<|im_end|>"',
    '"{{ x }}"',
    "[]",
    "[[]]",
    "{}",
    '{"":0}',
    '["a",1,null]',
]
VALUES += ['{"$ref":"#"}', '{"type":"text","text":"x"}', '[{"type":"text","text":1}]', '{"a":1,"a":2}']
VALUES += ["[" * 100_000, "[" * 400 + "]" * 400, '{"a":' * 900 + "1" + "}" * 900, "[0" + ",0" * 150_000 + "]"]
VALUES += ["[[]" + ",[]" * 300_000 + "]", f'"{"ab " * 40_000}"', f'"{"x" * 700_000}"', f'"{"𝄞" * 20_000}"']
VALUES += [f'"{"y" * 5_000_000}"', '{"k' + "x" * 200_000 + '":1}']
HOLE = "@hole@"
SCHEMA_KEYWORDS = [
    "$ref",
    "$defs",
    "x",
    "type",
    "enum",
    "const",
    "pattern",
    "patternProperties",
    "properties",
    "items",
]
SCHEMA_KEYWORDS += [
    "required",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "minLength",
    "maxItems",
    "multipleOf",
    "format",
]
SCHEMA_KEYWORDS += [
    "additionalProperties",
    "prefixItems",
    "minimum",
    "if",
    "dependencies",
    "$schema",
    "contains",
]
SCHEMA_VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1e308,
    "",
    "(",
    "#/x",
    "#/$defs/x",
    "string",
    "object",
    [],
    {},
]


@dataclass(frozen=True)
class HostileBody:
    """A body with the lines of the head that frame it. ``is_cut`` if the client leaves before the end."""

    kind: str
    path: str
    framing: bytes
    content: bytes
    is_cut: bool = False


def with_length(kind: str, path: str, content: bytes) -> HostileBody:
    return HostileBody(kind, path, b"Content-Length: %d\r\n" % len(content), content)


def spoil_bytes(source: random.Random) -> HostileBody:
    path, body = source.choice(VALID)
    # Where it is still JSON, the temperature keeps it from the engine.
    content = bytearray(json.dumps({**body, "temperature": 99}).encode())
    for _ in range(source.randint(1, 8)):
        place = source.randrange(len(content))
        match source.randrange(3):
            case 0:
                content[place] = source.randrange(256)
            case 1:
                del content[place : place + source.randint(1, 9)]
            case _:
                content[place:place] = source.randbytes(source.randint(1, 9))
    return with_length("bytes", path, bytes(content))


def places_in(value: Any) -> list[tuple[Any, Any]]:
    """Return each container in a JSON value with each of its keys."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, inner in items:
        found += [(value, key), *places_in(inner)]
    return found


def spoil_value(source: random.Random) -> HostileBody:
    path, body = source.choice(VALID)
    body = json.loads(json.dumps({**body, "max_tokens": 1, "unknown": 0}))
    container, key = source.choice(places_in(body))
    container[key] = HOLE
    text = source.choice(VALUES)
    if body["max_tokens"] == HOLE and text.isdecimal():
        # A valid number would be generated in full.
        text = "null"
    return with_length("value", path, json.dumps(body).replace(f'"{HOLE}"', text).encode())


def spoil_size(source: random.Random) -> HostileBody:
    path, body = source.choice(VALID)
    many = source.choice([1_700, 2_001, 9_000, 60_000])
    message: dict[str, Any] = source.choice([HELLO[0], {}, {"role": 1}, {"role": "assistant", "content": ""}])
    call = {"role": "assistant", "content": "", "tool_calls": [source.choice([CALL, {}, 0])] * many}
    tools = [{**TOOL, "name": f"t{number}"} for number in range(source.choice([129, 1_000, 5_000]))]
    functions = [{"name": f"f{number}", "code": "a=>a"} for number in range(20_000)]
    more: dict[str, Any] = source.choice(
        [
            {"messages": [message] * many},
            {"messages": [*HELLO, call]},
            {"messages": HELLO, "tools": tools},
            {"messages": HELLO, "functions": functions},
            {"prompt": "long text " * many * 4},
            {"unknown": [[]] * many * 4, "temperature": 99},
        ]
    )
    if "prompt" in more:
        body = {name: value for name, value in body.items() if name not in ("messages", "tools", "functions")}
    return with_length("size", path, json.dumps({**body, "max_tokens": 1, **more}).encode()[: 5 << 20])


def random_schema(source: random.Random, depth: int = 3) -> Any:
    if not depth or source.random() < 0.3:
        return source.choice(SCHEMA_VALUES)
    if source.random() < 0.2:
        return [random_schema(source, depth - 1) for _ in range(source.randint(0, 3))]
    names = source.sample(SCHEMA_KEYWORDS, source.randint(1, 4))
    return {name: random_schema(source, depth - 1) for name in names}


def spoil_schema(source: random.Random) -> HostileBody:
    schema = {"$ref": "#/x", "x": random_schema(source)} if source.random() < 0.5 else random_schema(source)
    body: dict[str, Any] = {"messages": HELLO, "max_tokens": 1}
    if source.random() < 0.5:
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    else:
        body |= {"tools": [{**TOOL, "parameters": schema}], "tool_choice": "required"}
    return with_length("schema", f"run/{MODEL}", json.dumps(body).encode())


def spoil_framing(source: random.Random) -> HostileBody:
    path, body = VALID[1]
    content = json.dumps({**body, "max_tokens": 1, "temperature": 99}).encode()
    size = len(content)
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (size, content)
    length, chunked = b"Content-Length: %d\r\n" % size, b"Transfer-Encoding: chunked\r\n"
    framing, content, is_cut = source.choice(
        [
            (length + chunked, chunk, False),
            (chunked + length, content, False),
            (length + b"Content-Length: 3\r\n", content, False),
            (b"Content-Length: 99999999999999999999999\r\n", content, False),
            (b"Content-Length: 80000000\r\n", b"x" * 6_000_000, False),
            (b"Content-Length: %d\r\n" % (size - 5), content, False),
            (b"Content-Length: %d\r\n" % (size + 5), content, True),
            (b"Expect: 100-continue\r\nContent-Length: 80000000\r\n", b"", False),
            (chunked, chunk.replace(b"\r\n", b"\n"), False),
            (chunked, b"-5\r\n" + content, False),
            (chunked, b"ffffffffffffffffffffff\r\n" + content, False),
            (chunked, b"fffffff\r\n" + content, True),
            (chunked, b"1\r\n \r\n" * 50_000 + chunk, False),
            (chunked, b"1;" + b"x" * 100_000 + b"\r\n", True),
            (chunked, (b"80000\r\n" + b"x" * 0x80000 + b"\r\n") * 12, False),
            (b"X-Long: " + b"x" * 100_000 + b"\r\n" + length, content, False),
            (b"X: y\r\n" * 20_000 + length, content, False),
        ]
    )
    return HostileBody("framing", path, framing, content, is_cut)


Spoiler = Callable[[random.Random], HostileBody]
SPOILERS: list[Spoiler] = [spoil_bytes, spoil_value, spoil_size, spoil_schema, spoil_framing]


def hostile_body(seed: int, number: int) -> HostileBody:
    """Return the body of this seed and number."""
    source = random.Random(f"{seed}/{number}")
    return SPOILERS[number % len(SPOILERS)](source)


def send(url: str, token: str, body: HostileBody, method: str = "POST") -> bytes:
    """Return what the server sends until it closes the connection."""
    where = urlsplit(url)
    head = f"{method} {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {token}\r\n".encode()
    answer = b""
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=TIMEOUT) as connection:
        # The server need not read what it has refused.
        with contextlib.suppress(ConnectionError):
            connection.sendall(head + b"Connection: close\r\n" + body.framing + b"\r\n" + body.content)
            if body.is_cut:
                connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError, TimeoutError):
            while data := connection.recv(65536):
                answer += data
    return answer


def find_fault(body: HostileBody, answer: bytes) -> str | None:
    """Return what is wrong with the answer, None if it is right."""
    if not answer:
        return None if body.is_cut else f"no answer within {TIMEOUT} s"
    head, _, content = answer.partition(b"\r\n\r\n")
    status = int(head[9:12])
    if status == 200:
        return None
    try:
        sent = json.loads(content)
        code, is_envelope = sent["errors"][0]["code"], sent["success"] is False and len(sent) == 4
    except (ValueError, TypeError, LookupError):
        return f"{status} without the API's envelope"
    is_right = is_envelope and code in DOCUMENTED_CODES and 400 <= status < 500
    return None if is_right else f"{status} with code {code}"


@dataclass
class BodiesReport:
    """Counts of one run. ``health_seconds`` is the longest wait for /health, ``growth`` is in MiB."""

    answers: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    health_seconds: float = 0.0
    slowest: tuple[float, int, str] = (0.0, 0, "")
    growth: int | None = None


def resident_mebibytes(pid: int) -> int | None:
    """Return the memory of a process, None where /proc does not tell it."""
    try:
        return int(Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0]) // 1024
    except OSError:
        return None


def send_bodies(base_url: str, account: str, token: str, pid: int, *, count: int, seed: int) -> BodiesReport:
    """Send this many hostile bodies, one after another."""
    report, before = BodiesReport(), None
    health = HostileBody("health", "", b"", b"")
    for number in range(count):
        if number == min(WARM_UP, count // 2):
            before = resident_mebibytes(pid)
        body = hostile_body(seed, number)
        begun = time.monotonic()
        answer = send(f"{base_url}/accounts/{account}/ai/{body.path}", token, body)
        report.slowest = max(report.slowest, (time.monotonic() - begun, number, body.kind))
        report.answers[answer[9:12].decode() or "none"] += 1
        if fault := find_fault(body, answer):
            report.faults.append(f"body {number} of seed {seed} ({body.kind}): {fault}")
        if number % HEALTH_EVERY == 0:
            begun = time.monotonic()
            if not send(base_url.replace("/client/v4", "/health"), token, health, "GET").startswith(
                b"HTTP/1.1 200"
            ):
                report.faults.append(f"after body {number}: /health does not answer")
            report.health_seconds = max(report.health_seconds, time.monotonic() - begun)
    after = resident_mebibytes(pid)
    report.growth = None if before is None or after is None else after - before
    return report


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bodies", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    arguments = parser.parse_args()
    process, ready = start_ready_twin()
    try:
        size = {"count": arguments.bodies, "seed": arguments.seed}
        report = send_bodies(ready["base_url"], ready["account_id"], TOKEN, process.pid, **size)
        is_alive = process.poll() is None
    finally:
        end_twin(process)
    print(f"seed {arguments.seed}: {arguments.bodies:,} bodies, {len(report.faults)} wrong answers", end="; ")
    print("the twin lives" if is_alive else "THE TWIN DIED")
    print(
        "answers by status:",
        ", ".join(f"{status}: {count:,}" for status, count in sorted(report.answers.items())),
    )
    print(f"/health within {report.health_seconds:.2f} s; memory grew by {report.growth} MiB")
    print("slowest: {:.1f} s for body {} ({})".format(*report.slowest))
    print(*report.faults, sep="\n")
    return 0 if is_alive and not report.faults else 1


if __name__ == "__main__":
    sys.exit(main())
