"""Send damaged replies to both clients, the chat's and an experiment's, and count what becomes of them."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field

from lib.api.cancellation import CancelToken
from lib.api.client import WorkersAI
from lib.api.events import Event, TextDelta
from lib.api.retries import RetryPolicy
from lib.api.transport import Timeouts
from lib.errors import PaddockError
from tests import sample_values
from tests.faults.mutated_replies import Reply, make_reply
from tests.scripted_server import read_request

# A reply that takes longer hangs: the client's own timeouts are far below.
MAX_SECONDS = 60.0


@dataclass
class Counts:
    """What became of the replies to one client; ``failures`` names the lost, crashed, hung and different ones."""

    tried: int = 0
    right: int = 0
    errors: int = 0
    lost: int = 0
    crashed: int = 0
    hung: int = 0
    failures: list[str] = field(default_factory=list)
    error_classes: dict[str, int] = field(default_factory=dict)


def print_counts(counts: dict[str, Counts]) -> None:
    """Print what became of the replies to each client, and the first failures."""
    print("client      tried  right  typed errors  lost  crashed  hung")
    for client, of in counts.items():
        print(f"{client:10} {of.tried:6} {of.right:6} {of.errors:13} {of.lost:5} {of.crashed:8} {of.hung:5}")
        print(f"           {of.error_classes}")
        print(*of.failures[:20], sep="\n", end="")


class ReplyServer:
    """Sends ``reply`` to each request, one connection after the other. A context manager."""

    def __init__(self) -> None:
        self.reply = Reply((), resets=False, certain_text="", is_whole=False)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/client/v4"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> ReplyServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError, EOFError):
                connection.settimeout(MAX_SECONDS)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                read_request(connection)
                for packet in self.reply.packets:
                    connection.sendall(packet)
                if self.reply.resets:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def run_wire_faults(streams: int, seed: int) -> dict[str, Counts]:
    """Send that many replies to each client; the seed and the number make a reply."""
    client = WorkersAI(Timeouts(20.0, 20.0, 20.0), RetryPolicy(attempts=1))
    request = sample_values.make_request()
    counts = {"chat": Counts(), "experiment": Counts()}
    with ReplyServer() as server:
        backend = sample_values.make_backend(server.url)
        for number in range(streams):
            reply = server.reply = make_reply(random.Random(f"{seed}/{number}"))
            name = f"stream {number} of seed {seed}"
            expected = reply.certain_text, reply.is_whole
            events = client.stream(backend, request, CancelToken())
            chat = judge(counts["chat"], name, events, *expected)
            with closing(client.open_connection(backend)) as connection:
                events = client.stream_over(connection, request)
                experiment = judge(counts["experiment"], name, events, *expected)
                if not connection.was_sent:
                    counts["experiment"].failures.append(f"{name}: not counted as sent")
            if chat != experiment:
                counts["experiment"].failures.append(
                    f"{name}: {chat} in a chat, {experiment} in an experiment"
                )
    return counts


def judge(
    counts: Counts, name: str, events: Iterable[Event], certain_text: str, is_whole: bool
) -> tuple[str, str, str]:
    """Count the reply; return its text, and the name and the message of its error, empty without one.

    The text has to begin with ``certain_text``. If the reply ``is_whole``, that is all, and there is no error.
    """
    texts: list[str] = []
    error, message, begun = "", "", time.monotonic()
    counts.tried += 1
    try:
        for event in events:
            if isinstance(event, TextDelta):
                texts.append(event.text)
    except PaddockError as failed:
        error, message = type(failed).__name__, failed.message
        if not failed.message or not failed.advice:
            counts.failures.append(f"{name}: {error} without a word")
    except Exception as failed:
        error = repr(failed)
        counts.crashed += 1
        counts.failures.append(f"{name}: crashed, {error}")
    text = "".join(texts)
    if time.monotonic() - begun > MAX_SECONDS:
        counts.hung += 1
        counts.failures.append(f"{name}: took {time.monotonic() - begun:.0f} s")
    if not text.startswith(certain_text) or (is_whole and (text != certain_text or error)):
        counts.lost += 1
        counts.failures.append(f"{name}: {text!r} ({error}) instead of {certain_text!r}")
    elif error:
        counts.errors += 1
        counts.error_classes[error] = counts.error_classes.get(error, 0) + 1
    else:
        counts.right += 1
    return text, error, message
