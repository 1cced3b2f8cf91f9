"""The text of a running answer, for the browser tab that reads it over a connection of its own.

What the script sends reaches the browser through Streamlit, which draws the page for each message. A feed goes from
the answer's thread to the code that draws the text (``lib/ui/widgets/browser_code/model_text.mjs``).
``lib.ui.shell.text_feed_endpoint`` serves it. While nobody reads the feed, the script sends the text.
"""

from __future__ import annotations

import secrets
import time
from weakref import WeakValueDictionary

import streamlit as st

from lib.chat.answer_run import AnswerRun
from lib.ui.shell.visitor_cookie import OWNER_HEADER

_NAME_BYTES = 24
_KEPT = "text-feeds"  # in the session's state: the session's feeds by the id of their answer
# Seconds. The browser confirms what it has received every 0.3 s. If it is silent for longer, its connection may be
# broken although neither side has noticed.
_PATIENCE = 2.0


class FeedReader:
    """A browser's connection to a feed. Counts in UTF-16 units, as the browser does; it has confirmed none yet."""

    def __init__(self) -> None:
        self._sent = 0
        self._has_confirmed = False
        self._unconfirmed_since: float | None = None

    @property
    def is_up_to_date(self) -> bool:
        """True if the browser shows all but the newest text."""
        since = self._unconfirmed_since
        return self._has_confirmed and (since is None or time.monotonic() - since < _PATIENCE)

    def note_sent(self, text: str) -> None:
        self._sent += len(text.encode("utf-16-le")) // 2
        if self._unconfirmed_since is None:
            self._unconfirmed_since = time.monotonic()

    def note_confirmed(self, count: int) -> None:
        """Note that the browser has received that much in all."""
        self._has_confirmed = True
        self._unconfirmed_since = None if count >= self._sent else time.monotonic()


class TextFeed:
    """The text of one run, after ``text_before``, for one session. Its name is a secret that only its page knows.

    ``owner`` is the visitor that the front door took the page's request for. The reader's must be the same.
    """

    def __init__(self, run: AnswerRun, text_before: str, owner: str | None) -> None:
        self.name = secrets.token_urlsafe(_NAME_BYTES)
        self.run = run
        self.text_before = text_before
        self.owner = owner
        self.readers: set[FeedReader] = set()

    @property
    def is_read(self) -> bool:
        """True if the script need not send the text."""
        return any(reader.is_up_to_date for reader in tuple(self.readers))


# The feeds of all sessions by name. They go with their sessions.
_feeds: WeakValueDictionary[str, TextFeed] = WeakValueDictionary()


def find_feed(name: str) -> TextFeed | None:
    return _feeds.get(name)


def open_feed(run: AnswerRun, text_before: str) -> TextFeed:
    """Return the session's feed of a run: the same for each drawing of the page, so that its reader stays."""
    kept: dict[str, TextFeed] = st.session_state.setdefault(_KEPT, {})
    for id in [id for id, feed in kept.items() if not feed.run.is_running]:
        del kept[id]
    feed = kept.get(run.answer_id)
    if feed is None:
        feed = kept[run.answer_id] = TextFeed(run, text_before, st.context.headers.get(OWNER_HEADER))
        _feeds[feed.name] = feed
    return feed
