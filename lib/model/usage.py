"""Token usage of one request or of several."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Usage:
    """Tokens of one request, or the sum of several.

    ``neurons`` is the count that the backend reported, None if it reported none.
    ``estimated``: counted from the length of the text, because the backend sent no usage.
    ``from_gateway_cache``: an AI Gateway answered with an earlier answer, so the model was not asked and nothing is
    billed. A sum is from the cache only if all of it is: price each usage before adding, not their sum.
    """

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    neurons: Decimal | None = None
    estimated: bool = False
    from_gateway_cache: bool = False

    @property
    def total_tokens(self) -> int:
        """Input plus output."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        neurons = None if self.neurons is None or other.neurons is None else self.neurons + other.neurons
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            neurons,
            self.estimated or other.estimated,
            self.from_gateway_cache and other.from_gateway_cache,
        )
