"""Replies of Workers AI, damaged at random, and the text that no client may lose."""

from __future__ import annotations

import gzip
import itertools
import random
import zlib
from dataclasses import dataclass
from pathlib import Path

from lib.api import wire
from lib.api.events import TextDelta
from tests.scripted_server import to_chunks

TRANSCRIPTS = sorted((Path(__file__).parents[1] / "api" / "transcripts").glob("*.[sj]*"))

# Pieces that have broken some client: lengths, chunks, line ends, encodings, JSON, SSE, whole heads.
HOSTILE_PIECES = (
    b"\r\n-5\r\n",
    b"\r\nffffffffffffffffffff\r\n",
    b"\r\n0\r\n\r\n",
    b"5;" + b"a" * 3000 + b"\r\n",
    b"content-length: -1\r\n",
    b"content-length: 7\r\n",
    b"transfer-encoding: chunked\r\n",
    b"content-encoding: gzip\r\n",
    b"location: https://[\r\n",
    b"retry-after: 1e999\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" * 30,
    b"HTTP/1.1 302 X\r\n\r\n",
    b"HTTP/1.1 304 X\r\n\r\n",
    b"\r\n\r\n",
    b"\n\n",
    b"\r",
    b"\0",
    b"\xff\xfe",
    b"\xf0\x9f",
    b"\xe2\x80\xa8",
    b": comment\n" * 300,
    b":\n" * 2000,
    b"data: " + b"x" * 5000,
    b"data: {]\n\n",
    b"data: [DONE]\n\n",
    b"event: error\n",
    b"[" * 3000,
    b'{"a":' * 500,
    b"9" * 5000,
    b"NaN",
    b"null",
    b"1e999999999",
    b'"\\ud800"',
    b'data: {"errors":[{"code":3040,"message":"full"}]}\n\n',
    b'data: {"response":{"a":[1.5,{}]}}\n\n',
    b'data: {"tool_calls":[{"function":null,"index":"x"}]}\n\n',
)
STATUS_LINES = ("200 OK", "204 X", "301 X", "304 X", "403 X", "429 X", "500 X", "502 X", "999 X")


@dataclass(frozen=True)
class Reply:
    """A reply as it is sent, in ``packets``, ended by a reset or an orderly close.

    ``certain_text`` is the text of the events that were sent whole before the first damage. ``is_whole``: there is no
    damage, so the answer is exactly that text.
    """

    packets: tuple[bytes, ...]
    resets: bool
    certain_text: str
    is_whole: bool


def make_reply(chance: random.Random) -> Reply:
    """Return a reply: usually of a transcript, damaged in up to three places, and cut anywhere."""
    is_stream, body = _make_body(chance)
    kind = "text/event-stream" if is_stream else "application/json"
    frame = chance.choice(("close", "length", "chunked", "chunked", "gzip"))
    status = "200 OK" if chance.random() < 0.85 else chance.choice(STATUS_LINES)
    lines = [f"HTTP/1.1 {status}", f"content-type: {kind}"]
    content = body
    if frame == "length":
        lines.append(f"content-length: {len(body)}")
    elif frame == "chunked":
        lines.append("transfer-encoding: chunked")
        content = b"".join(to_chunks(body, chance.choice((1, 5, 50, 1000)))) + b"0\r\n\r\n"
    elif frame == "gzip":
        lines.append("content-encoding: gzip")
        content = gzip.compress(body, mtime=0)
    head = "\r\n".join((*lines, "", "")).encode()
    whole = head + content
    damaged, intact = _damage(whole, chance)
    certain_text = ""
    # A whole answer that is followed by anything is no JSON.
    if status == "200 OK" and (is_stream or whole.startswith(damaged)):
        arrived = _unframe(content[: max(intact - len(head), 0)], frame)
        certain_text = _text_of(arrived, is_stream, is_all=len(arrived) == len(body))
    cuts = sorted(chance.randrange(len(damaged) + 1) for _ in range(chance.choice((0, 0, 1, 3))))
    edges = [0, *cuts, len(damaged)]
    packets = tuple(damaged[start:end] for start, end in itertools.pairwise(edges))
    is_whole = damaged == whole and status == "200 OK"
    return Reply(packets, chance.random() < 0.3 and not is_whole, certain_text, is_whole)


def _make_body(chance: random.Random) -> tuple[bool, bytes]:
    path = chance.choice(TRANSCRIPTS)
    lines = path.read_bytes().splitlines(keepends=True)
    return path.suffix == ".sse", b"".join(line for line in lines if not line.startswith(b"# "))


def _damage(whole: bytes, chance: random.Random) -> tuple[bytes, int]:
    """Return the damaged bytes, and how many of the first are as they were."""
    damaged, intact = whole, len(whole)
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        place = chance.randrange(len(damaged) + 1)
        end = min(place + chance.choice((1, 1, 8, 100)), len(damaged))
        match chance.randrange(5):
            case 0:
                damaged = damaged[:place]
            case 1:
                flipped = bytes(byte ^ (1 << chance.randrange(8)) for byte in damaged[place:end])
                damaged = damaged[:place] + flipped + damaged[end:]
            case 2:
                damaged = damaged[:place] + damaged[end:]
            case 3:
                damaged = damaged[:end] + damaged[place:]
            case _:
                damaged = damaged[:place] + chance.choice(HOSTILE_PIECES) + damaged[place:]
        intact = min(intact, place)
    # Two damages may cancel each other.
    return damaged, len(whole) if damaged == whole else intact


def _unframe(content: bytes, frame: str) -> bytes:
    """Return the part of the body in the first bytes of the content."""
    if frame == "gzip":
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(content)
    if frame != "chunked":
        return content
    arrived = b""
    while (end := content.find(b"\r\n")) >= 0:
        size = int(content[:end], 16)
        arrived += content[end + 2 : end + 2 + size]
        content = content[end + 2 + size + 2 :]
    return arrived


def _text_of(body: bytes, is_stream: bool, is_all: bool) -> str:
    """Return the text of the whole events in a part of the body."""
    if not is_stream:
        events = list(wire.decode_answer(body.decode())) if is_all else []
        return "".join(event.text for event in events if isinstance(event, TextDelta))
    blocks = body.decode("utf-8", "ignore").split("\n\n")[:-1]
    lines = [line for block in blocks for line in block.split("\n") if line.startswith("data: ")]
    events = [event for line in lines for event in wire.decode_event(line.removeprefix("data: "))]
    return "".join(event.text for event in events if isinstance(event, TextDelta))
