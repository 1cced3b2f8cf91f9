"""A fake Workers AI in a process of its own: ``python -m tests.runner.fake_cloud``. It prints its port.

It answers each request after a delay or with a fault, and remembers what it would bill. A cell is known by its last
message. ``GET /bill`` returns the bill.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import json
import random
import struct
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

from lib.model.model_record import Price
from lib.model.pricing import cost_of_neurons
from lib.model.usage import Usage

FAULT_NAMES = ("hasty", "broken", "page", "reset", "paid reset", "half", "closes")


@dataclass
class Bill:
    """Requests by cell, the paid ones among them, and tokens in and out."""

    requests: int = 0
    asked: dict[str, int] = field(default_factory=lambda: collections.defaultdict(int))
    paid: dict[str, int] = field(default_factory=lambda: collections.defaultdict(int))
    answered: dict[str, int] = field(default_factory=lambda: collections.defaultdict(int))
    tokens_in: int = 0
    tokens_out: int = 0
    connections: int = 0
    closed: int = 0
    max_at_once: int = 0

    def billed_dollars(self, price: Price) -> Decimal:
        """Return what Cloudflare bills for the tokens: the price of their neurons."""
        return cost_of_neurons(Usage(self.tokens_in, self.tokens_out), price)

    def dollars(self, price: Price) -> Decimal:
        """Return the cost of the tokens at the listed price."""
        cost = self.tokens_in * price.input_per_million + self.tokens_out * price.output_per_million
        return cost / 1_000_000


class FakeCloud:
    """The server's state. ``delay`` is in seconds (from, to); ``fault_share`` of the requests get a fault."""

    def __init__(
        self, delay: tuple[float, float], trouble: float, faults: tuple[str, ...], seed: int
    ) -> None:
        self.bill = Bill()
        self.in_flight = 0
        self.delay = delay
        self.fault_share = trouble
        self.fault_names = faults
        self.chance = random.Random(seed)

    def make_answer(self, body: dict[str, Any]) -> tuple[str, bytes, str]:
        """Return the cell, the response and its fault."""
        cell = str(body["messages"][-1]["content"])
        bill, chance = self.bill, self.chance
        bill.requests += 1
        bill.asked[cell] += 1
        fault = chance.choice(self.fault_names) if chance.random() < self.fault_share else ""
        match fault:
            case "hasty":
                return (
                    cell,
                    keep_open_response(429, error_body(3021, "Too many requests"), "retry-after: 0.05"),
                    fault,
                )
            case "broken":
                bill.paid[cell] += chance.random() < 0.5  # the client cannot know
                return cell, keep_open_response(500, error_body(3043, "Internal error")), fault
            case "page":
                return cell, keep_open_response(502, b"<html>Bad gateway</html>", kind="text/html"), fault
            case "reset":
                return cell, b"", fault
        tokens_in = sum(len(message["content"]) for message in body["messages"]) // 4 + 12
        tokens_out = chance.randint(1, int(body.get("max_tokens", 256)))
        bill.paid[cell] += 1
        bill.tokens_in += tokens_in
        bill.tokens_out += tokens_out
        usage = {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
        }
        text = '{"reason": "It is.", "verdict": "yes"}' if "response_format" in body else f"Answer to {cell}"
        whole = keep_open_response(200, success_body({"response": text, "usage": usage}))
        if fault not in ("paid reset", "half"):
            bill.answered[cell] += 1
        return cell, b"" if fault == "paid reset" else whole, fault


def success_body(result: Any) -> bytes:
    """Return the envelope of a success."""
    return json.dumps({"result": result, "success": True, "errors": [], "messages": []}).encode()


def error_body(code: int, message: str) -> bytes:
    """Return the envelope of an error."""
    failed = {"errors": [{"message": message, "code": code}], "success": False, "result": {}, "messages": []}
    return json.dumps(failed).encode()


def keep_open_response(status: int, body: bytes, *headers: str, kind: str = "application/json") -> bytes:
    """Return a response that leaves the connection open."""
    head = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


class FakeCloudConnection(asyncio.Protocol):
    """A client's connection, with one request at a time."""

    def __init__(self, cloud: FakeCloud) -> None:
        self.cloud = cloud
        self.buffer = b""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.cloud.bill.connections += 1

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, end, rest = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line[15:])
        if len(rest) < length:
            return
        self.buffer = rest[length:]
        if head.startswith(b"GET"):
            self.transport.write(keep_open_response(200, json.dumps(vars(self.cloud.bill)).encode()))
            return
        cloud = self.cloud
        cloud.in_flight += 1
        cloud.bill.max_at_once = max(cloud.bill.max_at_once, cloud.in_flight)
        _, answer, fault = cloud.make_answer(json.loads(rest[:length]))
        asyncio.get_running_loop().call_later(cloud.chance.uniform(*cloud.delay), self.reply, answer, fault)

    def reply(self, answer: bytes, fault: str) -> None:
        self.cloud.in_flight -= 1
        if self.transport.is_closing():
            return
        if fault in ("reset", "paid reset", "half"):
            if fault == "half":
                self.transport.write(answer[: len(answer) - 10])
            raw = self.transport.get_extra_info("socket")
            raw.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
            return
        self.transport.write(answer)
        if fault == "closes":  # an orderly close after the answer: the next request must not be lost
            self.cloud.bill.closed += 1
            self.transport.close()


class FakeCloudProcess:
    """The process, as seen by its clients."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def bill(self) -> Bill:
        """Return the bill so far."""
        with urllib.request.urlopen(f"{self.url}/bill", timeout=20) as answer:
            return Bill(**json.loads(answer.read()))


@contextlib.contextmanager
def run_fake_cloud(
    delay: tuple[float, float] = (0.0, 0.0),
    trouble: float = 0.0,
    faults: tuple[str, ...] = FAULT_NAMES,
    seed: int = 1,
    port: int = 0,
) -> Iterator[FakeCloudProcess]:
    """Run the server as a process, on that port or any free one."""
    command = [
        sys.executable,
        "-m",
        "tests.runner.fake_cloud",
        *map(str, delay),
        str(trouble),
        str(seed),
        str(port),
        *faults,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield FakeCloudProcess(int(process.stdout.readline()))
        finally:
            process.kill()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("delay", type=float, nargs=2)
    parser.add_argument("trouble", type=float)
    parser.add_argument("seed", type=int)
    parser.add_argument("port", type=int)
    parser.add_argument("faults", nargs="*")
    given = parser.parse_args()
    cloud = FakeCloud(tuple(given.delay), given.trouble, tuple(given.faults), given.seed)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: FakeCloudConnection(cloud), "127.0.0.1", given.port, backlog=256
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
