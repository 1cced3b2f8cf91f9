"""Exchange: what really went over the wire for an answer: request, reply as it was received, headers, times, code."""

from __future__ import annotations

import streamlit as st

from lib.api import wire
from lib.api.trace import Exchange
from lib.chat.answer import Answer
from lib.chat.conversation import Message
from lib.ui.chat import next_send
from lib.ui.chat.chat_tab import ChatTab
from lib.ui.widgets import raw_text

_HEIGHT = 320
_MOST_SHOWN = 300_000  # characters of a raw reply on the page; the file has all of it
REQUEST, REPLY, HEADERS, TIMES, CODE = "Request", "Raw reply", "Headers", "Times", "Code"


def draw_request_and_reply(tab: ChatTab, message: Message) -> None:
    """The exchanges of the runs that made a message, one of them at a time."""
    number = 0
    if len(message.answers) > 1:
        parts = range(len(message.answers))
        number = st.segmented_control(
            "Part",
            parts,
            format_func=lambda at: f"Part {at + 1}",
            key=f"exchange-part-{message.id}",
            required=True,
            default=len(message.answers) - 1,
        )
    answer = message.answers[number or 0]
    view = st.segmented_control(
        "View",
        (REQUEST, REPLY, HEADERS, TIMES, CODE),
        key=f"exchange-view-{message.id}",
        required=True,
        default=REQUEST,
        label_visibility="collapsed",
    )
    match view:
        case "Request":
            raw_text.draw_json(wire.encode_request(answer.request), _HEIGHT)
        case "Code":
            next_send.draw_code(tab, answer.request, f"exchange-{message.id}")
        case _:
            _draw_wire(tab, answer, str(view))


def _draw_wire(tab: ChatTab, answer: Answer, view: str) -> None:
    trace = tab.trace(answer)
    if trace is None:
        st.caption(
            "What went over the wire for this answer was not kept: it came with a file, was cut off by the end of "
            "its server, or is older than this view."
        )
        return
    exchanges = trace.exchanges()
    for number, one in enumerate(exchanges, 1):
        if len(exchanges) > 1:
            st.markdown(f"**Try {number}**")
        if view == REPLY:
            _draw_reply(one, f"{answer.id}-{number}")
        elif view == HEADERS:
            _draw_headers(one)
        else:
            _draw_times(one)


def _draw_reply(one: Exchange, key: str) -> None:
    if not one.events:
        st.caption(f"HTTP {one.status}, and nothing after it." if one.status else "No response came.")
        return
    streamed = any(
        value.startswith("text/event-stream")
        for name, value in one.response_headers
        if name == "content-type"
    )
    text = "\n".join(f"data: {event.data}\n" if streamed else event.data for event in one.events)
    st.caption(f"HTTP {one.status} · {len(one.events):,} {'events' if streamed else 'body'} as received")
    raw_text.draw_text(text[:_MOST_SHOWN], None, _HEIGHT)
    st.download_button(
        "Download",
        text.encode("utf-8", "replace"),
        f"reply-{key}.txt",
        "text/plain",
        key=f"reply-{key}",
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
    )


def _draw_headers(one: Exchange) -> None:
    sent = "\n".join(f"{name}: {value}" for name, value in one.request_headers)
    st.caption("Sent, secrets masked")
    raw_text.draw_text(f"{one.request_line}\n{sent}", None)
    if one.status:
        came = "\n".join(f"{name}: {value}" for name, value in one.response_headers)
        st.caption("Received")
        raw_text.draw_text(f"HTTP {one.status}\n{came}", None)


def _draw_times(one: Exchange) -> None:
    """When each event came, as a picture and as text: a pause is a step."""
    if not one.status:
        st.caption("No response came.")
        return
    st.caption(f"The response began after {one.seconds:.3f} s. Seconds since the request was sent:")
    if len(one.events) > 1:
        st.echarts_chart(
            {
                "tooltip": {"trigger": "axis"},
                "grid": {"left": 50, "right": 20, "top": 20, "bottom": 40},
                "xAxis": {
                    "type": "value",
                    "scale": True,
                    "name": "s",
                    "nameLocation": "middle",
                    "nameGap": 24,
                },
                "yAxis": {"type": "value", "name": "events"},
                "series": [
                    {
                        "type": "line",
                        "showSymbol": False,
                        "data": [[event.seconds, number] for number, event in enumerate(one.events, 1)],
                    }
                ],
            },
            height=200,
            alt="Events received over time; the text below has the same figures",
        )
    lines, before = [], 0.0
    for event in one.events:
        lines.append(f"{event.seconds:9.4f}  +{event.seconds - before:7.4f}  {event.data[:160]}")
        before = event.seconds
    raw_text.draw_text("\n".join(lines)[:_MOST_SHOWN], None, _HEIGHT)
