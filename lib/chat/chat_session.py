"""Chat: one conversation that people are having, its settings, and the run that is answering it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from lib.api.backend import Backend
from lib.api.client import WorkersAI
from lib.api.request import Messages, Prompt, Request, RequestInput, Turn, build_input, build_request
from lib.chat.answer import Answer
from lib.chat.answer_run import AnswerRun
from lib.chat.conversation import Conversation, Message, reword
from lib.errors import BadInput, PaddockError
from lib.model.model_record import Model, Number
from lib.model.settings import Settings


@dataclass(frozen=True)
class LiveRun:
    """A run, the message that it writes, the text that stood there when it began, and its number in the chat."""

    message_id: str
    run: AnswerRun
    text_before: str
    number: int


def _nothing(_: Answer) -> None:
    """Nobody waits for the end."""


class ChatSession:
    """Holds the values of one conversation for every browser tab that looks at it. Safe from any thread."""

    def __init__(self, client: WorkersAI, model: Model, conversation: Conversation) -> None:
        self.model = model
        self.conversation = conversation
        self.settings = Settings.defaults(model)
        self.on_idle: Callable[[Answer], None] = _nothing  # called in a run's thread, once the next may begin
        self._client = client
        self._live: LiveRun | None = None
        self._runs = 0
        self._lock = threading.RLock()

    @property
    def id(self) -> str:
        """The conversation's id, as it stands in the page's address."""
        return self.conversation.id

    def snapshot(self) -> tuple[Conversation, LiveRun | None]:
        """The conversation and the run that is answering in it, as they are at one moment."""
        with self._lock:
            return self.conversation, self._live

    def set_system(self, system: str) -> None:
        """Change the system prompt, from the next send on."""
        with self._lock:
            self.conversation = replace(self.conversation, system=system)

    def open_message(self, message: str) -> None:
        """Show the path through that message."""
        with self._lock:
            self._require_idle()
            self.conversation = self.conversation.open_message(message)

    def send(self, text: str, backend: Backend) -> None:
        """Say something. Raises BadInput, with nothing changed, where it cannot be sent."""
        with self._lock:
            self._require_idle()
            if not text.strip():
                raise BadInput("There is nothing to send.", advice="Write a message.")
            asked = self.conversation.append(Message("user", text, self.conversation.head))
            self._answer(asked, asked.head, backend)

    def regenerate(self, message: Message, backend: Backend) -> None:
        """Ask for another answer in the place of that one, which stays as a variant."""
        with self._lock:
            self._require_idle()
            self._answer(self.conversation, message.parent, backend)

    def resend(self, message: Message, request: Request, backend: Backend) -> None:
        """Send a past request exactly as it was, whatever the settings are now; its answer is another variant."""
        with self._lock:
            self._require_idle()
            self._ask(self.conversation, message.parent, backend, request)

    def send_tool_results(self, message: Message, results: tuple[str, ...], backend: Backend) -> None:
        """Give the tools' results for that message's calls, one each, and have the model go on from them."""
        with self._lock:
            self._require_idle()
            message = self.conversation.message(message.id)
            conversation = replace(self.conversation, head=message.id)
            for call, result in zip(message.calls, results, strict=True):
                turn = Message("tool", result, conversation.head, call_id=call.id, name=call.name)
                conversation = conversation.append(turn)
            self._answer(conversation, conversation.head, backend)

    def continue_answer(self, message: Message, backend: Backend, limit: int | None = None) -> None:
        """Let that answer go on where it ended; the text stays one message. ``limit``: another max_tokens for it."""
        with self._lock:
            self._require_idle()
            message = self.conversation.message(message.id)  # the caller's may be older
            parameters = dict(
                message.answers[-1].request.parameters if message.answers else self.settings.sent_values()
            )
            if limit is not None:
                parameters[self.model.output_limit.name] = limit
            self._start(message, message.content, backend, self._build_continuation(message, parameters))

    def edit(self, message: str, content: str) -> None:
        """Give that message another text; the old one stays as a variant, and what follows stays."""
        with self._lock:
            self._require_idle()
            self.conversation = self.conversation.edit(message, content)

    def edit_and_send(self, message: str, content: str, backend: Backend) -> None:
        """Say something else in that place, and have it answered; the old branch stays as a variant."""
        with self._lock:
            self._require_idle()
            old = self.conversation.message(message)
            asked = self.conversation.append(reword(old, content))
            self._answer(asked, asked.head, backend)

    def rewrite_and_continue(self, message: str, content: str, backend: Backend) -> None:
        """Put other words into the model's mouth and let it go on from there; the old answer stays as a variant."""
        with self._lock:
            self._require_idle()
            old = self.conversation.message(message)
            before, self.conversation = (
                self.conversation,
                self.conversation.append(Message(old.role, content, old.parent)),
            )
            try:
                self.continue_answer(self.conversation.message(self.conversation.head or ""), backend)
            except PaddockError:
                self.conversation = before
                raise

    def delete(self, message: str) -> Conversation:
        """Take one message out; what followed it stays. Gives the conversation as it was, for restore()."""
        with self._lock:
            self._require_idle()
            before, self.conversation = self.conversation, self.conversation.delete(message)
            return before

    def restore(self, before: Conversation, expected: Conversation) -> bool:
        """Undo: put the conversation back, unless something else was changed since. False then."""
        with self._lock:
            self._require_idle()
            if self.conversation != expected:
                return False
            self.conversation = before
            return True

    def insert(self, after: str | None, role: str, content: str) -> None:
        """Put a message in after that one."""
        with self._lock:
            self._require_idle()
            self.conversation = self.conversation.insert(after, role, content)

    def stop(self) -> None:
        """End the run, if there is one; what came is kept."""
        if live := self._live:
            live.run.stop()

    def _require_idle(self) -> None:
        if self._live is not None:
            raise BadInput(
                "An answer is still coming.",
                advice="Wait for its end, or stop it first (Escape). Your text is kept.",
            )

    def build_request(self, text: str | None = None) -> Request:
        """What a send of that text would ask for now, None: an answer under the open path as it stands.

        The one that send() sends. Raises BadInput where it cannot be sent.
        """
        conversation, _ = self.snapshot()
        if text is not None:
            conversation = conversation.append(Message("user", text, conversation.head))
        return self._request(conversation, conversation.head)

    def _request(self, conversation: Conversation, parent: str | None) -> Request:
        settings = self.settings
        features = settings.features
        return build_request(
            self.model,
            build_input(features, conversation.turns(parent)),
            settings.sent_values(),
            stream=features.stream,
            response_format=features.response_format,
        )

    def _build_continuation(self, message: Message, parameters: Mapping[str, Number]) -> Request:
        """The request that lets an answer go on: the one that it came from, with what came of it as its beginning."""
        asked = (
            message.answers[-1].request
            if message.answers
            else self._request(self.conversation, message.parent)
        )
        if asked.response_format is not None:
            raise BadInput(
                "An answer in JSON mode cannot go on where it ended: it must be whole.",
                advice="Raise max_tokens and regenerate it.",
            )
        match asked.input:
            case Messages():
                input: RequestInput = replace(asked.input, turns=self.conversation.turns(message.id))
            case Prompt(text, raw=True):
                input = replace(asked.input, text=self._prompt(message, text) + message.content)
            case Prompt(text, lora=""):
                said = (Turn("user", self._prompt(message, text)), Turn("assistant", message.content))
                input = Messages(said)
            case _:
                raise BadInput(
                    "The answer of a LoRA adapter can go on only where the prompt was raw.",
                    advice="Switch Raw on and regenerate, or raise max_tokens and ask again.",
                )
        return build_request(self.model, input, parameters, stream=self.settings.features.stream)

    def _prompt(self, message: Message, asked: str) -> str:
        """The prompt that stands before the answer; an answer that went on was asked with its own beginning in it."""
        return asked if message.parent is None else self.conversation.message(message.parent).content

    def _answer(self, conversation: Conversation, parent: str | None, backend: Backend) -> None:
        self._ask(conversation, parent, backend, self._request(conversation, parent))

    def _ask(
        self, conversation: Conversation, parent: str | None, backend: Backend, request: Request
    ) -> None:
        message = Message("assistant", "", parent)
        before, self.conversation = self.conversation, conversation.append(message)
        try:
            self._start(message, "", backend, request)
        except PaddockError:
            self.conversation = before
            raise

    def _start(self, message: Message, before: str, backend: Backend, request: Request) -> None:
        def ended(answer: Answer) -> None:
            with self._lock:
                self._live = None
                now = self.conversation.message(message.id)
                self.conversation = self.conversation.replace_message(
                    replace(
                        now, content=before + answer.text, answers=(*now.answers, answer), calls=answer.calls
                    )
                )
            self.on_idle(answer)

        run = AnswerRun(self._client, backend, self.model, request, ended)
        self._runs += 1
        self._live = LiveRun(message.id, run, before, self._runs)
        try:
            run.start()
        except RuntimeError:  # Python's word for: no more threads
            self._live = None
            raise PaddockError(
                "This machine has no room for another run.", advice="Stop other runs, then retry."
            ) from None
