"""Each of the documented parameters by its controls: the request has what the control shows."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from lib.model.model_record import Parameter, default_model
from tests.page.upstream import Upstream
from tests.ui.app_test_page import AppTestPage

PARAMETERS = pytest.mark.parametrize(
    "parameter", default_model().parameters, ids=lambda parameter: parameter.name
)
NAMES = {parameter.name for parameter in default_model().parameters}


def shown_value(page: AppTestPage, name: str) -> Decimal:
    """Return the value on which number box and slider agree."""
    box, (slider,) = page.by_key(f"{name}-number"), page.by_keys(f"^{name}-slide-")
    assert box.value == slider.value
    return Decimal(str(box.value))


def sent_value(page: AppTestPage, upstream: Upstream, parameter: Parameter) -> Decimal:
    """Send a message; return the value in the request as it was written, after a check of its documented type."""
    page.send()
    value = upstream.requests[-1].body[parameter.name]
    assert type(value) is (int if parameter.kind == "integer" else float) or value == int(value)
    return Decimal(json.dumps(value))


def switch_on(page: AppTestPage, name: str) -> None:
    if not page.by_key(f"{name}-send").value:
        page.choose(f"{name}-send", True)


@pytest.mark.reaches_wire(
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "repetition_penalty",
    "frequency_penalty",
    "presence_penalty",
)
@PARAMETERS
def test_what_is_shown_is_sent(upstream: Upstream, parameter: Parameter) -> None:
    page, name = AppTestPage(), parameter.name
    # As documented: a parameter with a default is on and at it, the others are off.
    assert page.by_key(f"{name}-send").value == (parameter.default is not None)
    switch_on(page, name)
    if parameter.default is not None:
        assert shown_value(page, name) == Decimal(str(parameter.default))

    # The number box, to its last digit.
    value = {"max_tokens": 1234, "seed": 1234567890, "top_k": 17}.get(name, 1.23)
    page.choose(f"{name}-number", value)
    assert shown_value(page, name) == sent_value(page, upstream, parameter) == Decimal(str(value))

    # The slider: a step, and its ends.
    (slider,) = page.by_keys(f"^{name}-slide-")
    stepped = Decimal(str(value)) + Decimal(str(parameter.step))
    page.choose(slider.key, type(value)(stepped))
    assert shown_value(page, name) == sent_value(page, upstream, parameter) == stepped
    page.choose(slider.key, parameter.cast(parameter.minimum))
    assert shown_value(page, name) == Decimal(str(parameter.minimum))
    assert sent_value(page, upstream, parameter) == Decimal(str(parameter.minimum))

    # Off, and back to the default.
    page.choose(f"{name}-send", False)
    assert "off" in page.texts(page.by_key(f"parameter-{name}"))
    page.send()
    assert name not in upstream.requests[-1].body
    page.choose(f"{name}-send", True)
    page.click(f"{name}-reset")
    if parameter.default is None:
        assert not page.by_key(f"{name}-send").value
        page.send()
        assert name not in upstream.requests[-1].body
    else:
        assert shown_value(page, name) == Decimal(str(parameter.default))
        assert sent_value(page, upstream, parameter) == Decimal(str(parameter.default))


@PARAMETERS
def test_bounds_hold(upstream: Upstream, parameter: Parameter) -> None:
    page, name = AppTestPage(), parameter.name
    switch_on(page, name)
    (slider,) = page.by_keys(f"^{name}-slide-")
    assert slider.min == parameter.minimum
    # Nothing of the context window is used yet.
    maximum = default_model().context_window if parameter.maximum is None else parameter.maximum
    assert slider.max == maximum
    box = page.by_key(f"{name}-number")
    assert box.min == parameter.minimum
    assert box.max <= maximum if parameter.maximum is None else box.max == maximum
    page.choose(slider.key, parameter.cast(maximum))
    # The room for an answer is less than the window, by what the conversation takes.
    expected = box.max if parameter.maximum is None else maximum
    assert shown_value(page, name) == Decimal(str(expected))
    assert sent_value(page, upstream, parameter) <= Decimal(str(maximum))


@PARAMETERS
def test_a_number_beyond_the_bounds_changes_nothing(upstream: Upstream, parameter: Parameter) -> None:
    page, name = AppTestPage(), parameter.name
    switch_on(page, name)
    value = {"max_tokens": 1234, "seed": 1234567890, "top_k": 17}.get(name, 1.23)
    page.choose(f"{name}-number", value)
    box = page.by_key(f"{name}-number")
    for beyond in (box.max + 1, box.min - 1):
        page.choose(f"{name}-number", parameter.cast(beyond))
        assert shown_value(page, name) == sent_value(page, upstream, parameter) == Decimal(str(value))


def test_all_of_them_at_once(upstream: Upstream) -> None:
    page = AppTestPage()
    for name in NAMES:
        switch_on(page, name)
    shown = {name: shown_value(page, name) for name in NAMES}
    page.send()
    body = upstream.requests[0].body
    assert {name: Decimal(json.dumps(body[name])) for name in NAMES} == shown
    assert set(body) == NAMES | {"messages", "stream"}


def test_a_seed_is_rolled(upstream: Upstream) -> None:
    page = AppTestPage()
    switch_on(page, "seed")
    before = shown_value(page, "seed")
    page.click("seed-roll")
    seed = shown_value(page, "seed")
    assert seed != before
    assert 1 <= seed <= 9_999_999_999
    page.send()
    assert upstream.requests[0].body["seed"] == seed


def test_settings_outlive_reloads_and_conversations(upstream: Upstream) -> None:
    page = AppTestPage()
    switch_on(page, "top_p")
    page.choose("top_p-number", 0.37)
    page = page.reopen()
    assert shown_value(page, "top_p") == Decimal("0.37")
    page.send()
    assert upstream.requests[0].body["top_p"] == 0.37
    page.click("new")
    assert shown_value(page, "top_p") == Decimal("0.37")
    page.send()
    assert upstream.requests[1].body["top_p"] == 0.37
