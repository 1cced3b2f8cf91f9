"""A reply of the tests' server: a model that thinks before it answers."""

from __future__ import annotations

import random
import time

from tests.page.upstream import MAX_STREAM_SECONDS, UpstreamHandler, UpstreamRequest, split_into_tokens


class ThoughtsReply:
    """A stream of thoughts that waits until it is released, and then ends with a text."""

    def __init__(self, thoughts: str, text: str) -> None:
        self._thoughts, self._text = thoughts, text

    def __call__(self, handler: UpstreamHandler, request: UpstreamRequest) -> None:
        handler.send_head(200, "text/event-stream")
        chance, begun = random.Random(1), time.monotonic()
        for piece in split_into_tokens(self._thoughts):
            handler.send_event({"choices": [{"index": 0, "delta": {"reasoning_content": piece}}]}, chance)
        while not request.released.is_set() and time.monotonic() - begun < MAX_STREAM_SECONDS:
            handler.pause(0.01)
        usage = {"prompt_tokens": 21, "completion_tokens": 42, "total_tokens": 63}
        for value in (
            {"choices": [{"index": 0, "delta": {"content": self._text}}]},
            {"response": "", "usage": usage},
        ):
            handler.send_event(value, chance)
        handler.write(b"data: [DONE]\n\n")
