"""Import and export (backup) of conversations: one as JSON, many as a zip of JSON and Markdown."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator

from lib.files import conversation_json, message_list_import, preset_file
from lib.files.conversation_json import ConversationFile, dump_conversation
from lib.files.markdown_export import default_title, export_markdown, make_file_name
from lib.jsonkit.file_limits import (
    MAX_ARCHIVE_BYTES,
    MAX_ARCHIVE_FILES,
    MAX_ARCHIVE_NAME,
    MAX_FILE_BYTES,
)
from lib.jsonkit.json_reader import BadFile, Node, parse
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.model.model_record import Model

_ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")  # the second is that of an empty zip
_ZIP_ENTRY_SIGNATURE = b"PK\x01\x02"
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)
# For damaged files, zipfile raises many errors beside those that it documents.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    RuntimeError,
    OverflowError,
)


def dump_zip(conversations: Iterable[ConversationFile], model: Model) -> bytes:
    """Return a zip with a JSON and a Markdown file for each conversation. Equal conversations give equal bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, archived in enumerate(conversations, 1):
            heading = archived.title or default_title(archived.conversation)
            name = f"{number:04}-{make_file_name(heading)}"
            readable = export_markdown(heading, archived.conversation, archived.settings, model)
            texts = {"json": dump_conversation(archived), "md": replace_lone_surrogates(readable)}
            for ending, text in texts.items():
                entry = zipfile.ZipInfo(f"{name}.{ending}", _FIXED_DATE)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.create_system = 3  # the same on every system
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, text.encode("utf-8"))
    return packed.getvalue()


def read_conversations(data: bytes, model: Model) -> Iterator[ConversationFile]:
    """Yield all conversations in an exported file, a message list or a zip of these. Raise BadInput."""
    if len(data) > MAX_FILE_BYTES:
        raise BadFile(f"The file has {len(data):,} bytes, more than {MAX_FILE_BYTES:,}.")
    if not data.startswith(_ZIP_SIGNATURES):
        yield _parse_document(parse(data), model)
        return
    is_empty = True
    for name, content in _unpack(data):
        is_empty = False
        try:
            yield _parse_document(parse(content), model)
        except BadFile as error:
            raise BadFile(f"“{name}” in the zip: {error.message}", advice=error.advice) from None
    if is_empty:
        raise BadFile("The zip holds no conversations.")


def _parse_document(root: Node, model: Model) -> ConversationFile:
    if isinstance(root.value, list):
        return message_list_import.parse_message_list(root, model)
    if "format" in root:
        if root["format"].value == preset_file.FORMAT:
            message = "The file holds presets, not a conversation."
            raise BadFile(message, advice="Import it where the presets are.")
        return conversation_json.parse_conversation(root, model)
    if "messages" in root:
        return message_list_import.parse_message_list(root, model)
    raise BadFile("The file holds no conversation.")


def _unpack(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the names and bytes of the JSON files. Sizes in zip headers are not trusted."""
    if data.count(_ZIP_ENTRY_SIGNATURE) > MAX_ARCHIVE_FILES:
        raise BadFile(f"The zip holds more than {MAX_ARCHIVE_FILES:,} files.")
    remaining = MAX_ARCHIVE_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_names(entries)
            for entry in entries:
                if not entry.filename.endswith(".json"):
                    continue  # Markdown is for people
                with archive.open(entry) as file:
                    content = file.read(min(remaining, MAX_FILE_BYTES) + 1)
                if len(content) > min(remaining, MAX_FILE_BYTES):
                    raise BadFile("The zip holds more than can be taken at once.")
                remaining -= len(content)
                if content.startswith(_ZIP_SIGNATURES):
                    raise BadFile(f"“{entry.filename}” in the zip is a zip itself.")
                yield entry.filename, content
    except _ZIP_ERRORS as error:
        raise BadFile(f"The zip is damaged ({type(error).__name__}).") from None


def _check_names(entries: list[zipfile.ZipInfo]) -> None:
    names = set()
    for entry in entries:
        name = entry.filename
        shown = f"“{name[:100]}”" if name.isprintable() else "A file"
        if (
            any(mark in entry.orig_filename for mark in "/\\:\0")
            or not name.isprintable()
            or len(name) > MAX_ARCHIVE_NAME
        ):
            raise BadFile(f"{shown} in the zip has a path, or no proper name.")
        if not name.endswith((".json", ".md")):
            raise BadFile(f"{shown} in the zip is no conversation: only JSON and Markdown can be in it.")
        if name in names:
            raise BadFile(f"{shown} is in the zip twice.")
        if entry.flag_bits & 0x1:
            raise BadFile(f"{shown} in the zip is encrypted.")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BadFile(f"{shown} in the zip is packed in a way that is not read here.")
        names.add(name)
