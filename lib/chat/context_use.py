"""Count the tokens of the context window that a conversation takes."""

from __future__ import annotations

from lib.chat.conversation import Conversation
from lib.model.pricing import estimate_tokens

_TOKENS_AROUND_MESSAGE = 4  # that the chat template adds, about


def count_context_tokens(conversation: Conversation) -> tuple[int, bool]:
    """Return the tokens of the open path, and True if that is an estimate.

    The usage of the last answer counts exactly; what came after it is estimated.
    """
    tokens, estimated = 0, False
    after: list[str] = []
    for message in reversed(conversation.path()):
        if message.answers and (usage := message.answers[-1].usage) is not None:
            tokens, estimated = usage.total_tokens, usage.estimated
            break
        after.append(message.content)
    else:
        after.append(conversation.system)
    rest = sum(estimate_tokens(text) + _TOKENS_AROUND_MESSAGE for text in after if text)
    return tokens + rest, estimated or rest > 0
