"""The chat template and the tokenizer of llama.cpp, which answer at once and need no slot.

The library offers neither as a function, but its HTTP server does, which always listens on loopback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from lib.twin.engine_errors import BadPromptError, EngineError


class LlamaServerClient:
    """A client of llama.cpp's HTTP server.

    ``template_supports_tools`` is True if the model's own chat template renders tools, calls and results.
    """

    def __init__(self, address: str, key: str) -> None:
        headers = {"authorization": f"Bearer {key}"}
        self._client = httpx.Client(base_url=address, headers=headers, trust_env=False)
        properties = self._client.get("/props").json()
        capabilities = properties.get("chat_template_caps") or {}
        needed = ("supports_tools", "supports_tool_calls")
        self.template_supports_tools = all(capabilities.get(name) for name in needed)
        self.chat_template = str(properties.get("chat_template") or "")

    async def apply_template(self, request: Mapping[str, Any]) -> str:
        """Render the messages and tools in the model's own chat format. Raises EngineError."""
        return str((await self._post("/apply-template", request))["prompt"])

    async def count_tokens(self, text: str) -> int:
        """Count the tokens of a text, with those that the engine adds. Raises EngineError."""
        body = {"content": text, "add_special": True, "parse_special": True}
        return len((await self._post("/tokenize", body))["tokens"])

    def close(self) -> None:
        self._client.close()

    async def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            response = await asyncio.to_thread(self._client.post, path, json=body)
            answer: dict[str, Any] = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise EngineError(repr(error)) from None
        if "error" in answer:
            message = str(answer["error"].get("message"))
            raise BadPromptError(message) if response.is_client_error else EngineError(message)
        return answer
