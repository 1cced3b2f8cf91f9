"""The exchange behind an answer: the request, the raw reply, headers, times, and the request as code."""

from __future__ import annotations

from enum import StrEnum

import streamlit as st

from lib.api import wire
from lib.api.trace import Exchange, GatewayReply
from lib.chat.answer import Answer
from lib.chat.conversation import Message
from lib.jsonkit.surrogates import encode_utf8
from lib.ui.chat import next_send
from lib.ui.chat.chat_tab import ChatTab
from lib.ui.widgets import raw_text
from lib.ui.widgets.safe_markdown import escape_markdown

_HEIGHT = 320
# Characters of a raw reply on the page; the downloaded file has all of them.
_MAX_SHOWN_CHARS = 300_000


class ExchangeView(StrEnum):
    """The views of an exchange, with their labels."""

    REQUEST = "Request"
    REPLY = "Reply as received"
    HEADERS = "Headers"
    TIMES = "Times"
    CODE = "Code"


def draw_request_and_reply(tab: ChatTab, message: Message) -> None:
    """Draw the exchanges of one of the runs that produced a message."""
    number = 0
    if len(message.answers) > 1:
        parts = range(len(message.answers))
        number = st.segmented_control(
            "Part",
            parts,
            format_func=lambda part: f"Part {part + 1}",
            key=f"exchange-part-{message.id}",
            required=True,
            default=len(message.answers) - 1,
        )
    answer = message.answers[number or 0]
    view = st.segmented_control(
        "View",
        tuple(ExchangeView),
        key=f"exchange-view-{message.id}",
        required=True,
        default=ExchangeView.REQUEST,
        label_visibility="collapsed",
    )
    match view:
        case ExchangeView.REQUEST:
            raw_text.draw_json(wire.encode_request(answer.request), _HEIGHT)
        case ExchangeView.CODE:
            draw_answer_code(tab, answer, f"exchange-{message.id}")
        case _:
            _draw_trace(tab, answer, view)


def draw_answer_code(tab: ChatTab, answer: Answer, key: str) -> None:
    """Draw the request of an answer as a program, whatever the settings are now."""
    st.caption("The program of this answer: its request, exactly as it was sent.")
    next_send.draw_code(tab, answer.request, key)


def _draw_trace(tab: ChatTab, answer: Answer, view: ExchangeView) -> None:
    trace = tab.trace(answer)
    if trace is None:
        st.caption(
            "There is no record of how this answer was received: it was imported from a file, was interrupted when "
            "Paddock closed, or is from an older Paddock."
        )
        return
    exchanges = trace.exchanges()
    for number, exchange in enumerate(exchanges, 1):
        if len(exchanges) > 1:
            st.markdown(f"**Attempt {number}**")
        if exchange.gateway_reply is not None:
            _draw_gateway_reply(exchange.gateway_reply)
        match view:
            case ExchangeView.REPLY:
                _draw_reply(exchange, f"{answer.id}-{number}")
            case ExchangeView.HEADERS:
                _draw_headers(exchange)
            case _:
                _draw_times(exchange)


def _draw_gateway_reply(reply: GatewayReply) -> None:
    parts = []
    if reply.cache_status:
        source = "from its cache" if reply.is_from_cache else "not from its cache"
        parts.append(f"{source} ({escape_markdown(reply.cache_status)})")
    if reply.log_id:
        parts.append(f"log ID {escape_markdown(reply.log_id)}")
    st.caption(f":material/router: AI Gateway: {' · '.join(parts)}")


def _draw_reply(exchange: Exchange, key: str) -> None:
    status = exchange.status
    if not exchange.events:
        st.caption(f"HTTP {status}, with no content." if status else "The server did not reply.")
        return
    content_type = dict(exchange.response_headers).get("content-type", "")
    is_streamed = content_type.startswith("text/event-stream")
    text = "\n".join(f"data: {event.data}\n" if is_streamed else event.data for event in exchange.events)
    unit = "events" if is_streamed else "body"
    st.caption(f"HTTP {status} · {len(exchange.events):,} {unit} as received")
    raw_text.draw_text(text[:_MAX_SHOWN_CHARS], None, _HEIGHT)
    st.download_button(
        "Download",
        encode_utf8(text),
        f"reply-{key}.txt",
        "text/plain",
        key=f"reply-{key}",
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
    )


def _draw_headers(exchange: Exchange) -> None:
    sent = "\n".join(f"{name}: {value}" for name, value in exchange.request_headers)
    st.caption("Sent (secrets are hidden)")
    raw_text.draw_text(f"{exchange.request_line}\n{sent}", None)
    if exchange.status:
        received = "\n".join(f"{name}: {value}" for name, value in exchange.response_headers)
        st.caption("Received")
        raw_text.draw_text(f"HTTP {exchange.status}\n{received}", None)


def _draw_times(exchange: Exchange) -> None:
    """Draw the time of each event as a chart, in which a pause is a step, and as text."""
    if not exchange.status:
        st.caption("The server did not reply.")
        return
    st.caption(f"The response began after {exchange.seconds:.3f} s. Seconds since the request was sent:")
    if len(exchange.events) > 1:
        st.echarts_chart(
            {
                "animation": False,
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
                        "data": [[event.seconds, number] for number, event in enumerate(exchange.events, 1)],
                    }
                ],
            },
            height=200,
            alt="Events received over time; the text below has the same figures",
        )
    lines, previous = [], 0.0
    for event in exchange.events:
        lines.append(f"{event.seconds:9.4f}  +{event.seconds - previous:7.4f}  {event.data[:160]}")
        previous = event.seconds
    raw_text.draw_text("\n".join(lines)[:_MAX_SHOWN_CHARS], None, _HEIGHT)
