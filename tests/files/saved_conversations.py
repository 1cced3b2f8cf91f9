"""A conversation file, read as the page reads it."""

from __future__ import annotations

from lib.files.conversation_json import ConversationFile, parse_conversation
from lib.jsonkit.json_reader import parse
from lib.model.model_record import Model


def load_conversation(data: bytes, model: Model) -> ConversationFile:
    return parse_conversation(parse(data), model)
