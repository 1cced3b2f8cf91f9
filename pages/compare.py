"""The Compare page: one input, two to four columns side by side."""

from __future__ import annotations

from functools import partial

import streamlit as st

from lib.compare.comparison_session import ColumnRefused
from lib.errors import PaddockError
from lib.ui.answer import answer_stats
from lib.ui.chat.elsewhere_notice import draw_other_setup_notice
from lib.ui.compare import (
    answers_side_by_side,
    column_settings,
    compare_next_send,
    compare_welcome,
    comparison_menu,
    comparison_options,
    ratings,
)
from lib.ui.compare.comparison_tab import INPUT_KEY, ComparisonTab
from lib.ui.shell import backend_picker, presenting
from lib.ui.shell.announcement import Announcement
from lib.ui.shell.page_heading import draw_hidden_heading
from lib.ui.shell.page_mode import PageMode
from lib.ui.shell.page_paths import CHAT_PAGE
from lib.ui.shell.save_warning import SaveWarning
from lib.ui.widgets import chat_input_draft, first_drawing
from lib.ui.widgets.error_box import draw_error

choice = backend_picker.current_choice()
tab = ComparisonTab(choice.backend and choice.backend.without_cache())
if (chat := tab.pop_chat_to_open()) is not None:
    st.switch_page(CHAT_PAGE, query_params={"c": chat})
busy = tab.session.is_busy
comparison = tab.comparison
draw_hidden_heading("Compare", comparison.rounds[0].text if comparison.rounds else "")
Announcement().report(
    tab.session.id, "The answers are coming." if busy else "", answers_side_by_side.describe_endings(tab)
)
previews = tab.preview_requests(chat_input_draft.text())

bar = None
if tab.mode.has_controls:
    with st.sidebar:
        column_settings.draw_column_settings(tab, previews, busy=busy)
    with st.container(horizontal=True, vertical_alignment="center", key="page-head-compare"):
        with st.container(width="stretch"):
            backend_picker.draw_picker(choice, busy=busy)
        comparison_menu.draw_comparison_menu(tab)
        presenting.draw_present_button()
    comparison_options.draw_options(tab)
    column_settings.draw_column_heads(tab, previews)
else:
    # In the places of the above, which would stay while an answer streams.
    for _ in range(1 if tab.is_hidden else 3):
        st.empty()

# Another comparison is drawn in another place: while the page streams, what the earlier one has drawn would stay.
greeting = st.empty()
places = [st.container() if slot == tab.slot else st.empty() for slot in (0, 1)]
notice = st.empty()
stop = st.bottom.empty()
with st.bottom:
    # A place for each mode: what the other mode has drawn would stay in a common one while an answer streams.
    ahead, bar_place = (st.container(), st.empty()) if tab.mode.has_controls else (st.empty(), st.container())
    if tab.mode.has_controls:
        with ahead:
            compare_next_send.draw_compare_next_send(tab, compare_next_send.conflict_texts(previews))
    elif tab.mode is PageMode.PRESENTING:
        with bar_place:
            has_system = any(chat.conversation.system.strip() for chat in tab.session.chats.values())
            bar = presenting.PresentingBar(tab.stop, has_system=has_system)
    # Not at top level: the page would follow the longest answer, and the others would be out of sight.
    st.chat_input("Message all columns", key=INPUT_KEY, on_submit=tab.submit)
    answers_side_by_side.show_last_round(tab)

save_warning = SaveWarning()
with st.container():
    if tab.mode.has_controls and not tab.is_hidden:
        for column in comparison.columns:
            draw_other_setup_notice(tab.session.chats[column.id], column.name)
if (error := tab.pop_error()) is not None:
    with notice.container():
        match error:
            case ColumnRefused(column=name):
                draw_error(error, f"Column {name} cannot be sent, so nothing was sent")
            case PaddockError():
                draw_error(error)

if not comparison.rounds:
    with greeting.container():
        compare_welcome.draw_compare_welcome(tab)
with places[tab.slot]:
    watched = answers_side_by_side.draw_rounds(tab)
    foot = st.empty()
    if comparison.rounds and not busy and tab.mode.has_controls:
        with foot.container():
            ratings.draw_ratings(tab)
            totals = tab.session.conversations().values()
            answer_stats.draw_totals(totals, "This comparison")

if busy:
    stop.button(
        "Stop all",
        key="stop",
        icon=":material/stop_circle:",
        shortcut="Escape" if bar is None else None,  # the bar takes it
        on_click=tab.session.stop,
        help="Stops all answers. The text so far is kept.",
    )
    if tab.is_just_opened:
        first_drawing.rerun_when_drawn(greeting)
    answers_side_by_side.follow_answers(watched, save_warning.update, fresh=tab.is_just_opened)
    answers_side_by_side.wait_for_hidden_answers(tab, watched, save_warning.update)
    # An answer that has ended gets its footer; the others go on streaming.
    st.rerun()
elif tab.answer_with_sample_tools():
    st.rerun()
if bar is not None:
    bar.draw_actions(partial(comparison_options.draw_reveal, tab))
if choice.backend is None:
    with notice.container():
        backend_picker.wait_for_twin(choice, save_warning.update)
