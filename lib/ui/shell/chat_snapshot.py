"""An open chat at one moment, as it is saved."""

from __future__ import annotations

from lib.chat.chat_session import ChatSession
from lib.chat.snapshot import Snapshot, UnfinishedAnswer


def snapshot_chat(owner: str, chat: ChatSession) -> Snapshot:
    """Return the chat's conversation and settings, with the answer that is still coming."""
    conversation, live = chat.snapshot()
    if live is None:
        return Snapshot(owner, conversation, chat.settings, ())
    run, backend = live.run, live.run.backend
    unfinished = UnfinishedAnswer(
        live.message_id,
        run.request,
        backend.name,
        backend.billed,
        run.text,
        run.seconds,
        run.first_token,
        run.answer_id,
    )
    return Snapshot(owner, conversation, chat.settings, (unfinished,))
