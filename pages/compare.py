"""Tune: one input, two to four columns beside each other."""

from __future__ import annotations

import streamlit as st

from lib.compare.comparison_session import ColumnRefused
from lib.errors import PaddockError
from lib.ui.answer import answer_stats
from lib.ui.compare import (
    answers_side_by_side,
    column_settings,
    compare_menu,
    compare_next_send,
    compare_welcome,
    comparison_menu,
    ratings,
)
from lib.ui.compare.comparison_tab import INPUT_KEY, ComparisonTab
from lib.ui.shell import backend_picker
from lib.ui.shell.page_paths import CHAT_PAGE
from lib.ui.shell.save_warning import SaveWarning
from lib.ui.widgets import chat_input_draft
from lib.ui.widgets.error_box import draw_error

where = backend_picker.current_choice()
board = ComparisonTab(where.backend)
if (going := board.going) is not None:
    st.switch_page(CHAT_PAGE, query_params={"c": going})
busy = board.session.is_busy
comparison = board.comparison
seen = board.preview_requests(chat_input_draft.text())

with st.sidebar:
    column_settings.draw_column_settings(board, seen, busy=busy)

with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    backend_picker.draw_picker(where, busy=busy)
    comparison_menu.draw_comparison_menu(board)
compare_menu.draw_options(board)
column_settings.draw_column_heads(board, seen)

# Another comparison is drawn in another place: while the page streams, what an earlier one left there would stay.
greeting = st.empty()
boards = [st.container() if side == board.slot else st.empty() for side in (0, 1)]
notice = st.empty()
stop = st.bottom.empty()
with st.bottom:
    compare_next_send.draw_compare_next_send(board, compare_next_send.conflict_texts(seen))
# At top level, for that makes the page follow the stream.
st.chat_input("One input for all columns", key=INPUT_KEY, on_submit=board.submit)

unsaved = SaveWarning()
if (refused := board.pop_error()) is not None:
    with notice.container():
        match refused:
            case ColumnRefused(column=name):
                draw_error(refused, f"Column {name} cannot be sent, so nothing was sent in any")
            case PaddockError():
                draw_error(refused)

if not comparison.rounds:
    with greeting.container():
        compare_welcome.draw_compare_welcome(board)
with boards[board.slot]:
    watched = answers_side_by_side.draw_rounds(board)
    foot = st.empty()
    if comparison.rounds and not busy:
        with foot.container():
            ratings.draw_ratings(board)
            totals = board.session.conversations().values()
            answer_stats.draw_totals(board.model, totals, "This comparison")

if busy:
    stop.button(
        "Stop all",
        key="stop",
        icon=":material/stop_circle:",
        shortcut="Escape",
        on_click=board.session.stop,
        help="Ends all answers here and at the model; what came is kept",
    )
    answers_side_by_side.follow_answers(watched, unsaved.update, fresh=board.is_just_opened)
    answers_side_by_side.wait_for_hidden_answers(board, watched)
    st.rerun()  # what has ended is drawn with all that stands under it; the others go on
elif board.answer_with_sample_tools():
    st.rerun()
if where.backend is None:
    with notice.container():
        backend_picker.wait_for_twin(where)
