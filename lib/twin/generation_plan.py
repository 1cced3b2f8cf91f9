"""Plan how a request is answered: by plain text, in JSON mode, with tools, or with both.

With both, the model may call a tool, and what it answers instead is JSON of the requested kind. After the results of
tools it answers, unless the request insists on another call: asked the same question again, it would call forever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from lib.twin import json_mode, request_tools, tool_messages
from lib.twin.api_errors import TwinApiError, bad_input
from lib.twin.engine import Engine
from lib.twin.generation import GenerationJob, Pieces
from lib.twin.request_tools import OfferedTool
from lib.twin.tool_choice import ToolChoice, ToolChooser, choose_likely_tools, read_tool_choice
from lib.twin.user_schema import UnsatisfiableSchemaError, UserSchema

# Characters that the strings of an answer may have for each of its tokens.
STRING_CHARS_PER_TOKEN = 2


@dataclass(frozen=True)
class PossibleCalls:
    """The tool calls that the twin may make of an answer.

    ``request_text`` is the text that may need a tool. ``schemas`` has the schema of a call of each tool, by its name.
    """

    tools: tuple[OfferedTool, ...]
    request_text: str | None
    must_call: bool
    schemas: Mapping[str, Mapping[str, Any]]

    async def choose_tool(self, chooser: ToolChooser) -> OfferedTool | None:
        """Return the tool to call, None to answer with text. Raises EngineError."""
        if not self.must_call and not self.request_text:
            return None
        return await chooser.choose(self.request_text or "", self.tools, must=self.must_call)


@dataclass(frozen=True)
class GenerationPlan:
    """The way to answer one request.

    ``job`` has the whole prompt and, in JSON mode, the schema that the engine keeps to. ``answer_schema`` is the
    schema that the answer is validated against. ``call_schema`` is the schema of a call that has to be made, for a
    model whose own chat template offers the tools.
    """

    job: GenerationJob
    answer_schema: UserSchema | None = None
    calls: PossibleCalls | None = None
    call_schema: Mapping[str, Any] | None = None

    async def pieces(self, engine: Engine, chooser: ToolChooser) -> Pieces:
        """Generate the answer. Raises EngineError."""
        tool = await self.calls.choose_tool(chooser) if self.calls else None
        if self.call_schema is not None:
            # llama.cpp lets a model write any text before a call that is required, without end.
            prompt = await engine.render_prompt(self.job)
            call_job = replace(self.job, prompt=prompt, messages=(), chat=None, json_schema=self.call_schema)
            source = request_tools.parse_call_pieces(engine.generate(call_job))
        elif self.calls is None or tool is None:
            source = engine.generate(self.job)
        else:
            call_job = replace(self.job, json_schema=self.calls.schemas[tool.name])
            source = request_tools.parse_call_pieces(engine.generate(call_job))
        async with aclosing(source) as answer:
            async for piece in answer:
                yield piece

    async def parse_answer(self, text: str) -> Any:
        """Return the answer's value: its text, in JSON mode a JSON value. Raises TwinApiError."""
        if self.answer_schema is None:
            return text
        # In a thread: matching a pattern may take seconds.
        return await asyncio.to_thread(json_mode.parse_json_answer, self.answer_schema, text)


def plan_generation(body: Mapping[str, Any], job: GenerationJob, engine: Engine) -> GenerationPlan:
    """Plan the answer to a validated body, whose plain generation is ``job``. Raises TwinApiError."""
    answer_schema = json_mode.read_response_format(body)
    offered = request_tools.read_tools(body)
    choice = read_tool_choice(body, offered)
    if offered:
        _require_messages(body, job)
    tools = choice.allowed(offered)
    if answer_schema is None and not tools and not _has_tool_messages(body):
        return GenerationPlan(job)
    if answer_schema is not None:
        schema = json_mode.narrow_schema(answer_schema, STRING_CHARS_PER_TOKEN * job.max_tokens)
        instructions = json_mode.json_instructions(answer_schema)
        job = _add_instructions(replace(job, json_schema=schema), instructions)
    has_both = answer_schema is not None and bool(tools)
    uses_template = job.prompt is None and "messages" in body
    if engine.llama_server.template_supports_tools and not has_both and uses_template:
        required = [_call_schema(tool, job) for tool in tools] if choice.must_call else []
        return GenerationPlan(
            replace(job, chat=_template_input(body, job, tools, choice)),
            answer_schema,
            call_schema={"anyOf": required} if required else None,
        )
    if not tools or (_last_role(body) == "tool" and not choice.must_call):
        return GenerationPlan(job, answer_schema)
    tools = choose_likely_tools(_request_text(body, choice) or "", tools)
    job = _add_instructions(job, request_tools.tool_instructions(tools))
    schemas = {tool.name: _call_schema(tool, job) for tool in tools}
    calls = PossibleCalls(tools, _request_text(body, choice), choice.must_call, schemas)
    return GenerationPlan(job, answer_schema, calls)


def _require_messages(body: Mapping[str, Any], job: GenerationJob) -> None:
    if "messages" not in body:
        raise TwinApiError(bad_input("'/tools' and '/functions' go with '/messages', not with '/prompt'"))
    if job.prompt is not None:
        reason = "a raw prompt has no place for tools; leave raw out, or write them into the prompt"
        raise TwinApiError(bad_input(f"'/raw': {reason}"))


def _has_tool_messages(body: Mapping[str, Any]) -> bool:
    messages = body.get("messages") or ()
    return any(message.get("tool_calls") or message["role"] == "tool" for message in messages)


def _last_role(body: Mapping[str, Any]) -> str:
    return str(body["messages"][-1]["role"])


def _request_text(body: Mapping[str, Any], choice: ToolChoice) -> str | None:
    """Return the text that may need a tool: the last message if it is the user's, or any if a call is required."""
    messages = body["messages"]
    if tool_messages.TEMPLATE_ROLES.get(_last_role(body), "user") == "user":
        return str(messages[-1]["content"])
    if not choice.must_call:
        return None
    return next((str(message["content"]) for message in reversed(messages) if message["role"] == "user"), "")


def _add_instructions(job: GenerationJob, text: str) -> GenerationJob:
    """Append the text to the system message. A raw prompt stays as it is."""
    if job.prompt is not None:
        return job
    (role, content), *rest = job.messages
    if role != "system":
        return replace(job, messages=(("system", text), *job.messages))
    return replace(job, messages=((role, f"{content}\n\n{text}"), *rest))


def _call_schema(tool: OfferedTool, job: GenerationJob) -> dict[str, Any]:
    try:
        return request_tools.call_schema(tool, STRING_CHARS_PER_TOKEN * job.max_tokens)
    except (UnsatisfiableSchemaError, RecursionError):
        reason = "no arguments fit its parameters, or they are too many"
        raise TwinApiError(bad_input(f"'/tools': '{tool.name}': {reason}")) from None


def _template_input(
    body: Mapping[str, Any], job: GenerationJob, tools: tuple[OfferedTool, ...], choice: ToolChoice
) -> dict[str, Any]:
    """Return messages, and tools in OpenAI's shape, for the model's own chat template."""
    messages = tool_messages.messages_for_template(body["messages"])
    # The system message with what JSON mode added to it.
    if job.messages and job.messages[0][0] == "system":
        system = {"role": "system", "content": job.messages[0][1]}
        messages = [system, *(messages[1:] if messages[0]["role"] == "system" else messages)]
    if not tools:
        return {"messages": messages}
    listed = []
    for tool in tools:
        described = {"name": tool.name, "description": tool.description or tool.code}
        listed.append({"type": "function", "function": {**described, "parameters": tool.parameters.sent}})
    return {"messages": messages, "tools": listed, "tool_choice": "required" if choice.must_call else "auto"}
