"""List the API's endpoints for text models: what each is for, and which backend has it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Endpoint:
    """An address below the base URL, with placeholders for the account and the model."""

    method: str
    path: str
    purpose: str
    on_cloudflare: bool = True
    on_twin: bool = True


ENDPOINTS = (
    Endpoint(
        "POST",
        "/accounts/{account}/ai/run/{model}",
        "Ask the model: messages or a prompt in, an answer out, whole or streamed. Paddock uses this one.",
    ),
    Endpoint(
        "POST",
        "/accounts/{account}/ai/v1/chat/completions",
        "The same in OpenAI's shape, for the SDKs and tools that speak it. The model's name goes into the body.",
    ),
    Endpoint(
        "GET",
        "/accounts/{account}/ai/models/search",
        "The list of models, with their properties and prices; “search” narrows it. Free of charge.",
    ),
    Endpoint(
        "GET",
        "/accounts/{account}/ai/models/schema",
        "The input and output schema of the model that “model” names.",
    ),
    Endpoint(
        "GET",
        "/accounts/{account}/ai/finetunes",
        "The account's own LoRA adapters: on the twin, those in its folder of adapters.",
    ),
    Endpoint(
        "GET",
        "/accounts/{account}/ai/finetunes/public",
        "The LoRA adapters that are offered to everybody.",
    ),
    Endpoint("GET", "/user/tokens/verify", "Whether the token is good."),
    Endpoint(
        "POST",
        "/accounts/{account}/ai/paddock/prompt",
        "The text that the model is given for a request, in its own chat format, and how many tokens it is.",
        on_cloudflare=False,
    ),
    Endpoint(
        "POST",
        "/accounts/{account}/ai/paddock/probabilities",
        "How likely each next token is, before and after the settings: what “Next token” on this page shows.",
        on_cloudflare=False,
    ),
    Endpoint(
        "GET",
        "/accounts/{account}/ai/paddock/adapters",
        "Which adapters were loaded, and which files were left out, with the reason.",
        on_cloudflare=False,
    ),
    Endpoint(
        "GET",
        "/accounts/{account}/ai/paddock/slots",
        "How many answers are being written, and how many wait.",
        on_cloudflare=False,
    ),
)
