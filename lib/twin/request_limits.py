"""The limits of one request and of all requests together: what any client may cost the twin.

They are checked before the work that they limit: the length before the body is read, the number of values before the
body is parsed, the numbers of messages and tools and the characters of the prompt before the body is validated.
Every figure was measured on two cores with the shipped model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lib.twin.api_errors import REQUEST_TOO_LARGE, TwinApiError, context_window_exceeded, field_error

# A head of the official SDKs has less than 1 KiB.
MAX_HEAD_BYTES = 64 * 1024
# Seconds from the first byte of a head, or from the connection, to the end of the head.
HEAD_TIMEOUT = 10.0
# Each chunk of a body costs about 40 µs, whatever its size; clients send chunks of 16 KiB and more.
MAX_CHUNKS = 4_096

# Far more than any context window.
MAX_BODY_BYTES = 4 * 1024 * 1024
# Seconds for a whole body, however it drips. A client on this computer sends the largest in some milliseconds.
BODY_TIMEOUT = 10.0
# Bytes of all bodies that are read, or wait to be validated, and their number: more are refused with 3040. Bytes are
# counted as they arrive, so that clients which send slowly take no room from the others.
MAX_OPEN_BYTES = 128 * 1024 * 1024
MAX_OPEN_BODIES = 1_000
# Bodies that are validated at a time. The others wait, so that the threads leave the event loop its share.
VALIDATION_THREADS = 2
# Prompts that are shown at a time, running and waiting. Each has at most the characters that PromptLimits allows.
MAX_SHOWN_PROMPTS = 16

# A client that is refused while it still sends has to read on to see the answer. Until one of these limits, the twin
# takes the rest and drops it: closing at once would reset the connection, and the answer could be lost.
MAX_DISCARDED_BYTES = 64 * 1024 * 1024
DISCARD_TIMEOUT = 1.0

# Commas and opening brackets, which bound the values of a body. Those of 4 MiB of "[]," would take 90 MB and 4 s.
MAX_JSON_VALUES = 200_000
# Messages and tool calls together. llama.cpp's chat template takes time with the square of their number: 0.5 s for
# 2,000, 18 s for 20,000.
MAX_MESSAGES = 2_000
MAX_TOOLS = 128
# Characters of all tools and functions in JSON. Checking their schemas takes about 30 µs a character.
MAX_TOOLS_CHARS = 128 * 1024
# OpenAI documents 4. The engine compares each of them with each token.
MAX_STOP_TEXTS, MAX_STOP_CHARS = 16, 1_000


def check_json_values(raw: bytes) -> None:
    """Refuse a body with too many values, before it is parsed. Raises TwinApiError."""
    if sum(raw.count(mark) for mark in (b",", b"[", b"{")) > MAX_JSON_VALUES:
        raise TwinApiError(REQUEST_TOO_LARGE)


@dataclass(frozen=True)
class PromptLimits:
    """The limits of a prompt for one model.

    ``context`` is in tokens. ``longest_token`` is the number of characters of the vocabulary's longest token, so no
    tokenization of a text has fewer tokens than its characters divided by it.
    """

    context: int
    longest_token: int

    def check(self, body: Any) -> None:
        """Refuse a native body that is too long or has too many parts. The schema decides about its types.

        Raises TwinApiError.
        """
        if not isinstance(body, Mapping):
            return
        messages = [message for message in _as_list(body.get("messages")) if isinstance(message, Mapping)]
        calls = sum(len(_as_list(message.get("tool_calls"))) for message in messages)
        tokens = -(-sum(_prompt_characters(body, messages)) // self.longest_token)
        if not body.get("raw"):
            # The chat template marks each message with one token at least.
            tokens += len(messages)
        if tokens > self.context:
            max_tokens = body.get("max_tokens")
            raise TwinApiError(
                context_window_exceeded(
                    tokens + (max_tokens if isinstance(max_tokens, int) else 0), self.context
                )
            )
        if len(messages) + calls > MAX_MESSAGES:
            raise TwinApiError(REQUEST_TOO_LARGE)
        _check_tools([*_as_list(body.get("tools")), *_as_list(body.get("functions"))])


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _prompt_characters(body: Mapping[str, Any], messages: list[Mapping[str, Any]]) -> Iterator[int]:
    texts = [body.get("prompt"), *(message.get(name) for message in messages for name in ("content", "name"))]
    yield from (len(text) for text in texts if isinstance(text, str))
    # The arguments of calls are in the prompt as JSON.
    yield from (
        len(json.dumps(message["tool_calls"], ensure_ascii=False))
        for message in messages
        if message.get("tool_calls")
    )


def _check_tools(tools: list[Any]) -> None:
    if len(tools) > MAX_TOOLS:
        raise field_error("/tools", f"at most {MAX_TOOLS} tools and functions together")
    if tools and len(json.dumps(tools, ensure_ascii=False)) > MAX_TOOLS_CHARS:
        raise field_error("/tools", f"at most {MAX_TOOLS_CHARS:,} characters of tools and functions together")
