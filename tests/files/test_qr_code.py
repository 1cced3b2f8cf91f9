"""The QR code of a link: its size follows the standard, and what does not fit is refused."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from urllib.parse import unquote

import pytest

from lib.files.qr_code import MAX_QR_CODE_BYTES, TooLongForQrCode, draw_qr_code

LINK = "https://paddock.example/lab?s="


def view_box(link: str) -> str:
    """Return the size of the link's code, in modules."""
    url = draw_qr_code(link)
    assert url.startswith("data:image/svg+xml")
    svg = ElementTree.fromstring(unquote(url.partition(",")[2]))
    return svg.attrib["viewBox"]


def test_the_longest_link_still_fits() -> None:
    assert (
        view_box(LINK + "abc") == "0 0 37 37"
    )  # version 3 has 29 modules, and a quiet zone of 4 on each side
    longest = LINK + "a" * (MAX_QR_CODE_BYTES - len(LINK))
    assert view_box(longest) == "0 0 125 125"  # version 25: 117 modules
    with pytest.raises(TooLongForQrCode, match=r"1,274 characters; .* 1,273"):
        draw_qr_code(longest + "a")
