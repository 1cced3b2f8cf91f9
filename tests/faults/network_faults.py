"""Put a faulty network between both clients and a server, and count what becomes of their requests."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from lib import errors
from lib.api import transport
from lib.api.cancellation import CancelToken
from lib.api.client import WorkersAI
from lib.api.retries import RetryPolicy
from lib.api.transport import Timeouts
from tests import sample_values
from tests.conftest import CERTIFICATE
from tests.faults.wire_faults import MAX_SECONDS, Counts, judge
from tests.scripted_server import (
    DONE,
    Peer,
    ReceivedRequest,
    Script,
    ScriptedServer,
    read_request,
    refuses,
    response_head,
    text_events,
    usage_event,
)

EXPIRED_CERTIFICATE = CERTIFICATE.with_name("expired_certificate.pem")
WORDS = ("Once ", "upon ", "a ", "time.")
# Seconds until the client gives up where the network is silent, and elsewhere.
SHORT, LONG = 1.0, MAX_SECONDS / 2
PATIENT = Timeouts(LONG, LONG, LONG)
# A name that no resolver is asked for: proxies resolve it.
FAR_URL = "http://workers.example/client/v4"
DNS_FAILURES = (socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_FAIL)
JUMPS = (-400 * 86400.0, -3600.0, -1.0, 0.0, 1.0, 3600.0, 400 * 86400.0)


@dataclass(frozen=True)
class Situation:
    """A server behind a faulty network, and what both clients must make of it.

    ``expected`` is the class of the error, None for a right answer, and ``mentions`` a word of its message.
    ``requests`` are those that arrived, None if nothing can have been sent. ``timeouts`` are short for the silence
    that is to be noticed.
    """

    url: str
    expected: type[errors.PaddockError] | None
    certain_text: str = ""
    requests: Sequence[ReceivedRequest] | None = None
    timeouts: Timeouts = PATIENT
    mentions: str = ""


Kind = Callable[[random.Random], AbstractContextManager[Situation]]


def run_network_faults(faults: int, seed: int) -> dict[str, Counts]:
    """Meet that many faults with each client, each kind in turn; the seed and the number make a fault."""
    counts = {"chat": Counts(), "experiment": Counts()}
    request = sample_values.make_request()
    for number in range(faults):
        kind = KINDS[number % len(KINDS)]
        name = f"fault {number} of seed {seed} ({kind.__name__})"
        with kind(random.Random(f"{seed}/{number}")) as situation:
            client = WorkersAI(situation.timeouts, RetryPolicy(attempts=1))
            backend = sample_values.make_backend(situation.url)
            expected = situation.certain_text, situation.expected is None
            events = client.stream(backend, request, CancelToken())
            outcomes = {"chat": judge(counts["chat"], name, events, *expected)}
            arrived = len(situation.requests or ())
            with closing(client.open_connection(backend)) as connection:
                events = client.stream_over(connection, request)
                outcomes["experiment"] = judge(counts["experiment"], name, events, *expected)
                was_sent = connection.was_sent
        has_arrived = len(situation.requests or ()) > arrived
        if (has_arrived and not was_sent) or (situation.requests is None and was_sent):
            counts["experiment"].failures.append(f"{name}: counted as sent: {was_sent}")
        for client_name, (_, error, message) in outcomes.items():
            if situation.expected is None:
                continue
            if error != situation.expected.__name__ or situation.mentions not in message:
                counts[client_name].failures.append(
                    f"{name}: {error or 'no error'} “{message}” instead of {situation.expected.__name__}"
                )
    return counts


@contextlib.contextmanager
def refused(chance: random.Random) -> Iterator[Situation]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    yield Situation(f"http://127.0.0.1:{port}/client/v4", errors.Unreachable)


@contextlib.contextmanager
def unknown_name(chance: random.Random) -> Iterator[Situation]:
    failure = socket.gaierror(chance.choice(DNS_FAILURES), "scripted")
    with mock.patch("socket.getaddrinfo", side_effect=failure):
        yield Situation(FAR_URL, errors.Unreachable, mentions="found")


@contextlib.contextmanager
def black_hole(chance: random.Random) -> Iterator[Situation]:
    """Fill the queue of a server that accepts nobody: further packets are dropped."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/client/v4"
        yield Situation(url, errors.TimedOut, timeouts=Timeouts(SHORT, LONG, LONG))


@contextlib.contextmanager
def no_reply(chance: random.Random) -> Iterator[Situation]:
    with ScriptedServer(lambda peer, _: peer.wait_for_end()) as server:
        timeouts = Timeouts(LONG, SHORT, LONG)
        yield Situation(server.url, errors.TimedOut, requests=server.requests, timeouts=timeouts)


@contextlib.contextmanager
def silence_within_the_answer(chance: random.Random) -> Iterator[Situation]:
    count = chance.randint(1, len(WORDS))
    with ScriptedServer(breaks_after(count, Peer.wait_for_end)) as server:
        timeouts = Timeouts(LONG, LONG, SHORT)
        yield Situation(server.url, errors.TimedOut, text_of(count), server.requests, timeouts)


@contextlib.contextmanager
def ends_before_the_request(chance: random.Random) -> Iterator[Situation]:
    script = chance.choice((Peer.reset, close))
    with ScriptedServer(lambda peer, _: script(peer), reads=False) as server:
        yield Situation(server.url, errors.Unreachable, requests=server.requests)


@contextlib.contextmanager
def ends_before_the_answer(chance: random.Random) -> Iterator[Situation]:
    script = chance.choice((Peer.reset, close))
    with ScriptedServer(lambda peer, _: script(peer)) as server:
        yield Situation(server.url, errors.Unreachable, requests=server.requests)


@contextlib.contextmanager
def reset_within_the_answer(chance: random.Random) -> Iterator[Situation]:
    count = chance.randint(0, len(WORDS))
    with ScriptedServer(breaks_after(count, Peer.reset)) as server:
        yield Situation(server.url, errors.CutOff, text_of(count), server.requests)


@contextlib.contextmanager
def closed_within_the_answer(chance: random.Random) -> Iterator[Situation]:
    count = chance.randint(0, len(WORDS))
    with ScriptedServer(breaks_after(count, close)) as server:
        yield Situation(server.url, errors.CutOff, text_of(count), server.requests)


@contextlib.contextmanager
def untrusted_certificate(chance: random.Random) -> Iterator[Situation]:
    with ScriptedServer(answers, tls=server_tls(CERTIFICATE)) as server:
        yield Situation(server.url, errors.Unreachable, mentions="certificate")


@contextlib.contextmanager
def another_names_certificate(chance: random.Random) -> Iterator[Situation]:
    with trusting(CERTIFICATE), ScriptedServer(answers, tls=server_tls(CERTIFICATE)) as server:
        yield Situation(
            server.url.replace("127.0.0.1", "localhost"), errors.Unreachable, mentions="certificate"
        )


@contextlib.contextmanager
def expired_certificate(chance: random.Random) -> Iterator[Situation]:
    with (
        trusting(EXPIRED_CERTIFICATE),
        ScriptedServer(answers, tls=server_tls(EXPIRED_CERTIFICATE)) as server,
    ):
        yield Situation(server.url, errors.Unreachable, mentions="expired")


@contextlib.contextmanager
def no_tls(chance: random.Random) -> Iterator[Situation]:
    """Speak plain text, or end, where the client begins TLS."""
    script = chance.choice((Peer.reset, close, lambda peer: peer.send(response_head(400))))
    with ScriptedServer(lambda peer, _: script(peer), reads=False) as server:
        yield Situation(server.url.replace("http:", "https:"), errors.Unreachable)


@contextlib.contextmanager
def trusted_certificate(chance: random.Random) -> Iterator[Situation]:
    with trusting(CERTIFICATE), ScriptedServer(answers, tls=server_tls(CERTIFICATE)) as server:
        yield Situation(server.url, None, text_of(len(WORDS)), server.requests)


@contextlib.contextmanager
def unreachable_proxy(chance: random.Random) -> Iterator[Situation]:
    with refused(chance) as situation, proxy(situation.url.removesuffix("/client/v4")):
        yield Situation(FAR_URL, errors.Unreachable, mentions="proxy")


@contextlib.contextmanager
def refusing_proxy(chance: random.Random) -> Iterator[Situation]:
    """Refuse the tunnel, as a proxy does that wants a password or does not know the host."""
    head = response_head(chance.choice((302, 400, 403, 404, 407, 500, 502, 503, 504)), content_length="0")
    with ScriptedServer(lambda peer, _: peer.send(head)) as server, proxy(f"http://127.0.0.1:{server.port}"):
        yield Situation(FAR_URL, errors.Unreachable, mentions="proxy")


@contextlib.contextmanager
def broken_proxy(chance: random.Random) -> Iterator[Situation]:
    """End, or send something else than HTTP, instead of opening the tunnel."""
    script = chance.choice((Peer.reset, close, lambda peer: peer.send(b"SSH-2.0-x\r\n\r\n")))
    with ScriptedServer(lambda peer, _: script(peer)) as server, proxy(f"http://127.0.0.1:{server.port}"):
        yield Situation(FAR_URL, errors.Unreachable, mentions="proxy")


@contextlib.contextmanager
def silent_proxy(chance: random.Random) -> Iterator[Situation]:
    with (
        ScriptedServer(lambda peer, _: peer.wait_for_end()) as server,
        proxy(f"http://127.0.0.1:{server.port}"),
    ):
        yield Situation(FAR_URL, errors.TimedOut, timeouts=Timeouts(SHORT, LONG, LONG))


@contextlib.contextmanager
def cutting_proxy(chance: random.Random) -> Iterator[Situation]:
    """Open the tunnel, and cut it within the answer."""
    count = chance.randint(0, len(WORDS))
    requests: list[ReceivedRequest] = []
    tunnel = tunnels(breaks_after(count, Peer.reset), requests)
    with ScriptedServer(tunnel) as server, proxy(f"http://127.0.0.1:{server.port}"):
        yield Situation(FAR_URL, errors.CutOff, text_of(count), requests)


@contextlib.contextmanager
def password_proxy(chance: random.Random) -> Iterator[Situation]:
    """Open the tunnel for a password: the environment names it, or a wrong one."""
    is_right = chance.random() < 0.5
    requests: list[ReceivedRequest] = []
    password = "c2VjcmV0OnBhc3M=" if is_right else "eDp5"  # secret:pass, x:y

    def script(peer: Peer, request: ReceivedRequest) -> None:
        if request.headers.get("proxy-authorization") != f"Basic {password}":
            peer.send(response_head(407, content_length="0", proxy_authenticate="Basic"))
            return
        tunnels(answers, requests)(peer, request)

    with ScriptedServer(script) as server, proxy(f"http://secret:pass@127.0.0.1:{server.port}"):
        if is_right:
            yield Situation(FAR_URL, None, text_of(len(WORDS)), requests)
        else:
            yield Situation(FAR_URL, errors.Unreachable, mentions="password")


@contextlib.contextmanager
def jumping_clock(chance: random.Random) -> Iterator[Situation]:
    """Set the clock at every look at it, while an answer comes or a refusal names the time of the next attempt."""
    real, moments = time.time, random.Random(chance.random())
    is_refused = chance.random() < 0.5
    refusal = refuses(429, 3040, "busy", retry_after="Mon, 30 Nov 2026 12:00:00 GMT")
    with (
        mock.patch("time.time", side_effect=lambda: real() + moments.choice(JUMPS)),
        ScriptedServer(refusal if is_refused else answers) as server,
    ):
        if is_refused:
            yield Situation(server.url, errors.NoCapacity, requests=server.requests)
        else:
            yield Situation(server.url, None, text_of(len(WORDS)), server.requests)


KINDS: tuple[Kind, ...] = (
    refused,
    unknown_name,
    black_hole,
    no_reply,
    silence_within_the_answer,
    ends_before_the_request,
    ends_before_the_answer,
    reset_within_the_answer,
    closed_within_the_answer,
    untrusted_certificate,
    another_names_certificate,
    expired_certificate,
    no_tls,
    trusted_certificate,
    unreachable_proxy,
    refusing_proxy,
    broken_proxy,
    silent_proxy,
    cutting_proxy,
    password_proxy,
    jumping_clock,
)


def text_of(count: int) -> str:
    return "".join(WORDS[:count])


def answers(peer: Peer, _: ReceivedRequest) -> None:
    """Send the whole answer."""
    peer.send(response_head() + text_events(*WORDS) + usage_event(10, len(WORDS)) + DONE)


def breaks_after(count: int, end: Callable[[Peer], None]) -> Script:
    """Return a script that sends so many words of the answer, in one packet, and ends like that."""

    def script(peer: Peer, _: ReceivedRequest) -> None:
        peer.send(response_head() + text_events(*WORDS[:count]))
        end(peer)

    return script


def close(_: Peer) -> None:
    """End in order, as the server does after every script."""


def tunnels(script: Script, requests: list[ReceivedRequest]) -> Script:
    """Return a script of a proxy that opens the tunnel, and plays the server at its other end."""

    def tunnel(peer: Peer, _: ReceivedRequest) -> None:
        peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        requests.append(read_request(peer.connection))
        script(peer, requests[-1])

    return tunnel


def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def trusting(certificate: Path) -> AbstractContextManager[object]:
    """Make the client trust that certificate and no other."""
    context = ssl.create_default_context(cafile=str(certificate))
    return mock.patch.object(transport, "trusted_context", return_value=context)


def proxy(url: str) -> AbstractContextManager[object]:
    """Make the environment name that proxy and no other."""
    others = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return mock.patch.dict(os.environ, others | {"HTTP_PROXY": url}, clear=True)
