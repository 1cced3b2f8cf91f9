"""Join the messages that a chat template would refuse: system prompts, and several messages of one role in a row.

Templates such as Gemma's raise an error for them. Nothing of the text is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Role and content of each message.
Turns = tuple[tuple[str, str], ...]
JOINED_NOTE = (
    "This model's chat format takes no system prompt, or no two messages of one role in a row. So some messages were "
    "joined."
)


@dataclass(frozen=True)
class TemplateRules:
    """The messages that a chat template takes: a system prompt, and one role twice in a row."""

    takes_system: bool = True
    takes_repeats: bool = True

    def fit(self, turns: Sequence[tuple[str, str]]) -> Turns:
        """Return the messages as the template takes them."""
        fitted = tuple(turns)
        if not self.takes_system and any(role == "system" for role, _ in fitted):
            # The user's message that follows takes up the system prompt.
            fitted = _join_repeats(
                [("user" if role == "system" else role, content) for role, content in fitted]
            )
        return fitted if self.takes_repeats else _join_repeats(fitted)


def _join_repeats(turns: Sequence[tuple[str, str]]) -> Turns:
    joined: list[tuple[str, str]] = []
    for role, content in turns:
        if joined and joined[-1][0] == role:
            content = "\n\n".join(text for text in (joined.pop()[1], content) if text)
        joined.append((role, content))
    return tuple(joined)
