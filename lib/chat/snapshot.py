"""A conversation at one moment, with the answers that are still coming."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace

from lib.api.request import Request
from lib.chat.answer import Answer, Ending, Timings
from lib.chat.conversation import Conversation
from lib.chat.setup_merge import Setup
from lib.errors import CutOff
from lib.model.pricing import estimate_tokens
from lib.model.settings import Settings
from lib.model.usage import Usage


@dataclass(frozen=True)
class UnfinishedAnswer:
    """An answer that is still coming, with its text so far.

    ``seconds`` is the time since the request was sent, ``first_token`` the time until the first text, or None. ``id``
    will be the answer's.
    """

    message_id: str
    request: Request
    backend: str
    billed: bool
    text: str
    seconds: float
    first_token: float | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def to_cut_off_answer(self) -> Answer:
        """Return the answer as it is if nothing more comes: cut off, with estimated usage."""
        usage = Usage(self.request.estimated_prompt_tokens(), estimate_tokens(self.text), estimated=True)
        return Answer(
            self.text,
            self.request,
            self.backend,
            self.billed,
            usage if self.text else None,
            Timings(self.first_token, self.seconds),
            Ending.CUT_OFF,
            cut_off_error(),
            id=self.id,
        )


def cut_off_error() -> CutOff:
    """Return the error of an answer that was running when its server ended."""
    return CutOff(
        "Paddock was closed during this answer.",
        advice="Continue to get the rest.",
        retryable=True,
    )


@dataclass(frozen=True)
class Snapshot:
    """A conversation at one moment, with everything that is saved of it."""

    owner: str
    conversation: Conversation
    settings: Settings
    unfinished: tuple[UnfinishedAnswer, ...] = ()

    @property
    def setup(self) -> Setup:
        return Setup(self.conversation.system, self.settings)

    def with_cut_off_answers(self) -> Conversation:
        """Return the conversation as it is if nothing more comes."""
        conversation = self.conversation
        for unfinished in self.unfinished:
            message, answer = conversation.message(unfinished.message_id), unfinished.to_cut_off_answer()
            content = message.content + answer.text
            conversation = conversation.replace_message(
                replace(message, content=content, answers=(*message.answers, answer))
            )
        return conversation
