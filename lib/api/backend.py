"""The place that requests go to: an address, an account, its tokens, and whether its answers cost money.

Cloudflare and the twin are two values of one class: the client never asks which one it talks to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from lib.api.trace import MASK
from lib.errors import BadInput

CLOUDFLARE_URL = "https://api.cloudflare.com/client/v4"
_GATEWAY_HOST = "gateway.ai.cloudflare.com"

# The names that Cloudflare's SDKs, wrangler and the model's page use.
ACCOUNT_NAMES = ("CLOUDFLARE_ACCOUNT_ID",)
TOKEN_NAMES = ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_AUTH_TOKEN")
BASE_URL_NAMES = ("CLOUDFLARE_BASE_URL",)
# The names that other clients of AI Gateway use, and Cloudflare's documentation for the token.
GATEWAY_NAMES = ("CLOUDFLARE_GATEWAY_ID",)
GATEWAY_TOKEN_NAMES = ("CF_AIG_TOKEN",)
ENVIRONMENT_VARIABLES = ACCOUNT_NAMES + TOKEN_NAMES + BASE_URL_NAMES + GATEWAY_NAMES + GATEWAY_TOKEN_NAMES

# A bearer token by RFC 6750. httpx repeats a header that it cannot send in its error text and logs.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)

# The name of the twin in saved answers, as twin_backend writes it.
_TWIN_NAME = re.compile(r"Twin \((.+) on this machine, free\)")
# The model that comes with Paddock: lib.local_models, which may not be imported here, has the same name.
_PRACTICE_MODEL = "SmolLM2-135M"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


# Cloudflare's API takes up to 64 characters: developers.cloudflare.com/api/resources/ai_gateway.
_GATEWAY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_GATEWAY_PATH = re.compile(
    r"/v1/(?P<account>[0-9a-f]{32})/(?P<id>[A-Za-z0-9_-]{1,64})(?:/workers-ai)?", re.ASCII
)


class Secret:
    """A text that printing, formatting, logging and pickling never show."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text, for the header that carries it and for masking it elsewhere."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(•••)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written anywhere")


@dataclass(frozen=True)
class Gateway:
    """An AI Gateway of the account, through which requests to the model pass.

    Requests go to its own address below ``root``, or to the API with its id in a header if that is empty. With
    ``skips_cache`` it never answers with an earlier answer. ``token`` is what an authenticated gateway demands.
    """

    id: str
    root: str = ""
    skips_cache: bool = False
    token: Secret | None = None

    def __post_init__(self) -> None:
        """Raise BadInput for a token that no header can carry; the message never holds the token."""
        if self.token is not None:
            _check_token(self.token, "The AI Gateway's token")

    def headers(self, authorization: str = MASK) -> dict[str, str]:
        """Return the headers of a request to the model, to show: ``authorization`` stands for the token's."""
        headers = {} if self.root else {"cf-aig-gateway-id": self.id}
        headers |= {} if self.token is None else {"cf-aig-authorization": authorization}
        return headers | ({"cf-aig-skip-cache": "true"} if self.skips_cache else {})

    def headers_to_send(self) -> dict[str, str]:
        """Return the headers with the token itself: for the wire only."""
        return self.headers("" if self.token is None else f"Bearer {self.token.reveal()}")


@dataclass(frozen=True)
class Backend:
    """A server of the Workers AI API.

    Saved answers keep ``name``; the page shows ``label``. ``context_window`` is in tokens; None means the model
    record's. ``billed`` is False if answers cost nothing. A backend that ``can_inspect`` also returns the rendered
    prompt, its length in tokens, and the next token's probabilities. ``takes_lora``: it applies an adapter even if
    the model's documentation names none. Requests to the model pass through the ``gateway``, if there is one. Those
    of one ``session`` go to the same instance of the model, which may have read a part of them already. Only
    the ``allowed_models`` are asked, None for any: visitors spend the owner's money.
    """

    name: str
    base_url: str
    account_id: str
    token: Secret
    billed: bool
    context_window: int | None = None
    can_inspect: bool = False
    takes_lora: bool = False
    gateway: Gateway | None = None
    session: str = ""
    allowed_models: frozenset[str] | None = None

    def __post_init__(self) -> None:
        """Raise BadInput for a token that no header can carry; the message never holds the token."""
        _check_token(self.token, "The API token")

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts that no trace, error, program or page may hold."""
        gateway = () if self.gateway is None or self.gateway.token is None else (self.gateway.token.reveal(),)
        return (self.token.reveal(), *gateway)

    @property
    def label(self) -> str:
        """Return the words for it on the page. ``name`` is what files and databases keep."""
        return backend_label(self.name)

    @property
    def ai_url(self) -> str:
        """The address of the account's AI, below which its resources are."""
        return f"{self.base_url}/accounts/{self.account_id}/ai"

    @property
    def run_url(self) -> str:
        """The address below which the models are asked, by their id."""
        if self.gateway is not None and self.gateway.root:
            return f"{self.gateway.root}/{self.account_id}/{self.gateway.id}/workers-ai"
        return f"{self.ai_url}/run"

    def run_headers(self, authorization: str = MASK) -> dict[str, str]:
        """Return the headers of a request to a model beside the usual ones, to show: without any token.

        ``authorization`` stands for the gateway's token, as in ``Gateway.headers``.
        """
        return self.session_headers | ({} if self.gateway is None else self.gateway.headers(authorization))

    def run_headers_to_send(self) -> dict[str, str]:
        """Return the same headers with the gateway's token: for the wire only."""
        return self.session_headers | ({} if self.gateway is None else self.gateway.headers_to_send())

    @property
    def session_headers(self) -> dict[str, str]:
        # developers.cloudflare.com/workers-ai/features/prompt-caching
        return {"x-session-affinity": self.session} if self.session else {}

    def allows(self, model_id: str) -> bool:
        return self.allowed_models is None or model_id in self.allowed_models

    def require_allowed(self, model_id: str) -> None:
        """Raise BadInput if that model may not be asked here."""
        if not self.allows(model_id):
            raise BadInput(
                f"Visitors of this Paddock may not ask {model_id}: its owner pays for the answers.",
                advice=f"Choose {' or '.join(sorted(self.allowed_models or ()))}, or connect your own account.",
            )

    def without_cache(self) -> Backend:
        """Return the backend whose gateway, if any, never answers from its cache."""
        if self.gateway is None:
            return self
        return replace(self, gateway=replace(self.gateway, skips_cache=True))


def _check_token(token: Secret, name: str) -> None:
    if not _TOKEN.fullmatch(token.reveal()):
        raise BadInput(
            f"{name} is empty, or it has a space, a quotation mark or another character that no token has.",
            advice="Copy the whole token again, without quotation marks.",
        )


def is_local(url: str) -> bool:
    """Return True for a loopback address, which never uses a proxy."""
    return urlsplit(url).hostname in _LOOPBACK


def parse_gateway(text: str, account_id: str) -> Gateway | None:
    """Return the gateway that the user named by its ID or its own address, None for an empty text.

    Raises BadInput.
    """
    text = text.strip().rstrip("/")
    if not text:
        return None
    if _GATEWAY_ID.fullmatch(text):
        return Gateway(text)
    if text.startswith(f"{_GATEWAY_HOST}/"):
        text = f"https://{text}"
    if text.startswith(("https://", "http://")):
        scheme, hostname = _parse_base_url(text)
        url = urlsplit(text)
        is_gateway = (scheme == "https" and url.netloc == _GATEWAY_HOST) or hostname in _LOOPBACK
        match = _GATEWAY_PATH.fullmatch(url.path)
        if is_gateway and match is not None:
            if match["account"] != account_id.strip().lower():
                raise BadInput(
                    "This AI Gateway belongs to another account.",
                    advice="Copy the account ID and the gateway's address from the same account.",
                )
            return Gateway(match["id"], f"{scheme}://{url.netloc}/v1")
    raise BadInput(
        "An AI Gateway's ID has up to 64 letters, digits, hyphens and underscores.",
        advice=f"Enter the ID, or the whole address, which begins with {_GATEWAY_HOST}/v1/. Or leave the box empty.",
    )


def cloudflare_backend(
    account_id: str,
    token: str,
    base_url: str = CLOUDFLARE_URL,
    gateway: str = "",
    gateway_token: str = "",
) -> Backend:
    """Return Workers AI itself, or another server of its API. Raises BadInput, never with a token in it.

    ``gateway`` is the ID or the address of an AI Gateway, or empty; ``gateway_token`` is its own token, or empty.
    """
    account_id, token, base_url = account_id.strip(), token.strip(), base_url.strip().rstrip("/")
    if not re.fullmatch(r"[0-9a-fA-F]{32}", account_id):
        raise BadInput(
            "An account ID has exactly 32 characters: digits and the letters a to f.",
            advice="Copy it from the Cloudflare dashboard: it is in the page's address, and under Workers & Pages.",
        )
    scheme, hostname = _parse_base_url(base_url)
    if scheme == "http" and hostname not in _LOOPBACK:
        raise BadInput(
            "Paddock sends a token only to an https address, or to this computer itself.",
            advice="Use an https address for CLOUDFLARE_BASE_URL.",
        )
    account_id = account_id.lower()
    host = "" if base_url == CLOUDFLARE_URL else f" at {hostname}"
    chosen = parse_gateway(gateway, account_id)
    if gateway_token := gateway_token.strip():
        if chosen is None:
            raise BadInput(
                "There is a token of an AI Gateway, but no gateway.",
                advice="Enter the gateway's ID or its address too, or leave both boxes empty.",
            )
        chosen = replace(chosen, token=Secret(gateway_token))
    through = "" if chosen is None else f", gateway {chosen.id}"
    return Backend(
        name=f"Cloudflare Workers AI{host}, account …{account_id[-4:]}{through}",
        base_url=base_url,
        account_id=account_id,
        token=Secret(token),
        billed=True,
        gateway=chosen,
    )


def _parse_base_url(base_url: str) -> tuple[str, str]:
    """Return the scheme and host of an address. Raises BadInput if no request can be sent there."""
    try:
        url = urlsplit(base_url)
        hostname = url.hostname or ""
        # Name resolution does the same: it refuses labels that are empty or too long.
        hostname.encode("idna")
        is_plain = url.port != 0 and not (url.username or url.password or url.query or url.fragment)
    except ValueError:
        is_plain, hostname = False, ""
    if not is_plain or not hostname or url.scheme not in ("https", "http") or not base_url.isprintable():
        raise BadInput(
            "The base URL must look like https://host/path, without a user name or a question mark in it.",
            advice=f"Leave CLOUDFLARE_BASE_URL unset to use {CLOUDFLARE_URL}.",
        )
    return url.scheme, hostname


def twin_backend(base_url: str, account_id: str, token: Secret, model: str, context_window: int) -> Backend:
    """Return the local Workers AI, which runs a small model on this machine."""
    return Backend(
        name=f"Twin ({model} on this machine, free)",
        base_url=base_url,
        account_id=account_id,
        token=token,
        billed=False,
        context_window=context_window,
        can_inspect=True,
        takes_lora=True,
    )


def backend_label(name: str) -> str:
    """Return the words on the page for the saved name of a backend."""
    twin = _TWIN_NAME.fullmatch(name)
    if twin is None:
        return name
    if twin[1] == _PRACTICE_MODEL:
        return f"Practice model on this computer ({twin[1]}, free)"
    return f"{twin[1]} on this computer (free)"


def backend_from_environment(environment: Mapping[str, str]) -> Backend | None:
    """Return the backend for the credentials in the environment, or None if there are none.

    Raises BadInput if they are incomplete or malformed.
    """

    def first_value(names: tuple[str, ...]) -> str:
        return next((environment[name] for name in names if environment.get(name)), "")

    account_id, token = first_value(ACCOUNT_NAMES), first_value(TOKEN_NAMES)
    base_url = first_value(BASE_URL_NAMES)
    if not account_id and not token:
        return None
    if not account_id or not token:
        missing = ACCOUNT_NAMES[0] if not account_id else TOKEN_NAMES[0]
        raise BadInput(
            f"{missing} is missing.",
            advice=f"Set {ACCOUNT_NAMES[0]} and {TOKEN_NAMES[0]} together, or neither to use the practice model.",
        )
    gateway = first_value(GATEWAY_NAMES)
    # Other programs read the gateway's token too: without a gateway it is not Paddock's.
    gateway_token = first_value(GATEWAY_TOKEN_NAMES) if gateway else ""
    return cloudflare_backend(account_id, token, base_url or CLOUDFLARE_URL, gateway, gateway_token)
