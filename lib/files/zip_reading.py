"""Read the JSON files of a zip with conversations, in memory: nothing is unpacked to the disk.

Sizes in a zip's headers are not trusted.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator

from lib.jsonkit.file_limits import (
    MAX_ARCHIVE_BYTES,
    MAX_ARCHIVE_FILES,
    MAX_ARCHIVE_NAME,
    MAX_FILE_BYTES,
)
from lib.jsonkit.json_reader import BadFile

ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")  # the second is that of an empty zip
_ZIP_ENTRY_SIGNATURE = b"PK\x01\x02"
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
_READ_ENDINGS = (".json", ".jsonl")
# Operating systems put these into folders, and so into a zip of one. Names that begin with a dot are such files too.
_SYSTEM_FILES = {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "$recycle.bin"}
# The file that holds all conversations in the exports of ChatGPT and Claude; large ones have several.
_EXPORTED_CONVERSATIONS = re.compile(r"(?:.*/)?conversations(?:-[0-9]+)?\.json")


def read_json_files(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the paths and bytes of the files with conversations. Raises BadFile."""
    if data.count(_ZIP_ENTRY_SIGNATURE) > MAX_ARCHIVE_FILES:
        raise BadFile(f"The zip holds more than {MAX_ARCHIVE_FILES:,} files.")
    remaining = MAX_ARCHIVE_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for path, entry in _choose_files(archive.infolist()).items():
                with archive.open(entry) as file:
                    content = file.read(min(remaining, MAX_FILE_BYTES) + 1)
                if len(content) > min(remaining, MAX_FILE_BYTES):
                    raise BadFile("The zip has more than Paddock can import at once.")
                remaining -= len(content)
                if content.startswith(ZIP_SIGNATURES):
                    raise BadFile(f"“{path}” in the zip is a zip itself.")
                yield path, content
    except _ZIP_ERRORS as error:
        raise BadFile(f"The zip is damaged ({type(error).__name__}).") from None


def _choose_files(entries: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Return the files to read, by their paths in the zip. Raises BadFile for names that no honest zip has."""
    files: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        # Some programs for Windows write backslashes.
        parts = entry.orig_filename.replace("\\", "/").split("/")
        if any(map(_is_system_file, parts)):
            continue
        path = "/".join(part for part in parts if part != ".")
        shown = f"“{path[:100]}”" if path.isprintable() else "A file"
        if (
            not path.isprintable()
            or ":" in path
            or len(path) > MAX_ARCHIVE_NAME
            or ".." in parts
            or not parts[0]
        ):
            raise BadFile(f"{shown} in the zip leads out of it, or has no proper name.")
        if not path or path.endswith("/"):
            continue
        if path in files:
            raise BadFile(f"{shown} is in the zip twice.")
        files[path] = entry
    if exported := {path: entry for path, entry in files.items() if _EXPORTED_CONVERSATIONS.fullmatch(path)}:
        files = exported  # beside them stand images, the account and much else
    for path, entry in files.items():
        if not path.lower().endswith((*_READ_ENDINGS, ".md")):
            raise BadFile(
                f"“{path[:100]}” in the zip is no conversation: only JSON and Markdown can be in it."
            )
        if entry.flag_bits & 0x1:
            raise BadFile(f"“{path[:100]}” in the zip is encrypted.")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BadFile(f"“{path[:100]}” in the zip is packed in a way that is not read here.")
    # Markdown is for people.
    return {path: entry for path, entry in files.items() if path.lower().endswith(_READ_ENDINGS)}


def _is_system_file(name: str) -> bool:
    return name.lower() in _SYSTEM_FILES or (name.startswith(".") and name.strip(".") != "")
