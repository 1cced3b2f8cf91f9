"""The Model page's demonstration on the real twin: how settings change the choice of the next token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lib.model.model_record import default_model
from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab, squeeze, wait_for_value
from tests.page.conftest import Visit
from tests.page.model_sections import open_model_page, open_section
from tests.page.upstream import ACCOUNT, Upstream

ROW = """row => [row.querySelector('th').innerText,
    ...[...row.querySelectorAll('td.share')].map(cell => cell.innerText),
    ...[...row.querySelectorAll('i')].map(bar => bar.getBoundingClientRect().width)]"""

# A token, the model's share, the share after the settings, and the bars of both in pixels.
Row = tuple[str, float, float, float, float]


def share(text: str) -> float:
    return 0.0 if text == "removed" else float(text.removeprefix("< ").removesuffix(" %")) / 100


def rows(tab: BrowserTab) -> list[Row]:
    """Return the rows of the picture, from the top."""
    texts = tab.page.locator(".odds tbody tr").evaluate_all(f"rows => rows.map({ROW})")
    return [(token, share(own), share(drawn), wide, narrow) for token, own, drawn, wide, narrow in texts]


def picture_text(tab: BrowserTab) -> str:
    """Return the text under the picture."""
    return squeeze(tab.by_key("try-picture").inner_text())


def switch(tab: BrowserTab, name: str) -> None:
    """Switch that parameter on or off."""
    tab.wait_until_idle()
    tab.by_key(f"try-{name}-send").locator("label").first.click()


def set_to(tab: BrowserTab, name: str, key: str) -> None:
    """Move that parameter's slider with a key; switch the parameter on first if it is off."""
    slider = tab.by_key(f"try-{name}-slide").locator("input")
    if not slider.count():
        switch(tab, name)
        slider.wait_for()
        tab.wait_until_idle()
    slider.focus()
    tab.page.keyboard.press(key)


def change_and_wait(tab: BrowserTab, before: list[Row], act: Callable[[], None]) -> list[Row]:
    """Act, wait until the picture changes, and return it."""
    act()
    tab.wait_until("another picture", lambda: rows(tab) not in ([], before))
    tab.wait_until_idle()
    return rows(tab)


@pytest.fixture
def page(visit: Visit, twin_app: AppProcess) -> BrowserTab:
    """Open the demonstration, with its first picture."""
    tab = open_model_page(visit(twin_app.url), twin=True)
    open_section(tab, "Next token")
    tab.wait_until("a picture", lambda: rows(tab))
    return tab


def test_the_models_own_and_what_is_drawn(page: BrowserTab) -> None:
    picture = rows(page)
    assert len(picture) == 12
    owns = [own for _, own, *_ in picture]
    assert owns == sorted(owns, reverse=True)
    assert 0 < sum(owns) <= 1.001
    assert picture[0][2] > picture[0][1], "below 1, the temperature makes the likeliest likelier"
    widest = max(max(row[3:]) for row in picture)
    for _, own, drawn, wide, narrow in picture[:5]:
        assert wide / widest == pytest.approx(own / max(picture[0][1:3]), abs=0.03)
        assert narrow / widest == pytest.approx(drawn / max(picture[0][1:3]), abs=0.03)
    page.by_key("try-all").locator("label").first.click()
    page.wait_until("all", lambda: len(rows(page)) == 40)


def test_temperature_0_leaves_one_token(page: BrowserTab) -> None:
    before = rows(page)
    after = change_and_wait(page, before, lambda: set_to(page, "temperature", "Home"))
    assert [row[2] for row in after] == [1.0, *[0.0] * 11]
    assert [row[:2] for row in after] == [row[:2] for row in before], "the model's own stays"
    assert "Only one token is left" in picture_text(page)
    hot = change_and_wait(page, after, lambda: set_to(page, "temperature", "End"))
    assert 0 < hot[0][2] < hot[0][1]


@pytest.mark.parametrize("name", ["top_k", "top_p"])
def test_what_is_cut_away(page: BrowserTab, name: str) -> None:
    fact = rows(page)
    # Many tokens are likely after this text.
    before = change_and_wait(page, fact, lambda: page.button("A story").click())
    page.by_key("try-all").locator("label").first.click()
    page.wait_until("all", lambda: len(rows(page)) == 40)
    assert "removed" not in picture_text(page)
    set_to(page, name, "PageDown")

    def is_cut() -> bool:
        remaining = [row[2] > 0 for row in rows(page)]
        # The likeliest tokens stay.
        return (
            remaining == sorted(remaining, reverse=True)
            and f"{sum(remaining)} of 49,152 tokens" in picture_text(page)
            and f"Of the 40 most likely, {40 - sum(remaining)} are removed." in picture_text(page)
        )

    page.wait_until("the likeliest, and how many they are", is_cut)
    page.wait_until_idle()
    set_to(page, name, "Home")
    page.wait_until("one token", lambda: "Only one token is left" in picture_text(page))
    page.button("Reset").click()
    page.wait_until("as before", lambda: [row[:3] for row in rows(page)[:12]] == [row[:3] for row in before])


def test_what_is_not_sent_is_at_its_documented_default(page: BrowserTab) -> None:
    before = rows(page)
    hot = change_and_wait(page, before, lambda: set_to(page, "temperature", "End"))
    change_and_wait(page, hot, lambda: switch(page, "temperature"))
    assert [row[:3] for row in rows(page)] == [row[:3] for row in before]
    assert "Off: the default is 0.6" in page.by_key("try-controls").inner_text()


def test_a_penalty_lowers_what_was_said_before(page: BrowserTab) -> None:
    before = rows(page)
    repeated = change_and_wait(
        page, before, lambda: page.page.get_by_role("button", name="A repetition").first.click()
    )
    word, _, drawn, *_ = repeated[0]
    assert word.strip("·") in "The cat sat on the mat."
    punished = change_and_wait(page, repeated, lambda: set_to(page, "presence_penalty", "End"))
    assert next((row[2] for row in punished if row[0] == word), 0.0) < drawn


def test_a_beginning_of_ones_own_and_a_token_drawn(page: BrowserTab) -> None:
    before = rows(page)
    box = page.by_key("try-text").locator("input")
    after = change_and_wait(page, before, lambda: box.fill("My favourite colour is"))
    set_to(page, "temperature", "Home")
    page.wait_until("one token", lambda: "Only one token" in picture_text(page))
    page.wait_until_idle()
    token = next(row[0] for row in rows(page) if row[2] > 0).replace("·", " ").replace("↵", "\n")
    page.button("Pick one and continue").click()
    page.wait_until(
        "the token", lambda: box.input_value() == f"My favourite colour is{token}".replace("\n", "")
    )
    assert after != before


def test_the_first_token_of_an_answer(page: BrowserTab) -> None:
    before = rows(page)
    answer = page.by_key("try-form").get_by_role("radio", name="Answer it as a chat")
    change_and_wait(page, before, answer.click)
    assert page.by_key("try-draw").count() == 0


def test_what_was_set_is_there_again(page: BrowserTab) -> None:
    page.by_key("try-text").locator("input").fill("Once more")
    set_to(page, "top_k", "Home")
    page.wait_until("one token", lambda: "Only one token" in picture_text(page))
    page.wait_until_idle()
    page.go_to_page("Chat")
    page.chat_box.wait_for()
    open_model_page(page)
    open_section(page, "Next token")
    page.wait_until("one token", lambda: "Only one token" in picture_text(page))
    wait_for_value(page.by_key("try-text").locator("input"), "Once more")
    wait_for_value(page.by_key("try-top_k-slide").locator("input"), "1")


def test_the_same_bounds_as_everywhere(page: BrowserTab) -> None:
    for parameter in default_model().parameters:
        switch = page.by_key(f"try-{parameter.name}-send")
        if parameter.effect_beyond_next_token:
            assert switch.count() == 0
            assert squeeze(parameter.effect_beyond_next_token) in squeeze(page.page.inner_text("body"))
            continue
        set_to(page, parameter.name, "Home")
        slider = page.by_key(f"try-{parameter.name}-slide").locator("input")
        assert float(slider.get_attribute("min") or "") == parameter.minimum
        assert float(slider.get_attribute("max") or "") == parameter.maximum
        page.wait_until_idle()
    assert page.alerts.count() == 0


def test_from_a_parameter_to_what_it_does(page: BrowserTab) -> None:
    open_section(page, "Parameters")
    page.by_key("see-top_p").locator("button").click()
    page.wait_until("a picture", lambda: rows(page))
    page.by_key("try-top_p-slide").wait_for()
    page.wait_until("the address", lambda: "section=Next" in page.page.url)


def test_nothing_typed(page: BrowserTab) -> None:
    page.by_key("try-text").locator("input").fill("")
    page.wait_until("a word of advice", lambda: "Type a beginning" in picture_text(page))
    assert page.alerts.count() == 0


def test_where_requests_go_to_cloudflare_the_twin_is_started_for_it(
    visit: Visit, upstream: Upstream, tmp_path: Path
) -> None:
    with AppProcess(upstream.environment(), tmp_path / "log") as app:
        tab = open_model_page(visit(app.url))
        assert "Cloudflare does not show these chances" in open_section(tab, "Next token")
        tab.by_key("try-start").locator("button").click()
        tab.wait_until("a picture", lambda: rows(tab), 90)
        assert "on this computer" in open_section(tab, "Next token")
        assert f"account …{ACCOUNT[-4:]}" in open_section(tab, "Endpoints")
        assert upstream.requests == [], "requests for the picture are none of Cloudflare's"
        tab.page.close()
    assert "Traceback" not in app.log


def test_why_an_answer_has_this_word(visit: Visit, twin_app: AppProcess) -> None:
    tab = visit(twin_app.url)
    tab.wait_until("the twin is up", lambda: "on this computer (" in tab.by_key("place").inner_text(), 90)
    for name, value in (("temperature", "0"), ("max_tokens", "12")):
        tab.number_box(name).fill(value)
        tab.number_box(name).press("Enter")
        tab.wait_until_idle()
    tab.send("Tell me about the moon.")
    tab.wait_for_end("stopped at your length limit")
    words = tab.answer_text().split()
    tab.choose_in_menu(tab.answers.last, "Why this word?")
    options = tab.by_key("try-word").get_by_role("radio")
    tab.wait_until("the words", lambda: options.count() == len(words))
    assert [text.strip("\u2060") for text in options.all_inner_texts()] == words
    for number in (0, 3):
        options.nth(number).click()
        # At temperature 0 the answer has the likeliest token everywhere.
        tab.wait_until(
            f"“{words[number]}”", lambda number=number: f"has “{words[number]}" in picture_text(tab)
        )
        tab.wait_until_idle()
        assert "the most likely token" in picture_text(tab)
        assert tab.page.locator(".odds tr.marked").count() == 1
        first = rows(tab)[0]
        assert first[0] == words[number] if number == 0 else first[0] == f"·{words[number]}"
        assert first[2] == 1.0, "the answer's temperature"
    tab.page.get_by_role("link", name="Back to the chat").click()
    tab.chat_box.wait_for()
    tab.wait_until("the same answer", lambda: tab.answer_text().split() == words)
    tab.choose_in_menu(tab.answers.last, "Why this word?")
    tab.by_key("try-leave").locator("button").click()
    wait_for_value(tab.by_key("try-text").locator("input"), "The capital of France is")
    assert tab.alerts.count() == 0
