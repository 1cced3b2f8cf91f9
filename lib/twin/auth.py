"""Authentication: check the header, the token and the account in the order of the live service."""

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
# The edge has another error for a token that does not look like one.
TOKEN_PATTERN = re.compile(r"[A-Za-z0-9_-]{40,}")


@dataclass(frozen=True)
class Authenticator:
    """Checks requests against the twin's one account and its token."""

    account: str
    token: str

    def authenticate(self, request: Request) -> None:
        """Check the header's format, the token, and the account. Raises TwinApiError."""
        header = request.headers.get("authorization", "")
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token or " " in token:
            raise TwinApiError(api_errors.MALFORMED_AUTHORIZATION)
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            is_token = TOKEN_PATTERN.fullmatch(token)
            raise TwinApiError(api_errors.WRONG_TOKEN if is_token else api_errors.JUNK_TOKEN)
        account = request.path_params.get("account")
        if account is not None and not ACCOUNT_PATTERN.fullmatch(account):
            raise TwinApiError(api_errors.malformed_account(request.url.path))
        if account not in (None, self.account):
            raise TwinApiError(api_errors.OTHER_ACCOUNT)

    def require_auth(self, handler: Handler) -> Handler:
        """Return a handler that authenticates the request first."""

        async def handle(request: Request) -> Response:
            request.state.id = str(uuid.uuid4())
            self.authenticate(request)
            return await handler(request)

        return handle
