"""No click is lost to a fragment, to a script that runs or to a message that comes right after."""

from __future__ import annotations

import contextvars
import threading
from typing import Any
from unittest.mock import Mock

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime.app_session import AppSession, AppSessionState
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.exceptions import RerunException
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState
from streamlit.runtime.state import SessionState
from streamlit.runtime.state.common import WidgetMetadata
from streamlit.runtime.state.safe_session_state import SafeSessionState

from lib.ui.shell.lost_clicks import keep_clicks
from lib.ui.widgets.click_notice import LONG_RUN

FRAGMENT, OTHER = "fragment", "other"
# The fragments that the controls are in.
CONTROLS = {
    "switch": None,
    "button": None,
    "pulse": FRAGMENT,
    "tab": FRAGMENT,
    "timer": OTHER,
    "other tab": OTHER,
}
CLICKED = WidgetStates(widgets=[WidgetState(id="button", trigger_value=True)])


requested: list[str] = []  # the fragments of the reruns that were requested of a session, "" for all


@pytest.fixture(autouse=True)
def _workaround(monkeypatch: pytest.MonkeyPatch) -> None:
    requested.clear()
    monkeypatch.setattr(
        AppSession,
        "request_rerun",
        lambda _, state: requested.append("" if state is None else state.fragment_id),
    )
    for owner, name in (
        (SafeSessionState, "on_script_will_rerun"),
        (ScriptRunner, "_maybe_handle_execution_control_request"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))  # restored afterwards
    keep_clicks()


class Session:
    """Stands for Streamlit's session of a tab."""

    def __init__(self, *, is_running: bool = False, lasts: bool = False) -> None:
        self._state = AppSessionState.APP_IS_RUNNING if is_running else AppSessionState.APP_NOT_RUNNING
        self.session_state = SessionState()
        self.session_state[LONG_RUN] = lasts
        for id, fragment in CONTROLS.items():
            self.session_state._set_widget_metadata(
                WidgetMetadata(id, bool, bool, "bool_value", fragment_id=fragment)
            )

    def report(self, *states: WidgetState, fragment: str = "") -> str:
        """Report the states in a message, and return the fragment that is to be run, "" for all."""
        message = ClientState(widget_states=WidgetStates(widgets=states), fragment_id=fragment)
        AppSession.request_rerun(self, message)  # type: ignore[arg-type]
        return requested[-1]


def switch(on: bool, id: str = "switch") -> WidgetState:
    return WidgetState(id=id, bool_value=on)


def event(id: str) -> WidgetState:
    """Return the state of a button that is pressed, or of a component that reports something."""
    if id in ("pulse", "timer"):
        return WidgetState(id=id, json_trigger_value='{"event": "beat"}')
    return WidgetState(id=id, trigger_value=True)


def test_a_fragment_s_report_runs_the_fragment() -> None:
    session = Session()
    assert session.report(switch(False)) == ""
    assert session.report(switch(False), event("pulse"), fragment=FRAGMENT) == FRAGMENT
    # A control that was drawn since the last message.
    assert (
        session.report(switch(False), switch(False, "button"), event("pulse"), fragment=FRAGMENT) == FRAGMENT
    )
    # One that Streamlit does not know any more.
    assert session.report(switch(False), event("gone"), event("pulse"), fragment=FRAGMENT) == FRAGMENT


def test_another_control_s_change_in_a_fragment_s_report_runs_all() -> None:
    session = Session()
    assert session.report(switch(False), event("pulse")) == ""
    assert session.report(switch(True), event("pulse"), fragment=FRAGMENT) == ""
    assert session.report(switch(True), event("pulse"), fragment=FRAGMENT) == FRAGMENT
    for _ in range(2):  # the same click again
        assert session.report(switch(True), event("button"), event("pulse"), fragment=FRAGMENT) == ""
    assert session.report(switch(True), event("timer"), event("pulse"), fragment=FRAGMENT) == ""


def test_a_click_in_another_fragment_runs_that_one() -> None:
    """The whole page would close a dialog, which is a fragment."""
    session = Session()
    session.report(switch(False, "other tab"), switch(False, "tab"))
    assert session.report(switch(True, "other tab"), switch(False, "tab"), fragment=FRAGMENT) == OTHER
    assert session.report(switch(True, "other tab"), switch(True, "tab"), fragment=FRAGMENT) == FRAGMENT
    assert session.report(switch(False, "other tab"), switch(False, "tab"), fragment=FRAGMENT) == ""


def test_what_one_session_reports_says_nothing_of_another() -> None:
    one, other = Session(), Session()
    one.report(switch(True))
    other.report(switch(False))
    assert one.report(switch(True), event("pulse"), fragment=FRAGMENT) == FRAGMENT


@pytest.mark.parametrize("is_running", [False, True])
@pytest.mark.parametrize("lasts", [False, True])
def test_a_click_in_a_fragment_does_not_wait_for_a_script_that_lasts(is_running: bool, lasts: bool) -> None:
    session = Session(is_running=is_running, lasts=lasts)
    session.report(switch(False, "tab"))
    expected = "" if is_running and lasts else FRAGMENT
    assert session.report(switch(True, "tab"), event("pulse"), fragment=FRAGMENT) == expected
    assert session.report(switch(True, "tab"), event("pulse"), fragment=FRAGMENT) == FRAGMENT


@pytest.fixture
def runner() -> ScriptRunner:
    """Return a runner that is about to take a message, on this thread."""
    others: dict[str, Any] = {
        name: Mock()
        for name in (
            "uploaded_file_mgr",
            "script_cache",
            "user_info",
            "fragment_storage",
            "pages_manager",
            "event_loop",
        )
    }
    runner = ScriptRunner("session", "app.py", SessionState(), initial_rerun_data=RerunData(), **others)
    runner._requests.on_scriptrunner_ready()
    runner._script_thread = threading.current_thread()
    runner._execing = True
    return runner


def press_button(runner: ScriptRunner, callback: Any) -> None:
    """Let the runner take a click on a button with that callback."""
    state = runner._session_state._state
    state._set_widget_metadata(
        WidgetMetadata(
            "button",
            deserializer=bool,
            serializer=bool,
            value_type="trigger_value",
            callback=callback,
            callback_args=(),
            callback_kwargs={},
        )
    )
    # Not in this thread's own context, which outlives the test.
    contextvars.copy_context().run(take_click, runner)


def take_click(runner: ScriptRunner) -> None:
    ThreadState.initialize()
    runner._session_state.on_script_will_rerun(CLICKED)


def test_a_message_that_comes_before_the_callbacks_waits_for_them(runner: ScriptRunner) -> None:
    done: list[str] = []
    runner.request_rerun(RerunData(query_string="second"))
    press_button(runner, lambda: done.append("first"))
    assert done == ["first"]
    with pytest.raises(RerunException) as caught:
        runner._session_state["anything"] = 1
    assert caught.value.rerun_data.query_string == "second"


def test_a_message_that_comes_during_a_callback_waits_for_its_end(runner: ScriptRunner) -> None:
    done: list[str] = []

    def callback() -> None:
        runner.request_rerun(RerunData(query_string="second"))
        runner._session_state["anything"] = 1
        runner._enqueue_forward_msg(Mock())
        done.append("first")

    press_button(runner, callback)
    assert done == ["first"]
    with pytest.raises(RerunException):
        runner._enqueue_forward_msg(Mock())


def test_a_callback_that_fails_lets_later_messages_through(runner: ScriptRunner) -> None:
    def callback() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        press_button(runner, callback)
    runner.request_rerun(RerunData())
    with pytest.raises(RerunException):
        runner._session_state["anything"] = 1
