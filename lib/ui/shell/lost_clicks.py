"""Three workarounds for Streamlit, in which a click can be without effect (1.67).

- The browser sends what happens at one time as one message. If part of it is from a fragment, all of it counts as the
  fragment's, and nothing else is drawn. While a script follows an answer, that message even waits for its end. In a
  busy browser one time is long, and our fragments report by themselves: see ``lib.ui.widgets.auto_refresh``.
- A click in a fragment waits for the end of a script that runs, also if that follows an answer.
- A script looks for a new message whenever it reads the session's state or draws something, and begins a new run for
  it. It also looks between taking a message and the end of that message's callbacks. A message that comes then ends a
  callback halfway, or takes the place of a button's click (with ``runner.fastReruns`` off).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import wraps
from typing import Any
from weakref import WeakKeyDictionary

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.app_session import AppSession, AppSessionState
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.state.safe_session_state import SafeSessionState

from lib.ui.widgets.click_notice import LONG_RUN

# Kinds of values.
_COMPONENTS = ("json_value", "json_trigger_value")
_EVENTS = ("trigger_value", "string_trigger_value", "json_trigger_value", "chat_input_value")


class _Thread(threading.local):
    takes_message = False


_thread = _Thread()
# By session, the states of all controls in its last message, by their ids.
_reported: WeakKeyDictionary[AppSession, dict[str, WidgetState]] = WeakKeyDictionary()


def keep_clicks() -> None:
    """Let no click be lost from now on. Call it once in a process."""
    _take_clicks_from_fragments()
    _keep_callbacks_whole()


def _take_clicks_from_fragments() -> None:
    request = AppSession.request_rerun

    @wraps(request)
    def request_due_rerun(self: AppSession, client_state: ClientState | None) -> None:
        if client_state is not None:
            client_state.fragment_id = _fragment_to_rerun(self, client_state)
        request(self, client_state)

    AppSession.request_rerun = request_due_rerun  # type: ignore[method-assign]


def _fragment_to_rerun(session: AppSession, message: ClientState) -> str:
    """Note the message's controls. Return the id of the fragment that is to be run for it, "" for the whole page."""
    before = _reported.get(session, {})
    now = _reported[session] = {state.id: state for state in message.widget_states.widgets}
    if not message.fragment_id:
        return ""
    changed = [state for state in now.values() if _is_event(state) or before.get(state.id, state) != state]
    fragments = _fragments_of(session, changed)
    clicked = _fragments_of(session, [state for state in changed if _is_users(state)])
    if None in fragments or (clicked and _is_long_run(session)):
        return ""
    if fragments <= {message.fragment_id}:
        return message.fragment_id
    # Not the whole page, which would close a dialog. A component reports again.
    return str(clicked.pop()) if len(clicked) == 1 else ""


def _fragments_of(session: AppSession, states: Iterable[WidgetState]) -> set[str | None]:
    """Return the ids of the fragments that the controls are in, None for a control outside."""
    known = [session.session_state.get_widget_metadata(state.id) for state in states]
    return {metadata.fragment_id for metadata in known if metadata is not None}


def _is_long_run(session: AppSession) -> bool:
    is_running = session._state is AppSessionState.APP_IS_RUNNING
    return is_running and LONG_RUN in session.session_state and bool(session.session_state[LONG_RUN])


def _is_users(state: WidgetState) -> bool:
    """Return True for what only the user changes. Components report by themselves, too."""
    return state.WhichOneof("value") not in _COMPONENTS


def _is_event(state: WidgetState) -> bool:
    """Return True for a click, or the like, which only the message that reports it contains."""
    return state.WhichOneof("value") in _EVENTS


def _keep_callbacks_whole() -> None:
    take, look = SafeSessionState.on_script_will_rerun, ScriptRunner._maybe_handle_execution_control_request

    @wraps(take)
    def take_undisturbed(self: SafeSessionState, *args: Any, **options: Any) -> None:
        _thread.takes_message = True
        try:
            take(self, *args, **options)
        finally:
            _thread.takes_message = False

    @wraps(look)
    def look_unless_taking(self: ScriptRunner) -> None:
        if not _thread.takes_message:
            look(self)

    SafeSessionState.on_script_will_rerun = take_undisturbed  # type: ignore[method-assign]
    ScriptRunner._maybe_handle_execution_control_request = look_unless_taking  # type: ignore[method-assign]
