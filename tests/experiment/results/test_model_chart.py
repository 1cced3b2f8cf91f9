"""The chart of the models places each by share and price, marks the front, and hides nothing that has no place."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from lib.experiment.results.model_chart import model_chart, ranked_models
from tests.experiment.results.made_up_models import Passes, compare_made_up, made_up_plan


class ChartParser(HTMLParser):
    """Each element with its class and style; every tag must be closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, str, str]] = []
        self.label = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.open.append(tag)
        self.elements.append((tag, named.get("class") or "", named.get("style") or ""))
        self.label = named.get("aria-label") or self.label

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def places(self, tag: str, css_class: str = "") -> list[dict[str, float]]:
        """Return the styles of these elements, in per cent."""
        return [
            {name: float(value) for name, value in re.findall(r"([a-z]+):(-?[\d.]+)%", style)}
            for name, css, style in self.elements
            if name == tag and css_class in [*css.split(), ""]
        ]


def passes_first(*passed: int) -> Passes:
    return lambda cell: cell.row < passed[cell.variant]


def chart(prices: tuple[str | None, ...], passed: tuple[int, ...], names: str = "abcdefgh") -> str:
    comparison = compare_made_up(
        made_up_plan(100), tuple(names[: len(prices)]), prices, passes_first(*passed)
    )
    return model_chart(comparison, billed=True)


def test_places_of_dots_and_ranges_on_an_even_scale() -> None:
    page = ChartParser(chart(("1", "2", "4"), (50, 80, 70)))
    dots = page.places("b")
    # From $0 to a little more than the dearest.
    assert [dot["left"] for dot in dots] == pytest.approx([23.15, 46.3, 92.59], abs=0.01)
    # The ranges begin above 40 % and end below 100 %: the plot is from 40 % to 100 %.
    assert [dot["bottom"] for dot in dots] == pytest.approx([100 / 6, 400 / 6, 50], abs=0.01)
    for dot, band in zip(dots, page.places("i", "range"), strict=True):
        assert band["bottom"] < dot["bottom"] < band["bottom"] + band["height"]
        assert band["left"] == dot["left"]
    # The front is a staircase over the first two; the third is dearer and passes less often.
    assert len(page.places("i", "across")) == 2
    (step,) = page.places("i", "up")
    assert step == pytest.approx({"left": 46.3, "bottom": 16.67, "height": 50}, abs=0.01)
    assert [css for tag, css, _ in page.elements if tag == "b"] == ["", "", "off"]
    assert page.label.startswith(
        "Pass share against the price of 1,000 answers. 1. a: 50 % (40–60 %) for $1.00"
    )


def test_a_wide_range_of_prices_is_logarithmic() -> None:
    html = chart(("0.01", "0.1", "1"), (50, 60, 70))
    dots = [dot["left"] for dot in ChartParser(html).places("b")]
    assert dots[1] - dots[0] == pytest.approx(dots[2] - dots[1], abs=0.02)
    assert "on a logarithmic scale" in html
    for price in ("$0.01", "$0.10", "$1.00"):
        assert f">{price}</span>" in html


def test_free_models_begin_at_zero() -> None:
    html = chart(("0", "3"), (50, 60))
    assert ChartParser(html).places("b")[0]["left"] == 0
    assert "logarithmic" not in html
    both = ChartParser(chart(("0", "0"), (50, 60)))
    assert [dot["left"] for dot in both.places("b")] == [0, 0]


def test_what_has_no_place_is_named() -> None:
    html = chart((None, "1", "2"), (50, 60, 70))
    assert "Not shown, because share or price is not known: a." in html
    assert chart((None, "1"), (50, 60)) == ""
    unjudged = compare_made_up(made_up_plan(4), ("a", "b"), ("1", "2"), lambda _: None)
    assert model_chart(unjudged, billed=True) == ""
    assert [model.name for model in ranked_models(unjudged)] == ["a", "b"]


@pytest.mark.parametrize("passed", [(100, 100, 100), (0, 0, 0), (0, 100, 50)])
def test_everything_stays_in_the_plot(passed: tuple[int, ...]) -> None:
    page = ChartParser(chart(("1", "1", "500"), passed))
    for place in [*page.places("b"), *page.places("i")]:
        assert all(-0.01 <= value <= 100.01 for value in place.values()), place


def test_names_do_not_cover_each_other() -> None:
    comparison = compare_made_up(
        made_up_plan(100), ("model-one-instruct", "model-two-instruct"), ("1", "1.01"), passes_first(80, 81)
    )
    first, second = ChartParser(model_chart(comparison, billed=False)).places("em")
    assert set(first) != set(second) or abs(first["bottom"] - second["bottom"]) >= 7


def test_names_are_text() -> None:
    comparison = compare_made_up(
        made_up_plan(9), ("<script>x</script>", "b\ud800"), ("1", "2"), passes_first(3, 6)
    )
    page = ChartParser(model_chart(comparison, billed=True))
    assert "script" not in {tag for tag, _, _ in page.elements}
    assert "<script>x</script>" in page.label
    assert "\ud800" not in model_chart(comparison, billed=True)


def test_names_stay_inside_the_plot() -> None:
    # All pass, so each dot is at the upper edge; the dearest one is near the right edge.
    names = [f"a-model-with-a-long-name-{number}" for number in range(3)]
    comparison = compare_made_up(
        made_up_plan(100), tuple(names), ("1", "3.5", "12"), passes_first(100, 100, 100)
    )
    page = ChartParser(model_chart(comparison, billed=True))
    assert len(page.places("em")) == 3
    for side in ("left", "right"):
        for label in page.places("em", side):
            room = 100 - label["left" if side == "right" else "right"]
            assert room >= 0.85 * len(names[0]) + 3
            assert label["bottom"] <= 97
