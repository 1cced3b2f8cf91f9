"""Visitors get Streamlit's files compressed; the browser on this machine, and what may change, stay as they are."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from lib.ui.shell.access_rules import AccessRules
from lib.ui.shell.compressed_files import CompressedFiles
from tests.ui.shell.asgi_requests import Door, Reply

PEER = "192.0.2.7"
BODY = b"const paddock = 1;\n" * 200


class Files:
    """An application that answers with a file, in two pieces."""

    def __init__(self, **changed: str) -> None:
        kept = {
            "cache-control": "public, immutable, max-age=31536000",
            "content-type": "application/javascript",
        }
        self._headers = kept | {name.replace("_", "-"): value for name, value in changed.items()}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = {"etag": '"1"', "accept-ranges": "bytes", "content-length": str(len(BODY))} | self._headers
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        await send({"type": "http.response.body", "body": BODY[:100], "more_body": True})
        await send({"type": "http.response.body", "body": BODY[100:]})


def get(path: str = "/static/js/a.js", files: Files | None = None, **request: Any) -> Reply:
    app: Any = CompressedFiles(files or Files())
    door = Door(rules=AccessRules(hosts=("paddock.example",)), app=app)
    return door.get(
        path, **{"peer": PEER, "host": "paddock.example", "accept_encoding": "br, gzip"} | request
    )


def body(reply: Reply) -> bytes:
    return b"".join(message.get("body", b"") for message in reply.messages)


def test_a_visitor_gets_less_than_half() -> None:
    reply = get()
    assert reply.header("content-encoding") == ["gzip"]
    assert len(body(reply)) < len(BODY) / 2
    assert gzip.decompress(body(reply)) == BODY
    assert reply.header("content-length") == [str(len(body(reply)))]
    assert (reply.header("vary"), reply.header("etag")) == (["accept-encoding"], ['W/"1"'])
    assert reply.header("accept-ranges") == []
    assert "immutable" in reply.header("cache-control")[0]


@pytest.mark.parametrize(
    ("files", "request_changes"),
    [
        (Files(), {"peer": "127.0.0.1", "host": "localhost"}),
        (Files(), {"accept_encoding": "br"}),
        (Files(), {"range": "bytes=0-9"}),
        (Files(cache_control="no-cache"), {}),
        (Files(content_type="image/png"), {}),
        (Files(content_encoding="br"), {}),
    ],
    ids=["this machine", "not accepted", "a part", "may change", "a picture", "compressed already"],
)
def test_the_rest_stays_as_it_is(files: Files, request_changes: dict[str, str]) -> None:
    reply = get(files=files, **request_changes)
    assert body(reply) == BODY
    assert "gzip" not in reply.header("content-encoding")
    assert len(reply.messages) == 3, "passed on piece by piece"


def test_a_file_is_compressed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compressed = []
    original = gzip.compress
    monkeypatch.setattr(gzip, "compress", lambda data: compressed.append(data) or original(data))
    app: Any = CompressedFiles(Files())
    door = Door(rules=AccessRules(hosts=("paddock.example",)), app=app)
    for _ in range(3):
        door.get("/static/js/a.js", peer=PEER, host="paddock.example", accept_encoding="gzip")
    assert compressed == [BODY]
