"""A code snippet, the request that it is made from, and helpers for all languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from string import Template
from typing import Any

from lib.api.backend import CLOUDFLARE_URL, GATEWAY_TOKEN_NAMES, Backend, Gateway

# A program reads the gateway's token from the environment. Each language has an expression in this value's place.
GATEWAY_TOKEN_VARIABLE = GATEWAY_TOKEN_NAMES[0]
GATEWAY_AUTHORIZATION = f"Bearer ${GATEWAY_TOKEN_VARIABLE}"


@dataclass(frozen=True)
class Snippet:
    """A request as a program.

    ``language`` is the syntax highlighter's name for it, ``file`` a file name. ``note`` says how to run it, and what
    it leaves out of the request.
    """

    name: str
    language: str
    file: str
    text: str
    note: str


@dataclass(frozen=True)
class SnippetRequest:
    """The model, the JSON body and the server.

    ``not_in_openai`` names the parameters that OpenAI's API does not have.
    """

    model: str
    body: Mapping[str, Any]
    backend: Backend
    not_in_openai: frozenset[str]

    @property
    def base_url(self) -> str:
        """The address of the API, empty for Cloudflare's."""
        return "" if self.backend.base_url == CLOUDFLARE_URL else self.backend.base_url

    @property
    def gateway(self) -> Gateway | None:
        """The gateway that the request passes through."""
        return self.backend.gateway

    def url(self, base: str, account: str) -> str:
        """Return the address, with a language's expressions for the base URL and the account."""
        if self.has_own_address and self.gateway is not None:
            return f"{self.gateway.root}/{account}/{self.gateway.id}/workers-ai/{self.model}"
        return f"{base}/accounts/{account}/ai/run/{self.model}"

    @property
    def has_own_address(self) -> bool:
        """True if the request goes to the gateway's address instead of the API's."""
        return self.gateway is not None and bool(self.gateway.root)

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers beside the usual ones: for the gateway and the session, as the page sends them."""
        return self.backend.run_headers(GATEWAY_AUTHORIZATION)

    @property
    def sdk_headers(self) -> Mapping[str, str]:
        """The same headers of a request to the API, which is where SDKs send it, not to the gateway's own address."""
        gateway = None if self.gateway is None else replace(self.gateway, root="")
        return replace(self.backend, gateway=gateway).run_headers(GATEWAY_AUTHORIZATION)

    @property
    def streams(self) -> bool:
        return self.body.get("stream") is True

    @property
    def calls_tools(self) -> bool:
        """True if the answer may be a tool call."""
        return bool(self.body.get("tools"))

    @property
    def wants_json(self) -> bool:
        """True if the answer may be a JSON value instead of text."""
        return "response_format" in self.body

    @property
    def environment_note(self) -> str:
        """The beginning of a note: the variables to set in the environment."""
        names = ["CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN"]
        names += ["CLOUDFLARE_BASE_URL"] if self.base_url else []
        names += [GATEWAY_TOKEN_VARIABLE] if GATEWAY_AUTHORIZATION in self.headers.values() else []
        return f"Set {', '.join(names[:-1])} and {names[-1]} in the environment"


class CodeTemplate(Template):
    """A template with placeholders such as ``§body``; ``$`` and braces have a meaning in the languages themselves.

    Inserted text is not searched for placeholders, so a user's text cannot contain one.
    """

    delimiter = "§"


def join_paragraphs(*parts: str) -> str:
    """Join the parts that are not empty, with a blank line between them."""
    return "\n\n".join(part for part in parts if part) + "\n"


def indent(text: str, step: str) -> str:
    """Indent lines of code by one step. They must not contain a literal of several lines."""
    return "\n".join(step + line for line in text.splitlines())
