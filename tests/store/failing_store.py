"""A store whose database is made to fail, and what must hold while it fails and after it has recovered."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lib.chat.conversation import Conversation
from lib.errors import StorageFailed
from lib.store.store import Store
from tests.store.conversation_trees import SETTINGS, as_plain_values, make_conversation


class FailingStore:
    """A store on a file in which one conversation, ``before``, is saved."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "data" / "paddock.sqlite3"
        self.store = Store(f"sqlite:///{self.file}")
        self.before = make_conversation("before")
        self.after = make_conversation("after " * 20_000, conversation=self.before)
        self.store.conversations.save("ann", self.before, SETTINGS)

    def expect_failure(self, words: str) -> None:
        """Save twice: both times it fails with these words, and asks to be tried again."""
        for _ in range(2):
            with pytest.raises(StorageFailed, match=words) as caught:
                self.store.conversations.save("ann", self.after, SETTINGS)
            assert caught.value.retryable
            assert "kept in memory" in caught.value.advice

    def expect_stored(self, conversation: Conversation) -> None:
        """Expect exactly this to be in the database."""
        saved = self.store.conversations.load("ann", conversation.id)
        assert saved is not None
        assert as_plain_values(saved.conversation) == as_plain_values(conversation)

    def expect_recovery(self) -> None:
        """Save again: everything is written, and the file is sound."""
        self.store.conversations.save("ann", self.after, SETTINGS)
        self.expect_stored(self.after)
        self.store.close()
        with closing(sqlite3.connect(self.file)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
