"""The Chat page: one conversation."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lib.files.markdown_export import default_title
from lib.model.request_options import InputForm
from lib.ui.answer import answer_stats
from lib.ui.chat import (
    audience_view,
    elsewhere_notice,
    message_menu,
    next_send,
    raw_prompt_box,
    replay_view,
    request_preview,
    share_menu,
    shared_setup_notice,
    transcript,
    welcome,
)
from lib.ui.chat.chat_tab import MESSAGE_KEY, ChatTab
from lib.ui.model import chosen_word
from lib.ui.model.model_section import ModelSection
from lib.ui.settings import conflict_fix, model_picker, preset_menu, settings_panel
from lib.ui.shell import backend_picker, presenting
from lib.ui.shell.announcement import Announcement
from lib.ui.shell.page_heading import draw_hidden_heading
from lib.ui.shell.page_mode import PageMode
from lib.ui.shell.save_warning import SaveWarning
from lib.ui.widgets import first_drawing
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.scroll_into_view import scroll_into_view

choice = backend_picker.current_choice()
tab = ChatTab(choice.backend)
tab.send_waiting()
chosen_word.open_requested_section(ModelSection.PROBABILITIES)
conversation, live = tab.chat.snapshot()
path = conversation.path()
replayed = replay_view.current_replay(tab)
if replayed is not None:  # the conversation up to there
    path = path[: path.index(replayed.message) + 1]
draw_hidden_heading("Chat", default_title(conversation))
announcement = Announcement()


def draw_usage(gauge: DeltaGenerator, totals: DeltaGenerator) -> None:
    """Draw how full the context is, and what the conversation has used."""
    with gauge.container(gap="xsmall"):
        answer_stats.draw_context_gauge(*tab.context_used, tab.known_context_window, tab.chat.model)
    with totals.container():
        answer_stats.draw_totals([tab.chat.conversation], "This conversation")


# First the places of the page's parts, in their order. Then the answer and its question, which the user waits for.
# Then the rest.
head = (
    st.container(horizontal=True, vertical_alignment="center", key="page-head-chat")
    if tab.mode.has_controls
    # An empty place first: the buttons of an earlier run would stay in a container while an answer streams.
    else st.empty()
)
if tab.mode.has_controls:
    message_menu.draw_edit_shortcut(tab)
else:
    st.empty()

# While an answer streams, Streamlit leaves in a place what an earlier run drew there and this one has not replaced.
# So another conversation is drawn in another place, and so is each new answer; the other places are emptied.
greeting = st.empty()
histories = [st.container() if slot == tab.slot else st.empty() for slot in (0, 1)]
answers = [st.container() if live is not None and slot == live.number % 2 else st.empty() for slot in (0, 1)]
notice = st.empty()
stop = st.bottom.empty()
save_warning = SaveWarning()
elsewhere = elsewhere_notice.draw_elsewhere_notice(tab)
other_setup = elsewhere_notice.draw_other_setup_notice(tab.chat)


def update_notices() -> None:
    """Draw what the autosave reports while an answer streams."""
    save_warning.update()
    elsewhere.update()
    other_setup.update()


answer = live_answer = None
if live is not None:
    with answers[live.number % 2]:
        answer = transcript.message_frame("assistant", live.message_id)
    live_answer = transcript.LiveAnswer(live, answer)
    live_answer.draw_new_text()

with histories[tab.slot]:
    shown = tab.count_shown(transcript.WINDOW)
    # It moves on by several messages at once: the browser draws messages again that have changed their place.
    first = max(len(path) - shown, 0) // transcript.STEP * transcript.STEP
    if first:
        earlier = min(first, transcript.WINDOW)
        st.button(
            f"Show {earlier} earlier messages",
            key="earlier",
            type="tertiary",
            on_click=tab.show_messages,
            args=(shown + transcript.WINDOW,),
        )
    # The answer that streams is drawn below them.
    frames = [
        (message, transcript.message_frame(message.role, message.id))
        for message in path[first:]
        if live is None or message.id != live.message_id
    ]
    # Replaces the earlier variant, or the beginning, of the streaming answer.
    st.empty()
for message, frame in reversed(frames):
    if replayed is None or message != replayed.message:
        with frame:
            transcript.draw_message(tab, message)
    if live_answer is not None and message == frames[-1][0]:
        live_answer.wait_until_shown()
if live_answer is not None:
    live_answer.draw_new_text()

preview = request_preview.preview_request(tab.chat, tab.backend, tab.context_window, tab.next_text)
bar = None
with st.bottom:
    if tab.is_raw_prompt:
        raw_prompt_box.draw_raw_prompt_box(tab, preview, busy=live is not None)
    # A place for each mode: what the other mode has drawn would stay in a common one while an answer streams.
    ahead, bar_place = (st.container(), st.empty()) if tab.mode.has_controls else (st.empty(), st.container())
    if tab.mode.has_controls:
        with ahead:
            next_send.draw_next_send(tab, preview)
    elif tab.mode is PageMode.PRESENTING:
        with bar_place:
            bar = presenting.PresentingBar(tab.stop, has_system=bool(conversation.system.strip()))
# At top level, which makes the page follow the stream. Sent in a callback, so that a text which is refused is back in
# the box before the box is drawn again.
if not tab.is_raw_prompt:
    form = tab.chat.settings.features.form
    st.chat_input(
        "Message the model"
        if form is InputForm.MESSAGES
        else "Write a prompt. The model reads only this text.",
        key=MESSAGE_KEY,
        on_submit=tab.submit,
    )
if (error := tab.pop_error()) is not None:
    with notice.container():
        draw_error(error)
elif tab.can_undo and tab.mode.has_controls:
    with notice.container(horizontal=True, vertical_alignment="center"):
        st.caption("The message was deleted.", width="content")
        st.button("Undo", key="undo", type="tertiary", icon=":material/undo:", on_click=tab.undo)
if not path:
    with greeting.container():
        if error is None and tab.mode.has_controls and (fields := tab.shared_setup) is not None:
            shared_setup_notice.draw_shared_setup_notice(tab, fields)
        welcome.draw_welcome(tab, choice)

choice_place = usage_places = None
if tab.mode.has_controls:
    with head:
        with st.container(width="stretch"):
            choice_place = st.empty()
            with choice_place.container():
                backend_picker.draw_picker(choice, busy=live is not None)
        # Left of the others, which then stand still when it comes.
        if path:
            st.button(
                "New conversation",
                key="new",
                icon=":material/add_comment:",
                type="tertiary",
                shortcut="Alt+N",
                on_click=tab.new_chat,
            )
        elif tab.previous_chat is not None:
            st.button(
                "Back to the previous chat",
                key="back",
                icon=":material/undo:",
                type="tertiary",
                on_click=tab.open_chat,
                args=(tab.previous_chat,),
            )
        else:
            st.empty()
        share_menu.draw_share_menu(tab)
        presenting.draw_present_button()
    if live_answer is not None:
        live_answer.draw_new_text()
    with st.sidebar:
        with st.container(gap="xsmall"):
            gauge_place = st.empty()
            # As high as it will be: the settings below it stand still when the first answer has ended.
            with st.container(key="conversation-totals"):
                usage_places = (gauge_place, st.empty())
        draw_usage(*usage_places)
        with st.container(horizontal=True, gap="small"):
            model_picker.draw_model_menu(tab)
            preset_menu.draw_preset_menu(tab)
        model_picker.draw_model_notes(tab)
        settings_panel.draw_settings(
            tab,
            preview.conflicts,
            busy=live is not None,
            draw_notes=lambda name: conflict_fix.draw_conflicts(tab, preview.conflicts, name),
        )
else:
    with head:
        audience_view.draw_system_prompt(tab)

answered = live.message_id if live is not None else path[-1].id if path else ""
announcement.report(
    answered,
    transcript.BEGUN if live is not None else "",
    transcript.describe_ending(tab, answered),
    is_own=answered == tab.last_asked,
)
# Streamlit follows an answer only if the page is at its end, and the user may have been reading above.
scroll_into_view("asked", f"assistant-{tab.last_asked}" if tab.last_asked else "", tab.last_asked)
if live is not None and live_answer is not None and answer is not None:
    stop.button(
        "Stop",
        key="stop",
        icon=":material/stop_circle:",
        shortcut="Escape" if bar is None else None,  # the bar takes it
        on_click=tab.chat.stop,
        help="Stops the answer. The text so far is kept.",
    )
    if tab.is_just_opened:
        first_drawing.rerun_when_drawn(greeting)
    live_answer.follow(update_notices, fresh=tab.is_just_opened)
    with answer:
        transcript.draw_finished_answer(tab, tab.chat.conversation.message(live.message_id))
    stop.empty()
    announcement.report(answered, "", transcript.describe_ending(tab, answered))
    if tab.answer_with_sample_tools(live.message_id):
        # The next answer has begun to stream.
        st.rerun()
    # The twin may have died during the answer.
    choice = backend_picker.current_choice()
    if choice_place is not None and usage_places is not None:
        with choice_place.container():
            backend_picker.draw_picker(choice, busy=False)
        draw_usage(*usage_places)
elif path and path[-1].id == tab.last_asked and tab.answer_with_sample_tools(tab.last_asked):
    st.rerun()
if replayed is not None:
    replay_view.draw_replay_controls(stop, replayed.replay, takes_escape=bar is None)
    replay_view.follow_replay(replayed.replay, frames[-1][1])
elif bar is not None:
    bar.draw_actions(lambda: audience_view.draw_actions(tab))
if tab.chat.is_answered_elsewhere:
    transcript.follow_answer_elsewhere(tab)
if choice.backend is None:
    with notice.container():
        welcome.draw_waiting_message(tab)
        backend_picker.wait_for_twin(choice, save_warning.update)
