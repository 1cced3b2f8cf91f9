"""Find out if anything in this process still sends requests to a backend."""

from __future__ import annotations

from lib.api.backend import Backend
from lib.chat.chat_session import ChatSession
from lib.compare.comparison_session import ComparisonSession
from lib.runner.experiment_run import ExperimentRun
from lib.ui.shell.owned_cache import OwnedCache


def is_in_use(
    backend: Backend,
    chats: OwnedCache[ChatSession],
    comparisons: OwnedCache[ComparisonSession],
    runs: OwnedCache[ExperimentRun],
) -> bool:
    """Return True if an answer, a comparison or an experiment may still send requests to the backend."""
    return (
        any(_is_asked(chat, backend) for _, chat in chats.entries())
        # Its next repetitions go where the first went.
        or any(session.is_busy for _, session in comparisons.entries())
        or any(run.is_working and run.backend == backend.name for _, run in runs.entries())
    )


def _is_asked(chat: ChatSession, backend: Backend) -> bool:
    _, live = chat.snapshot()
    return live is not None and live.run.backend == backend
