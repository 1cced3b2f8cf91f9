"""Layout: the very text that a model is given for a request, in its own chat format, and its length in tokens."""

from __future__ import annotations

from dataclasses import dataclass

from lib.api import wire
from lib.errors import Unintelligible


@dataclass(frozen=True)
class RenderedPrompt:
    """``prompt`` is what is tokenized; ``prompt_tokens`` what ``usage`` will count; ``format`` names the chat format.

    ``special_tokens`` are the texts that the model's tokenizer takes for one of its control tokens.
    """

    prompt: str
    prompt_tokens: int
    chat_format: str
    special_tokens: tuple[str, ...]
    context_window: int


def decode_rendered_prompt(text: str) -> RenderedPrompt:
    """The layout in a server's answer. Raises Unintelligible."""
    match wire.envelope_result(text):
        case {
            "prompt": str(prompt),
            "prompt_tokens": int(tokens),
            "chat_format": str(format),
            "special_tokens": list(special),
            "context_window": int(window),
        } if tokens >= 0:
            return RenderedPrompt(prompt, tokens, format, tuple(str(one) for one in special if one), window)
    raise Unintelligible(
        "The server's word on how it lays out a prompt cannot be read.", advice="Update Paddock, then retry."
    )
