"""Shelf: the saved conversations of one owner, as the History page lists them and changes them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import streamlit as st

from lib.errors import PaddockError
from lib.model.model_record import models
from lib.model.pricing import cost_in_dollars, format_dollars
from lib.store import ConversationEntry, DailyUsage
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import current_owner
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.safe_markdown import escape_markdown

PAGE_SIZE = 25
CHAT_PAGE = Path(__file__).resolve().parents[3] / "pages" / "chat.py"
SEARCH_KEY, PAGE_KEY = "history-search", "history-page"
_UNDO, _PROBLEM = "history-undo", "history-problem"


def cost_text(spends: tuple[DailyUsage, ...]) -> str:
    """What the answers cost, and what those of the twin would have cost. "—" where a model's price is not known."""
    parts = []
    for billed, words in ((True, "{}"), (False, "would cost {}")):
        some = [spend for spend in spends if spend.billed is billed]
        if not some:
            continue
        known = models()
        if any(spend.model not in known for spend in some):
            parts.append("—")
            continue
        amount = sum((cost_in_dollars(spend.usage, known[spend.model].price) for spend in some), Decimal(0))
        parts.append(words.format("\\" + format_dollars(amount)))
    return " + ".join(parts)


def draw_conversation(entry: ConversationEntry, *, bin: bool) -> None:
    """One conversation of the list: its title opens it."""
    with st.container(key=f"entry-{entry.id}", border=True, gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if bin:
                st.text(entry.title or "Untitled", width="stretch")
                _button("Restore", f"restore-{entry.id}", ":material/restore_from_trash:", _restore, entry.id)
            else:
                st.page_link(
                    CHAT_PAGE,
                    label=escape_markdown(entry.title or "Untitled"),
                    query_params={"c": entry.id},
                    width="stretch",
                    icon=":material/keep:" if entry.pinned else None,
                )
                _button("Unpin" if entry.pinned else "Pin", f"pin-{entry.id}", None, _pin, entry)
                with st.popover("Rename", type="tertiary", key=f"rename-{entry.id}"):
                    st.text_input(
                        "Title",
                        value=entry.title,
                        key=f"title-{entry.id}",
                        on_change=_rename,
                        args=(entry.id,),
                        help="Empty: the first message's words",
                    )
                _button("Delete", f"delete-{entry.id}", None, _delete, entry.id)
        used = [f"{entry.updated:%Y-%m-%d %H:%M} UTC", f"{entry.message_count} messages"]
        if entry.daily_usage:
            tokens = sum(spend.usage.total_tokens for spend in entry.daily_usage)
            used += [f"{tokens:,} tokens", cost_text(entry.daily_usage)]
        st.caption(" · ".join(used))


def _button(name: str, key: str, icon: str | None, act: Callable[..., None], *args: object) -> None:
    st.button(name, key=key, icon=icon, type="tertiary", on_click=act, args=args)


def draw_undo() -> None:
    """What was deleted last, and the way back; and what went wrong."""
    if (problem := st.session_state.pop(_PROBLEM, None)) is not None:
        draw_error(problem, "The history could not be changed")
    if ids := st.session_state.get(_UNDO):
        with st.container(horizontal=True, vertical_alignment="center"):
            what = "One conversation was" if len(ids) == 1 else f"{len(ids):,} conversations were"
            st.caption(f"{what} deleted.", width="content")
            _button("Undo", "undo-delete", ":material/undo:", _restore, *ids)


def draw_delete_all() -> None:
    """Put everything into the bin, once it is confirmed."""
    with st.popover("Delete all", type="tertiary", icon=":material/delete_sweep:", key="delete-all"):
        st.markdown("All conversations go into the bin. They can be brought back from there.")
        st.button("Delete all of them", key="delete-all-now", type="primary", on_click=_delete_all)


def _caught(act: Callable[[], object]) -> None:
    try:
        act()
    except PaddockError as error:
        st.session_state[_PROBLEM] = error


def _pin(entry: ConversationEntry) -> None:
    _caught(lambda: registry().store.pin(current_owner(), entry.id, not entry.pinned))


def _rename(id: str) -> None:
    _caught(lambda: registry().store.rename(current_owner(), id, st.session_state[f"title-{id}"]))


def _delete(id: str) -> None:
    def act() -> None:
        registry().store.delete(current_owner(), id)
        registry().drop_chats(id)
        st.session_state[_UNDO] = (id,)

    _caught(act)


def _delete_all() -> None:
    def act() -> None:
        ids = registry().store.delete_all(current_owner())
        registry().drop_chats(*ids)
        st.session_state[_UNDO] = ids

    _caught(act)


def _restore(*ids: str) -> None:
    _caught(lambda: registry().store.restore(current_owner(), *ids))
    st.session_state.pop(_UNDO, None)


def draw_spend(spends: tuple[DailyUsage, ...]) -> None:
    """Spend by day as a chart, and by day, model and backend as a table."""
    if not spends:
        st.caption("Nothing has been used yet.")
        return
    known = models()
    days = sorted({one.day for one in spends})
    places = sorted({one.backend for one in spends})

    def amount(one: DailyUsage) -> Decimal | None:
        return cost_in_dollars(one.usage, known[one.model].price) if one.model in known else None

    totals = {
        place: [
            float(
                sum(
                    (amount(one) or Decimal(0) for one in spends if (one.day, one.backend) == (day, place)),
                    Decimal(0),
                )
            )
            for day in days
        ]
        for place in places
    }
    st.echarts_chart(
        {
            "tooltip": {"trigger": "axis"},
            "legend": {"bottom": 0},
            "grid": {"left": 70, "right": 10, "top": 20, "bottom": 60},
            "xAxis": {"type": "category", "data": [day.isoformat() for day in days]},
            "yAxis": {"type": "value", "name": "$"},
            "series": [
                {"name": place, "type": "bar", "stack": "dollars", "data": values}
                for place, values in totals.items()
            ],
        },
        height=280,
        alt="Dollars by day and backend; the table below has the same figures",
    )
    lines = ["| Day | Model | Where | Answers | In | Out | Cost |", "|---|---|---|--:|--:|--:|--:|"]
    for one in spends:
        about = "≈ " if one.usage.estimated else ""
        value = amount(one)
        shown = "—" if value is None else f"\\${value:f}" if one.billed else f"(\\${value:f})"
        lines.append(
            f"| {one.day} | `{one.model}` | {one.backend} | {one.answer_count:,} "
            f"| {about}{one.usage.prompt_tokens:,} | {about}{one.usage.completion_tokens:,} | {shown} |"
        )
    st.markdown("\n".join(lines))
    st.caption(
        "In brackets: what the twin's answers would have cost. Exact to the stored usage; days are UTC."
    )
