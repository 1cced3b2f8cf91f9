"""What lives as long as the process: the chats, the client and the twin's supervisor. Tabs come and go."""

from __future__ import annotations

import atexit
import gc
import threading
import time

import streamlit as st

from lib.chat import Chat
from lib.client import WorkersAI
from lib.conversation import Conversation
from lib.model import default
from lib.supervisor import Supervisor

# A run that no page has looked at for this long ends by itself. A reload, a page switch or a lost connection must
# never end one, so it is far longer than any of those; max_tokens bounds the run anyway.
ORPHAN_SECONDS = 15 * 60.0
MOST_EMPTY_CHATS = 1_000


class Registry:
    """The chats by id. Not in the session's state: that ends with a reload."""

    def __init__(self) -> None:
        self.client = WorkersAI()
        self.supervisor = Supervisor()
        self._chats: dict[str, Chat] = {}
        self._lock = threading.Lock()
        atexit.register(self.supervisor.close)
        threading.Thread(target=self._reap, name="paddock-orphans", daemon=True).start()

    def find(self, id: str | None) -> Chat | None:
        """The chat of that id, if it is still known."""
        return self._chats.get(id or "")

    def chat(self, id: str) -> Chat:
        """The chat of that id. Raises KeyError."""
        return self._chats[id]

    def new(self, like: Chat | None = None) -> Chat:
        """A new chat, with the system prompt and settings of another where one is given."""
        return self._add(Conversation(like.conversation.system if like else ""), like)

    def branch(self, chat: Chat, upto: str) -> Chat:
        """A new chat that begins as that one does down to that message, with its settings."""
        return self._add(chat.conversation.branch(upto), chat)

    def _add(self, conversation: Conversation, like: Chat | None) -> Chat:
        chat = Chat(self.client, default(), conversation)
        if like is not None:
            chat.settings = like.settings
        with self._lock:
            self._chats[chat.id] = chat
            empty = [old for old in self._chats.values() if not old.conversation.messages]
            for old in empty[:-MOST_EMPTY_CHATS]:
                del self._chats[old.id]
        return chat

    def _reap(self) -> None:
        while True:
            time.sleep(5)
            now = time.monotonic()
            with self._lock:
                chats = list(self._chats.values())
            for chat in chats:
                _, live = chat.view()
                if live is not None and now - live.run.last_seen > ORPHAN_SECONDS:
                    live.run.stop()


@st.cache_resource(show_spinner=False)
def registry() -> Registry:
    """The one of this process."""
    # Streamlit collects garbage after every run of a page; what lives for ever need not be looked at each time.
    gc.collect()
    gc.freeze()
    return Registry()
