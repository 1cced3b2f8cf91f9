"""The chat template and the tokenizer of llama.cpp, which answer at once and need no slot.

The library offers neither as a function, but its HTTP server does, which always listens on loopback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx

from lib.twin.engine_errors import BadPromptError, EngineBusyError, EngineCrashedError, EngineError
from lib.twin.request_limits import MAX_SHOWN_PROMPTS
from lib.twin.template_turns import TemplateRules

# Seconds. The longest prompt takes less than 1 s alone; it has to wait while generations take all cores.
TIMEOUT = 60.0


class LlamaServerClient:
    """A client of llama.cpp's HTTP server.

    ``template_supports_tools`` is True if the model's own chat template renders tools, calls and results;
    ``template_rules`` are the messages that it takes.
    """

    def __init__(self, address: str, key: str) -> None:
        headers = {"authorization": f"Bearer {key}"}
        self._client = httpx.Client(base_url=address, headers=headers, trust_env=False, timeout=TIMEOUT)
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="llama server")
        self._open_calls = 0
        properties = self._client.get("/props").json()
        capabilities = properties.get("chat_template_caps") or {}
        needed = ("supports_tools", "supports_tool_calls")
        self.template_supports_tools = all(capabilities.get(name) for name in needed)
        self.chat_template = str(properties.get("chat_template") or "")
        # llama.cpp itself would add the system prompt to the user's message, and say nothing of it.
        takes_system = bool(capabilities.get("supports_system_role", True))
        self.template_rules = TemplateRules(takes_system, self._renders("user", "user"))

    def _renders(self, *roles: str) -> bool:
        """Return True if the chat template renders messages of these roles, and leaves none out."""
        messages = [{"role": role, "content": f"probe-{number}"} for number, role in enumerate(roles)]
        response = self._client.post("/apply-template", json={"messages": messages})
        return response.is_success and all(message["content"] in response.text for message in messages)

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
        if self._open_calls >= MAX_SHOWN_PROMPTS:
            raise EngineBusyError("too many prompts are being shown")
        self._open_calls += 1
        try:
            loop = asyncio.get_running_loop()
            response = await loop.run_in_executor(self._threads, partial(self._client.post, path, json=body))
            answer: dict[str, Any] = response.json()
        except httpx.ConnectError as error:
            # It has listened since the model was loaded. Without a free file descriptor it cannot be asked either.
            raise (EngineCrashedError if _is_refused(error) else EngineError)(repr(error)) from None
        except RuntimeError as error:
            # The engine has failed for another request, and was closed.
            if not self._client.is_closed:
                raise
            raise EngineCrashedError(repr(error)) from None
        except (httpx.HTTPError, ValueError) as error:
            raise EngineError(repr(error)) from None
        finally:
            self._open_calls -= 1
        if "error" in answer:
            message = str(answer["error"].get("message"))
            raise BadPromptError(message) if response.is_client_error else EngineError(message)
        return answer


def _is_refused(error: httpx.ConnectError) -> bool:
    """Return True if nothing listens at the address."""
    return any(isinstance(reason, ConnectionRefusedError) for reason in getattr(error.__cause__, "args", ()))
