"""The session of a conversation's requests, so that its beginning is read from the cache where that is cheaper.

A model that is priced for cached input keeps what it has read in one of its instances. The header x-session-affinity
leads the next request of the conversation to the same one:
developers.cloudflare.com/workers-ai/features/prompt-caching.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from lib.api.backend import Backend
from lib.model.model_record import Model


def with_session(backend: Backend, conversation_id: str, model: Model) -> Backend:
    """Return the backend that asks this model within the conversation's session, if cached input has a price."""
    if model.price.cached_input_per_million is None:
        return backend
    return replace(backend, session=session_id(conversation_id))


def session_id(conversation_id: str) -> str:
    """Return an ID that only the conversation's requests share. It tells nothing of the conversation or of its owner.

    A conversation's own ID is in its address, and one that was imported may be a name.
    """
    return hashlib.sha256(f"paddock session {conversation_id}".encode()).hexdigest()[:32]
