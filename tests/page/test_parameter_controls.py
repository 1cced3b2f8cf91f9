"""Each of the documented parameters, by each of its controls: what is sent is what the control shows."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from playwright.sync_api import Route

from lib.model.model_record import Parameter, default
from lib.model.request_options import ResponseFormat
from tests.page.app_process import Application
from tests.page.chat_controls import set_up
from tests.page.conftest import Visit
from tests.page.tcp_proxy import Proxy
from tests.page.upstream import Asked, Stream, Upstream
from tests.page.visitor import Visitor

PARAMETERS = pytest.mark.parametrize("parameter", default().parameters, ids=lambda parameter: parameter.name)
NAMES = {parameter.name for parameter in default().parameters}


def ask(tab: Visitor, upstream: Upstream) -> Asked:
    """Send something and wait for the end; the request as it came."""
    number = len(upstream.asked)
    tab.say("Go")
    tab.ended(" out · ", which=number)
    return upstream.asked[number]


def shown(tab: Visitor, name: str) -> Decimal:
    """What the number box and the slider agree on."""
    box, slider = tab.number(name), tab.slider(name)
    tab.rest()
    tab.until(
        "box and slider agree",
        lambda: Decimal(box.input_value()) == Decimal(slider.input_value()),
    )
    return Decimal(box.input_value())


def sent(asked: Asked, parameter: Parameter) -> Decimal:
    """The value in the request, exactly as it was written, and of the documented type."""
    value = asked.body[parameter.name]
    assert type(value) is (int if parameter.kind == "integer" else float) or value == int(value)
    return Decimal(json.dumps(value))


def switched_on(tab: Visitor, name: str) -> None:
    """See that it is on."""
    if not tab.switch(name).is_checked():
        tab.flip(name)
    tab.slider(name).wait_for()


def typed(tab: Visitor, name: str, text: str) -> None:
    """Type into the number box."""
    tab.number(name).fill(text)
    tab.number(name).press("Enter")


@PARAMETERS
def test_what_is_shown_is_sent(tab: Visitor, upstream: Upstream, parameter: Parameter) -> None:
    name = parameter.name
    # As documented: what has a default is on and at it, the rest is off.
    assert tab.switch(name).is_checked() == (parameter.default is not None)
    assert tab.page.locator(f".st-key-parameter-{name}").count() == 1
    switched_on(tab, name)
    if parameter.default is not None:
        assert shown(tab, name) == Decimal(str(parameter.default))

    # The number box, to its last digit.
    value = {"max_tokens": "1234", "seed": "1234567890", "top_k": "17"}.get(name, "1.23")
    typed(tab, name, value)
    tab.until("the slider follows", lambda: shown(tab, name) == Decimal(value))
    assert sent(ask(tab, upstream), parameter) == Decimal(value)

    # The slider, by the keyboard.
    for steps in (1, 2):
        tab.slider(name).press("ArrowRight")
        expected = Decimal(value) + steps * Decimal(str(parameter.step))
        tab.until("the box follows", lambda expected=expected: shown(tab, name) == expected)
    assert sent(ask(tab, upstream), parameter) == expected

    # Its ends, by the slider.
    tab.slider(name).press("Home")
    tab.until("the least", lambda: shown(tab, name) == Decimal(str(parameter.minimum)))
    assert sent(ask(tab, upstream), parameter) == Decimal(str(parameter.minimum))

    # Off, and back to the default.
    tab.flip(name)
    tab.key(f"parameter-{name}").get_by_text("not sent").wait_for()
    tab.rest()
    assert name not in ask(tab, upstream).body
    tab.flip(name)
    tab.key(f"{name}-reset").get_by_role("button").first.click()
    if parameter.default is None:
        tab.until("it is off", lambda: not tab.switch(name).is_checked())
        tab.rest()
        assert name not in ask(tab, upstream).body
    else:
        tab.until("the default", lambda: shown(tab, name) == Decimal(str(parameter.default)))
        assert sent(ask(tab, upstream), parameter) == Decimal(str(parameter.default))


@PARAMETERS
def test_bounds_hold(tab: Visitor, upstream: Upstream, parameter: Parameter) -> None:
    name = parameter.name
    switched_on(tab, name)
    slider = tab.slider(name)
    least, most = (Decimal(slider.get_attribute(end) or "nan") for end in ("min", "max"))
    assert least == Decimal(str(parameter.minimum))
    if parameter.maximum is None:
        assert most == default().context_window  # nothing of it is used yet
    else:
        assert most == Decimal(str(parameter.maximum))
    slider.press("End")
    tab.until("the most", lambda: shown(tab, name) == most)
    for beyond in (most + 1, least - 1):
        typed(tab, name, str(beyond))
        tab.rest()
        value = sent(ask(tab, upstream), parameter)
        assert least <= value <= most
        assert value != beyond


@pytest.mark.parametrize("pause", [0, 33])
def test_a_key_that_is_held_moves_box_and_slider_alike(tab: Visitor, upstream: Upstream, pause: int) -> None:
    """Faster than the page's own answers come back: none of those may undo a step."""
    ask(tab, upstream)
    for key, expected in (("ArrowRight", "0.72"), ("ArrowLeft", "0.6")) * 2:
        tab.slider("temperature").focus()
        for _ in range(12):
            tab.page.keyboard.press(key)
            tab.page.wait_for_timeout(pause)
        tab.until("both are there", lambda expected=expected: shown(tab, "temperature") == Decimal(expected))
    assert ask(tab, upstream).body["temperature"] == 0.6


def test_what_the_browser_has_not_heard_of_is_no_change(
    visit: Visit, app: Application, upstream: Upstream
) -> None:
    """A click on another control leaves before the browser hears of the first one: it brings the old values along."""
    proxy = Proxy(app.port)
    tab = visit(proxy.url)
    switched_on(tab, "top_k")
    typed(tab, "temperature", "1.23")
    tab.until("the slider follows", lambda: shown(tab, "temperature") == Decimal("1.23"))
    proxy.hold()
    tab.key("temperature-reset").get_by_role("button").first.click()
    tab.key("top_k-reset").get_by_role("button").first.click()
    tab.page.wait_for_timeout(700)  # longer ago than any guess of what is a moment
    tab.key("choose-raw").locator("label").first.click()
    tab.page.wait_for_timeout(300)  # in which the app may hear of it
    proxy.release()
    tab.until("the default", lambda: shown(tab, "temperature") == Decimal("0.6"))
    tab.until("it is off", lambda: not tab.switch("top_k").is_checked())
    body = ask(tab, upstream).body
    assert (body["raw"], body["temperature"], "top_k" in body) == (True, 0.6, False)
    # And what somebody chooses once the page shows the change counts at once, the very same value too.
    typed(tab, "temperature", "1.23")
    tab.until("the slider follows", lambda: shown(tab, "temperature") == Decimal("1.23"))
    assert ask(tab, upstream).body["temperature"] == 1.23
    proxy.close()


def test_controls_that_are_drawn_late_show_what_is_set(
    visit: Visit, app: Application, upstream: Upstream
) -> None:
    """The browser fetches the code of each kind of control; on a slow line a message may leave before that."""
    tab = visit(
        app.url, set_up(system="Be brief.", response_format=ResponseFormat(), stream=False), stranger=True
    )
    fetched: list[Route] = []
    tab.page.route(
        "**/{NumberInput,Slider,Checkbox,ButtonGroup,TextArea}.*.js", lambda route: fetched.append(route)
    )
    tab.page.reload()
    tab.until("their code is asked for", lambda: len(fetched) == 5)
    tab.say("Go")
    tab.until("an answer", lambda: " out · " in tab.figures())  # no rest: these controls are still to come
    first = upstream.asked[0].body
    for route in fetched:
        route.continue_()
    assert shown(tab, "temperature") == Decimal("0.6")
    second = ask(tab, upstream).body
    assert first == second | {"messages": first["messages"]}
    assert (second["max_tokens"], second["temperature"], second["stream"]) == (256, 0.6, False)
    assert second["messages"][0] == {"role": "system", "content": "Be brief."}
    assert second["response_format"] == {"type": "json_object"}


def test_all_of_them_at_once(tab: Visitor, upstream: Upstream) -> None:
    for name in NAMES:
        switched_on(tab, name)
    showing = {name: shown(tab, name) for name in NAMES}
    body = ask(tab, upstream).body
    assert {name: Decimal(json.dumps(body[name])) for name in NAMES} == showing
    assert set(body) == NAMES | {"messages", "stream"}


def test_a_seed_is_rolled(tab: Visitor, upstream: Upstream) -> None:
    switched_on(tab, "seed")
    before = shown(tab, "seed")
    tab.key("seed-roll").get_by_role("button").first.click()
    tab.until("another seed", lambda: tab.number("seed").input_value() != str(before))
    seed = shown(tab, "seed")
    assert 1 <= seed <= 9_999_999_999
    assert ask(tab, upstream).body["seed"] == seed


def test_a_move_in_mid_stream_counts_from_the_next_send(tab: Visitor, upstream: Upstream) -> None:
    upstream.plan(Stream(endless=True))
    tab.say("Go")
    tab.grows()
    for value in ("0.61", "0.62", "0.63"):
        tab.slider("temperature").press("ArrowRight")
        tab.until("the box follows", lambda v=value: tab.number("temperature").input_value() == v)
    tab.grows()
    upstream.asked[0].release()
    tab.ended()
    tab.reads(upstream.asked[0].sent)
    assert upstream.asked[0].body["temperature"] == 0.6
    assert ask(tab, upstream).body["temperature"] == 0.63
    for which, value in ((0, "0.6"), (1, "0.63")):
        tab.answers.nth(which).get_by_role("button", name="Sent").first.click()
        tab.page.get_by_role("cell", name=value, exact=True).wait_for()
        tab.page.keyboard.press("Escape")
        tab.until("it closes", lambda: tab.page.get_by_role("cell").count() == 0)


def test_each_control_is_there_once_while_an_answer_comes(tab: Visitor, upstream: Upstream) -> None:
    ask(tab, upstream)
    upstream.plan(Stream(endless=True))
    tab.say("Go")
    tab.until("another answer", lambda: tab.answers.count() == 2)
    tab.grows()
    for parameter in default().parameters:
        count = 1 if tab.switch(parameter.name).is_checked() else 0
        assert tab.switch(parameter.name).count() == 1
        assert tab.slider(parameter.name).count() == tab.number(parameter.name).count() == count


def test_settings_outlive_pages_reloads_and_conversations(
    tab: Visitor, visit: Visit, app: Application, upstream: Upstream
) -> None:
    switched_on(tab, "top_p")
    typed(tab, "top_p", "0.37")
    tab.until("0.37", lambda: shown(tab, "top_p") == Decimal("0.37"))
    tab.page.get_by_role("link", name="Model", exact=True).first.click()
    tab.page.get_by_text("As documented on").first.wait_for()
    tab.page.get_by_role("link", name="Chat", exact=True).first.click()
    assert shown(tab, "top_p") == Decimal("0.37")
    tab.page.reload()
    assert shown(tab, "top_p") == Decimal("0.37")
    assert ask(tab, upstream).body["top_p"] == 0.37
    tab.button("New conversation").click()
    tab.key("starter0").locator("button:visible").first.wait_for()
    assert shown(tab, "top_p") == Decimal("0.37")
    tab.say("Go")
    tab.until("a request", lambda: len(upstream.asked) == 2)
    assert upstream.asked[1].body["top_p"] == 0.37


def test_an_emptied_number_box_sends_what_it_shows_then(tab: Visitor, upstream: Upstream) -> None:
    typed(tab, "temperature", "")
    tab.until("Streamlit fills it", lambda: tab.number("temperature").input_value())
    assert Decimal(json.dumps(ask(tab, upstream).body["temperature"])) == shown(tab, "temperature")
