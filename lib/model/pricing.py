"""Usage × price → dollars and neurons, in exact decimals."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from lib.model.model_record import Price
from lib.model.usage import Usage

_MILLION = Decimal(1_000_000)


def cost_in_dollars(usage: Usage, price: Price) -> Decimal:
    """What the usage costs at the listed unit price, in US dollars, unrounded."""
    return (
        usage.prompt_tokens * price.input_per_million + usage.completion_tokens * price.output_per_million
    ) / _MILLION


def cost_in_neurons(usage: Usage, price: Price) -> Decimal:
    """What the usage comes to in neurons: the backend's own count where it gave one."""
    if usage.neurons is not None:
        return usage.neurons
    return (
        usage.prompt_tokens * price.neurons_per_million_input
        + usage.completion_tokens * price.neurons_per_million_output
    ) / _MILLION


def format_dollars(amount: Decimal) -> str:
    """An amount with at least two digits that say something: $1.23, $0.0041, $0.000060."""
    if amount == 0:
        return "$0"
    places = max(2, 1 - amount.adjusted())
    return f"${amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):,f}"


def estimate_tokens(text: str) -> int:
    """A rough count where no tokenizer is at hand: about four bytes of UTF-8 a token, never 0 for some text."""
    # surrogatepass: a lone surrogate must not make a figure fail
    return -(-len(text.encode("utf-8", "surrogatepass")) // 4)
