"""Play: one conversation."""

from __future__ import annotations

import streamlit as st

from lib.model.request_options import Form
from lib.ui.answer import answer_stats
from lib.ui.chat import next_send, raw_prompt_box, request_preview, share_menu, transcript, welcome
from lib.ui.chat.chat_tab import INPUT, Tab
from lib.ui.settings import conflict_fix, option_controls, parameter_controls, preset_menu
from lib.ui.shell import backend_picker
from lib.ui.shell.save_warning import Unsaved
from lib.ui.widgets import echo
from lib.ui.widgets.error_box import trouble

where = backend_picker.current()
tab = Tab(where.backend)
conversation, live = tab.chat.view()
path = conversation.path()


def draw_use() -> None:
    """How full the context is, and what the conversation has used."""
    answer_stats.context_gauge(*tab.used, tab.window)
    answer_stats.totals(tab.chat.model, [tab.chat.conversation], "This conversation")


seen = request_preview.look(tab.chat, tab.backend, tab.window, tab.text)

with st.sidebar:
    use = st.empty()
    with use.container():
        draw_use()
    preset_menu.draw(tab)
    option_controls.draw(tab, seen.conflicts, busy=live is not None)
    parameter_controls.draw(tab, lambda name: conflict_fix.draw(tab, seen.conflicts, name))
    echo.listen()

with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    where_slot = st.empty()
    with where_slot.container():
        backend_picker.draw(where, busy=live is not None)
    share_menu.draw(tab)
    if path:
        st.button(
            "New conversation", key="new", icon=":material/add_comment:", type="tertiary", on_click=tab.new
        )
    elif tab.before is not None:
        st.button(
            "Back to the last one",
            key="back",
            icon=":material/undo:",
            type="tertiary",
            on_click=tab.turn_to,
            args=(tab.before,),
        )

# While an answer streams, Streamlit leaves in a place whatever an earlier drawing put there and this one did not
# replace. So another conversation is drawn in another place, and so is each new answer; the places left are emptied.
greeting = st.empty()
histories = [st.container() if side == tab.side else st.empty() for side in (0, 1)]
answers = [st.container() if live is not None and side == live.number % 2 else st.empty() for side in (0, 1)]
notice = st.empty()
stop = st.bottom.empty()
with st.bottom:
    if tab.writes_prompt:
        raw_prompt_box.draw(tab, seen, busy=live is not None)
    next_send.draw(tab, seen.conflicts)
# At top level, for that makes the page follow the stream. Sent in a callback, so that a text which cannot be sent
# is back in the box before the box is drawn again.
if not tab.writes_prompt:
    form = tab.chat.settings.features.form
    st.chat_input(
        "Message the model" if form is Form.MESSAGES else "Prompt: one text, sent alone",
        key=INPUT,
        on_submit=tab.submit,
    )

unsaved = Unsaved()
if (refused := tab.refusal()) is not None:
    with notice.container():
        trouble(refused)
elif tab.can_undo:
    with notice.container(horizontal=True, vertical_alignment="center"):
        st.caption("The message was deleted.", width="content")
        st.button("Undo", key="undo", type="tertiary", icon=":material/undo:", on_click=tab.undo)
if not path:
    with greeting.container():
        welcome.draw(tab, where)

with histories[tab.side]:
    shown = tab.shown(transcript.WINDOW)
    # It moves on by several at once: what stands in another place than before is drawn anew by the browser.
    first = max(len(path) - shown, 0) // transcript.STEP * transcript.STEP
    if first:
        earlier = min(first, transcript.WINDOW)
        st.button(
            f"Show {earlier} earlier messages",
            key="earlier",
            type="tertiary",
            on_click=tab.show,
            args=(shown + transcript.WINDOW,),
        )
    for message in path[first:]:
        if live is not None and message.id == live.message:
            continue  # it stands last, and is drawn last
        with transcript.speaker(message.role, message.id):
            transcript.draw_message(tab, message)
    st.empty()  # where the live answer's earlier variant, or its beginning, stood

if live is not None:
    stop.button(
        "Stop",
        key="stop",
        icon=":material/stop_circle:",
        shortcut="Escape",
        on_click=tab.chat.stop,
        help="Ends the answer here and at the model; what came is kept",
    )
    with answers[live.number % 2]:
        answer = transcript.speaker("assistant", live.message)
    with answer:
        transcript.attach(
            live, answer, unsaved.draw, fresh=tab.fresh
        )  # nothing below waits for anything else
        transcript.draw_answered(tab, tab.chat.conversation.message(live.message))
    stop.empty()
    if tab.answer_by_itself(live.message):
        st.rerun()  # the next answer is on its way already; nothing of this one is lost by drawing anew
    where = backend_picker.current()  # the twin may have died under the answer
    with where_slot.container():
        backend_picker.draw(where, busy=False)
    with use.container():
        draw_use()
elif path and path[-1].id == tab.begun and tab.answer_by_itself(tab.begun):
    st.rerun()
if where.backend is None:
    with notice.container():
        backend_picker.await_twin(where)
