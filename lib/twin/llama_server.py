"""The engine's desk: its chat template and its tokenizer, which answer at once and need no slot.

The library offers neither as a function. Its server has them, on the listener that it always opens on loopback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from lib.twin.engine_errors import BadPromptError, EngineError


class LlamaServerClient:
    """``knows_tools``: the model's own chat template lays out tools, calls and results."""

    def __init__(self, address: str, key: str) -> None:
        headers = {"authorization": f"Bearer {key}"}
        self._client = httpx.Client(base_url=address, headers=headers, trust_env=False)
        told = self._client.get("/props").json()
        capabilities = told.get("chat_template_caps") or {}
        self.template_supports_tools = bool(
            capabilities.get("supports_tools") and capabilities.get("supports_tool_calls")
        )
        self.chat_template = str(told.get("chat_template") or "")

    async def apply_template(self, request: Mapping[str, Any]) -> str:
        """The messages (and tools) as one text, in the model's own chat format. Raises EngineError."""
        return str((await self._asked("/apply-template", request))["prompt"])

    async def count_tokens(self, text: str) -> int:
        """The text's tokens, with those that the engine adds. Raises EngineError."""
        body = {"content": text, "add_special": True, "parse_special": True}
        return len((await self._asked("/tokenize", body))["tokens"])

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    async def _asked(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            response = await asyncio.to_thread(self._client.post, path, json=body)
            answer: dict[str, Any] = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise EngineError(repr(error)) from None
        if "error" in answer:
            message = str(answer["error"].get("message"))
            raise BadPromptError(message) if response.is_client_error else EngineError(message)
        return answer
