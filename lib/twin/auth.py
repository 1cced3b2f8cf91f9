"""The gate before the routes: who may ask, in the order and the words in which the service finds out."""

from __future__ import annotations

import hmac
import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from lib.twin import api_errors
from lib.twin.api_errors import TwinApiError

Handler = Callable[[Request], Awaitable[Response]]

ACCOUNT_PATTERN = re.compile(r"[0-9a-f]{32}")
TOKEN_PATTERN = re.compile(
    r"[A-Za-z0-9_-]{40,}"
)  # what a token looks like; anything else is junk to the edge


@dataclass(frozen=True)
class Authenticator:
    """Lets in who has the token, to the one account there is."""

    account: str
    token: str

    def authenticate(self, request: Request) -> None:
        """The header's form, the token, the account. Raises RefusedError."""
        header = request.headers.get("authorization", "")
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token or " " in token:
            raise TwinApiError(api_errors.MALFORMED_AUTHORIZATION)
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            raise TwinApiError(
                api_errors.WRONG_TOKEN if TOKEN_PATTERN.fullmatch(token) else api_errors.JUNK_TOKEN
            )
        account = request.path_params.get("account")
        if account is not None and not ACCOUNT_PATTERN.fullmatch(account):
            raise TwinApiError(api_errors.malformed_account(request.url.path))
        if account not in (None, self.account):
            raise TwinApiError(api_errors.OTHER_ACCOUNT)

    def require_auth(self, handler: Handler) -> Handler:
        """The handler, for those who are let in."""

        async def guard(request: Request) -> Response:
            request.state.id = str(uuid.uuid4())
            self.authenticate(request)
            return await handler(request)

        return guard
