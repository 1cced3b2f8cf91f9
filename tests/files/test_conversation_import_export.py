"""Import and export of conversations: lists of messages, zips, and hostile files."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
from typing import Any

import pytest
from hypothesis import given, settings, strategies

from lib.chat.conversation import Conversation
from lib.errors import BadInput
from lib.files import conversation_import_export, preset_file, zip_reading
from lib.files.conversation_import_export import dump_zip, read_conversations
from lib.files.conversation_json import ConversationFile, dump_conversation
from lib.files.markdown_export import export_markdown
from lib.jsonkit import file_limits
from lib.model.known_models import find_record
from lib.model.model_record import Model, default_model
from lib.model.request_options import ToolCall
from lib.model.settings import Settings
from tests.store.conversation_trees import SETTINGS, as_plain_values, histories, make_conversation

MODEL = default_model()
MANY = (
    ConversationFile(make_conversation("Hi", "And you?"), SETTINGS, "CON: a/b\\c..", True),
    ConversationFile(make_conversation("Ünï 猫"), SETTINGS),
    ConversationFile(Conversation(), SETTINGS, "‮\x00"),
)


def load_conversations(data: bytes, model: Model) -> tuple[ConversationFile, ...]:
    """Return all conversations in the file."""
    return tuple(read_conversations(data, model))


def make_zip(files: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", packing) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return packed.getvalue()


def load_messages(data: object) -> list[tuple[str, str]]:
    """Import the JSON and return the role and content of each message."""
    (one,) = load_conversations(json.dumps(data).encode(), MODEL)
    return [(message.role, message.content) for message in one.conversation.path()]


def test_a_conversation() -> None:
    (one,) = load_conversations(dump_conversation(MANY[0]).encode(), MODEL)
    assert dump_conversation(one) == dump_conversation(MANY[0])


HI = {"role": "user", "content": "Hi"}


def test_a_list_of_messages() -> None:
    data = [{"role": "system", "content": "Be kind."}, HI, {"role": "assistant", "content": "Ho"}, HI]
    (one,) = load_conversations(json.dumps(data).encode(), MODEL)
    assert one.conversation.system == "Be kind."
    assert load_messages(data) == [("user", "Hi"), ("assistant", "Ho"), ("user", "Hi")]
    assert one.settings == Settings.defaults(MODEL)
    assert dump_conversation(
        load_conversations(dump_conversation(one).encode(), MODEL)[0]
    ) == dump_conversation(one)
    assert load_messages(data[1:]) == load_messages(data)
    assert load_messages([HI, data[0]]) == [("user", "Hi"), ("system", "Be kind.")], (
        "only the leading one is the prompt"
    )
    assert load_messages([data[0]]) == []
    assert load_messages([{"role": "developer", "content": "Be kind."}, HI]) == [("user", "Hi")]


def test_content_in_parts() -> None:
    parts = [{"type": "text", "text": "H"}, {"type": "text", "text": "i"}]
    assert load_messages([{"role": "user", "content": parts, "name": "Ann"}]) == [("user", "Hi")]


def test_messages_about_tools() -> None:
    """In the formats of OpenAI and Workers AI, a call and its result are kept."""
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    said = [
        {"role": "user", "content": "Add"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "name": "add", "content": "2"},
        {"role": "assistant", "content": "", "tool_calls": [{"name": "add", "arguments": {"a": 2}}]},
    ]
    (one,) = load_conversations(json.dumps(said).encode(), MODEL)
    messages = one.conversation.messages
    assert messages[1].calls == (ToolCall("c1", "add", '{"a": 1}'),)
    assert (messages[2].call_id, messages[2].name, messages[2].content) == ("c1", "add", "2")
    assert messages[3].calls == (ToolCall("", "add", '{"a": 2}'),)
    assert '> calls add: {"a": 1}' in export_markdown("Sums", one.conversation, one.settings, find_record)
    for broken, says in (
        ({"role": "assistant", "content": "", "tool_calls": 7}, r"tool_calls must be a list"),
        ({"role": "assistant", "content": "", "tool_calls": [{"name": "add"}]}, "has no 'arguments'"),
        ({"role": "tool", "content": "", "tool_call_id": 7}, "tool_call_id must be a text"),
    ):
        with pytest.raises(BadInput, match=says):
            load_conversations(json.dumps([broken]).encode(), MODEL)


def test_a_requests_body() -> None:
    cap, heat, *others = [parameter.name for parameter in MODEL.parameters]
    body = {"messages": [HI], cap: 40.0, heat: 1, others[0]: None, "stream": True, "model": "gpt"}
    (one,) = load_conversations(json.dumps(body).encode(), MODEL)
    assert repr(dict(one.settings.sent_values())) == repr({cap: 40, heat: 1.0})
    assert len(one.settings.items) == len(MODEL.parameters)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], r"^\$ holds no messages"),
        ({"messages": []}, r"^\$\.messages holds no messages"),
        ({"messages": "Hi"}, r"^\$\.messages must be a list, not a text"),
        ([1], r"^\$\[0\] must be an object"),
        ([HI, {"role": "user"}], r"^\$\[1\] has no 'content'"),
        ([HI, {"content": "x"}], r"^\$\[1\] has no 'role'"),
        ([HI, {"role": "boss", "content": "x"}], r"^\$\[1\]\.role must be one of system"),
        ([HI, {"role": "user", "content": None}], r"^\$\[1\]\.content must be a text, not null"),
        (
            [{"role": "user", "content": [{"type": "image_url"}]}],
            r"^\$\[0\]\.content\[0\]\.type is not “text”",
        ),
        ([{"role": "user", "content": [{"type": "text"}]}], r"^\$\[0\]\.content\[0\] has no 'text'"),
        ([{"role": "user", "content": "\ud800"}], r"^\$\[0\]\.content holds half a character"),
        (
            {"messages": [HI], MODEL.parameters[1].name: 9},
            r"^\$\.temperature cannot be taken.*between 0 and 5",
        ),
        ({"messages": [HI], MODEL.parameters[1].name: "1"}, r"^\$\.temperature must be a number"),
        ({"prompt": "Hi"}, "no conversation, but the fields “prompt”"),
        ({"format": "other"}, "no conversation"),
        ("Hi", "no conversation"),
        (
            [{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6, "g": 7}],
            "a list of entries with the fields .*“f”, …",
        ),
        ([{"prompt": "a", "completion": "b"}], "training examples of prompts and completions"),
        ({"id": "user-1", "email": "ann@mail.example"}, "the account of a ChatGPT export"),
        ([{"uuid": "1", "email_address": "ann@mail.example"}], "the account of a Claude export"),
        ([{"messages": [HI]}, {"messages": []}], r"^\$\[1\]\.messages holds no messages"),
    ],
)
def test_lists_that_are_wrong(data: object, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        load_conversations(json.dumps(data).encode(), MODEL)


def test_presets_are_refused_with_a_hint() -> None:
    with pytest.raises(BadInput, match="presets") as caught:
        load_conversations(preset_file.dump_presets(preset_file.shipped_presets(MODEL)).encode(), MODEL)
    assert "presets" in caught.value.advice


def test_a_zip_of_many() -> None:
    data = dump_zip(MANY, find_record)
    assert data == dump_zip(MANY, find_record), "the same, at any time"
    loaded = load_conversations(data, MODEL)
    assert [dump_conversation(one) for one in loaded] == [dump_conversation(one) for one in MANY]
    assert dump_zip(loaded, find_record) == data
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert file.testzip() is None
        assert file.namelist() == [
            "0001-con-a-b-c.json",
            "0001-con-a-b-c.md",
            "0002-ünï-猫.json",
            "0002-ünï-猫.md",
            "0003-conversation.json",
            "0003-conversation.md",
        ]
        assert b"And you?" in file.read("0001-con-a-b-c.md")


@settings(max_examples=30)
@given(strategies.lists(histories(), max_size=3), strategies.text(strategies.characters(codec=None)))
def test_any_conversations(several: list[list[Conversation]], title: str) -> None:
    conversations = [ConversationFile(states[-1], SETTINGS, title) for states in several]
    data = dump_zip(conversations, find_record)
    if conversations:
        assert dump_zip(load_conversations(data, MODEL), find_record) == data
    else:
        with pytest.raises(BadInput, match="no conversations"):
            load_conversations(data, MODEL)


def test_a_zip_of_lists() -> None:
    data = make_zip(
        {"a.json": json.dumps([HI]).encode(), "b.json": dump_conversation(MANY[0]).encode(), "c.md": b"x"}
    )
    one, two = load_conversations(data, MODEL)
    assert len(one.conversation.messages) == 1
    assert as_plain_values(two.conversation) == as_plain_values(MANY[0].conversation)


GOOD = json.dumps([HI]).encode()


def test_a_zip_that_an_operating_system_packed_again() -> None:
    """One enclosing folder with entries of its own, and the files that macOS, Windows and Linux leave in folders."""
    with zipfile.ZipFile(io.BytesIO(dump_zip(MANY, find_record))) as file:
        own = {name: file.read(name) for name in file.namelist()}
    junk = {
        "paddock/": b"",
        "__MACOSX/": b"",
        "__MACOSX/paddock/._0001-con-a-b-c.json": b"\0\5\x16\7",
        "__MACOSX/._paddock": b"\0\5\x16\7",
        "paddock/.DS_Store": b"\0\0\0\1Bud1",
        "paddock/Icon\r": b"",
        "paddock/._Icon\r": b"",
        "paddock/Thumbs.db": b"\xd0\xcf",
        "paddock/desktop.ini": b"[.ShellClassInfo]",
        "paddock/.directory": b"[Desktop Entry]",
    }
    for folder in ("paddock/", "./paddock/", "paddock\\", "a/b/"):
        data = make_zip(junk | {folder + name: content for name, content in own.items()})
        loaded = load_conversations(data, MODEL)
        assert [dump_conversation(one) for one in loaded] == [dump_conversation(one) for one in MANY]


def test_json_lines() -> None:
    """Training examples in OpenAI's chat format, and a batch of requests: a conversation for each line."""
    lines = [
        {"messages": [{"role": "system", "content": "Be kind."}, HI, {"role": "assistant", "content": "Ho"}]},
        {"messages": [HI], "tools": [], "parallel_tool_calls": False},
        {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"messages": [HI]}},
    ]
    texts = [json.dumps(line) for line in lines]
    for data in ("\n".join(texts), "\ufeff" + "\r\n".join(texts) + "\r\n\r\n", "\n\n".join(texts)):
        first, *others = load_conversations(data.encode(), MODEL)
        assert first.conversation.system == "Be kind."
        assert [len(each.conversation.messages) for each in (first, *others)] == [2, 1, 1]
    assert len(load_conversations(json.dumps(lines[:2]).encode(), MODEL)) == 2, "the same as a list"
    with pytest.raises(BadInput, match=r"^Line 3: \$\.messages\[0\] has no 'content'"):
        load_conversations("\n\n".join([texts[0], '{"messages":[{"role":"user"}]}']).encode(), MODEL)
    with pytest.raises(BadInput, match=r"^The file is not complete: .* in line 2, column 2"):
        load_conversations(f"{texts[0]}\n{{".encode(), MODEL)


def test_too_many_conversations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation_import_export, "MAX_IMPORTED_CONVERSATIONS", 2)
    with pytest.raises(BadInput, match="more than 2 conversations"):
        load_conversations(b'{"messages":[{"role":"user","content":"x"}]}\n' * 3, MODEL)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "no conversations"),
        ({"a.md": b"x"}, "no conversations"),
        ({"a.json": b"x"}, r"^“a\.json” in the zip: The file is not JSON"),
        ({"a.json": GOOD, "b.json": b"[1]"}, r"^“b\.json” in the zip: \$\[0\] must be an object"),
        ({"a.json": preset_file.dump_presets([]).encode()}, "has presets"),
        ({"../a.json": GOOD}, "leads out of it"),
        ({"x/../a.json": GOOD}, "leads out of it"),
        ({"x\\..\\a.json": GOOD}, "leads out of it"),
        ({"/etc/a.json": GOOD}, "leads out of it"),
        ({"\\a.json": GOOD}, "leads out of it"),
        ({"C:a.json": GOOD}, "leads out of it"),
        ({"x/": b"", "__MACOSX/a.json": GOOD, ".DS_Store": b"x"}, "no conversations"),
        ({"a\n.json": GOOD}, "^A file in the zip leads out of it, or has no proper name"),
        ({"a" * 300 + ".json": GOOD}, "or has no proper name"),
        ({"x/a.json": GOOD, "x\\a.json": GOOD}, "is in the zip twice"),
        ({"a.json": GOOD, "b.exe": b""}, r"“b\.exe” in the zip is no conversation"),
        ({"a.json": GOOD, "b.zip": make_zip({})}, r"“b\.zip” in the zip is no conversation"),
        ({"a.json": make_zip({"a.json": GOOD})}, "is a zip itself"),
        ({"a.json": make_zip({})}, "is a zip itself"),
    ],
)
def test_zips_that_are_wrong(files: dict[str, bytes], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        load_conversations(make_zip(files), MODEL)


def test_a_name_that_is_there_twice() -> None:
    data = make_zip({"a.json": GOOD, "b.json": GOOD}).replace(b"b.json", b"a.json")
    with pytest.raises(BadInput, match=r"“a\.json” in the zip is there twice|is in the zip twice"):
        load_conversations(data, MODEL)


def test_a_name_that_goes_on_behind_its_end() -> None:
    data = make_zip({"a.json_x.json": GOOD}).replace(b"a.json_x", b"a.json\0x")
    with pytest.raises(BadInput, match="leads out of it"):
        load_conversations(data, MODEL)


def test_an_encrypted_one() -> None:
    data = bytearray(make_zip({"a.json": GOOD}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(BadInput, match="is encrypted"):
        load_conversations(bytes(data), MODEL)


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_another_packing(packing: int) -> None:
    with pytest.raises(BadInput, match="packed in a way"):
        load_conversations(make_zip({"a.json": GOOD}, packing), MODEL)


def make_zip_bomb(size: int, says: int | None = None) -> bytes:
    """Return a small zip of one large file, whose headers claim the size ``says``."""
    data = bytearray(make_zip({"a.json": b" " * size}))
    if says is not None:
        for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
            struct.pack_into("<I", data, data.index(mark) + at, says)
    return bytes(data)


def test_a_bomb() -> None:
    data = make_zip_bomb(file_limits.MAX_FILE_BYTES + 1)
    assert len(data) < 100_000
    with pytest.raises(BadInput, match="more than Paddock can import"):
        load_conversations(data, MODEL)


@pytest.mark.parametrize("says", [0, 10, 10**6, 2**32 - 2])
def test_a_bomb_that_lies(says: int) -> None:
    with pytest.raises(BadInput):
        load_conversations(make_zip_bomb(file_limits.MAX_FILE_BYTES + 1, says), MODEL)


def test_many_that_are_a_bomb_together(monkeypatch: pytest.MonkeyPatch) -> None:
    data = make_zip({f"{number}.json": GOOD for number in range(10)})
    assert len(load_conversations(data, MODEL)) == 10
    monkeypatch.setattr(zip_reading, "MAX_ARCHIVE_BYTES", 10 * len(GOOD) - 1)
    with pytest.raises(BadInput, match="more than Paddock can import"):
        load_conversations(data, MODEL)


def test_too_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_reading, "MAX_ARCHIVE_FILES", 5)
    with pytest.raises(BadInput, match="more than 5 files"):
        load_conversations(make_zip({f"{number}.json": GOOD for number in range(6)}), MODEL)


@pytest.mark.parametrize("begin", [b"", b"PK\x03\x04"])
def test_too_large(begin: bytes) -> None:
    with pytest.raises(BadInput, match=r"100,000,00. bytes, more than 50,000,000"):
        load_conversations(begin + b" " * 100_000_000, MODEL)


@pytest.mark.parametrize("data", [dump_zip(MANY, find_record), json.dumps({"messages": [HI] * 9}).encode()])
def test_cut_short(data: bytes) -> None:
    for part in range(50):
        with pytest.raises(BadInput):
            load_conversations(data[: len(data) * part // 50], MODEL)


@settings(max_examples=500)
@given(strategies.integers(0, 2**32), strategies.integers(1, 6), strategies.booleans())
def test_flipped_bytes(seed: int, flips: int, tail: bool) -> None:
    """Flip bytes anywhere, or in the directory at the end, where every byte matters."""
    chance, data = random.Random(seed), bytearray(FLIPPED)
    begin = data.index(b"PK\x01\x02") if tail else 0
    for _ in range(flips):
        data[chance.randrange(begin, len(data))] = chance.randrange(256)
    _try(bytes(data))


FLIPPED = dump_zip(MANY[:2], find_record)


@settings(max_examples=300)
@given(
    strategies.binary(max_size=200), strategies.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06", b"[", b"{"])
)
def test_noise(noise: bytes, begin: bytes) -> None:
    _try(begin + noise)


def _try(data: bytes) -> None:
    loaded: tuple[Any, ...] = ()
    try:
        loaded = load_conversations(data, MODEL)
    except BadInput as error:
        assert error.message  # noqa: PT017
        error.message.encode()
    for one in loaded:
        dump_conversation(one)
