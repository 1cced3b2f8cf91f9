"""Decode what a server shows of its model: the rendered prompt of a request, and the next token's probabilities."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lib.api import wire
from lib.errors import Unintelligible
from lib.jsonkit.surrogates import replace_lone_surrogates


@dataclass(frozen=True)
class TokenCandidate:
    """A possible next token.

    ``probability`` is the model's own; ``sampling_probability`` is the one after the settings, 0 if they exclude the
    token. Both are from 0 to 1.
    """

    id: int
    token: str
    probability: float
    sampling_probability: float

    @property
    def can_be_sampled(self) -> bool:
        return self.sampling_probability > 0


@dataclass(frozen=True)
class TokenDistribution:
    """The likeliest tokens by the model's own probability.

    With the settings, ``sampling_count`` of the ``vocabulary_size`` tokens can be sampled. All tokens that are not
    candidates have ``other_probability`` together, by the model's own count.
    """

    prompt_tokens: int
    vocabulary_size: int
    sampling_count: int
    other_probability: float
    candidates: tuple[TokenCandidate, ...]


def decode_token_distribution(text: str) -> TokenDistribution:
    """Return the distribution in the twin's answer, without malformed candidates.

    Raises Unintelligible if no candidate is left.
    """
    try:
        result = json.loads(text)["result"]
        candidates = tuple(_decode_candidates(result["candidates"]))
        if candidates:
            return TokenDistribution(
                prompt_tokens=_parse_count(result.get("prompt_tokens")),
                vocabulary_size=max(_parse_count(result.get("vocabulary")), len(candidates)),
                sampling_count=_parse_count(result.get("kept"))
                or sum(candidate.can_be_sampled for candidate in candidates),
                other_probability=_parse_probability(result.get("rest")) or 0.0,
                candidates=candidates,
            )
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        pass
    raise Unintelligible(
        "The practice model sent no chances.",
        advice="Retry. If it happens again, restart Paddock.",
    )


def _decode_candidates(entries: Any) -> Iterator[TokenCandidate]:
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("token"), str):
            continue
        probability = _parse_probability(entry.get("probability"))
        sampling_probability = _parse_probability(entry.get("sampled"))
        if probability is not None and sampling_probability is not None:
            token = replace_lone_surrogates(entry["token"])
            yield TokenCandidate(_parse_count(entry.get("id")), token, probability, sampling_probability)


def _parse_probability(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return min(max(float(value), 0.0), 1.0)


def _parse_count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


@dataclass(frozen=True)
class RenderedPrompt:
    """The text that a model is given for a request, in its own chat format.

    ``prompt`` is the text before tokenization; ``usage`` will count ``prompt_tokens``.

    The model's tokenizer reads each of ``special_tokens`` as a control token. ``note`` is a sentence about messages
    that were joined for the chat format, "" if none were.
    """

    prompt: str
    prompt_tokens: int
    chat_format: str
    special_tokens: tuple[str, ...]
    context_window: int
    note: str = ""


def decode_rendered_prompt(text: str) -> RenderedPrompt:
    """Return the rendered prompt in a server's answer. Raises Unintelligible."""
    match wire.envelope_result(text):
        case {
            "prompt": str(prompt),
            "prompt_tokens": int(tokens),
            "chat_format": str(format),
            "special_tokens": list(special),
            "context_window": int(window),
            **more,
        } if tokens >= 0:
            special_tokens = tuple(str(token) for token in special if token)
            return RenderedPrompt(prompt, tokens, format, special_tokens, window, str(more.get("note", "")))
    raise Unintelligible(
        "The practice model's description of the prompt cannot be read.", advice="Update Paddock, then retry."
    )
