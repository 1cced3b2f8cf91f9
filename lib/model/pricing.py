"""The cost of token usage in dollars and neurons, in exact decimals."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from lib.model.model_record import Price
from lib.model.usage import Usage

_THOUSAND = Decimal(1_000)
_MILLION = Decimal(1_000_000)


def cost_in_dollars(usage: Usage, price: Price) -> Decimal:
    """Return the price of the usage in US dollars, at the listed price and not rounded."""
    if usage.from_gateway_cache:
        return Decimal(0)
    cached = min(usage.cached_tokens, usage.prompt_tokens)
    cached_price = price.cached_input_per_million
    input_dollars = usage.prompt_tokens * price.input_per_million
    if cached_price is not None:
        input_dollars += cached * (cached_price - price.input_per_million)
    return (input_dollars + usage.completion_tokens * price.output_per_million) / _MILLION


def cost_in_neurons(usage: Usage, price: Price) -> Decimal:
    """Return the usage in neurons: the backend's own count if it gave one."""
    if usage.from_gateway_cache:  # a count in the answer is the earlier answer's
        return Decimal(0)
    if usage.neurons is not None:
        return usage.neurons
    return (
        usage.prompt_tokens * price.neurons_per_million_input
        + usage.completion_tokens * price.neurons_per_million_output
    ) / _MILLION


def cost_of_neurons(usage: Usage, price: Price) -> Decimal:
    """Return the price of the usage's neurons in US dollars, which is what Cloudflare bills."""
    return cost_in_neurons(usage, price) * price.per_thousand_neurons / _THOUSAND


def budget_dollars(listed: Decimal, price: Price) -> Decimal:
    """Return the most that an amount at the listed price can be as neurons, and never less than the amount.

    How much input and output the amount stands for need not be known.
    """
    factors = [
        neurons * price.per_thousand_neurons / _THOUSAND / dollars
        for dollars, neurons in (
            (price.input_per_million, price.neurons_per_million_input),
            (price.output_per_million, price.neurons_per_million_output),
        )
        if dollars
    ]
    return listed * max([Decimal(1), *factors])


def format_dollars(amount: Decimal) -> str:
    """Format dollars to read: in cents, and below ten cents with three significant digits: $1.23, $0.000127."""
    if amount == 0:
        return "$0"
    places = 2 if amount >= Decimal("0.1") else 2 - amount.adjusted()
    text = f"{amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):,f}"
    return f"${_strip_zeros(text, 2)}"


def format_exact(amount: Decimal) -> str:
    """Format an amount with all its digits, without trailing zeros."""
    return _strip_zeros(f"{amount:,f}", 0)


def _strip_zeros(text: str, places: int) -> str:
    """Remove trailing zeros of a decimal fraction, except in its first places."""
    whole, point, fraction = text.partition(".")
    fraction = fraction[:places] + fraction[places:].rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole if point else text


def estimate_tokens(text: str) -> int:
    """Estimate the number of tokens without a tokenizer: four bytes of UTF-8 each, rounded up."""
    # surrogatepass: the user may have typed a lone surrogate.
    return -(-len(text.encode("utf-8", "surrogatepass")) // 4)
