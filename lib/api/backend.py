"""The place that requests go to: an address, an account, a token, and whether its answers cost money.

Cloudflare and the twin are two values of one class: the client never asks which one it talks to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from lib.errors import BadInput

CLOUDFLARE_URL = "https://api.cloudflare.com/client/v4"

# The names that Cloudflare's SDKs, wrangler and the model's page use.
ACCOUNT_NAMES = ("CLOUDFLARE_ACCOUNT_ID",)
TOKEN_NAMES = ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_AUTH_TOKEN")
BASE_URL_NAMES = ("CLOUDFLARE_BASE_URL",)
ENVIRONMENT_VARIABLES = ACCOUNT_NAMES + TOKEN_NAMES + BASE_URL_NAMES

# A bearer token by RFC 6750. httpx repeats a header that it cannot send in its error text and logs.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)

# The name of the twin in saved answers, as twin_backend writes it.
_TWIN_NAME = re.compile(r"Twin \((.+) on this machine, free\)")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Secret:
    """A text that printing, formatting, logging and pickling never show."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text, for the Authorization header only."""
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
class Backend:
    """A server of the Workers AI API.

    Saved answers keep ``name``; the page shows ``label``. ``context_window`` is in tokens; None means the model
    record's. ``billed`` is False if answers cost nothing. A backend that ``can_inspect`` also returns the rendered
    prompt, its length in tokens, and the next token's probabilities. ``takes_lora``: it applies an adapter even if
    the model's documentation names none.
    """

    name: str
    base_url: str
    account_id: str
    token: Secret
    billed: bool
    context_window: int | None = None
    can_inspect: bool = False
    takes_lora: bool = False

    def __post_init__(self) -> None:
        """Raise BadInput for a token that no header can carry; the message never holds the token."""
        if not _TOKEN.fullmatch(self.token.reveal()):
            raise BadInput(
                "The API token is empty, or it has a space, a quotation mark or another character that no token has.",
                advice="Copy the whole token again, without quotation marks.",
            )

    @property
    def label(self) -> str:
        """Return the words for it on the page. ``name`` is what files and databases keep."""
        return backend_label(self.name)

    @property
    def is_local(self) -> bool:
        """True for a loopback address, which never uses a proxy."""
        return urlsplit(self.base_url).hostname in _LOOPBACK


def cloudflare_backend(account_id: str, token: str, base_url: str = CLOUDFLARE_URL) -> Backend:
    """Return Workers AI itself, or another server of its API. Raises BadInput, never with the token in it."""
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
    return Backend(
        name=f"Cloudflare Workers AI{host}, account …{account_id[-4:]}",
        base_url=base_url,
        account_id=account_id,
        token=Secret(token),
        billed=True,
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
    return name if twin is None else f"Practice model on this computer ({twin[1]}, free)"


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
    return cloudflare_backend(account_id, token, base_url or CLOUDFLARE_URL)
