"""The model's text is not trusted: it fetches nothing, its markup is limited, and code stays exact."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.page.browser_tab import BrowserTab
from tests.page.upstream import StreamReply, Upstream


class Canary(http.server.ThreadingHTTPServer):
    """Records every connection and closes it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
        self.connections: list[object] = []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def verify_request(self, request: object, client_address: object) -> bool:
        self.connections.append(client_address)
        return False


@pytest.fixture
def canary() -> Iterator[Canary]:
    with Canary() as canary:
        yield canary
        canary.shutdown()


def beacons(url: str) -> list[str]:
    """Return texts that make a browser fetch something if the page draws them naively."""
    images = [
        f"![x]({url}/plain)",
        f'![x]( <{url}/angle> "t" )',
        f"![ref][r]\n\n[r]: {url}/reference",
        f"![r]\n\n[r]: {url}/short",
        f"[![x]({url}/inlink)](/l)",
        f"- ![x]({url}/item)\n  - ![x]({url}/nested)",
        f"> ![x]({url}/quote)",
        f"# ![x]({url}/head)",
        f"| a |\n|---|\n| ![x]({url}/cell) |",
        f"`![x]({url}/span)`",
        f"`![x]({url}/open",
        f"``![x]({url}/wrong)`",
        f"\\`![x]({url}/esc)`",
        f"```\n![x]({url}/fence)",
        f"    ```\n![x]({url}/indentfence)\n",
        f"~~~\n```\n~~~\n![x]({url}/after)",
        f"**![x]({url}/bold)**",
        f"!\\[x]({url}/b1)",
        f"\\![x]({url}/b2)",
        f"!&#91;x]({url}/entity)",
        f"&#33;[x]({url}/entity2)",
        f"!\n[x]({url}/line)",
        f"!![x]({url}/two)",
        f"*a*![x]({url}/c)![y]({url}/d)",
        f"[^1]\n\n[^1]: ![x]({url}/foot)",
        f"`a\n\n![x]({url}/spanpar)`",
        f"`` a ` ![x]({url}/mixed) ``",
        f"1. a\n\n   ```\n   x\n   ```\n   ![x]({url}/listfence)",
        f"<details>\n\n![x]({url}/details)\n\n</details>",
        f"$![x]({url}/math)$",
        f":red[![x]({url}/red)]",
    ]
    html = [
        f"<img src='{url}/img'>",
        f"<img src={url}/img2 onerror=fetch('{url}/err')>",
        f"<iframe src='{url}/frame'></iframe>",
        f"<style>@import url('{url}/css'); body {{ background: url('{url}/bg') }}</style>",
        f"<link rel=stylesheet href='{url}/link'>",
        f"<script src='{url}/js'></script>",
        f"<svg><image href='{url}/svg'/></svg>",
        f"<video src='{url}/v' autoplay></video>",
        f"<object data='{url}/o'></object>",
        f"<div style=\"background:url('{url}/style')\">x</div>",
        f"<meta http-equiv=refresh content='0;url={url}/meta'>",
    ]
    return [*images, *html, f":material/x: ![x]({url}/m)", f"<p>\n![x]({url}/p)\n</p>"]


def test_nothing_is_fetched(tab: BrowserTab, upstream: Upstream, canary: Canary) -> None:
    """Check each text alone and all of them in one answer, while they stream a token at a time and at the end."""
    texts = beacons(canary.url)
    upstream.plan_replies(
        StreamReply("\n\n".join(texts), rate=1500), *(StreamReply(text) for text in texts[:12])
    )
    tab.send("Go")
    tab.wait_for_end()
    for number in range(12):
        tab.send("Go")
        tab.wait_for_end(which=number + 1)
    assert tab.answers.last.locator("img, iframe, video, object, svg image").count() == 0
    assert tab.page.locator("[class*='st-key-assistant-'] img").count() == 0
    assert (
        tab.answers.nth(1).locator("a[rel='noopener noreferrer nofollow']").get_attribute("href")
        == f"{canary.url}/plain"
    )
    tab.page.reload()
    tab.wait_until("all again", lambda: tab.answers.count() == 13)
    tab.wait_until_idle()
    assert canary.connections == []


def test_the_canary_sings(tab: BrowserTab, canary: Canary) -> None:
    """Check that the canary notices a connection without a request."""
    assert canary.connections == []
    with socket.create_connection(("127.0.0.1", canary.server_address[1])):
        tab.wait_until("its song", lambda: canary.connections)


TEXTS = [
    "It costs $5 and $10.",
    "Let $x^2$ be $y$.",
    "$$\\int_0^1 x\\,dx$$ and so on",
    "A price\\$ of $3",
    "Use :material/home: and :smile: and :red[this] at 10:30:45.",
    "a < b and c > d & e, <b>not bold</b>",
    "git log --oneline, a->b, arn:aws:s3 <= ~= 1",
]


def test_it_is_shown_as_it_was_written(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply("\n\n".join(TEXTS)))
    tab.send("Go")
    tab.wait_for_end()
    assert tab.answer_blocks() == [text.replace("\\$", "$") for text in TEXTS]
    assert tab.answers.last.locator(".katex, [data-testid=stIconMaterial] >> text=home").count() == 0


def test_code_is_exact_and_in_colours(tab: BrowserTab, upstream: Upstream) -> None:
    code = 'fn main() {\n    let v = vec![1];\n\n    println!("{} $5 `x` ![a](b) :smile:", v[0]); // <b>\n}'
    upstream.plan_replies(StreamReply(f"Look:\n\n```rust\n{code}\n```\n\nThat is `vec![1]` and `$5`."))
    tab.send("Go")
    tab.wait_for_end()
    blocks = tab.answer_blocks()
    assert len(blocks) == 3
    assert blocks[1].rstrip("\n") == code
    assert blocks[2] == "That is vec![1] and $5."
    assert tab.answers.last.locator(".code span.token").count() > 5


def test_a_question_is_shown_exactly_as_typed(tab: BrowserTab, upstream: Upstream) -> None:
    text = 'It\'s "quoted", *starred*, <b>tagged</b>, `ticks`, $5 & $6:\n\n    inside\n# no heading\n![x](y) :smile:'
    tab.chat_box.fill(text)
    tab.chat_box.press("Enter")
    tab.wait_for_end()
    assert tab.question_text() == text
    assert upstream.requests[0].body["messages"] == [{"role": "user", "content": text}]
