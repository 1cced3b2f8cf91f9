"""The Model page's demonstration on the real twin: what the settings do to what may come next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lib.model.model_record import default
from tests.page.app_process import Application
from tests.page.conftest import Visit
from tests.page.model_sections import opened, turn_to
from tests.page.upstream import ACCOUNT, Upstream
from tests.page.visitor import Visitor, holds, squeezed

ROW = """row => [row.querySelector('th').innerText,
    ...[...row.querySelectorAll('td.share')].map(cell => cell.innerText),
    ...[...row.querySelectorAll('i')].map(bar => bar.getBoundingClientRect().width)]"""

Row = tuple[
    str, float, float, float, float
]  # token, the model's share, the drawn one, and their bars in pixels


def share(text: str) -> float:
    return 0.0 if text == "cut" else float(text.removeprefix("< ").removesuffix(" %")) / 100


def rows(tab: Visitor) -> list[Row]:
    """The picture, from the top."""
    found = tab.page.locator(".odds tbody tr").evaluate_all(f"rows => rows.map({ROW})")
    return [(token, share(own), share(drawn), wide, narrow) for token, own, drawn, wide, narrow in found]


def said(tab: Visitor) -> str:
    """What is said under the picture."""
    return squeezed(tab.key("try-picture").inner_text())


def switch(tab: Visitor, name: str) -> None:
    """Switch that parameter on or off."""
    tab.rest()
    tab.key(f"try-{name}-send").locator("label").first.click()


def set_to(tab: Visitor, name: str, key: str) -> None:
    """Move that parameter's slider with a key, switched on if need be."""
    slider = tab.key(f"try-{name}-slide").locator("input")
    if not slider.count():
        switch(tab, name)
        slider.wait_for()
        tab.rest()
    slider.focus()
    tab.page.keyboard.press(key)


def changed(tab: Visitor, before: list[Row], act: Callable[[], None]) -> list[Row]:
    """The picture after that, once it is another."""
    act()
    tab.until("another picture", lambda: rows(tab) not in ([], before))
    tab.rest()
    return rows(tab)


@pytest.fixture
def expected() -> list[str]:
    """Streamlit looks for its own paths below a page's first, and finds them one level up."""
    return ["404 (Not Found)"]


@pytest.fixture
def page(visit: Visit, twin_app: Application) -> Visitor:
    """The demonstration, with its first picture."""
    tab = opened(visit(twin_app.url), twin=True)
    turn_to(tab, "Next token")
    tab.until("a picture", lambda: rows(tab))
    return tab


def test_the_models_own_and_what_is_drawn(page: Visitor) -> None:
    seen = rows(page)
    assert len(seen) == 12
    owns = [own for _, own, *_ in seen]
    assert owns == sorted(owns, reverse=True)
    assert 0 < sum(owns) <= 1.001
    assert seen[0][2] > seen[0][1], "below 1, the temperature makes the likeliest likelier"
    widest = max(max(row[3:]) for row in seen)
    for _, own, drawn, wide, narrow in seen[:5]:
        assert wide / widest == pytest.approx(own / max(seen[0][1:3]), abs=0.03)
        assert narrow / widest == pytest.approx(drawn / max(seen[0][1:3]), abs=0.03)
    page.key("try-all").locator("label").first.click()
    page.until("all", lambda: len(rows(page)) == 40)


def test_temperature_0_leaves_one_token(page: Visitor) -> None:
    before = rows(page)
    after = changed(page, before, lambda: set_to(page, "temperature", "Home"))
    assert [row[2] for row in after] == [1.0, *[0.0] * 11]
    assert [row[:2] for row in after] == [row[:2] for row in before], "the model's own stays"
    assert "One token is left" in said(page)
    hot = changed(page, after, lambda: set_to(page, "temperature", "End"))
    assert 0 < hot[0][2] < hot[0][1]


@pytest.mark.parametrize("name", ["top_k", "top_p"])
def test_what_is_cut_away(page: Visitor, name: str) -> None:
    fact = rows(page)
    before = changed(page, fact, lambda: page.button("A story").click())  # after it, much may come
    page.key("try-all").locator("label").first.click()
    page.until("all", lambda: len(rows(page)) == 40)
    assert "cut away" not in said(page)
    set_to(page, name, "PageDown")

    def is_cut() -> bool:
        kept = [row[2] > 0 for row in rows(page)]
        return (
            kept == sorted(kept, reverse=True)  # the likeliest stay
            and f"{sum(kept)} of 49,152 tokens" in said(page)
            and f"Of the 40 likeliest, {40 - sum(kept)} are cut away." in said(page)
        )

    page.until("the likeliest, and how many they are", is_cut)
    page.rest()
    set_to(page, name, "Home")
    page.until("one token", lambda: "One token is left" in said(page))
    page.button("Reset").click()
    page.until("as before", lambda: [row[:3] for row in rows(page)[:12]] == [row[:3] for row in before])


def test_what_is_not_sent_is_at_its_documented_default(page: Visitor) -> None:
    before = rows(page)
    hot = changed(page, before, lambda: set_to(page, "temperature", "End"))
    changed(page, hot, lambda: switch(page, "temperature"))
    assert [row[:3] for row in rows(page)] == [row[:3] for row in before]
    assert "Not sent: 0.6 by default" in page.key("try-controls").inner_text()


def test_a_penalty_lowers_what_was_said_before(page: Visitor) -> None:
    before = rows(page)
    repeated = changed(
        page, before, lambda: page.page.get_by_role("button", name="A repetition").first.click()
    )
    word, _, drawn, *_ = repeated[0]
    assert word.strip("·") in "The cat sat on the mat."
    punished = changed(page, repeated, lambda: set_to(page, "presence_penalty", "End"))
    assert next((row[2] for row in punished if row[0] == word), 0.0) < drawn


def test_a_beginning_of_ones_own_and_a_token_drawn(page: Visitor) -> None:
    before = rows(page)
    box = page.key("try-text").locator("input")
    after = changed(page, before, lambda: box.fill("My favourite colour is"))
    set_to(page, "temperature", "Home")
    page.until("one token", lambda: "One token" in said(page))
    page.rest()
    token = next(row[0] for row in rows(page) if row[2] > 0).replace("·", " ").replace("↵", "\n")
    page.button("Draw one and go on").click()
    page.until("the token", lambda: box.input_value() == f"My favourite colour is{token}".replace("\n", ""))
    assert after != before


def test_the_first_token_of_an_answer(page: Visitor) -> None:
    before = rows(page)
    answer = page.key("try-form").get_by_role("radio", name="Answers it in a chat")
    changed(page, before, answer.click)
    assert page.key("try-draw").count() == 0


def test_what_was_set_is_there_again(page: Visitor) -> None:
    page.key("try-text").locator("input").fill("Once more")
    set_to(page, "top_k", "Home")
    page.until("one token", lambda: "One token" in said(page))
    page.rest()
    page.go("Chat")
    page.box.wait_for()
    opened(page)
    turn_to(page, "Next token")
    page.until("one token", lambda: "One token" in said(page))
    holds(page.key("try-text").locator("input"), "Once more")
    holds(page.key("try-top_k-slide").locator("input"), "1")


def test_the_same_bounds_as_everywhere(page: Visitor) -> None:
    for parameter in default().parameters:
        switch = page.key(f"try-{parameter.name}-send")
        if parameter.beyond_one_token:
            assert switch.count() == 0
            assert squeezed(parameter.beyond_one_token) in squeezed(page.page.inner_text("body"))
            continue
        set_to(page, parameter.name, "Home")
        slider = page.key(f"try-{parameter.name}-slide").locator("input")
        assert float(slider.get_attribute("min") or "") == parameter.minimum
        assert float(slider.get_attribute("max") or "") == parameter.maximum
        page.rest()
    assert page.alert.count() == 0


def test_from_a_parameter_to_what_it_does(page: Visitor) -> None:
    turn_to(page, "Parameters")
    page.key("see-top_p").locator("button").click()
    page.until("a picture", lambda: rows(page))
    page.key("try-top_p-slide").wait_for()
    page.until("the address", lambda: "section=Next" in page.page.url)


def test_nothing_typed(page: Visitor) -> None:
    page.key("try-text").locator("input").fill("")
    page.until("a word of advice", lambda: "Type a beginning" in said(page))
    assert page.alert.count() == 0


def test_where_requests_go_to_cloudflare_the_twin_is_started_for_it(
    visit: Visit, upstream: Upstream, tmp_path: Path
) -> None:
    with Application(upstream.environment(), tmp_path / "log") as app:
        tab = opened(visit(app.url))
        assert "Cloudflare does not tell these probabilities" in turn_to(tab, "Next token")
        tab.key("try-start").locator("button").click()
        tab.until("a picture", lambda: rows(tab), 90)
        assert "on this machine" in turn_to(tab, "Next token")
        assert f"account …{ACCOUNT[-4:]}" in turn_to(tab, "Endpoints")
        assert upstream.asked == [], "requests for the picture are none of Cloudflare's"
        tab.page.close()
    assert "Traceback" not in app.log
