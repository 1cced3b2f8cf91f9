"""The views of the History page."""

from enum import StrEnum


class HistoryView(StrEnum):
    """The views, with their labels."""

    CONVERSATIONS = "Conversations"
    BIN = "Bin"
    SPEND = "Spend"
