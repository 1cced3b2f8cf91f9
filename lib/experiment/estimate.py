"""Estimate: what a plan will take, before the first request: requests, tokens, dollars and time."""

from __future__ import annotations

from decimal import Decimal

from lib import llama3
from lib.events import Usage
from lib.model import Model
from lib.pricing import dollars
from lib.request import Messages, Request

# Tokens that a service may lay around an input beyond what Meta's format has: Cloudflare does not document it.
MARGIN = 64


def most_in(model: Model, request: Request) -> int:
    """Tokens that the input can come to at most: no token is less than a byte of what the model is given."""
    text = llama3.lay_out(request.input)
    if isinstance(request.input, Messages):
        text += "".join(one.name + one.code for one in request.input.functions)
    if request.response_format is not None:
        text += request.response_format.schema or ""
    return min(len(text.encode("utf-8", "surrogatepass")) + MARGIN, model.context_window)


def most_out(model: Model, request: Request) -> int:
    """Tokens that the answer can come to at most."""
    cap = model.output_cap
    asked = request.parameters.get(cap.name, cap.default)
    return model.context_window if asked is None else min(int(asked), model.context_window)


def most(model: Model, request: Request, tokens: int | None = None) -> Decimal:
    """Dollars that one request can cost at most. ``tokens``: those of its input, where they are known exactly."""
    input = most_in(model, request) if tokens is None else tokens
    return dollars(Usage(input, most_out(model, request)), model.price)
