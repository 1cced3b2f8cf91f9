"""Each documented parameter and each of its controls: the request carries the value that the control shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest
from playwright.sync_api import Route

from lib.model.model_record import Parameter, default_model
from lib.model.request_options import ResponseFormat
from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab
from tests.page.conftest import Visit
from tests.page.tcp_proxy import TcpProxy
from tests.page.upstream import StreamReply, Upstream, UpstreamRequest
from tests.ui.app_test_page import share_address

PARAMETERS = pytest.mark.parametrize(
    "parameter",
    # One whole and one fractional number. tests/ui/settings/test_parameter_controls.py has all parameters.
    [default_model().parameter("max_tokens"), default_model().parameter("temperature")],
    ids=lambda parameter: parameter.name,
)


def send_and_wait(tab: BrowserTab, upstream: Upstream) -> UpstreamRequest:
    """Send a message and wait for the end; return the request that arrived."""
    number = len(upstream.requests)
    tab.send("Go")
    tab.wait_for_end(" tokens · ", which=number)
    return upstream.requests[number]


def shown_value(tab: BrowserTab, name: str) -> Decimal:
    """Return the value that the number box and the slider agree on."""
    box, slider = tab.number_box(name), tab.slider(name)

    def agreed() -> str:
        # Streamlit draws a box empty first.
        text = box.input_value()
        return text if text and Decimal(text) == Decimal(slider.input_value()) else ""

    tab.wait_until_idle()
    return Decimal(tab.wait_until("box and slider agree", agreed))


def sent_value(request: UpstreamRequest, parameter: Parameter) -> Decimal:
    """Return the value exactly as the request has it, after a check of its documented type."""
    value = request.body[parameter.name]
    assert type(value) is (int if parameter.kind == "integer" else float) or value == int(value)
    return Decimal(json.dumps(value))


def switch_on(tab: BrowserTab, name: str) -> None:
    """Switch the parameter on if it is off."""
    if not tab.parameter_switch(name).is_checked():
        tab.toggle_parameter(name)
    tab.slider(name).wait_for()


def type_value(tab: BrowserTab, name: str, text: str) -> None:
    """Type a value into the number box."""
    tab.number_box(name).fill(text)
    tab.number_box(name).press("Enter")


@PARAMETERS
def test_what_is_shown_is_sent(tab: BrowserTab, upstream: Upstream, parameter: Parameter) -> None:
    name = parameter.name
    # As documented: parameters with a default are on and have that value; the others are off.
    assert tab.parameter_switch(name).is_checked() == (parameter.default is not None)
    assert tab.page.locator(f".st-key-parameter-{name}").count() == 1
    switch_on(tab, name)
    if parameter.default is not None:
        assert shown_value(tab, name) == Decimal(str(parameter.default))

    # Use the number box, to its last digit.
    value = {"max_tokens": "1234", "seed": "1234567890", "top_k": "17"}.get(name, "1.23")
    type_value(tab, name, value)
    tab.wait_until("the slider follows", lambda: shown_value(tab, name) == Decimal(value))
    assert sent_value(send_and_wait(tab, upstream), parameter) == Decimal(value)

    # Use the slider, by the keyboard.
    for steps in (1, 2):
        tab.slider(name).press("ArrowRight")
        expected = Decimal(value) + steps * Decimal(str(parameter.step))
        tab.wait_until("the box follows", lambda expected=expected: shown_value(tab, name) == expected)
    assert sent_value(send_and_wait(tab, upstream), parameter) == expected

    # Move the slider to its ends.
    tab.slider(name).press("Home")
    tab.wait_until("the least", lambda: shown_value(tab, name) == Decimal(str(parameter.minimum)))
    assert sent_value(send_and_wait(tab, upstream), parameter) == Decimal(str(parameter.minimum))

    # Switch the parameter off, then back to its default.
    tab.toggle_parameter(name)
    tab.by_key(f"parameter-{name}").get_by_text("off", exact=True).wait_for()
    tab.wait_until_idle()
    assert name not in send_and_wait(tab, upstream).body
    tab.toggle_parameter(name)
    tab.by_key(f"{name}-reset").get_by_role("button").first.click()
    if parameter.default is None:
        tab.wait_until("it is off", lambda: not tab.parameter_switch(name).is_checked())
        tab.wait_until_idle()
        assert name not in send_and_wait(tab, upstream).body
    else:
        tab.wait_until("the default", lambda: shown_value(tab, name) == Decimal(str(parameter.default)))
        assert sent_value(send_and_wait(tab, upstream), parameter) == Decimal(str(parameter.default))


@PARAMETERS
def test_bounds_hold(tab: BrowserTab, upstream: Upstream, parameter: Parameter) -> None:
    name = parameter.name
    switch_on(tab, name)
    slider = tab.slider(name)
    least, most = (Decimal(slider.get_attribute(end) or "nan") for end in ("min", "max"))
    assert least == Decimal(str(parameter.minimum))
    if parameter.maximum is None:
        # No part of the context window is used yet.
        assert most == default_model().context_window
    else:
        assert most == Decimal(str(parameter.maximum))
    slider.press("End")
    tab.wait_until("the most", lambda: shown_value(tab, name) == most)
    for beyond in (most + 1, least - 1):
        type_value(tab, name, str(beyond))
        tab.wait_until_idle()
        value = sent_value(send_and_wait(tab, upstream), parameter)
        assert least <= value <= most
        assert value != beyond


@pytest.mark.parametrize("pause", [0, 33])
def test_a_key_that_is_held_moves_box_and_slider_alike(
    tab: BrowserTab, upstream: Upstream, pause: int
) -> None:
    """Press keys faster than the page answers: no answer may undo a step."""
    send_and_wait(tab, upstream)
    for key, expected in (("ArrowRight", "0.72"), ("ArrowLeft", "0.6")) * 2:
        tab.slider("temperature").focus()
        for _ in range(12):
            tab.page.keyboard.press(key)
            tab.page.wait_for_timeout(pause)
        tab.wait_until(
            "both are there", lambda expected=expected: shown_value(tab, "temperature") == Decimal(expected)
        )
    assert send_and_wait(tab, upstream).body["temperature"] == 0.6


@pytest.fixture
def proxy(app: AppProcess) -> Iterator[TcpProxy]:
    proxy = TcpProxy(app.port)
    yield proxy
    proxy.close()


# The proxy comes first, so that it closes after the page.
def test_what_the_browser_has_not_heard_of_is_no_change(
    proxy: TcpProxy, visit: Visit, upstream: Upstream
) -> None:
    """Click another control before the browser hears of the first change: that click carries the old values."""
    tab = visit(proxy.url)
    switch_on(tab, "top_k")
    type_value(tab, "temperature", "1.23")
    tab.wait_until("the slider follows", lambda: shown_value(tab, "temperature") == Decimal("1.23"))
    proxy.hold_back()
    tab.by_key("temperature-reset").get_by_role("button").first.click()
    tab.by_key("top_k-reset").get_by_role("button").first.click()
    # This is longer than any pause that the app takes for a moment.
    tab.page.wait_for_timeout(700)
    tab.by_key("choose-raw").locator("label").first.click()
    # Meanwhile the app may hear of the click.
    tab.page.wait_for_timeout(300)
    proxy.release()
    tab.wait_until("the default", lambda: shown_value(tab, "temperature") == Decimal("0.6"))
    tab.wait_until("it is off", lambda: not tab.parameter_switch("top_k").is_checked())
    body = send_and_wait(tab, upstream).body
    assert (body["raw"], body["temperature"], "top_k" in body) == (True, 0.6, False)
    # A user's choice counts at once when the page shows the change, even if the value is the same as before.
    type_value(tab, "temperature", "1.23")
    tab.wait_until("the slider follows", lambda: shown_value(tab, "temperature") == Decimal("1.23"))
    assert send_and_wait(tab, upstream).body["temperature"] == 1.23
    proxy.close()


def test_controls_that_are_drawn_late_show_what_is_set(
    visit: Visit, app: AppProcess, upstream: Upstream
) -> None:
    """Send before the browser has the code of each kind of control, as on a slow line."""
    tab = visit(
        app.url,
        share_address(system="Be brief.", response_format=ResponseFormat(), stream=False),
        stranger=True,
    )
    fetched: list[Route] = []
    tab.page.route(
        "**/{NumberInput,Slider,Checkbox,ButtonGroup,TextArea}.*.js", lambda route: fetched.append(route)
    )
    tab.page.reload()
    tab.wait_until("their code is asked for", lambda: len(fetched) == 5)
    tab.send("Go")
    # The page cannot become idle here: these controls are not drawn yet.
    tab.wait_until("an answer", lambda: " tokens · " in tab.figures())
    first = upstream.requests[0].body
    for route in fetched:
        route.continue_()
    assert shown_value(tab, "temperature") == Decimal("0.6")
    second = send_and_wait(tab, upstream).body
    assert first == second | {"messages": first["messages"]}
    assert (second["max_tokens"], second["temperature"], second["stream"]) == (256, 0.6, False)
    assert second["messages"][0] == {"role": "system", "content": "Be brief."}
    assert second["response_format"] == {"type": "json_object"}


def test_a_move_in_mid_stream_counts_from_the_next_send(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply(endless=True))
    tab.send("Go")
    tab.wait_for_growth()
    tab.wait_until_drawn()
    for value in ("0.61", "0.62", "0.63"):
        tab.slider("temperature").press("ArrowRight")
        tab.wait_until("the box follows", lambda v=value: tab.number_box("temperature").input_value() == v)
    tab.wait_for_growth()
    upstream.requests[0].release()
    tab.wait_for_end()
    tab.wait_for_answer(upstream.requests[0].sent_text)
    assert upstream.requests[0].body["temperature"] == 0.6
    assert send_and_wait(tab, upstream).body["temperature"] == 0.63
    for which, value in ((0, "0.6"), (1, "0.63")):
        tab.answers.nth(which).get_by_role("button", name="Settings used").first.click()
        tab.page.get_by_role("cell", name=value, exact=True).wait_for()
        tab.page.keyboard.press("Escape")
        tab.wait_until("it closes", lambda: tab.page.get_by_role("cell").count() == 0)


def test_each_control_is_there_once_while_an_answer_comes(tab: BrowserTab, upstream: Upstream) -> None:
    send_and_wait(tab, upstream)
    upstream.plan_replies(StreamReply(endless=True))
    tab.send("Go")
    tab.wait_until("another answer", lambda: tab.answers.count() == 2)
    tab.wait_for_growth()
    tab.wait_until_drawn()
    for parameter in default_model().parameters:
        count = 1 if tab.parameter_switch(parameter.name).is_checked() else 0
        assert tab.parameter_switch(parameter.name).count() == 1
        assert tab.slider(parameter.name).count() == tab.number_box(parameter.name).count() == count


def test_settings_outlive_pages_reloads_and_conversations(
    tab: BrowserTab, visit: Visit, app: AppProcess, upstream: Upstream
) -> None:
    switch_on(tab, "top_p")
    type_value(tab, "top_p", "0.37")
    tab.wait_until("0.37", lambda: shown_value(tab, "top_p") == Decimal("0.37"))
    tab.page.get_by_role("link", name="Model", exact=True).first.click()
    tab.page.get_by_text("As documented on").first.wait_for()
    tab.page.get_by_role("link", name="Chat", exact=True).first.click()
    assert shown_value(tab, "top_p") == Decimal("0.37")
    tab.page.reload()
    assert shown_value(tab, "top_p") == Decimal("0.37")
    assert send_and_wait(tab, upstream).body["top_p"] == 0.37
    tab.button("New conversation").click()
    tab.by_key("starter0").locator("button:visible").first.wait_for()
    assert shown_value(tab, "top_p") == Decimal("0.37")
    tab.send("Go")
    tab.wait_until("a request", lambda: len(upstream.requests) == 2)
    assert upstream.requests[1].body["top_p"] == 0.37


def test_an_emptied_number_box_sends_what_it_shows_then(tab: BrowserTab, upstream: Upstream) -> None:
    type_value(tab, "temperature", "")
    tab.wait_until("Streamlit fills it", lambda: tab.number_box("temperature").input_value())
    assert Decimal(json.dumps(send_and_wait(tab, upstream).body["temperature"])) == shown_value(
        tab, "temperature"
    )
