"""The input of a request that continues an answer."""

from __future__ import annotations

from dataclasses import replace

from lib.api.request import Messages, Prompt, Request, RequestInput, Turn
from lib.chat.conversation import Conversation, Message, first_prompt
from lib.errors import BadInput


def continued_input(conversation: Conversation, message: Message, request: Request) -> RequestInput:
    """Return the input of ``request`` with the answer so far as the beginning of the next. Raises BadInput."""
    if request.response_format is not None:
        raise BadInput(
            "A JSON answer cannot be continued: it must be complete.",
            advice="Raise Max tokens and regenerate it.",
        )
    match request.input:
        case Messages():
            return replace(request.input, turns=conversation.turns(message.id))
        case Prompt(text, raw=True):
            return replace(request.input, text=first_prompt(conversation, message, text) + message.content)
        case Prompt(text, lora=""):
            prompt = Turn("user", first_prompt(conversation, message, text))
            return Messages((prompt, Turn("assistant", message.content)))
    raise BadInput(
        "An answer with an adapter (LoRA) can be continued only without the template.",
        advice="Turn on No template and regenerate, or raise Max tokens and ask again.",
    )
