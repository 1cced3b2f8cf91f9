"""Tune: one input, two to four columns beside each other."""

from __future__ import annotations

import streamlit as st

from lib.contest import Refused
from lib.errors import PaddockError
from lib.ui import draft, echo, figures, place
from lib.ui.compare import ahead, answers, columns, menu, ratings
from lib.ui.compare.board import INPUT, Board
from lib.ui.shelf import CHAT_PAGE
from lib.ui.trouble import trouble
from lib.ui.unsaved import Unsaved

where = place.current()
board = Board(where.backend)
if (going := board.going) is not None:
    st.switch_page(CHAT_PAGE, query_params={"c": going})
busy = board.contest.busy
comparison = board.comparison
seen = board.outlooks(draft.text())

with st.sidebar:
    columns.settings(board, seen, busy=busy)
    echo.listen()

with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    place.draw(where, busy=busy)
    menu.draw(board)
menu.options(board)
columns.heads(board, seen)

# Another comparison is drawn in another place: while the page streams, what an earlier one left there would stay.
greeting = st.empty()
boards = [st.container() if side == board.side else st.empty() for side in (0, 1)]
notice = st.empty()
stop = st.bottom.empty()
with st.bottom:
    ahead.draw(board, ahead.conflicts(seen))
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
        menu.welcome(board)
with boards[board.side]:
    watched = menu.rounds(board)
    foot = st.empty()
    if comparison.rounds and not busy:
        with foot.container():
            ratings.draw(board)
            totals = board.contest.threads().values()
            figures.totals(board.model, totals, "This comparison")

if busy:
    stop.button(
        "Stop all",
        key="stop",
        icon=":material/stop_circle:",
        shortcut="Escape",
        on_click=board.contest.stop,
        help="Ends all answers here and at the model; what came is kept",
    )
    answers.attach(watched, unsaved.draw, fresh=board.fresh)
    menu.await_others(board, watched)
    st.rerun()  # what has ended is drawn with all that stands under it; the others go on
elif board.answer_by_itself():
    st.rerun()
if where.backend is None:
    with notice.container():
        place.await_twin(where)
