"""Messages to be sent one by one: their text, and which of them is next."""

from __future__ import annotations

from lib.chat.conversation import Message
from lib.chat.prepared_messages import (
    MAX_PREPARED_MESSAGES,
    count_sent,
    format_prepared_messages,
    parse_prepared_messages,
)


def test_each_line_is_a_message() -> None:
    assert parse_prepared_messages(" One \n\nTwo⏎lines\n⏎\n") == ("One", "Two\nlines")
    assert format_prepared_messages(("One", "Two\nlines")) == "One\nTwo⏎lines"
    assert len(parse_prepared_messages("word\n" * 1_000)) == MAX_PREPARED_MESSAGES


def test_those_on_the_path_count_in_their_order() -> None:
    path = [Message("user", text, None) for text in ("Hello", "B", "A", "B")]
    assert count_sent(("A", "B", "C"), path) == 2
    assert count_sent(("A", "A"), [*path, Message("assistant", "A", None)]) == 1
    assert count_sent((), path) == 0
