"""What an AI Gateway adds to an answer of the model: the id of a log entry, and if it comes from the cache.

Sources: developers.cloudflare.com/ai-gateway/glossary and /ai-gateway/features/caching. The twin keeps neither a log
nor a cache, so that no answer comes from one.
"""

from __future__ import annotations

import secrets

from starlette.requests import Request
from starlette.responses import Response

from lib.twin.auth import Handler

# Log ids are ULIDs: 26 digits of this alphabet.
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def through_gateway(handler: Handler) -> Handler:
    """Return a handler whose answers have the headers of the gateway that the request's path or header names."""

    async def handle(request: Request) -> Response:
        response = await handler(request)
        if "gateway" in request.path_params or request.headers.get("cf-aig-gateway-id"):
            response.headers["cf-aig-log-id"] = "01" + "".join(secrets.choice(_DIGITS) for _ in range(24))
            # What it says of a request that skips the cache is not documented.
            if request.headers.get("cf-aig-skip-cache", "").lower() != "true":
                response.headers["cf-aig-cache-status"] = "MISS"
        return response

    return handle
