"""A server with the wire format of Workers AI that replies as tests plan and records requests and replies."""

from __future__ import annotations

import http.server
import itertools
import json
import random
import select
import socket
import string
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.page import gateway_check
from tests.waiting import wait_until

ACCOUNT = "0123456789abcdef0123456789abcdef"
TOKEN = "good-token_" + "g" * 29
# Seconds after which a stream ends, even if no test ends it.
MAX_STREAM_SECONDS = 900.0


@dataclass
class UpstreamRequest:
    """A request for an answer, and the part of the reply that was sent."""

    number: int
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    # The time.monotonic() of the request.
    received: float = field(default_factory=time.monotonic)
    # The text of all chunks that were written to the socket.
    sent_text: str = ""
    # The body of the response, byte by byte.
    sent_body: bytearray = field(default_factory=bytearray)
    # The time.time() of the last chunk.
    last_sent: float = 0.0
    # After each chunk, the time.monotonic() and the length of the text so far.
    progress: list[tuple[float, int]] = field(default_factory=list)
    client_gone: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def release(self) -> None:
        """End a reply that is held or endless."""
        self.released.set()

    @property
    def is_live(self) -> bool:
        """Return true while the reply is being sent."""
        return not self.ended.is_set()


class _HungUp(Exception):
    """The client closed the connection."""


Reply = Callable[["UpstreamHandler", UpstreamRequest], None]

# Tokens a second, and the characters after which an endless stream becomes slow: a page that opens while the browser
# has little processor time does not show its controls as long as text comes faster than it is drawn.
FAST_RATE, SLOW_RATE, FAST_LENGTH = 400.0, 8.0, 600


def numbered_words(start: int = 1, count: int | None = None) -> Iterator[str]:
    """Yield numbered words, thirty a paragraph: Markdown does not change them, and no word occurs twice."""
    for number in itertools.islice(itertools.count(start), count):
        yield f"w{number:05d}" + ("\n\n" if number % 30 == 0 else " ")


def split_into_tokens(text: str, seed: int = 1, most: int = 8) -> Iterator[str]:
    """Yield the text in pieces of one to eight characters."""
    chance, start = random.Random(seed), 0
    while start < len(text):
        size = chance.randint(1, most)
        yield text[start : start + size]
        start += size


@dataclass
class StreamReply:
    """A native stream. ``held`` pauses it after that many characters until it is released.

    ``endless`` ignores the text and sends numbered words until it is released: fast at first, then slowly unless a
    rate is given, for the page must keep up on a busy machine.
    ``ends``: whole; or "cut", without usage and [DONE]; or "error", with an error frame.
    """

    text: str = ""
    # Tokens a second.
    rate: float | None = None
    usage: tuple[int, int] = (21, 42)
    held: int | None = None
    endless: bool = False
    ends: str = "whole"
    seed: int = 1
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(self, handler: UpstreamHandler, request: UpstreamRequest) -> None:
        handler.send_head(200, "text/event-stream", self.headers)
        chance = random.Random(self.seed)
        begun, due = time.monotonic(), 0.0
        for piece in self._pieces(request):
            if self.held is not None and len(request.sent_text) >= self.held:
                while not request.released.is_set() and time.monotonic() - begun < MAX_STREAM_SECONDS:
                    handler.pause(0.01)
            handler.send_event(_chunk(piece, chance), chance)
            request.sent_text += piece
            request.last_sent = time.time()
            request.progress.append((time.monotonic(), len(request.sent_text)))
            due += 1 / self._rate_after(len(request.sent_text))
            if (ahead := due - (time.monotonic() - begun)) > 0:
                handler.pause(ahead)
            elif ahead < -1:
                # The stream was held.
                due = time.monotonic() - begun
        if self.held is not None:
            while not request.released.is_set() and time.monotonic() - begun < MAX_STREAM_SECONDS:
                handler.pause(0.01)
        if self.ends == "cut":
            return
        if self.ends == "error":
            handler.send_event(
                {"errors": [{"code": 3043, "message": "AiError: internal server error"}]}, chance
            )
            return
        prompt, completion = self.usage
        counts = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
        handler.send_event({"response": "", "usage": counts}, chance)
        handler.write(b"data: [DONE]\n\n")

    def _rate_after(self, length: int) -> float:
        if self.rate is not None:
            return self.rate
        return SLOW_RATE if self.endless and length > FAST_LENGTH else FAST_RATE

    def _pieces(self, request: UpstreamRequest) -> Iterator[str]:
        if not self.endless:
            yield from split_into_tokens(self.text, self.seed)
            return
        begun = time.monotonic()
        for word in numbered_words():
            if request.released.is_set() or time.monotonic() - begun > MAX_STREAM_SECONDS:
                return
            yield from split_into_tokens(word, self.seed + len(request.sent_text))


def _chunk(piece: str, chance: random.Random) -> dict[str, Any]:
    padding = "".join(chance.choices(string.ascii_lowercase + string.digits, k=chance.randint(6, 50)))
    number = piece.isascii() and piece.isdigit() and str(int(piece)) == piece
    return {"response": int(piece) if number else piece, "p": padding}


@dataclass
class ErrorReply:
    """An error in one of the API's two envelopes: "A" is the AI service's, "B" the edge's."""

    status: int
    code: int
    message: str
    envelope: str = "A"
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(self, handler: UpstreamHandler, request: UpstreamRequest) -> None:
        errors = [{"message": self.message, "code": self.code}]
        result: Any = {} if self.envelope == "A" else None
        body = {"result": result, "success": False, "errors": errors, "messages": []}
        handler.send_whole(self.status, "application/json", json.dumps(body), self.headers)


@dataclass
class HtmlReply:
    """A web page, as a proxy or a broken edge sends it."""

    status: int = 502

    def __call__(self, handler: UpstreamHandler, request: UpstreamRequest) -> None:
        handler.send_whole(
            self.status, "text/html", "<!DOCTYPE html><html><h1>Bad gateway</h1><script>1</script></html>"
        )


@dataclass
class JsonReply:
    """A reply in one piece: the API's envelope around that result. ``held`` delays it until it is released."""

    result: dict[str, Any]
    held: bool = False

    def __call__(self, handler: UpstreamHandler, request: UpstreamRequest) -> None:
        if self.held:
            SilentReply()(handler, request)
        usage = {"prompt_tokens": 21, "completion_tokens": 42, "total_tokens": 63}
        body = {"result": {"usage": usage} | self.result, "success": True, "errors": [], "messages": []}
        handler.send_whole(200, "application/json", json.dumps(body, ensure_ascii=False))


class EventsReply:
    """A stream of exactly these events, then usage and [DONE]."""

    def __init__(self, *values: dict[str, Any]) -> None:
        self._values = values

    def __call__(self, handler: UpstreamHandler, request: UpstreamRequest) -> None:
        handler.send_head(200, "text/event-stream")
        usage = {"prompt_tokens": 21, "completion_tokens": 42, "total_tokens": 63}
        for value in (*self._values, {"response": "", "usage": usage}):
            handler.send_event(value, random.Random(1))
        handler.write(b"data: [DONE]\n\n")


class SilentReply:
    """Sends nothing until the client disconnects or the request is released."""

    def __call__(self, handler: UpstreamHandler, request: UpstreamRequest) -> None:
        begun = time.monotonic()
        while not request.released.is_set() and time.monotonic() - begun < MAX_STREAM_SECONDS:
            handler.pause(0.01)


class UpstreamHandler(http.server.BaseHTTPRequestHandler):
    """Handles one request per connection."""

    server: Upstream
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wrote: bytearray

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        """Answer the model search, with which Paddock checks credentials, and the lists of models and adapters."""
        self.wrote = bytearray()
        self.server.credential_checks.append((self.path, self.headers.get("authorization", "")))
        if self.headers.get("authorization") != f"Bearer {TOKEN}":
            ErrorReply(401, 10000, "Authentication error", "B")(self, None)  # type: ignore[arg-type]
        elif self.path.startswith(f"/client/v4/accounts/{ACCOUNT}/ai/finetunes"):
            public = self.path.endswith("/public")
            # The documentation's example nests the list in another.
            listed = [[adapter for adapter in self.server.adapters if adapter["public"] == public]]
            body = {"result": listed, "success": True, "errors": [], "messages": []}
            self.send_whole(200, "application/json", json.dumps(body))
        elif f"/accounts/{ACCOUNT}/ai/models/" not in self.path:
            ErrorReply(404, 7003, "Could not route", "B")(self, None)  # type: ignore[arg-type]
        else:
            query = parse_qs(urlsplit(self.path).query)
            result: Any = []
            if "model" in query:
                result = {"input": self.server.schemas.get(query["model"][0], {}), "output": {}}
            elif "search" not in query and query.get("page") == ["1"]:
                result = self.server.models
            body = {"result": result, "success": True, "errors": [], "messages": []}
            self.send_whole(200, "application/json", json.dumps(body))

    def do_POST(self) -> None:
        """Send the reply that the test planned."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if not body and "cf-aig-gateway-id" in headers:
            self.wrote = bytearray()
            self.server.gateway_checks.append(headers)
            gateway_check.answer(self, headers, self.server.gateway_token)
            return
        request, answer = self.server.take_reply(self.path, headers, body)
        self.wrote = request.sent_body
        try:
            answer(self, request)
        except (_HungUp, OSError):
            request.client_gone.set()
        finally:
            request.ended.set()
            self.close_connection = True

    def send_head(self, status: int, kind: str, headers: dict[str, str] | None = None) -> None:
        """Send the head of a response that ends with its connection."""
        self.send_response(status)
        for name, value in {"content-type": kind, "connection": "close", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()

    def send_whole(self, status: int, kind: str, body: str, headers: dict[str, str] | None = None) -> None:
        """Send a whole response."""
        self.send_head(status, kind, headers)
        self.write(body.encode())
        self.close_connection = True

    def send_event(self, value: dict[str, Any], chance: random.Random) -> None:
        """Send an event, sometimes in two packets, cut anywhere, even inside a character."""
        data = b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"
        cut = chance.randrange(1, len(data)) if chance.random() < 0.2 else len(data)
        self.write(data[:cut])
        if data[cut:]:
            self.pause(0.001)
            self.write(data[cut:])

    def write(self, data: bytes) -> None:
        """Write to the socket, without a buffer."""
        self.wrote += data
        self.wfile.write(data)
        self.wfile.flush()

    def pause(self, seconds: float) -> None:
        """Wait. Raises _HungUp as soon as the client disconnects."""
        if select.select([self.connection], [], [], seconds)[0]:
            if not self.connection.recv(1, socket.MSG_PEEK):
                raise _HungUp
            time.sleep(seconds)


class Upstream(http.server.ThreadingHTTPServer):
    """Replies to the next requests as planned, to all others with a short text."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), UpstreamHandler)
        self.requests: list[UpstreamRequest] = []
        self.credential_checks: list[tuple[str, str]] = []
        # The headers of requests without input to an AI Gateway, and the token that it demands, or "" for none.
        self.gateway_checks: list[dict[str, str]] = []
        self.gateway_token = ""
        # Adapters as the API lists them; ``public`` names the list.
        self.adapters: list[dict[str, Any]] = []
        # The account's models as the API lists them, and the schemas of their input.
        self.models: list[dict[str, Any]] = []
        self.schemas: dict[str, Any] = {}
        self._plan: deque[Reply] = deque()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Return the base URL for Paddock."""
        return f"http://127.0.0.1:{self.server_address[1]}/client/v4"

    def environment(self) -> dict[str, str]:
        """Return the environment variables that connect Paddock to this server."""
        return {
            "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
            "CLOUDFLARE_API_TOKEN": TOKEN,
            "CLOUDFLARE_BASE_URL": self.url,
        }

    def plan_replies(self, *answers: Reply) -> None:
        """Plan the replies to the next requests, one each."""
        with self._lock:
            self._plan.extend(answers)

    def wait_for_request(self, number: int = 0) -> UpstreamRequest:
        """Return a request as soon as it has arrived."""
        wait_until(lambda: len(self.requests) > number)
        return self.requests[number]

    def reset(self) -> None:
        """End all replies; forget all plans and requests."""
        with self._lock:
            for request in self.requests:
                request.release()
            self._plan.clear()
            self.requests, self.credential_checks, self.adapters = [], [], []
            self.gateway_checks, self.gateway_token = [], ""
            self.models, self.schemas = [], {}

    def take_reply(
        self, path: str, headers: dict[str, str], body: dict[str, Any]
    ) -> tuple[UpstreamRequest, Reply]:
        """Record a request; return the record and the reply to send."""
        with self._lock:
            request = UpstreamRequest(len(self.requests), path, headers, body)
            self.requests.append(request)
            answer = self._plan.popleft() if self._plan else StreamReply("A short answer.")
        return request, answer

    def close(self) -> None:
        """Stop the server."""
        self.reset()
        self.shutdown()
        self.server_close()
        self._thread.join(10)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that disconnect."""
