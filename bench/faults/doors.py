"""Knock at Paddock's door under foreign names. ``python -m bench.faults.doors --requests 400 --seed 1``

Each request has a name in Host, an origin, a cookie and forwarded headers of its own, by HTTP or as a WebSocket's
handshake, and is sent to a running server that serves loopback names and ``paddock.example``. A foreign name or
origin has to be refused, a served one admitted, and every response has to forbid foreign frames. At the end the
token of the environment must stand in no response, no log and no file of the server. Exit status 1 otherwise.
"""

from __future__ import annotations

import argparse
import random
import socket
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.page.app_process import AppProcess
from tests.page.upstream import TOKEN, Upstream

SERVED_NAME = "paddock.example"
SERVED = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "127.0.0.1",
    "127.1.2.3",
    "[::1]",
    "paddock.example",
    "Paddock.Example.",
]
FOREIGN = [
    "evil.example",
    "192.168.1.66",
    "[2001:db8::1]",
    "2130706433",
    "0x7f.1",
    "127.1",
    "metadata",
    "0.0.0.0",
]
BROKEN = [
    "",
    " ",
    "a b",
    "user@localhost",
    "localhost/x",
    "local\\host",
    "[::1",
    "localhost:99999",
    "löcalhost",
]
COOKIES = [
    "",
    "paddock_visitor=planted",
    "paddock_visitor=a.b",
    "paddock_visitor=\xff",
    "a=b; paddock_visitor=",
    "====",
    ";" * 50,
]
FORWARDED = [
    "",
    "X-Forwarded-For: 127.0.0.1\r\n",
    "X-Forwarded-Host: localhost\r\n",
    "Forwarded: host=localhost\r\n",
]
CLAIMED = ["", "X-Paddock-Owner: local\r\n"]


@dataclass(frozen=True)
class Knock:
    """One request: ``is_welcome`` tells if the server has to admit it."""

    host: str
    origin: str | None
    extra: str
    is_websocket: bool
    is_welcome: bool

    def encode(self) -> bytes:
        """Return the bytes of the request."""
        lines = f"GET {'/_stcore/stream' if self.is_websocket else '/'} HTTP/1.1\r\nHost: {self.host}\r\n{self.extra}"
        if self.origin is not None:
            lines += f"Origin: {self.origin}\r\n"
        if self.is_websocket:
            lines += "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            lines += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        else:
            lines += "Connection: close\r\n"
        return (lines + "\r\n").encode("latin-1")


def make_knock(random: random.Random, port: int) -> Knock:
    """Return a request that is served or foreign by its construction."""
    kind = random.choices(("served", "foreign", "lookalike", "broken"), (4, 3, 3, 1))[0]
    served = random.choice(SERVED)
    match kind:
        case "served":
            name = served
        case "foreign":
            name = random.choice(FOREIGN)
        case "lookalike":
            plain = served.strip("[].").lower()
            name = random.choice(
                [
                    f"{plain}.evil.example",
                    f"evil{plain}",
                    f"{plain}evil",
                    f"x.{plain}",
                    f"{plain}..",
                    f"-{plain}",
                ]
            )
        case _:
            name = random.choice(BROKEN)
    number = random.choice([f":{port}", "", ":80", ":1"])
    host = name + number
    own = f"http://{host.lower()}"
    origin = random.choice(
        [
            None,
            None,
            own,
            "http://evil.example",
            "null",
            f"{own}.evil.example",
            "http://localhost:1234",
            "file://",
            f"http://x@{host}",
        ]
    )
    is_own = origin in (None, own)
    extra = random.choice(FORWARDED) + random.choice(CLAIMED)
    if cookie := random.choice(COOKIES):
        extra += f"Cookie: {cookie}\r\n"
    return Knock(host, origin, extra, random.random() < 0.5, kind == "served" and is_own)


def send(port: int, knock: Knock) -> str:
    """Return the head of the reply, "" if the server closed the connection, “hung” as its status for none."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(knock.encode())
        received = b""
        try:
            while b"\r\n\r\n" not in received and (chunk := connection.recv(65536)):
                received += chunk
        except TimeoutError:
            return "HTTP/1.1 hung"
    return received.partition(b"\r\n\r\n")[0].decode("latin-1")


def is_admitted(head: str) -> bool:
    """Return True if the reply with that head is the page, or a WebSocket."""
    return head.startswith(("HTTP/1.1 101", "HTTP/1.1 200"))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    generator = random.Random(options.seed)
    counts: Counter[str] = Counter()
    upstream = Upstream()
    with tempfile.TemporaryDirectory() as folder:
        environment = upstream.environment() | {"PADDOCK_HOSTS": SERVED_NAME}
        with AppProcess(environment, Path(folder) / "log", address="0.0.0.0") as app:
            heads = []
            for _ in range(options.requests):
                knock = make_knock(generator, app.port)
                head = send(app.port, knock)
                heads.append(head)
                status = head.split(" ")[1] if head else "closed"
                counts["admitted" if is_admitted(head) else "refused"] += 1
                if is_admitted(head) != knock.is_welcome:
                    counts["wrong"] += 1
                    print(f"wrong: {status} for {knock}")
                # Requests that are no HTTP are refused by the server below Paddock.
                if head and status not in ("101", "400") and "frame-ancestors 'self'" not in head:
                    counts["frames allowed"] += 1
                    print(f"no policy: {status} for {knock}")
            log = app.log
            files = b"".join(
                path.read_bytes()
                for path in app.data.rglob("*")
                if path.is_file() and "weights" not in path.parts
            )
        counts["secret seen"] = (
            TOKEN in log or TOKEN.encode() in files or any(TOKEN in head for head in heads)
        )
        counts["tracebacks"] = log.count("Traceback")
    upstream.close()
    print(
        f"seed {options.seed}, {options.requests} requests: "
        + ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    )
    return int(
        bool(counts["wrong"] or counts["frames allowed"] or counts["secret seen"] or counts["tracebacks"])
    )


if __name__ == "__main__":
    sys.exit(main())
