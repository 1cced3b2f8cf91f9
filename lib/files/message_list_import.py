"""Import of a list of messages in the format of OpenAI and Workers AI, alone or in a request's body."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from lib.api.request import ROLES
from lib.chat.conversation import Conversation, Message
from lib.files.conversation_json import MAX_MESSAGES, ConversationFile, parse_setting_value
from lib.jsonkit.json_reader import Node
from lib.model.model_record import Model
from lib.model.request_options import ToolCall
from lib.model.settings import Settings

_ROLES = {role: role for role in ROLES} | {"developer": "system"}  # OpenAI's newer name


def parse_message_list(root: Node, model: Model) -> ConversationFile:
    """Return the messages as one path. A body's parameters become settings; parameters that it lacks are not sent."""
    settings = Settings.defaults(model)
    listed = root
    if not isinstance(root.value, list):
        listed = root["messages"]
        settings = _parse_settings(root, model)
    parsed_messages = [_parse_message(node) for node in listed.items(MAX_MESSAGES)]
    if not parsed_messages:
        raise listed.error("holds no messages")
    conversation = Conversation()
    if parsed_messages[0].role == "system":
        conversation = Conversation(parsed_messages.pop(0).content)
    messages: list[Message] = []
    for message in parsed_messages:
        messages.append(replace(message, parent=messages[-1].id if messages else None))
    head = messages[-1].id if messages else None
    return ConversationFile(replace(conversation, messages=tuple(messages), head=head), settings)


def _parse_settings(root: Node, model: Model) -> Settings:
    # Many clients send null for “not set”.
    sent = [parameter.name for parameter in model.parameters if _has_value(root, parameter.name)]
    values = {name: parse_setting_value(model, root[name], name) for name in sent}
    return Settings.defaults(model).with_only_sent(values)


def _parse_message(node: Node) -> Message:
    # A message with tool calls may have null or no content.
    silent = _has_value(node, "tool_calls") and not _has_value(node, "content")
    return Message(
        _ROLES[node["role"].one_of(_ROLES)],
        "" if silent else "".join(_parse_content(node["content"])),
        calls=tuple(_parse_calls(node["tool_calls"])) if _has_value(node, "tool_calls") else (),
        call_id=node["tool_call_id"].text() if _has_value(node, "tool_call_id") else "",
        name=node["name"].text() if _has_value(node, "name") else "",
    )


def _has_value(node: Node, key: str) -> bool:
    return key in node and node[key].value is not None


def _parse_calls(node: Node) -> Iterator[ToolCall]:
    """Yield calls in OpenAI's format or flat as Workers AI's answers, with arguments as JSON text or a value."""
    for item in node.items():
        is_nested = "function" in item
        function = item["function"] if is_nested else item
        arguments = function["arguments"]
        text = arguments.value if isinstance(arguments.value, str) else json.dumps(arguments.value)
        yield ToolCall(item["id"].text() if _has_value(item, "id") else "", function["name"].text(), text)


def _parse_content(node: Node) -> Iterator[str]:
    if not isinstance(node.value, list):
        yield node.text()
        return
    for part in node.items():
        if part["type"].text() != "text":
            raise part["type"].error("is not “text”: Paddock imports only text")
        yield part["text"].text()
