"""The text that all pages draw, and the reading of it that all servers share."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

WORD = "w{:05d} "


def read_words(prompt: str) -> Iterator[str]:
    """Yield the words of the answer as they come."""
    base, account = os.environ["CLOUDFLARE_BASE_URL"], os.environ["CLOUDFLARE_ACCOUNT_ID"]
    url = f"{base}/accounts/{account}/ai/run/@cf/meta/llama-3.2-1b-instruct"
    body = {"messages": [{"role": "user", "content": prompt}], "stream": True}
    headers = {"authorization": f"Bearer {os.environ['CLOUDFLARE_API_TOKEN']}"}
    with httpx.stream("POST", url, json=body, headers=headers, timeout=60) as response:
        for line in response.iter_lines():
            if line.startswith("data: {"):
                yield str(json.loads(line.removeprefix("data: "))["response"])


@dataclass
class PacedWords:
    """A reply of the tests' upstream: numbered words at a rate. ``sent`` holds the time.time() of each."""

    count: int
    rate: float
    sent: list[float] = field(default_factory=list)

    def __call__(self, handler, request) -> None:  # type: ignore[no-untyped-def]
        """Send the words; ``handler`` is tests.page.upstream's."""
        handler.send_head(200, "text/event-stream")
        begun = time.monotonic()
        for number in range(1, self.count + 1):
            event = json.dumps({"response": WORD.format(number), "p": "abcdefgh"})
            self.sent.append(time.time())
            handler.write(f"data: {event}\n\n".encode())
            if (ahead := begun + number / self.rate - time.monotonic()) > 0:
                handler.pause(ahead)
        usage = {"prompt_tokens": 21, "completion_tokens": self.count, "total_tokens": 21 + self.count}
        handler.write(f"data: {json.dumps({'response': '', 'usage': usage})}\n\ndata: [DONE]\n\n".encode())
