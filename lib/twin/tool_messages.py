"""Messages with calls of tools and their results, for chat templates that have a word for them or not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lib.twin.api_errors import TwinApiError, bad_input
from lib.twin.schema_grammar import dump_json

# The schema takes any role, chat templates only some.
TEMPLATE_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}


@dataclass(frozen=True)
class PastToolCall:
    """A call in an earlier answer. ``id`` is "" where the request has none."""

    id: str
    name: str
    arguments: dict[str, Any]

    @property
    def as_text(self) -> str:
        """As a model without a word for it says it."""
        return f'{{"name": {dump_json(self.name)}, "arguments": {dump_json(self.arguments)}}}'


def messages_as_text(messages: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Role and content of each message, calls and results as text. Raises RefusedError.

    A call that has its result stands with it in the turn of the user who asked: a small model that sees its own call
    says it again instead of answering.
    """
    turns: list[tuple[str, str]] = []
    open_calls: list[PastToolCall] = []
    results: list[str] = []

    def close() -> None:
        """Ends a row of results."""
        if results:
            asked = f"{turns.pop()[1]}\n\n" if turns and turns[-1][0] == "user" else ""
            turns.append(("user", asked + "\n".join([*results, "Answer with it."])))
            results.clear()

    for at, message in enumerate(messages):
        role, content = TEMPLATE_ROLES.get(message["role"], "user"), message["content"]
        if role == "tool":
            results.append(_result(message, _answered(message, open_calls)))
            continue
        close()
        open_calls = parse_tool_calls(message, at) if role == "assistant" else []
        if content or not open_calls:
            turns.append((role, content))
    close()
    if open_calls and messages[-1]["role"] == "assistant":  # they wait for their results
        turns.append(("assistant", "\n".join(call.as_text for call in open_calls)))
    return turns


def _answered(message: Mapping[str, Any], open_calls: list[PastToolCall]) -> PastToolCall | None:
    """The call that this result belongs to, taken from those that are open: by its id, its name or the order."""
    for key in ("id", "name"):
        wanted = message.get("tool_call_id" if key == "id" else "name")
        for call in open_calls:
            if wanted and getattr(call, key) == wanted:
                open_calls.remove(call)
                return call
    return open_calls.pop(0) if open_calls and not message.get("tool_call_id") else None


def _result(message: Mapping[str, Any], call: PastToolCall | None) -> str:
    name = call.name if call else message.get("name")
    of = f" of {name}" if isinstance(name, str) and name else ""
    given = f" {dump_json(call.arguments)}" if call else ""
    return f"Result{of}{given}: {message['content']}"


def messages_for_template(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The messages for a chat template that has words for calls and results. Raises RefusedError."""
    turns: list[dict[str, Any]] = []
    for at, message in enumerate(messages):
        role = TEMPLATE_ROLES.get(message["role"], "user")
        turn: dict[str, Any] = {"role": role, "content": message["content"]}
        if role == "assistant" and (made := parse_tool_calls(message, at)):
            turn["tool_calls"] = [
                {
                    "id": call.id or f"call_{at}_{number}",
                    "type": "function",
                    "function": {"name": call.name, "arguments": dump_json(call.arguments)},
                }
                for number, call in enumerate(made)
            ]
        if role == "tool":
            turn |= {
                key: message[key] for key in ("tool_call_id", "name") if isinstance(message.get(key), str)
            }
        turns.append(turn)
    if len(turns) > 1 and turns[-1] == {"role": "assistant", "content": ""}:
        del turns[-1]  # to continue nothing is to answer
    return turns


def parse_tool_calls(message: Mapping[str, Any], at: int) -> list[PastToolCall]:
    """The calls of one message, in both documented shapes. Raises RefusedError."""
    where = f"/messages/{at}/tool_calls"
    listed = message.get("tool_calls") or []
    if not isinstance(listed, list):
        raise _refused(where, "must be a list")
    found = []
    for number, call in enumerate(listed):
        inner = call.get("function", call) if isinstance(call, dict) else None
        name = inner.get("name") if isinstance(inner, dict) else None
        if not isinstance(inner, dict) or not isinstance(name, str):
            raise _refused(f"{where}/{number}", "must have the name of the tool that was called")
        identity = call.get("id")
        arguments = _arguments(inner.get("arguments"), f"{where}/{number}")
        found.append(PastToolCall(identity if isinstance(identity, str) else "", name, arguments))
    return found


def _arguments(sent: Any, where: str) -> dict[str, Any]:
    """Arguments come as an object or as the text of one."""
    arguments = {} if sent in (None, "") else sent
    if isinstance(sent, str) and sent:
        try:
            arguments = json.loads(sent)
        except (ValueError, RecursionError):
            raise _refused(f"{where}/function/arguments", "the text is not JSON") from None
    if not isinstance(arguments, dict):
        raise _refused(f"{where}/function/arguments", "must be a JSON object")
    return arguments


def _refused(where: str, reason: str) -> TwinApiError:
    return TwinApiError(bad_input(f"'{where}': {reason}"))
