"""How a generation fails, whoever notices it."""

from __future__ import annotations


class EngineError(Exception):
    """A generation failed."""


class BadPromptError(EngineError):
    """The engine or the chat template does not take these messages."""


class EngineBusyError(EngineError):
    """Every slot is taken and the queue is full."""


class PromptTooLongError(EngineError):
    """Prompt and ``max_tokens`` together do not fit the context."""

    def __init__(self, tokens: int) -> None:
        super().__init__(f"{tokens} tokens")
        self.tokens = tokens
