"""Messages with tool calls and their results, for chat templates that support tools and for those that do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lib.twin.api_errors import field_error
from lib.twin.bounded_schema import dump_json
from lib.twin.json_mode import parse_json_text

# The documented schema takes any role, chat templates take only some.
TEMPLATE_ROLES = {role: role for role in ("system", "user", "assistant", "tool")} | {"developer": "system"}


@dataclass(frozen=True)
class PastToolCall:
    """A call in an earlier answer. ``id`` is "" if the request has none."""

    id: str
    name: str
    arguments: dict[str, Any]

    @property
    def as_text(self) -> str:
        """The call in the words of the twin's instructions to the model."""
        return f'{{"name": {dump_json(self.name)}, "arguments": {dump_json(self.arguments)}}}'


def messages_as_text(messages: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return role and content of each message, with calls and results as text. Raises TwinApiError.

    A call that has its result is added with it to the user's message: a small model that sees its own call repeats
    it instead of answering.
    """
    turns: list[tuple[str, str]] = []
    open_calls: list[PastToolCall] = []
    results: list[str] = []

    def add_results() -> None:
        if results:
            question = f"{turns.pop()[1]}\n\n" if turns and turns[-1][0] == "user" else ""
            turns.append(("user", question + "\n".join([*results, "Answer with it."])))
            results.clear()

    for index, message in enumerate(messages):
        role, content = TEMPLATE_ROLES.get(message["role"], "user"), message["content"]
        if role == "tool":
            results.append(_result_text(message, _take_answered_call(message, open_calls)))
            continue
        add_results()
        open_calls = parse_tool_calls(message, index) if role == "assistant" else []
        if content or not open_calls:
            turns.append((role, content))
    add_results()
    # The last calls still wait for their results.
    if open_calls and messages[-1]["role"] == "assistant":
        turns.append(("assistant", "\n".join(call.as_text for call in open_calls)))
    return turns


def _take_answered_call(message: Mapping[str, Any], open_calls: list[PastToolCall]) -> PastToolCall | None:
    """Remove the call that this result belongs to, by its id, its name or the order, and return it."""
    call_id, name = message.get("tool_call_id"), message.get("name")
    by_id = [call for call in open_calls if call_id and call.id == call_id]
    by_name = [call for call in open_calls if name and call.name == name]
    in_order = [] if call_id else open_calls
    call = next(iter([*by_id, *by_name, *in_order]), None)
    if call is not None:
        open_calls.remove(call)
    return call


def _result_text(message: Mapping[str, Any], call: PastToolCall | None) -> str:
    name = call.name if call else message.get("name")
    of_tool = f" of {name}" if isinstance(name, str) and name else ""
    arguments = f" {dump_json(call.arguments)}" if call else ""
    return f"Result{of_tool}{arguments}: {message['content']}"


def messages_for_template(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages for a chat template that supports tools. Raises TwinApiError."""
    turns: list[dict[str, Any]] = []
    for index, message in enumerate(messages):
        role = TEMPLATE_ROLES.get(message["role"], "user")
        turn: dict[str, Any] = {"role": role, "content": message["content"]}
        if role == "assistant" and (calls := parse_tool_calls(message, index)):
            turn["tool_calls"] = [
                {
                    "id": call.id or f"call_{index}_{number}",
                    "type": "function",
                    "function": {"name": call.name, "arguments": dump_json(call.arguments)},
                }
                for number, call in enumerate(calls)
            ]
        if role == "tool":
            keys = [key for key in ("tool_call_id", "name") if isinstance(message.get(key), str)]
            turn |= {key: message[key] for key in keys}
        turns.append(turn)
    # The engine would continue an empty last message instead of answering.
    if len(turns) > 1 and turns[-1] == {"role": "assistant", "content": ""}:
        del turns[-1]
    return turns


def parse_tool_calls(message: Mapping[str, Any], index: int) -> list[PastToolCall]:
    """Return the calls of the message at this index, in both documented shapes. Raises TwinApiError."""
    where = f"/messages/{index}/tool_calls"
    sent = message.get("tool_calls") or []
    if not isinstance(sent, list):
        raise field_error(where, "must be a list")
    calls = []
    for number, call in enumerate(sent):
        function = call.get("function", call) if isinstance(call, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(function, dict) or not isinstance(name, str):
            raise field_error(f"{where}/{number}", "must have the name of the tool that was called")
        call_id = call.get("id")
        arguments = _parse_arguments(function.get("arguments"), f"{where}/{number}")
        calls.append(PastToolCall(call_id if isinstance(call_id, str) else "", name, arguments))
    return calls


def _parse_arguments(sent: Any, where: str) -> dict[str, Any]:
    """Return the arguments, which are sent as an object or as its JSON text."""
    arguments = {} if sent in (None, "") else sent
    if isinstance(sent, str) and sent:
        try:
            arguments = parse_json_text(sent)
        except (ValueError, RecursionError):
            raise field_error(f"{where}/function/arguments", "the text is not JSON") from None
    if not isinstance(arguments, dict):
        raise field_error(f"{where}/function/arguments", "must be a JSON object")
    return arguments
