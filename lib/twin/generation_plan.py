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
from lib.twin.api_errors import RefusedError, bad_input
from lib.twin.engine import Engine, Job, Piece
from lib.twin.request_schema import Schema
from lib.twin.request_tools import Choice, Tool
from lib.twin.schema_grammar import ImpossibleError
from lib.twin.tool_choice import Decider

CHARACTERS = 2  # of an answer's strings, for each token that it may have


@dataclass(frozen=True)
class Plan:
    """How one request is answered.

    ``request`` is the text that may ask for a tool, ``must`` says that one is called in any case.
    ``job`` has all that is laid out in the prompt, and the grammar of the answer. ``calls``: the grammar of a call of
    each tool, where the twin itself sees to calls. ``wanted``: the schema that an answer must fit.
    """

    job: Job
    request: str | None = None
    offered: tuple[Tool, ...] = ()
    must: bool = False
    calls: Mapping[str, str] | None = None
    wanted: Schema | None = None

    async def pieces(self, engine: Engine, decider: Decider) -> AsyncGenerator[Piece, None]:
        """The answer. Raises EngineError."""
        chosen = await self._chosen(decider)
        if chosen is None or self.calls is None:
            source = engine.generate(self.job)
        else:
            source = request_tools.called(engine.generate(replace(self.job, grammar=self.calls[chosen.name])))
        async with aclosing(source) as answer:
            async for piece in answer:
                yield piece

    async def met(self, text: str) -> Any:
        """What the answer's text comes to: in JSON mode a JSON value. Raises RefusedError."""
        if self.wanted is None:
            return text
        return await asyncio.to_thread(json_mode.met, self.wanted, text)  # a pattern may take its time

    async def _chosen(self, decider: Decider) -> Tool | None:
        if self.calls is None or not self.offered:
            return None
        if self.must:
            return await decider.tool(self.request or "", self.offered, must=True)
        return await decider.tool(self.request, self.offered) if self.request else None


def plan(body: Mapping[str, Any], job: Job, engine: Engine) -> Plan:
    """The plan for a checked body, whose plain generation is ``job``. Raises RefusedError."""
    wanted, offered = json_mode.read(body), request_tools.read(body)
    choice = request_tools.choice(body, offered)
    if offered and "messages" not in body:
        raise RefusedError(bad_input("'/tools' and '/functions' go with '/messages', not with '/prompt'"))
    if offered and job.prompt is not None:
        raise RefusedError(
            bad_input(
                "'/raw': a raw prompt has no place for tools; leave raw out, or write them into the prompt"
            )
        )
    offered = tuple(tool for tool in offered if choice.only in (None, tool.name)) if choice.may else ()
    plain = wanted is None and not offered and not _calls(body)
    if plain:
        return Plan(job)
    if wanted is not None:
        grammar = json_mode.grammar(wanted, CHARACTERS * job.max_tokens)
        job = _told(replace(job, grammar=grammar), json_mode.instructions(wanted))
    if job.prompt is None and engine.desk.knows_tools and "messages" in body and not (wanted and offered):
        return Plan(replace(job, chat=_chat(body, job, offered, choice)), wanted=wanted)
    messages = body.get("messages") or []
    if not offered or (messages[-1]["role"] == "tool" and not choice.must):
        return Plan(job, wanted=wanted)
    job = _told(job, request_tools.instructions(offered))
    calls = {tool.name: _call(tool, job) for tool in offered}
    request = (
        messages[-1]["content"] if tool_messages.ROLES.get(messages[-1]["role"], "user") == "user" else None
    )
    if choice.must and request is None:
        request = next(
            (message["content"] for message in reversed(messages) if message["role"] == "user"), ""
        )
    return Plan(job, request, offered, choice.must, calls, wanted)


def _calls(body: Mapping[str, Any]) -> bool:
    return any(m.get("tool_calls") or m["role"] == "tool" for m in body.get("messages") or ())


def _told(job: Job, text: str) -> Job:
    """The job with that at the end of its system message. A raw prompt stays as it is."""
    if job.prompt is not None:
        return job
    (role, content), *rest = job.messages
    if role != "system":
        return replace(job, messages=(("system", text), *job.messages))
    return replace(job, messages=((role, f"{content}\n\n{text}"), *rest))


def _call(tool: Tool, job: Job) -> str:
    try:
        return request_tools.grammar(tool, CHARACTERS * job.max_tokens)
    except (ImpossibleError, RecursionError):
        reason = "no arguments fit its parameters, or they are too many"
        raise RefusedError(bad_input(f"'/tools': '{tool.name}': {reason}")) from None


def _chat(body: Mapping[str, Any], job: Job, offered: tuple[Tool, ...], choice: Choice) -> dict[str, Any]:
    """The messages, and the tools in OpenAI's shape, for llama.cpp to lay out by the model's own template."""
    messages = tool_messages.formal(body["messages"])
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
                "parameters": tool.parameters.told,
            },
        }
        for tool in offered
    ]
    return {"messages": messages, "tools": listed, "tool_choice": "required" if choice.must else "auto"}
