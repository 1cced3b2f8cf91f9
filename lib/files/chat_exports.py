"""Import of other programs' exports: ChatGPT and Claude (``conversations.json``), and Open WebUI.

None of them is specified by its maker; the shapes are those that their exports have and that other importers read
(the tests name sources). Only text is taken: an image or a file leaves a note in brackets. What a program added for
itself (hidden messages, calls of its own tools, thoughts) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from lib.chat.conversation import Conversation, Message
from lib.files.conversation_json import MAX_MESSAGES, MAX_TITLE_CHARS, ConversationFile
from lib.jsonkit.json_reader import Node
from lib.model.model_record import Model
from lib.model.settings import Settings

_ROLES = {"user": "user", "human": "user", "assistant": "assistant", "system": "system"}
# Open WebUI keeps a model's thoughts within its answer.
_THOUGHTS = re.compile(
    r'<details\s+type="(?:reasoning|code_interpreter)"[^>]*>.*?</details>\s*', re.DOTALL | re.I
)
# ChatGPT's citations, in characters for private use.
_CITATION = re.compile("\ue200[^\ue200\ue201]*\ue201")


@dataclass(frozen=True)
class _Entry:
    """A message as it was exported; one without text only connects its children with its parent."""

    id: str
    parent: str | None
    role: str | None
    text: str


@dataclass(frozen=True)
class _Chat:
    title: str
    entries: Iterable[_Entry]
    open_id: str | None


def is_chat_export(value: Any) -> bool:
    """Return True for a conversation of ChatGPT, Claude or Open WebUI."""
    return _find_reader(value) is not None


def parse_chat(node: Node, model: Model) -> ConversationFile | None:
    """Return the conversation as a tree with its variants, or None if nothing was said. Raises BadFile."""
    read = _find_reader(node.value)
    if read is None:
        raise node.error("is no conversation of the same program as the first entry")
    chat = read(node)
    conversation = _build_tree(chat, node)
    if not conversation.messages and not conversation.system:
        return None
    title = " ".join(chat.title.split())[:MAX_TITLE_CHARS]
    return ConversationFile(conversation, Settings.defaults(model), title)


def _find_reader(value: Any) -> Callable[[Node], _Chat] | None:
    if not isinstance(value, dict):
        return None
    if "mapping" in value:
        return _read_chatgpt
    if "chat_messages" in value:
        return _read_claude
    if "history" in value or (isinstance(value.get("chat"), dict) and "history" in value["chat"]):
        return _read_open_webui
    return None


def _build_tree(chat: _Chat, node: Node) -> Conversation:
    """Return the messages, each after its parent and variants in the order of the export."""
    entries = {entry.id: entry for entry in chat.entries}
    if len(entries) > MAX_MESSAGES:
        raise node.error(f"has {len(entries):,} messages, more than {MAX_MESSAGES:,}")
    children: dict[str | None, list[_Entry]] = {}
    for entry in entries.values():
        children.setdefault(entry.parent if entry.parent in entries else None, []).append(entry)
    system: list[str] = []
    messages: list[Message] = []
    # The message of each entry, or that of its nearest parent with a text.
    ids: dict[str | None, str | None] = {None: None}
    waiting = children.get(None, [])[::-1]
    while waiting:
        entry = waiting.pop()
        parent = ids[entry.parent if entry.parent in entries else None]
        ids[entry.id] = parent
        if entry.role == "system" and parent is None:
            system += [entry.text] if entry.text.strip() else []
        elif entry.role is not None and entry.text.strip():
            messages.append(Message(entry.role, entry.text, parent))
            ids[entry.id] = messages[-1].id
        waiting += children.get(entry.id, [])[::-1]
    head = ids.get(chat.open_id) or (messages[-1].id if messages else None)
    return Conversation("\n\n".join(system), tuple(messages), head)


def _read_chatgpt(node: Node) -> _Chat:
    entries = (_read_chatgpt_entry(key, item.value) for key, item in node["mapping"].fields())
    return _Chat(_text(node.value, "title"), entries, _text(node.value, "current_node") or None)


def _read_chatgpt_entry(id: str, value: Any) -> _Entry:
    message = _dict(value, "message")
    role = _ROLES.get(_text(_dict(message, "author"), "role"))
    is_hidden = _dict(message, "metadata").get("is_visually_hidden_from_conversation") is True
    if is_hidden or message.get("recipient") not in (None, "all"):  # others are the program's own tools
        role = None
    parts = _dict(message, "content").get("parts")
    text = "\n".join(_chatgpt_parts(parts if isinstance(parts, list) else []))
    return _Entry(id, _text(value, "parent") or None, role, _CITATION.sub("", text))


def _chatgpt_parts(parts: list[Any]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, str):
            yield part
        elif text := _text(part, "text"):  # what was spoken
            yield text
        elif kind := _text(part, "content_type"):
            yield "[image]" if "image" in kind else "[file]"


def _read_claude(node: Node) -> _Chat:
    previous: str | None = None
    entries: list[_Entry] = []
    for number, item in enumerate(node["chat_messages"].items()):
        id = _text(item.value, "uuid") or str(number)
        # Newer exports have a tree; in older ones each message follows the one before it.
        parent = _text(item.value, "parent_message_uuid") or previous
        role = _ROLES.get(_text(item.value, "sender"))
        entries.append(_Entry(id, parent, role, _claude_text(item.value)))
        previous = id
    open_id = _text(node.value, "current_leaf_message_uuid") or previous
    return _Chat(_text(node.value, "name"), entries, open_id)


def _claude_text(message: Any) -> str:
    blocks = [_text(block, "text") for block in _list(message, "content") if _text(block, "type") == "text"]
    texts = [text for text in blocks if text] or [_text(message, "text")]
    for attachment in _list(message, "attachments"):
        texts.append(f"[{_text(attachment, 'file_name')}]\n{_text(attachment, 'extracted_content')}".strip())
    texts += [f"[{_text(file, 'file_name') or 'file'}]" for file in _list(message, "files")]
    return "\n\n".join(text for text in texts if text)


def _read_open_webui(node: Node) -> _Chat:
    chat = node if "history" in node else node["chat"]
    history = chat["history"]
    entries = (
        _Entry(
            key,
            _text(item.value, "parentId") or None,
            _ROLES.get(_text(item.value, "role")),
            _open_webui_text(item.value),
        )
        for key, item in history["messages"].fields()
    )
    title = _text(node.value, "title") or _text(chat.value, "title")
    return _Chat(title, entries, _text(history.value, "currentId") or None)


def _open_webui_text(message: Any) -> str:
    texts = [_THOUGHTS.sub("", _text(message, "content"))]
    texts += [_text(part, "text") for part in _list(message, "content")]
    for file in _list(message, "files"):
        texts.append("[image]" if _text(file, "type") == "image" else f"[{_text(file, 'name') or 'file'}]")
    return "\n\n".join(text for text in texts if text)


def _text(value: Any, key: str) -> str:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _dict(value: Any, key: str) -> dict[str, Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _list(value: Any, key: str) -> list[Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []
