"""The least that can show a stream: a page that adds what comes to one text node. Arguments: the port."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from bench.peers.source import read_words

PAGE = """<!doctype html><meta charset="utf-8"><title>Bare</title><textarea></textarea><p></p><script>
document.querySelector("textarea").addEventListener("keydown", async event => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const text = document.querySelector("p").appendChild(document.createTextNode(""));
    const reader = (await fetch("words")).body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part; !(part = await reader.read()).done;) text.appendData(part.value);
});
</script>"""


def show_page(request: Request) -> Response:
    return HTMLResponse(PAGE)


def send_words(request: Request) -> Response:
    def words() -> Iterator[str]:
        yield from read_words("Go")

    return StreamingResponse(words(), media_type="text/plain")


if __name__ == "__main__":
    app = Starlette(routes=[Route("/", show_page), Route("/words", send_words)])
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
