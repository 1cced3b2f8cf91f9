"""Conversations as files: one as JSON, many as a zip of JSON and Markdown, and whatever of these somebody brings."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator

from lib.files import conversation_codec, message_list, preset_file
from lib.files.answer_codec import whole
from lib.files.conversation_codec import Archived, dump, fresh, load
from lib.files.markdown_export import file_name, markdown, title
from lib.jsonkit.json_reader import MOST_BYTES, BadFile, Node, parse
from lib.model.model_record import Model

__all__ = ["MOST_BYTES", "Archived", "dump", "dump_all", "fresh", "load", "load_any", "whole"]

MOST_FILES = 50_000
MOST_UNPACKED = 250_000_000
_BEGINS = (b"PK\x03\x04", b"PK\x05\x06")  # the second: of one that is empty
_ENTRY = b"PK\x01\x02"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
# Beside what it documents, zipfile lets through what its parts raise: bytes that are no zip can be wrong anywhere.
_BROKEN = (
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


def dump_all(conversations: Iterable[Archived], model: Model) -> bytes:
    """A zip with two files for each, to load and to read. The same conversations give the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, one in enumerate(conversations, 1):
            heading = one.title or title(one.conversation)
            name = f"{number:04}-{file_name(heading)}"
            read = markdown(heading, one.conversation, one.settings, model)
            for ending, text in (("json", dump(one)), ("md", whole(read))):
                entry = zipfile.ZipInfo(f"{name}.{ending}", _LONG_AGO)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.create_system = 3  # the same on every system
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, text.encode("utf-8"))
    return packed.getvalue()


def load_any(data: bytes, model: Model) -> tuple[Archived, ...]:
    """The conversations in a file: one of ours, a list of messages, or a zip of such. All of them, or BadInput."""
    if len(data) > MOST_BYTES:
        raise BadFile(f"The file has {len(data):,} bytes, more than {MOST_BYTES:,}.")
    if not data.startswith(_BEGINS):
        return (_read(parse(data), model),)
    loaded = []
    for name, content in _unpack(data):
        try:
            loaded.append(_read(parse(content), model))
        except BadFile as error:
            raise BadFile(f"“{name}” in the zip: {error.message}", advice=error.advice) from None
    if not loaded:
        raise BadFile("The zip holds no conversations.")
    return tuple(loaded)


def _read(root: Node, model: Model) -> Archived:
    if isinstance(root.value, list):
        return message_list.read(root, model)
    if "format" in root:
        if root["format"].value == preset_file.FORMAT:
            raise BadFile(
                "The file holds presets, not a conversation.", advice="Import it where the presets are."
            )
        return conversation_codec.read(root, model)
    if "messages" in root:
        return message_list.read(root, model)
    raise BadFile("The file holds no conversation.")


def _unpack(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The names and bytes of the JSON files. Nothing is believed of what a zip says of its sizes."""
    if data.count(_ENTRY) > MOST_FILES:
        raise BadFile(f"The zip holds more than {MOST_FILES:,} files.")
    left = MOST_UNPACKED
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_names(entries)
            for entry in entries:
                if not entry.filename.endswith(".json"):
                    continue  # the Markdown is there to be read by people
                with archive.open(entry) as file:
                    content = file.read(min(left, MOST_BYTES) + 1)
                if len(content) > min(left, MOST_BYTES):
                    raise BadFile("The zip holds more than can be taken at once.")
                left -= len(content)
                if content.startswith(_BEGINS):
                    raise BadFile(f"“{entry.filename}” in the zip is a zip itself.")
                yield entry.filename, content
    except _BROKEN as error:
        raise BadFile(f"The zip is damaged ({type(error).__name__}).") from None


def _check_names(entries: list[zipfile.ZipInfo]) -> None:
    names = set()
    for entry in entries:
        name = entry.filename
        shown = f"“{name[:100]}”" if name.isprintable() else "A file"
        if any(mark in entry.orig_filename for mark in "/\\:\0") or not name.isprintable() or len(name) > 255:
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
