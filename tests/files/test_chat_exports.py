"""Exports of other programs, written by hand after public descriptions of their formats.

ChatGPT: github.com/mitkury/chatgpt-export-parser, docs/chatgpt-data-export-format.md, and Open WebUI's own importer
(github.com/open-webui/open-webui, src/lib/utils/index.ts, convertOpenAIMessages), which also shows the shape that it
keeps. Claude: github.com/Sinity/polylogue, docs/providers/claude-ai.md, and
github.com/TomzxCode/llm-conversations-viewer, docs/formats.md. Read on 30 November 2026.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from lib.errors import BadInput
from lib.files.conversation_import_export import read_conversations
from lib.files.conversation_json import ConversationFile, dump_conversation
from lib.model.model_record import default_model
from tests.files.saved_conversations import load_conversation
from tests.files.test_conversation_import_export import make_zip

MODEL = default_model()
Tree = list[tuple[str, str, "Tree"]]


def load(data: Any) -> list[ConversationFile]:
    """Import the JSON; each conversation can be exported and read again."""
    loaded = list(read_conversations(json.dumps(data).encode(), MODEL))
    for each in loaded:
        assert load_conversation(dump_conversation(each).encode(), MODEL).conversation == each.conversation
    return loaded


def read_tree(file: ConversationFile, parent: str | None = None) -> Tree:
    """Return role, text and children of each message."""
    messages = file.conversation.messages
    return [(each.role, each.content, read_tree(file, each.id)) for each in messages if each.parent == parent]


def read_path(file: ConversationFile) -> list[str]:
    return [message.content for message in file.conversation.path()]


def chatgpt_node(id: str, parent: str | None, role: str, *parts: Any, **fields: Any) -> dict[str, Any]:
    message = {
        "id": id,
        "author": {"role": role, "name": None, "metadata": {}},
        "create_time": 1700000000.1,
        "content": {"content_type": "text", "parts": list(parts)},
        "status": "finished_successfully",
        "weight": 1.0,
        "metadata": {},
        "recipient": "all",
    }
    return {"id": id, "message": message | fields, "parent": parent, "children": []}


CHATGPT = {
    "title": "Naming a\ncat",
    "create_time": 1700000000.1,
    "update_time": 1700000009.9,
    "mapping": {
        node["id"]: node
        for node in (
            {"id": "client-created-root", "message": None, "parent": None, "children": ["s"]},
            chatgpt_node("s", "client-created-root", "system", ""),
            chatgpt_node(
                "c", "s", "user", "Profile", metadata={"is_visually_hidden_from_conversation": True}
            ),
            chatgpt_node(
                "u1", "c", "user", {"content_type": "image_asset_pointer", "asset_pointer": "x"}, "Name it"
            ),
            chatgpt_node("t", "u1", "assistant", content={"content_type": "thoughts", "thoughts": []}),
            chatgpt_node(
                "q",
                "t",
                "assistant",
                recipient="web.run",
                content={"content_type": "code", "text": "search()"},
            ),
            chatgpt_node("r", "q", "tool", "results"),
            chatgpt_node("a1", "r", "assistant", "Tom \ue200cite\ue202turn0search1\ue201."),
            chatgpt_node("a2", "u1", "assistant", "Ida"),
            chatgpt_node(
                "u2", "a2", "user", "Why?", {"content_type": "audio_transcription", "text": "Tell me."}
            ),
        )
    },
    "current_node": "a1",
    "conversation_id": "c1",
    "is_archived": False,
}
EMPTY_CHATGPT = {
    "title": "New chat",
    "mapping": {"x": {"id": "x", "message": None, "parent": None, "children": []}},
    "current_node": "x",
}


def test_chatgpt() -> None:
    """A tree with variants; hidden messages, tools and thoughts are left out, their children stay."""
    (chat,) = load([CHATGPT, EMPTY_CHATGPT])
    assert chat.title == "Naming a cat"
    assert chat.conversation.system == ""
    after = ("user", "Why?\nTell me.", [])
    answers: Tree = [("assistant", "Tom .", []), ("assistant", "Ida", [after])]
    assert read_tree(chat) == [("user", "[image]\nName it", answers)]
    assert read_path(chat) == ["[image]\nName it", "Tom ."]
    assert [read_path(each) for each in load(CHATGPT)] == [read_path(chat)], "one conversation alone"


def test_a_custom_instruction_becomes_the_system_prompt() -> None:
    mapping = {
        node["id"]: node
        for node in (chatgpt_node("s", None, "system", "Be kind."), chatgpt_node("u", "s", "user", "Hi"))
    }
    (chat,) = load([{"mapping": mapping}])
    assert (chat.title, chat.conversation.system) == ("", "Be kind.")
    assert read_path(chat) == ["Hi"]


def claude_message(uuid: str, sender: str, text: str, **fields: Any) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "text": text,
        "content": [{"type": "text", "text": text, "citations": []}],
        "sender": sender,
        "created_at": "2026-11-01T00:00:00.000000Z",
        "attachments": [],
        "files": [],
        **fields,
    }


ROOT = "00000000-0000-4000-8000-000000000000"
CLAUDE = {
    "uuid": "c",
    "name": "Sums",
    "account": {"uuid": "x"},
    "chat_messages": [
        claude_message(
            "1",
            "human",
            "Add these",
            attachments=[
                {"file_name": "n.txt", "file_size": 3, "file_type": "txt", "extracted_content": "1 2"}
            ],
            files=[{"file_name": "n.png"}],
        ),
        claude_message(
            "2",
            "assistant",
            "As text",
            content=[
                {"type": "thinking", "thinking": "1 + 2"},
                {"type": "text", "text": "It is"},
                {"type": "tool_use", "name": "sum", "input": {}},
                {"type": "tool_result", "name": "sum", "content": []},
                {"type": "text", "text": "3."},
            ],
        ),
        claude_message("3", "human", "Thanks", content=[]),
    ],
}


def test_claude() -> None:
    (chat,) = load([CLAUDE, {**CLAUDE, "chat_messages": []}])
    assert chat.title == "Sums"
    assert read_path(chat) == ["Add these\n\n[n.txt]\n1 2\n\n[n.png]", "It is\n\n3.", "Thanks"]


def test_claude_with_branches() -> None:
    parents = {"1": ROOT, "2": "1", "2b": "1", "3": "2"}
    messages = [
        claude_message(uuid, "human" if uuid in ("1", "3") else "assistant", uuid, parent_message_uuid=parent)
        for uuid, parent in parents.items()
    ]
    (chat,) = load([{**CLAUDE, "chat_messages": messages}])
    branches: Tree = [("assistant", "2", [("user", "3", [])]), ("assistant", "2b", [])]
    assert read_tree(chat) == [("user", "1", branches)]
    assert read_path(chat) == ["1", "2", "3"]


THOUGHT = '<details type="reasoning" done="true">\n<summary>Thought</summary>\n> Hm.\n</details>\n'
OPEN_WEBUI = {
    "id": "1",
    "user_id": "u",
    "title": "Weather",
    "chat": {
        "title": "Weather",
        "models": ["llama3.2:1b"],
        "params": {},
        "history": {
            "messages": {
                "a": {
                    "id": "a",
                    "parentId": None,
                    "childrenIds": ["b", "c"],
                    "role": "user",
                    "content": "Sunny?",
                    "files": [{"type": "image", "url": "data:"}, {"type": "file", "name": "map.pdf"}],
                },
                "b": {
                    "id": "b",
                    "parentId": "a",
                    "childrenIds": [],
                    "role": "assistant",
                    "content": THOUGHT + "Yes",
                },
                "c": {
                    "id": "c",
                    "parentId": "a",
                    "childrenIds": [],
                    "role": "assistant",
                    "content": [{"type": "text", "text": "No"}],
                },
            },
            "currentId": "b",
        },
        "messages": [],
    },
    "archived": False,
    "pinned": True,
}


def test_open_webui() -> None:
    (chat,) = load([OPEN_WEBUI])
    assert chat.title == "Weather"
    assert read_path(chat) == ["Sunny?\n\n[image]\n\n[map.pdf]", "Yes"]
    assert [text for _, text, _ in read_tree(chat)[0][2]] == ["Yes", "No"]
    assert [read_path(each) for each in load(OPEN_WEBUI["chat"])] == [read_path(chat)]


@pytest.mark.parametrize("folder", ["", "export-2026/"])
def test_the_whole_zip_of_an_export(folder: str) -> None:
    """Beside the conversations stand the account, feedback, images and a web page."""
    beside = dict.fromkeys(
        ["chat.html", "user.json", "message_feedback.json", "file-x.dat", "a/b.png"], b"\xff"
    )
    for name in ("conversations.json", "conversations-000.json"):
        files = beside | {folder + name: json.dumps([CHATGPT]).encode()}
        (chat,) = read_conversations(make_zip(files), MODEL)
        assert chat.title == "Naming a cat"


def test_entries_of_several_programs() -> None:
    with pytest.raises(BadInput, match=r"^\$\[1\] is no conversation of the same program"):
        load([CHATGPT, {"role": "user"}])


ODD = [None, "x", [None], {"x": []}]


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("export", [CHATGPT, CLAUDE, OPEN_WEBUI], ids=["ChatGPT", "Claude", "Open WebUI"])
def test_a_wrong_value_anywhere(export: dict[str, Any], odd: Any) -> None:
    """What an export has in place of a value is left out, or refused with its place; nothing else is raised."""
    for changed in replace_each(export, odd):
        try:
            for each in read_conversations(json.dumps([changed]).encode(), MODEL):
                dump_conversation(each)
        except BadInput as error:
            assert error.message and error.advice  # noqa: PT017, PT018


def replace_each(value: Any, odd: Any) -> list[Any]:
    """Return copies of the value in which one part is replaced."""
    copies: list[Any] = []
    parts = list(
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    )
    for key, part in parts:
        for changed in [odd, *replace_each(part, odd)]:
            copy = value.copy()
            copy[key] = changed
            copies.append(copy)
    return copies


def test_parents_in_a_circle_and_long_chains() -> None:
    circle = {id: chatgpt_node(id, parent, "user", id) for id, parent in (("a", "b"), ("b", "a"), ("c", "c"))}
    with pytest.raises(BadInput, match="holds no conversations"):
        load([{"mapping": circle}])
    chain = {str(n): chatgpt_node(str(n), str(n - 1), "user", str(n)) for n in range(1_500)}
    (chat,) = read_conversations(json.dumps([{"mapping": chain}]).encode(), MODEL)
    assert len(read_path(chat)) == 1_500, "deeper than Python's stack"
    with pytest.raises(BadInput, match="10,001 messages, more than 10,000"):
        load([{"mapping": {str(n): {"message": None} for n in range(10_001)}}])
