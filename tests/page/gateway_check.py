"""The replies to a request without input, with which Paddock checks an AI Gateway."""

from __future__ import annotations

import json
from typing import Any, Protocol


class Handler(Protocol):
    def send_whole(self, status: int, kind: str, body: str) -> None: ...


def answer(handler: Handler, headers: dict[str, str], token: str) -> None:
    """Refuse as the gateway if it demands another token, else as the model, which got no input."""
    status, body = 400, _refusal("errors", 5006, "AiError: Bad input")
    if token and headers.get("cf-aig-authorization") != f"Bearer {token}":
        status, body = 401, _refusal("error", 2009, "Unauthorized")
    handler.send_whole(status, "application/json", json.dumps(body))


def _refusal(name: str, code: int, message: str) -> dict[str, Any]:
    return {"success": False, name: [{"code": code, "message": message}]}
