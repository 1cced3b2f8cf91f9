"""Decodes a file's bytes into text, whatever encoding a spreadsheet program or an editor used."""

from __future__ import annotations

import codecs
import re

from lib.errors import BadInput

_BOMS = (  # longer ones first: UTF-32's begins like UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF8, "utf-8", "UTF-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
_CONTROL_BYTES = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f]")
_ADVICE = "Save it as UTF-8 (in Excel: “CSV UTF-8”), and upload it again."


def decode_text(data: bytes) -> tuple[str, str]:
    """Return the text without its byte order mark, and a remark on the encoding, which may be empty.

    UTF-8, UTF-16 and UTF-32 with a mark; UTF-8 and UTF-16 without; otherwise Windows-1252, which accepts any
    bytes. Raise BadInput if the bytes do not fit the mark, and for NUL characters, which no text contains.
    """
    for mark, codec, name in _BOMS:
        if data.startswith(mark):
            return _reject_nul(_decode_strictly(data[len(mark) :], codec, name)), ""
    if b"\0" in data and (order := _guess_utf_16(data)) is not None:
        return _reject_nul(_decode_strictly(data, order, "UTF-16")), ""
    try:
        return _reject_nul(data.decode("utf-8")), ""
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
    text = data.decode("cp1252", "replace")
    # Five bytes are undefined in Windows-1252; Latin-1 has control characters there.
    if "\ufffd" in text:
        text = data.decode("latin-1")
    return _reject_nul(text), (
        f"The file is not UTF-8 (line {line:,}), and was read as Windows-1252. Look whether its accents are right."
    )


def _guess_utf_16(data: bytes) -> str | None:
    """Guess UTF-16's byte order from the zero bytes of commas and line ends; None if it is not UTF-16."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        # UTF-16 makes half of the bytes zeros for Latin letters, control bytes for Greek or Cyrillic ones.
        if data.count(0) * 4 < len(data) and not _CONTROL_BYTES.search(data):
            return None
    high, low = data[::2].count(0), data[1::2].count(0)
    if len(data) % 2 or min(high, low) * 10 > max(high, low):
        return None
    return "utf-16-be" if high > low else "utf-16-le"


def _decode_strictly(data: bytes, codec: str, name: str) -> str:
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        line = data[: error.start].decode(codec, "replace").count("\n") + 1
        message = f"The file says that it is {name}, but in line {line:,} it is not."
        raise BadInput(message, advice=_ADVICE) from None


def _reject_nul(text: str) -> str:
    if (place := text.find("\0")) >= 0:
        line = text.count("\n", 0, place) + 1
        raise BadInput(
            f"The file is not a text file: line {line:,} has a NUL character.",
            advice="Upload CSV, TSV, JSONL or XLSX. Save a text without NUL characters.",
        )
    return text
