"""List the API's endpoints for text models: those of Cloudflare and the twin, and those of the twin alone."""

from __future__ import annotations

from typing import NamedTuple

_AI = "/accounts/{account}/ai"


class Endpoint(NamedTuple):
    """An address below the base URL, with placeholders for the account and the model."""

    method: str
    path: str
    purpose: str


ENDPOINTS = (
    Endpoint(
        "POST",
        f"{_AI}/run/{{model}}",
        "Asks the model. You send messages or a prompt, and an answer comes, complete or streamed. Paddock uses it.",
    ),
    Endpoint(
        "POST",
        f"{_AI}/v1/chat/completions",
        "The same in OpenAI's format, for programs that use it. The name of the model is in the body.",
    ),
    Endpoint(
        "GET",
        f"{_AI}/models/search",
        "The list of models, with their properties and prices; “search” filters it. Free of charge.",
    ),
    Endpoint("GET", f"{_AI}/models/schema", "The input and output schema of the model that “model” names."),
    Endpoint(
        "GET",
        f"{_AI}/finetunes",
        "The account's own adapters (LoRA). For the practice model: those in its folder.",
    ),
    Endpoint("GET", f"{_AI}/finetunes/public", "The adapters (LoRA) that everybody can use."),
    Endpoint("GET", "/user/tokens/verify", "Checks the token."),
)

TWIN_ENDPOINTS = (
    Endpoint(
        "POST",
        f"{_AI}/paddock/prompt",
        "The text that the model reads for a request, in its own chat format, and its number of tokens.",
    ),
    Endpoint(
        "POST",
        f"{_AI}/paddock/probabilities",
        "How likely each next token is, before and after the settings: what “Next token” on this page shows.",
    ),
    Endpoint(
        "GET",
        f"{_AI}/paddock/adapters",
        "The adapters that were loaded, and the files that could not be used, with the reason.",
    ),
    Endpoint(
        "GET", f"{_AI}/paddock/slots", "The number of answers that are being written, and of those that wait."
    ),
)
