"""The hub that models of the catalogue are downloaded from, as the environment names it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from lib.api.backend import Secret
from lib.api.file_request import Address, is_private_host, parse_address
from lib.errors import BadInput
from lib.local_models.model_source import RemoteModel

HUGGING_FACE = "https://huggingface.co"
ENDPOINT_VARIABLE, TOKEN_VARIABLE = "HF_ENDPOINT", "HF_TOKEN"


@dataclass(frozen=True)
class Hub:
    """A hub's address, and the user's token for it. ``is_private``: it is on this computer or in its network."""

    endpoint: Address
    token: Secret | None = None

    @property
    def is_private(self) -> bool:
        return is_private_host(self.endpoint.host)

    def url_of(self, model: RemoteModel) -> Address:
        """Return the address of a model's file."""
        if model.address:
            return parse_address(model.address)
        return self.endpoint.copy_with(path=self.endpoint.path.rstrip("/") + model.hub_path)

    def is_at(self, url: Address) -> bool:
        """Return True if an address is the hub's own: its scheme, host and port."""
        return _origin(url) == _origin(self.endpoint)


def _origin(url: Address) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def hub_from_environment(environment: Mapping[str, str] = os.environ) -> Hub:
    """Return the hub of HF_ENDPOINT and HF_TOKEN. Raises BadInput, never with the token in it."""
    try:
        endpoint = parse_address(environment.get(ENDPOINT_VARIABLE, "").strip().rstrip("/") or HUGGING_FACE)
        has_more = endpoint.userinfo or endpoint.query or endpoint.fragment
        is_usable = bool(endpoint.host) and not has_more
    except ValueError:
        is_usable = False
    is_secure = is_usable and (
        endpoint.scheme == "https" or (endpoint.scheme == "http" and is_private_host(endpoint.host))
    )
    if not is_secure:
        raise BadInput(
            f"{ENDPOINT_VARIABLE} must look like https://host; http is taken on this computer and its network only.",
            advice=f"Leave {ENDPOINT_VARIABLE} unset to use {HUGGING_FACE}.",
        )
    token = environment.get(TOKEN_VARIABLE, "").strip()
    # A header with another character could not be sent, and the error would repeat it.
    if token and not re.fullmatch(r"[\x21-\x7e]+", token):
        raise BadInput(
            f"{TOKEN_VARIABLE} is no token.", advice="Copy the token again, or unset the variable."
        )
    return Hub(endpoint, Secret(token) if token else None)
