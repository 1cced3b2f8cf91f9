"""Texts in labels: each character is shown, and none of them is markup."""

from __future__ import annotations

import pytest

from lib.ui.widgets.safe_markdown import escape_markdown


@pytest.mark.parametrize(
    "text",
    ["http://h/x", "HTTPS://h", "see www.h.example", "WWW.h.example", "a@h.example", "mailto:a@h.example"],
)
def test_a_label_shows_an_address_and_does_not_link_it(text: str) -> None:
    shown = escape_markdown(text)
    # GFM makes a link of these, escaped or not (micromark-extension-gfm-autolink-literal); the joiner prevents it.
    assert not any(sign in shown.replace("\\", "").lower() for sign in ("://", "www.", "@h"))
    assert shown.replace("\u2060", "").replace("\\", "") == text


@pytest.mark.parametrize("text", ["a->b", "a <- b", "x <= y", "x >= y", "git log --oneline", "x ~= y"])
def test_a_label_shows_signs_as_they_are(text: str) -> None:
    shown = escape_markdown(text).replace("\\", "")
    assert not any(sign in shown for sign in ("->", "<-", "<=", ">=", "--", "~="))
    assert shown.replace("\u2060", "") == text


def test_a_lone_surrogate_is_replaced() -> None:
    assert escape_markdown("a\ud800*") == "a\ufffd\\*"
