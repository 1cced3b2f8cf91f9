"""The picture of what may come next, as HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from lib.api.inspection import TokenCandidate, TokenDistribution
from lib.ui.model import probability_bars

PICTURE = TokenDistribution(
    5,
    49_152,
    2,
    0.3,
    (
        TokenCandidate(1, " Paris", 0.4, 0.75),
        TokenCandidate(2, "\n", 0.2, 0.25),
        TokenCandidate(3, "<img src=x>\"'&", 0.1, 0.0),
    ),
)


class Reader(HTMLParser):
    """What stands in the table: tags, widths, and each row's text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.widths: list[float] = []
        self.rows: list[str] = []
        self.feed(re.sub("<style>.*</style>", "", html, flags=re.DOTALL))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append("")
        style = dict(attributes).get("style") or ""
        if tag == "i":
            self.widths.append(float(style.removeprefix("width:").removesuffix("%")))

    def handle_data(self, text: str) -> None:
        if self.rows:
            self.rows[-1] += f" {text}"


def test_each_row_has_both_shares_and_both_bars() -> None:
    seen = Reader(probability_bars.probability_table(PICTURE, 40))
    assert [" ".join(row.split()) for row in seen.rows[1:]] == [
        "· Paris 40.0 % 75.0 %",
        "↵ 20.0 % 25.0 %",
        "<img · src=x>\"'& 10.0 % removed",
    ]
    assert seen.widths == pytest.approx([53.33, 100, 26.67, 33.33, 13.33, 0], abs=0.01)


def test_a_token_is_no_html() -> None:
    assert "img" not in Reader(probability_bars.probability_table(PICTURE, 40)).tags


def test_as_many_rows_as_asked_for() -> None:
    assert len(Reader(probability_bars.probability_table(PICTURE, 2)).rows) == 3


def test_in_words() -> None:
    assert probability_bars.summarise(PICTURE) == (
        "2 of 49,152 tokens can come next; the most likely is “·Paris” with 75.0 %."
    )
    only = TokenDistribution(5, 49_152, 1, 0.3, (TokenCandidate(1, "a", 0.4, 1.0),))
    assert (
        probability_bars.summarise(only) == "Only one token can come next; the most likely is “a” with 100 %."
    )
    assert probability_bars.summarise(only) in probability_bars.probability_table(only, 40)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.9999, "100 %"),
        (0.41, "41.0 %"),
        (0.04123, "4.1 %"),
        (0.0041, "0.41 %"),
        (0.00005, "< 0.01 %"),
        (0.99949, "99.9 %"),
    ],
)
def test_percent(share: float, text: str) -> None:
    assert probability_bars.format_percent(share) == text
