"""Draw a link as a QR code, to be read from a screen by a phone's camera."""

from __future__ import annotations

from functools import lru_cache

from lib.errors import PaddockError

# A code of version 25 (117 × 117 modules) with the lowest error correction holds this many. Larger ones exist (up to
# 2,953 bytes), but their modules are too small for a camera if the code is shown on half a screen.
MAX_QR_CODE_BYTES = 1_273


class TooLongForQrCode(PaddockError):
    """The link does not fit a QR code that a camera can read from a screen."""

    title = "Too long for a QR code"


@lru_cache(maxsize=8)
def draw_qr_code(link: str) -> str:
    """Return the QR code of a link as the data URL of an SVG image, black on white. Raise TooLongForQrCode."""
    if (size := len(link.encode())) > MAX_QR_CODE_BYTES:
        raise TooLongForQrCode(
            f"The link takes {size:,} characters; a QR code that a phone can read holds {MAX_QR_CODE_BYTES:,}.",
            advice="Copy the link, or send the JSON file instead.",
        )
    # Only where it is used: each start would load it.
    import segno

    return segno.make_qr(link, error="l").svg_data_uri(omitsize=True, border=4, dark="#000", light="#fff")
