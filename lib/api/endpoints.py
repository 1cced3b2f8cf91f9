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
        "Ask the model: messages or a prompt in, an answer out, whole or streamed. Paddock uses this one.",
    ),
    Endpoint(
        "POST",
        f"{_AI}/v1/chat/completions",
        "The same in OpenAI's shape, for the SDKs and tools that speak it. The model's name goes into the body.",
    ),
    Endpoint(
        "GET",
        f"{_AI}/models/search",
        "The list of models, with their properties and prices; “search” narrows it. Free of charge.",
    ),
    Endpoint("GET", f"{_AI}/models/schema", "The input and output schema of the model that “model” names."),
    Endpoint(
        "GET",
        f"{_AI}/finetunes",
        "The account's own LoRA adapters: on the twin, those in its folder of adapters.",
    ),
    Endpoint("GET", f"{_AI}/finetunes/public", "The LoRA adapters that are offered to everybody."),
    Endpoint("GET", "/user/tokens/verify", "Whether the token is good."),
)

TWIN_ENDPOINTS = (
    Endpoint(
        "POST",
        f"{_AI}/paddock/prompt",
        "The text that the model is given for a request, in its own chat format, and how many tokens it is.",
    ),
    Endpoint(
        "POST",
        f"{_AI}/paddock/probabilities",
        "How likely each next token is, before and after the settings: what “Next token” on this page shows.",
    ),
    Endpoint(
        "GET",
        f"{_AI}/paddock/adapters",
        "Which adapters were loaded, and which files were left out, with the reason.",
    ),
    Endpoint("GET", f"{_AI}/paddock/slots", "How many answers are being written, and how many wait."),
)
