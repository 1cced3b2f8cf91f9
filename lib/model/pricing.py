"""The cost of token usage in dollars and neurons, in exact decimals."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from lib.model.model_record import Price
from lib.model.usage import Usage

_MILLION = Decimal(1_000_000)


def cost_in_dollars(usage: Usage, price: Price) -> Decimal:
    """Return the price of the usage in US dollars, at the listed price and not rounded."""
    return (
        usage.prompt_tokens * price.input_per_million + usage.completion_tokens * price.output_per_million
    ) / _MILLION


def cost_in_neurons(usage: Usage, price: Price) -> Decimal:
    """Return the usage in neurons: the backend's own count if it gave one."""
    if usage.neurons is not None:
        return usage.neurons
    return (
        usage.prompt_tokens * price.neurons_per_million_input
        + usage.completion_tokens * price.neurons_per_million_output
    ) / _MILLION


def format_dollars(amount: Decimal) -> str:
    """Format dollars with at least two significant digits: $1.23, $0.0041, $0.000060."""
    if amount == 0:
        return "$0"
    places = max(2, 1 - amount.adjusted())
    return f"${amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):,f}"


def estimate_tokens(text: str) -> int:
    """Estimate the number of tokens without a tokenizer: four bytes of UTF-8 each, rounded up."""
    # surrogatepass: the user may have typed a lone surrogate.
    return -(-len(text.encode("utf-8", "surrogatepass")) // 4)
