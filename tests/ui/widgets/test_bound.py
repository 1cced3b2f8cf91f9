"""Bound controls against a browser that hears late, that mounts late and whose messages come late."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.proto.Common_pb2 import DoubleArray
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.testing.v1 import AppTest


def page() -> None:
    """Draw a slider and a number box of one value, and a button that changes the value elsewhere."""
    import streamlit as st

    from lib.ui.widgets.bound import bind

    kept = st.session_state.setdefault("kept", {"value": 5})

    def keep(value: int) -> None:
        kept["value"] = value

    box = bind("box", kept["value"], keep)
    st.number_input("Box", 0, 10, box.value, key=box.key, on_change=box.on_change)
    slider = bind("slider", kept["value"], keep)
    st.slider("Slider", 0, 10, slider.value, key=slider.key, on_change=slider.on_change)
    st.button("Reset", on_click=lambda: kept.update(value=7))


class FakeBrowser:
    """Streamlit's front end, as far as it holds values: one for each control that it has mounted, by its id."""

    def __init__(self) -> None:
        self._app = AppTest.from_function(page).run()
        self._values: dict[str, int] = {}

    def draw(self) -> None:
        """Mount the controls of the last run, and take over values that were set by key in that very run."""
        controls = {element.proto.id: element.proto for element in self._controls()}
        for id, proto in controls.items():
            if proto.set_value:
                self._values[id] = self._first(proto.value)
            elif id not in self._values:
                self._values[id] = self._first(proto.default)
        self._values = {id: value for id, value in self._values.items() if id in controls}

    def message(
        self, *, box: int | None = None, slider: int | None = None, reset: bool = False
    ) -> WidgetStates:
        """Return a message with the values of all mounted controls, after the user changed some of them."""
        states = []
        for label, value in (("Box", box), ("Slider", slider)):
            if value is not None:
                self._values[self._id(label)] = value
        for id, value in self._values.items():
            states.append(
                WidgetState(id=id, double_array_value=DoubleArray(data=[value]))
                if "slider" in id
                else WidgetState(id=id, int_value=value)
            )
        if reset:
            states.append(WidgetState(id=self._app.button[0].proto.id, trigger_value=True))
        return WidgetStates(widgets=states)

    def run(self, message: WidgetStates) -> None:
        """Let the message arrive at the server."""
        self._app._run(message)
        assert not self._app.exception

    @property
    def shown(self) -> dict[str, int]:
        return {label: self._values[self._id(label)] for label in ("Box", "Slider")}

    @property
    def mounted(self) -> dict[str, str]:
        return {label: self._id(label) for label in ("Box", "Slider")}

    @property
    def kept(self) -> int:
        return int(self._app.session_state["kept"]["value"])

    def _controls(self) -> Iterator[Any]:
        yield from (self._app.number_input[0], self._app.slider[0])

    def _id(self, label: str) -> str:
        return str(next(control.proto.id for control in self._controls() if control.label == label))

    @staticmethod
    def _first(value: Any) -> int:
        return int(value if isinstance(value, (int, float)) else value[0])


@pytest.fixture
def browser() -> FakeBrowser:
    browser = FakeBrowser()
    browser.draw()
    return browser


def test_a_control_that_mounts_late_starts_with_the_value() -> None:
    late = FakeBrowser()
    late.run(late.message())  # nothing is mounted yet: its code is still being fetched
    late.draw()
    assert late.shown == {"Box": 5, "Slider": 5}
    late.run(late.message())
    assert late.kept == 5


def test_a_change_reaches_the_browser_though_another_run_follows_at_once(browser: FakeBrowser) -> None:
    browser.run(browser.message(reset=True))
    browser.run(browser.message())
    browser.draw()
    assert browser.shown == {"Box": 7, "Slider": 7}
    browser.run(browser.message())
    assert browser.kept == 7


def test_a_stale_message_does_not_undo_a_change(browser: FakeBrowser) -> None:
    browser.run(browser.message(box=6))
    browser.draw()
    assert browser.kept == 6
    stale = browser.message()  # it leaves before the browser hears of the reset
    browser.run(browser.message(reset=True))
    assert browser.kept == 7
    browser.run(stale)
    assert browser.kept == 7
    browser.draw()
    assert browser.shown == {"Box": 7, "Slider": 7}


def test_a_control_that_is_worked_with_stays_while_its_partner_follows(browser: FakeBrowser) -> None:
    """A key is held on the slider: each message but the first is written before the browser heard of the last."""
    before = browser.mounted
    messages = [browser.message(slider=value) for value in (6, 7, 8)]
    for message in messages:
        browser.run(message)
    browser.draw()
    assert browser.kept == 8
    assert browser.shown == {"Box": 8, "Slider": 8}
    assert browser.mounted["Slider"] == before["Slider"]
    assert browser.mounted["Box"] != before["Box"]


def test_the_value_of_before_can_be_chosen_again(browser: FakeBrowser) -> None:
    browser.run(browser.message(box=6))
    browser.draw()
    browser.run(browser.message(reset=True))
    browser.draw()
    browser.run(browser.message(box=6))
    browser.draw()
    assert browser.kept == 6
    assert browser.shown == {"Box": 6, "Slider": 6}
