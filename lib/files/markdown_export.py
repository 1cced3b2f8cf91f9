"""Markdown export: a conversation to read, with settings and usage as front matter."""

from __future__ import annotations

import json
from collections.abc import Iterator

from lib.chat.answer import total_usage
from lib.chat.answer_cost import answer_cost, count_cached_answers
from lib.chat.conversation import Conversation, Message
from lib.model.known_models import ModelLookup
from lib.model.model_record import DEFAULT_MODEL_ID
from lib.model.settings import Settings

_SPEAKERS = {"user": "User", "assistant": "Assistant", "system": "System", "tool": "Tool"}


def export_markdown(
    title: str, conversation: Conversation, settings: Settings, find_model: ModelLookup
) -> str:
    """Return the open path of the conversation as Markdown. Messages are copied exactly, without escaping."""
    front_matter = _front_matter(title, conversation, settings, find_model)
    return "\n".join([*front_matter, "", *_body(title, conversation), ""])


def _front_matter(
    title: str, conversation: Conversation, settings: Settings, find_model: ModelLookup
) -> Iterator[str]:
    path = conversation.path()
    answers = [answer for message in path for answer in message.answers]
    usage, cost = total_usage(answers), answer_cost(answers, find_model)
    yield "---"
    yield f"title: {_quote_yaml(title)}"
    yield f"model: {_quote_yaml(settings.model)}"
    if conversation.system:
        yield f"system: {_quote_yaml(conversation.system)}"
    yield "settings:"
    for name, value in settings.sent_values().items():
        yield f"  {name}: {json.dumps(value, ensure_ascii=False)}"
    if usage is not None:
        yield "usage:"
        yield f"  prompt_tokens: {usage.prompt_tokens}"
        yield f"  completion_tokens: {usage.completion_tokens}"
        if cost is not None:
            yield f"  dollars: {_quote_yaml(format(cost.listed, 'f'))}"
        yield f"  estimated: {str(usage.estimated).lower()}"
    yield "---"


def _body(title: str, conversation: Conversation) -> Iterator[str]:
    yield f"# {' '.join(title.split())}"
    for message in conversation.path():
        yield ""
        yield f"## {_SPEAKERS.get(message.role, message.role)}"
        yield ""
        yield message.content
        for call in message.calls:
            yield ""
            yield f"> calls {call.name}: {call.arguments}"
        yield from _usage_lines(message)


def _usage_lines(message: Message) -> Iterator[str]:
    usage = total_usage(message.answers)
    if usage is not None:
        about = "about " if usage.estimated else ""
        last = message.answers[-1]
        model = "" if last.request.model == DEFAULT_MODEL_ID else f", {last.request.model}"
        size = f"{about}{usage.prompt_tokens:,} tokens in, {about}{usage.completion_tokens:,} out"
        yield ""
        cached = ", from the AI Gateway's cache" if count_cached_answers(message.answers) else ""
        yield f"> {size}, {last.ending.value}{model}{cached}"


def default_title(conversation: Conversation) -> str:
    """Return a title made from the first message."""
    first = next((message.content for message in conversation.path() if message.content.strip()), "")
    words = " ".join(first.split())
    return words if len(words) <= 60 else f"{words[:59].rstrip()}…"


def make_file_name(title: str) -> str:
    """Return a file name without extension that every system accepts."""
    cleaned = "".join(char if char.isalnum() else "-" for char in title.lower())
    return "-".join(part for part in cleaned.split("-") if part)[:50] or "conversation"


def _quote_yaml(text: str) -> str:
    """Return a JSON string, which is valid YAML too."""
    return json.dumps(text, ensure_ascii=False)
