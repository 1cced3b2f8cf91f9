"""What is done to answer one request beyond a plain generation: JSON mode, tools, or both.

Both together: the model may call a tool, and what it answers instead is JSON of the wanted kind. After the results
of tools it answers, unless the request insists on another call: deciding anew from the same question, it would call
for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from lib.twin import json_mode, request_tools, tool_messages
from lib.twin.api_errors import TwinApiError, bad_input
from lib.twin.engine import Engine, GenerationJob, Piece
from lib.twin.request_tools import OfferedTool, ToolChoice
from lib.twin.schema_grammar import UnsatisfiableSchemaError
from lib.twin.tool_choice import ToolChooser
from lib.twin.user_schema import UserSchema

STRING_CHARS_PER_TOKEN = 2  # of an answer's strings, for each token that it may have


@dataclass(frozen=True)
class GenerationPlan:
    """How one request is answered.

    ``request`` is the text that may ask for a tool, ``must`` says that one is called in any case.
    ``job`` has all that is laid out in the prompt, and the grammar of the answer. ``calls``: the grammar of a call of
    each tool, where the twin itself sees to calls. ``wanted``: the schema that an answer must fit.
    """

    job: GenerationJob
    request_text: str | None = None
    offered: tuple[OfferedTool, ...] = ()
    must_call: bool = False
    call_grammars: Mapping[str, str] | None = None
    answer_schema: UserSchema | None = None

    async def pieces(self, engine: Engine, decider: ToolChooser) -> AsyncGenerator[Piece, None]:
        """The answer. Raises EngineError."""
        chosen = await self._chosen(decider)
        if chosen is None or self.call_grammars is None:
            source = engine.generate(self.job)
        else:
            source = request_tools.called(
                engine.generate(replace(self.job, grammar=self.call_grammars[chosen.name]))
            )
        async with aclosing(source) as answer:
            async for piece in answer:
                yield piece

    async def parse_answer(self, text: str) -> Any:
        """What the answer's text comes to: in JSON mode a JSON value. Raises RefusedError."""
        if self.answer_schema is None:
            return text
        return await asyncio.to_thread(
            json_mode.parse_json_answer, self.answer_schema, text
        )  # a pattern may take its time

    async def _chosen(self, decider: ToolChooser) -> OfferedTool | None:
        if self.call_grammars is None or not self.offered:
            return None
        if self.must_call:
            return await decider.choose(self.request_text or "", self.offered, must=True)
        return await decider.choose(self.request_text, self.offered) if self.request_text else None


def plan_generation(body: Mapping[str, Any], job: GenerationJob, engine: Engine) -> GenerationPlan:
    """The plan for a checked body, whose plain generation is ``job``. Raises RefusedError."""
    wanted, offered = json_mode.read_response_format(body), request_tools.read_tools(body)
    choice = request_tools.read_tool_choice(body, offered)
    if offered and "messages" not in body:
        raise TwinApiError(bad_input("'/tools' and '/functions' go with '/messages', not with '/prompt'"))
    if offered and job.prompt is not None:
        raise TwinApiError(
            bad_input(
                "'/raw': a raw prompt has no place for tools; leave raw out, or write them into the prompt"
            )
        )
    offered = (
        tuple(tool for tool in offered if choice.only_tool in (None, tool.name)) if choice.may_call else ()
    )
    plain = wanted is None and not offered and not _calls(body)
    if plain:
        return GenerationPlan(job)
    if wanted is not None:
        grammar = json_mode.json_grammar(wanted, STRING_CHARS_PER_TOKEN * job.max_tokens)
        job = _told(replace(job, grammar=grammar), json_mode.json_instructions(wanted))
    if (
        job.prompt is None
        and engine.llama_server.template_supports_tools
        and "messages" in body
        and not (wanted and offered)
    ):
        return GenerationPlan(replace(job, chat=_chat(body, job, offered, choice)), answer_schema=wanted)
    messages = body.get("messages") or []
    if not offered or (messages[-1]["role"] == "tool" and not choice.must_call):
        return GenerationPlan(job, answer_schema=wanted)
    job = _told(job, request_tools.tool_instructions(offered))
    calls = {tool.name: _call(tool, job) for tool in offered}
    request = (
        messages[-1]["content"]
        if tool_messages.TEMPLATE_ROLES.get(messages[-1]["role"], "user") == "user"
        else None
    )
    if choice.must_call and request is None:
        request = next(
            (message["content"] for message in reversed(messages) if message["role"] == "user"), ""
        )
    return GenerationPlan(job, request, offered, choice.must_call, calls, wanted)


def _calls(body: Mapping[str, Any]) -> bool:
    return any(m.get("tool_calls") or m["role"] == "tool" for m in body.get("messages") or ())


def _told(job: GenerationJob, text: str) -> GenerationJob:
    """The job with that at the end of its system message. A raw prompt stays as it is."""
    if job.prompt is not None:
        return job
    (role, content), *rest = job.messages
    if role != "system":
        return replace(job, messages=(("system", text), *job.messages))
    return replace(job, messages=((role, f"{content}\n\n{text}"), *rest))


def _call(tool: OfferedTool, job: GenerationJob) -> str:
    try:
        return request_tools.call_grammar(tool, STRING_CHARS_PER_TOKEN * job.max_tokens)
    except (UnsatisfiableSchemaError, RecursionError):
        reason = "no arguments fit its parameters, or they are too many"
        raise TwinApiError(bad_input(f"'/tools': '{tool.name}': {reason}")) from None


def _chat(
    body: Mapping[str, Any], job: GenerationJob, offered: tuple[OfferedTool, ...], choice: ToolChoice
) -> dict[str, Any]:
    """The messages, and the tools in OpenAI's shape, for llama.cpp to lay out by the model's own template."""
    messages = tool_messages.messages_for_template(body["messages"])
    if job.messages and job.messages[0][0] == "system":  # with what JSON mode added
        system = {"role": "system", "content": job.messages[0][1]}
        messages = [system, *(messages[1:] if messages[0]["role"] == "system" else messages)]
    if not offered:
        return {"messages": messages}
    listed = [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description or tool.code,
                "parameters": tool.parameters.sent,
            },
        }
        for tool in offered
    ]
    return {"messages": messages, "tools": listed, "tool_choice": "required" if choice.must_call else "auto"}
