"""A conversation as a JSON document and back: the tree, its settings, and each answer with its request.

Requests repeat what was said before them. Here their turns stand in one table, each with the turn that it follows,
and a request names its last. An answer that several messages share stands there once too.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from lib.chat.answer import Answer
from lib.chat.conversation import Conversation, Message, message_turn
from lib.errors import BadInput
from lib.files import value_codec
from lib.files.answer_codec import (
    TURN_KEYS,
    TurnTable,
    parse_answers,
    parse_id,
    parse_scalar,
    parse_settings,
    parse_turn,
)
from lib.jsonkit.json_reader import BadFile, Node
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.model.model_record import Model
from lib.model.schema_alternatives import Scalar
from lib.model.settings import Settings, check_parameters, fit_to_model

FORMAT = "paddock.conversation"
VERSION = 2
MAX_MESSAGES = 10_000
MAX_TITLE_CHARS = 1_000
_KEYS = ("id", "title", "pinned", "settings", "system", "head", "messages", "answers", "turns")
_OTHER_VERSION_ADVICE = "Use the version of Paddock that made it, or a newer one."


@dataclass(frozen=True)
class ConversationFile:
    """A conversation with its settings. ``title`` is empty unless the user chose one."""

    conversation: Conversation
    settings: Settings
    title: str = ""
    pinned: bool = False


def with_new_id(conversation: Conversation) -> Conversation:
    """Return the conversation with a new id, so that a second import does not overwrite the first."""
    return replace(conversation, id=uuid.uuid4().hex)


def dump_conversation(archived: ConversationFile) -> str:
    """Return the document. Equal conversations give equal texts, byte for byte."""
    conversation, turns = archived.conversation, TurnTable()
    answers = {answer.id: answer for message in conversation.messages for answer in message.answers}
    body = {
        "format": FORMAT,
        "version": VERSION,
        "id": conversation.id,
        "title": archived.title[:MAX_TITLE_CHARS],
        "pinned": archived.pinned,
        "settings": value_codec.write_settings(archived.settings),
        "system": conversation.system,
        "head": conversation.head,
        "messages": [
            {
                "id": message.id,
                "parent": message.parent,
                **value_codec.write_turn(message_turn(message)),
                "answers": [answer.id for answer in message.answers],
            }
            for message in conversation.messages
        ],
        "answers": [turns.write_answer(answer) for answer in answers.values()],
        "turns": turns.rows,
    }
    return replace_lone_surrogates(json.dumps(body, ensure_ascii=False, allow_nan=False, indent=1)) + "\n"


def parse_conversation(root: Node, model: Model) -> ConversationFile:
    """Return the conversation in a parsed document. Raise BadInput, which says what is wrong and where."""
    if "format" not in root or root["format"].value != FORMAT:
        raise BadFile("The file holds no conversation that Paddock exported.")
    if root["version"].value != VERSION:
        raise BadFile("The conversation is from another version of Paddock.", advice=_OTHER_VERSION_ADVICE)
    root.require_only_keys("format", "version", *_KEYS)
    answers = parse_answers(root["answers"], root["turns"])
    messages: dict[str, Message] = {}
    for node in root["messages"].items(MAX_MESSAGES):
        message = _parse_message(node, messages, answers)
        messages[message.id] = message
    head = root["head"].optional(parse_id)
    if head is not None and head not in messages:
        raise root["head"].error("names no message")
    conversation = Conversation(root["system"].text(), tuple(messages.values()), head, parse_id(root["id"]))
    settings = parse_settings(root["settings"], partial(parse_setting_value, model))
    if settings.model == model.id:
        settings = fit_to_model(settings, model)
    title = root["title"].text(MAX_TITLE_CHARS)
    return ConversationFile(conversation, settings, title, root["pinned"].boolean())


def parse_setting_value(model: Model, node: Node, name: str) -> Scalar:
    """Return the parameter's value in its own type. Raise BadFile if it is out of bounds."""
    is_number = all(parameter.is_number for parameter in model.parameters if parameter.name == name)
    value = node.number() if is_number else parse_scalar(node)
    try:
        check_parameters({name: value}, model)
    except BadInput as error:
        raise node.error(f"cannot be taken: {error.message.removesuffix('.')}") from None
    return model.parameter(name).cast_value(value)


def _parse_message(node: Node, before: Mapping[str, Message], answers: Mapping[str, Answer]) -> Message:
    node.require_only_keys("id", "parent", "answers", *TURN_KEYS)
    id, parent = parse_id(node["id"]), node["parent"].optional(parse_id)
    if id in before:
        raise node["id"].error("is another message's already")
    # A parent stands before its children, so there are no cycles.
    if parent is not None and parent not in before:
        raise node["parent"].error("names no message that stands before this one")
    own = []
    for item in node["answers"].items():
        if item.text() not in answers:
            raise item.error("names no answer")
        own.append(answers[item.value])
    turn = parse_turn(node)
    return Message(turn.role, turn.content, parent, tuple(own), turn.calls, turn.call_id, turn.name, id)
