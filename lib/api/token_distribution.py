"""Distribution: what may come next and how likely each of it is, as the twin tells it from the model itself."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lib.errors import Unintelligible


@dataclass(frozen=True)
class TokenCandidate:
    """One token that may come next.

    ``probability`` is the model's own; ``sampled`` is the one with which it is drawn under the settings,
    0 where they cut it away. Both from 0 to 1.
    """

    id: int
    token: str
    probability: float
    sampling_probability: float

    @property
    def can_be_sampled(self) -> bool:
        """Whether it can be drawn at all."""
        return self.sampling_probability > 0


@dataclass(frozen=True)
class TokenDistribution:
    """The likeliest tokens by the model's own probability, and what there is beside them.

    ``kept`` of the ``vocabulary`` tokens can be drawn under the settings; ``rest`` is the model's own
    probability of all tokens that are not among the candidates.
    """

    prompt_tokens: int
    vocabulary_size: int
    sampling_count: int
    other_probability: float
    candidates: tuple[TokenCandidate, ...]


def decode_token_distribution(text: str) -> TokenDistribution:
    """The distribution in the twin's envelope. A candidate that makes no sense is left out.

    Raises Unintelligible where nothing is left.
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
        "The twin sent no probabilities.",
        advice="Retry. If it stays, start the twin anew: another may answer.",
    )


def _decode_candidates(listed: Any) -> Iterator[TokenCandidate]:
    for one in listed:
        if not isinstance(one, dict) or not isinstance(one.get("token"), str):
            continue
        probability, sampled = (
            _parse_probability(one.get("probability")),
            _parse_probability(one.get("sampled")),
        )
        if probability is not None and sampled is not None:
            # JSON can spell lone halves of UTF-16 pairs, but nothing can draw them.
            token = one["token"].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            yield TokenCandidate(_parse_count(one.get("id")), token, probability, sampled)


def _parse_probability(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return min(max(float(value), 0.0), 1.0)


def _parse_count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
