"""Decode the rendered prompt: the text that a model is given for a request, in its own chat format."""

from __future__ import annotations

from dataclasses import dataclass

from lib.api import wire
from lib.errors import Unintelligible


@dataclass(frozen=True)
class RenderedPrompt:
    """``prompt`` is the text before tokenization; ``usage`` will count ``prompt_tokens``.

    The model's tokenizer reads each of ``special_tokens`` as a control token.
    """

    prompt: str
    prompt_tokens: int
    chat_format: str
    special_tokens: tuple[str, ...]
    context_window: int


def decode_rendered_prompt(text: str) -> RenderedPrompt:
    """Return the rendered prompt in a server's answer. Raises Unintelligible."""
    match wire.envelope_result(text):
        case {
            "prompt": str(prompt),
            "prompt_tokens": int(tokens),
            "chat_format": str(format),
            "special_tokens": list(special),
            "context_window": int(window),
        } if tokens >= 0:
            return RenderedPrompt(
                prompt, tokens, format, tuple(str(token) for token in special if token), window
            )
    raise Unintelligible(
        "The server's word on how it lays out a prompt cannot be read.", advice="Update Paddock, then retry."
    )
