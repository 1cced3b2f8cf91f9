"""The ways in which the start of the twin or a generation fails."""

from __future__ import annotations


class CannotStartError(Exception):
    """The twin cannot run here. ``advice`` tells the user what to do."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.reason, self.advice = reason, advice


class EngineError(Exception):
    """A generation failed."""


class BadPromptError(EngineError):
    """The engine or the chat template does not accept these messages."""


class EngineBusyError(EngineError):
    """All slots are taken and the queue is full."""


class EngineCrashedError(EngineError):
    """The engine itself has failed: all its generations end, and its model is loaded again before the next one."""


class ModelNotLoadedError(EngineError):
    """The model of the request cannot be loaded into memory; the text says why."""


class PromptTooLongError(EngineError):
    """The prompt and ``max_tokens`` together do not fit the context. ``tokens`` is their sum."""

    def __init__(self, tokens: int) -> None:
        super().__init__(f"{tokens} tokens")
        self.tokens = tokens
