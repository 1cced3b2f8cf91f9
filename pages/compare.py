"""Tune: one input, two to four columns beside each other."""

from __future__ import annotations

import streamlit as st

from lib.compare.comparison_session import Refused
from lib.errors import PaddockError
from lib.ui.answer import answer_stats
from lib.ui.compare import answer_columns, column_settings, compare_menu, compare_next_send, ratings
from lib.ui.compare.comparison_tab import INPUT, Board
from lib.ui.history.conversation_shelf import CHAT_PAGE
from lib.ui.shell import backend_picker
from lib.ui.shell.save_warning import Unsaved
from lib.ui.widgets import draft_text, echo
from lib.ui.widgets.error_box import trouble

where = backend_picker.current()
board = Board(where.backend)
if (going := board.going) is not None:
    st.switch_page(CHAT_PAGE, query_params={"c": going})
busy = board.contest.busy
comparison = board.comparison
seen = board.outlooks(draft_text.text())

with st.sidebar:
    column_settings.settings(board, seen, busy=busy)
    echo.listen()

with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    backend_picker.draw(where, busy=busy)
    compare_menu.draw(board)
compare_menu.options(board)
column_settings.heads(board, seen)

# Another comparison is drawn in another place: while the page streams, what an earlier one left there would stay.
greeting = st.empty()
boards = [st.container() if side == board.side else st.empty() for side in (0, 1)]
notice = st.empty()
stop = st.bottom.empty()
with st.bottom:
    compare_next_send.draw(board, compare_next_send.conflicts(seen))
# At top level, for that makes the page follow the stream.
st.chat_input("One input for all columns", key=INPUT, on_submit=board.submit)

unsaved = Unsaved()
if (refused := board.refusal()) is not None:
    with notice.container():
        match refused:
            case Refused(column=name):
                trouble(refused, f"Column {name} cannot be sent, so nothing was sent in any")
            case PaddockError():
                trouble(refused)

if not comparison.rounds:
    with greeting.container():
        compare_menu.welcome(board)
with boards[board.side]:
    watched = compare_menu.rounds(board)
    foot = st.empty()
    if comparison.rounds and not busy:
        with foot.container():
            ratings.draw(board)
            totals = board.contest.threads().values()
            answer_stats.totals(board.model, totals, "This comparison")

if busy:
    stop.button(
        "Stop all",
        key="stop",
        icon=":material/stop_circle:",
        shortcut="Escape",
        on_click=board.contest.stop,
        help="Ends all answers here and at the model; what came is kept",
    )
    answer_columns.attach(watched, unsaved.draw, fresh=board.fresh)
    compare_menu.await_others(board, watched)
    st.rerun()  # what has ended is drawn with all that stands under it; the others go on
elif board.answer_by_itself():
    st.rerun()
if where.backend is None:
    with notice.container():
        backend_picker.await_twin(where)
