"""How a generation fails, whoever notices it."""

from __future__ import annotations


class EngineError(Exception):
    """A generation failed."""


class BadPromptError(EngineError):
    """The engine or the chat template does not take these messages."""
