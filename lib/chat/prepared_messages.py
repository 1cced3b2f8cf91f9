"""Messages that were written beforehand, to be sent one by one in front of an audience."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lib.chat.conversation import Message

MAX_PREPARED_MESSAGES = 50
LINE_BREAK = "⏎"  # a line break inside a message, where each line is a message


def parse_prepared_messages(text: str) -> tuple[str, ...]:
    """Return the messages in a text that has one on each line. Empty lines are left out, and those over the limit."""
    messages = (line.strip().replace(LINE_BREAK, "\n") for line in text.splitlines())
    return tuple(message for message in messages if message.strip())[:MAX_PREPARED_MESSAGES]


def format_prepared_messages(messages: Iterable[str]) -> str:
    """Return the text that has each message on a line."""
    return "\n".join(LINE_BREAK.join(message.splitlines()) for message in messages)


def count_sent(prepared: Sequence[str], path: Iterable[Message]) -> int:
    """Return how many of the prepared messages are on a conversation's path already, in their order."""
    count = 0
    for message in path:
        if count < len(prepared) and message.role == "user" and message.content == prepared[count]:
            count += 1
    return count
