"""Import and export (backup) of conversations: one as JSON, many as a zip of JSON and Markdown."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, TypeVar

from lib.files import chat_exports, conversation_json, message_list_import, preset_file
from lib.files.conversation_json import ConversationFile, dump_conversation
from lib.files.markdown_export import default_title, export_markdown, make_file_name
from lib.files.zip_reading import ZIP_SIGNATURES, read_json_files
from lib.jsonkit.file_limits import MAX_FILE_BYTES, MAX_IMPORTED_CONVERSATIONS
from lib.jsonkit.json_reader import BadFile, Node, parse
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.model.known_models import ModelLookup
from lib.model.model_record import Model

T = TypeVar("T")
# Parsers of documents of further formats, by the name that a document gives its format.
OtherFormats = Mapping[str, Callable[[Node, Model], T]]
NO_OTHERS: OtherFormats[Any] = MappingProxyType({})

_FIXED_DATE = (1980, 1, 1, 0, 0, 0)
_FORMATS_ADVICE = (
    "Choose a file that Paddock exported, an export of ChatGPT or Claude (its zip, or conversations.json), one of "
    "Open WebUI, a list of messages, or JSON Lines with “messages” in each line."
)
_TOO_LARGE_ADVICE = "If it is the zip of another program, unpack it and choose conversations.json alone."
# Objects without a conversation in files that people have at hand.
_KNOWN_OBJECTS = {
    ("prompt", "completion"): "training examples of prompts and completions, without messages",
    ("input", "preferred_output"): "examples of preferred answers for training, without messages",
    ("uuid", "email_address"): "the account of a Claude export",
    ("uuid", "docs"): "the projects of a Claude export",
    ("id", "email"): "the account of a ChatGPT export",
    ("rating", "conversation_id"): "the feedback of a ChatGPT export",
}
_MAX_NAMED_FIELDS = 6


def dump_zip(
    conversations: Iterable[ConversationFile], find_model: ModelLookup, others: Iterable[tuple[str, str]] = ()
) -> bytes:
    """Return a zip with a JSON and a Markdown file for each conversation. Equal conversations give equal bytes.

    ``find_model`` knows the prices, for the Markdown. ``others`` are further JSON documents, each with its title.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, archived in enumerate(conversations, 1):
            heading = archived.title or default_title(archived.conversation)
            name = f"{number:04}-{make_file_name(heading)}"
            readable = export_markdown(heading, archived.conversation, archived.settings, find_model)
            texts = {"json": dump_conversation(archived), "md": replace_lone_surrogates(readable)}
            for ending, text in texts.items():
                _write_entry(archive, f"{name}.{ending}", text)
        for number, (title, document) in enumerate(others, 1):
            _write_entry(archive, f"comparison-{number:04}-{make_file_name(title)}.json", document)
    return packed.getvalue()


def _write_entry(archive: zipfile.ZipFile, name: str, text: str) -> None:
    entry = zipfile.ZipInfo(name, _FIXED_DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # the same on every system
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, text.encode("utf-8"))


def read_conversations(
    data: bytes, model: Model, others: OtherFormats[T] = NO_OTHERS
) -> Iterator[ConversationFile | T]:
    """Yield all conversations in a file. Raises BadInput.

    The file is an export of Paddock, ChatGPT, Claude or Open WebUI, a list of messages or several, the same as JSON
    Lines, or a zip of these. Documents of the formats of ``others`` are read too.
    """
    if len(data) > MAX_FILE_BYTES:
        raise BadFile(
            f"The file has {len(data):,} bytes, more than {MAX_FILE_BYTES:,}.", advice=_TOO_LARGE_ADVICE
        )
    count = 0
    for conversation in (
        _read_zip(data, model, others) if data.startswith(ZIP_SIGNATURES) else _read_file(data, model, others)
    ):
        count += 1
        if count > MAX_IMPORTED_CONVERSATIONS:
            raise BadFile(f"The file holds more than {MAX_IMPORTED_CONVERSATIONS:,} conversations.")
        yield conversation
    if not count:
        kind = "zip" if data.startswith(ZIP_SIGNATURES) else "file"
        raise BadFile(f"The {kind} holds no conversations.", advice=_FORMATS_ADVICE)


def _read_zip(data: bytes, model: Model, others: OtherFormats[T]) -> Iterator[ConversationFile | T]:
    for path, content in read_json_files(data):
        with _named(f"“{path}” in the zip"):
            yield from _read_file(content, model, others)


def _read_file(data: bytes, model: Model, others: OtherFormats[T]) -> Iterator[ConversationFile | T]:
    lines = _split_json_lines(data)
    if not lines:
        yield from _parse_document(parse(data), model, others)
    for number, line in enumerate(lines, 1):
        if line.strip():
            root = _parse_line(line, number)
            with _named(f"Line {number:,}"):
                yield from _parse_document(root, model, others)


def _parse_line(line: bytes, number: int) -> Node:
    try:
        return parse(line)
    except BadFile:
        parse(b"\n" * (number - 1) + line)  # again where it stands, so that the error names its line
        raise


def _split_json_lines(data: bytes) -> list[bytes]:
    """Return the lines of a file of JSON Lines, none for another file."""
    first, _, others = data.strip().partition(b"\n")
    if not first.rstrip().endswith((b"}", b"]")) or not others:
        return []
    try:
        parse(first)
    except BadFile:
        return []
    return data.splitlines()


@contextmanager
def _named(place: str) -> Iterator[None]:
    """Name the place in errors."""
    try:
        yield
    except BadFile as error:
        raise BadFile(f"{place}: {error.message}", advice=error.advice) from None


def _parse_document(root: Node, model: Model, others: OtherFormats[T]) -> Iterator[ConversationFile | T]:
    first = root.value[0] if isinstance(root.value, list) and root.value else root.value
    if chat_exports.is_chat_export(first):
        chats = root.items() if isinstance(root.value, list) else (root,)
        yield from filter(None, (chat_exports.parse_chat(chat, model) for chat in chats))
    elif not isinstance(first, dict):
        if not isinstance(root.value, list):
            raise BadFile("The file holds no conversation.", advice=_FORMATS_ADVICE)
        yield message_list_import.parse_message_list(root, model)
    elif isinstance(root.value, list):
        if "role" in first or "content" in first:
            yield message_list_import.parse_message_list(root, model)
        elif "messages" in first:
            yield from (message_list_import.parse_message_list(item, model) for item in root.items())
        else:
            raise _unknown_error(f"a list of entries with {_name_fields(first)}")
    elif "format" in root:
        if root["format"].value == preset_file.FORMAT:
            message = "The file has presets, not a conversation."
            raise BadFile(message, advice="Import it in the menu of presets.")
        if isinstance(name := root["format"].value, str) and name in others:
            yield others[name](root, model)
            return
        yield conversation_json.parse_conversation(root, model)
    elif "messages" in root:
        yield message_list_import.parse_message_list(root, model)
    elif (
        isinstance(first.get("body"), dict) and "messages" in first["body"]
    ):  # a line of OpenAI's batch files
        yield message_list_import.parse_message_list(root["body"], model)
    else:
        raise _unknown_error(_name_fields(first))


def _unknown_error(what: str) -> BadFile:
    return BadFile(f"The file has no conversation, but {what}.", advice=_FORMATS_ADVICE)


def _name_fields(value: dict[str, Any]) -> str:
    """Return words for an object: for known ones of other programs their purpose, else its fields."""
    for fields, purpose in _KNOWN_OBJECTS.items():
        if all(field in value for field in fields):
            return purpose
    names = [f"“{replace_lone_surrogates(name)[:40]}”" for name in value][:_MAX_NAMED_FIELDS]
    more = ", …" if len(value) > len(names) else ""
    return f"the fields {', '.join(names)}{more}" if names else "nothing"
