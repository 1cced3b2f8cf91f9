"""An open chat: its conversation, its settings, and the run that writes the next answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from lib.api.backend import Backend
from lib.api.client import WorkersAI
from lib.api.request import Request, build_input, build_request, require_known
from lib.chat.answer import Answer
from lib.chat.answer_run import AnswerRun
from lib.chat.continued_input import continued_input
from lib.chat.conversation import Conversation, Message, count_context_tokens, reword
from lib.chat.conversation_merge import merge_conversations, newest_change
from lib.chat.session_affinity import with_session
from lib.chat.setup_merge import Setup, merge_setups
from lib.chat.snapshot import Snapshot
from lib.errors import BadInput, HeldElsewhere, PaddockError
from lib.model.known_models import ModelLookup, find_record, known_or_unknown
from lib.model.model_change import SettingChange, move_to_model
from lib.model.model_record import Model
from lib.model.settings import Settings, fit_to_model


@dataclass(frozen=True)
class LiveRun:
    """A run and the message that it writes. ``number`` counts the chat's runs."""

    message_id: str
    run: AnswerRun
    text_before: str
    number: int


class ChatSession:
    """Holds one conversation for every browser tab that shows it. Safe from any thread.

    Conversation and settings are immutable values: reading one gives a consistent state, and every change replaces
    it under a lock. ``on_run`` is called when a run has begun and when it has ended. ``on_idle`` is called in the
    thread of a run that has ended, when the next may begin.

    ``is_answered_elsewhere``: another server writes an answer in it, so that it can be read, but not changed here.
    ``prepared_messages`` are to be sent one by one in front of an audience; presets and share links keep them.

    ``find_model`` looks up the models that settings and past requests name. One that is not listed is kept: it cannot
    be asked, and nothing is sent to another one instead.
    """

    def __init__(
        self,
        client: WorkersAI,
        model: Model,
        conversation: Conversation,
        *,
        is_answered_elsewhere: bool = False,
        find_model: ModelLookup = find_record,
    ) -> None:
        self._model = model
        self._find_model = find_model
        self.is_answered_elsewhere = is_answered_elsewhere
        self.on_run: Callable[[], None] = lambda: None
        self.prepared_messages: tuple[str, ...] = ()
        self.on_idle: Callable[[Answer], None] = lambda answer: None
        # The newest message that another server added or changed, until the user has dismissed the notice of it.
        self.changed_elsewhere: str | None = None
        # The system prompt and settings that were replaced when another server changed them too, likewise.
        self.other_setup: Setup | None = None
        self._conversation = conversation
        self._settings = Settings.defaults(model)
        self._client = client
        self._live: LiveRun | None = None
        self._runs = 0
        self._lock = threading.RLock()

    def with_conversation(self, conversation: Conversation) -> ChatSession:
        """Return another chat with that conversation, and with the model and settings of this one."""
        with self._lock:
            chat = ChatSession(self._client, self._model, conversation, find_model=self._find_model)
            chat.settings = self._settings
            return chat

    @property
    def id(self) -> str:
        """The conversation's id, which is in the page's address."""
        return self._conversation.id

    @property
    def conversation(self) -> Conversation:
        return self._conversation

    @property
    def model(self) -> Model:
        """The model of the next send, which the settings name; a stand-in if it is not listed here."""
        return self._model

    @property
    def settings(self) -> Settings:
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        with self._lock:
            self._take_settings(settings)

    def load_settings(self, settings: Settings) -> None:
        """Take over settings that were saved, as their model takes them today."""
        with self._lock:
            self._take_settings(settings)
            if self._model.is_known:
                self._settings = fit_to_model(settings, self._model)

    def change_settings(self, change: Callable[[Settings], Settings]) -> None:
        """Replace the settings by what ``change`` makes of them; no change of another thread is lost."""
        with self._lock:
            self._take_settings(change(self._settings))

    def _take_settings(self, settings: Settings) -> None:
        """Take over settings. Those of another model become settings for that model."""
        if settings.model != self._model.id:
            self._model = self.model_of(settings)
            if self._model.is_known:
                settings = fit_to_model(settings, self._model)
        self._settings = settings

    def model_of(self, named: Settings | Request) -> Model:
        """Return the model that settings or a request name, a stand-in if it is not listed here."""
        if named.model == self._model.id and self._model.is_known:
            return self._model
        return known_or_unknown(self._find_model, named.model)

    def use_model(self, model: Model) -> tuple[SettingChange, ...]:
        """Ask this model from the next send on; the settings follow. Return what it does not take as it was.

        An answer that is still coming is not touched. If the model was named already, but not listed until now, only
        its settings are completed.
        """
        with self._lock:
            changes: tuple[SettingChange, ...] = ()
            settings = self._settings
            if model.id == settings.model:
                settings = fit_to_model(settings, model)
            else:
                settings, changes = move_to_model(settings, self._model, model)
            self._model, self._settings = model, settings
            return changes

    def snapshot(self) -> tuple[Conversation, LiveRun | None]:
        """Return the conversation and its current run, both from the same moment."""
        with self._lock:
            return self._conversation, self._live

    def set_system(self, system: str) -> None:
        """Change the system prompt, from the next send on."""
        with self._lock:
            self._conversation = replace(self._conversation, system=system)

    def open_message(self, message: str) -> None:
        """Show the path through that message."""
        with self._idle():
            self._conversation = self._conversation.open_message(message)

    def send(self, text: str, backend: Backend) -> None:
        """Add a message of the user and ask for its answer. Raises a PaddockError, and changes nothing then."""
        with self._idle():
            if not text.strip():
                raise BadInput("There is nothing to send.", advice="Write a message.")
            conversation = self._conversation
            self._ask(conversation.append(Message("user", text, conversation.head)), backend)

    def regenerate(self, message: Message, backend: Backend) -> None:
        """Ask for another answer in that place; the old one stays as a variant."""
        with self._idle():
            self._ask(replace(self._conversation, head=message.parent), backend)

    def resend(self, message: Message, request: Request, backend: Backend) -> None:
        """Send a past request unchanged, whatever the settings are now; its answer is another variant."""
        with self._idle():
            require_known(self.model_of(request))
            self._ask(replace(self._conversation, head=message.parent), backend, request)

    def send_tool_results(self, message: Message, results: tuple[str, ...], backend: Backend) -> None:
        """Add one result for each of the message's tool calls, and ask the model to go on."""
        with self._idle():
            message = self._conversation.message(message.id)
            conversation = replace(self._conversation, head=message.id)
            for call, result in zip(message.calls, results, strict=True):
                turn = Message("tool", result, conversation.head, call_id=call.id, name=call.name)
                conversation = conversation.append(turn)
            self._ask(conversation, backend)

    def continue_answer(self, message: Message, backend: Backend, limit: int | None = None) -> None:
        """Continue an answer in the same message; ``limit`` replaces its max_tokens."""
        with self._idle():
            self._continue(self._conversation, message.id, backend, limit)

    def edit(self, message: str, content: str) -> None:
        """Change a message's text; the old one stays as a variant, and what follows stays."""
        with self._idle():
            self._conversation = self._conversation.edit(message, content)

    def edit_and_send(self, message: str, content: str, backend: Backend) -> None:
        """Replace a message and ask for its answer; the old branch stays as a variant."""
        with self._idle():
            old = self._conversation.message(message)
            self._ask(self._conversation.append(reword(old, content)), backend)

    def rewrite_and_continue(self, message: str, content: str, backend: Backend) -> None:
        """Replace an answer's text and let the model continue it; the old answer stays as a variant."""
        with self._idle():
            old = self._conversation.message(message)
            rewritten = Message(old.role, content, old.parent)
            self._continue(self._conversation.append(rewritten), rewritten.id, backend)

    def delete(self, message: str) -> Conversation:
        """Delete one message; what follows it stays. Return the conversation before, for restore()."""
        with self._idle():
            before, self._conversation = self._conversation, self._conversation.delete(message)
            return before

    def restore(self, before: Conversation, expected: Conversation) -> bool:
        """Undo a deletion. Return False if the conversation has changed since, and leave it as it is."""
        with self._idle():
            if self._conversation != expected:
                return False
            self._conversation = before
            return True

    def insert(self, after: str | None, role: str, content: str) -> None:
        with self._idle():
            self._conversation = self._conversation.insert(after, role, content)

    def use_other_setup(self, other: Setup) -> None:
        """Replace the system prompt and the settings, and end the notice that another server changed them."""
        with self._lock:
            self.set_system(other.system)
            self._take_settings(other.settings)
            self.other_setup = None

    def dismiss_other_setup(self) -> None:
        """End the notice that another server changed the system prompt or the settings."""
        self.other_setup = None

    def adopt(self, saved: Snapshot, merged: Snapshot, other: Setup | None = None) -> None:
        """Take over what another server added: ``merged`` is what the save of ``saved`` has made of both.

        ``other`` has the system prompt and settings that were replaced, if any were.
        """
        with self._lock:
            ours, live = self._conversation, self._live
            own, base = Setup(ours.system, self._settings), saved.setup
            if ours is saved.conversation:
                self._conversation = merged.conversation
            else:  # it has changed during the save
                writing = {} if live is None else {live.message_id: ours.message(live.message_id)}
                self._conversation = merge_conversations(
                    ours, merged.conversation, saved.conversation, writing
                )
            setup, replaced = merge_setups(own, merged.setup, base)
            if self._conversation.system != setup.system:
                self.set_system(setup.system)
            self._take_settings(setup.settings)
            if own != base and replaced != setup:
                other = replaced
            self.other_setup = other or self.other_setup
            self.changed_elsewhere = newest_change(ours, self._conversation) or self.changed_elsewhere

    def stop(self) -> None:
        """End the current run, if any; its text so far is kept."""
        if live := self._live:
            live.run.stop()

    def build_request(self, text: str | None = None, backend: Backend | None = None) -> Request:
        """Return the request that send() would make for that text; None: for an answer to the open path.

        ``max_tokens`` is capped by what the backend's context leaves. Raises BadInput if it cannot be sent.
        """
        conversation = self._conversation
        if text is not None:
            conversation = conversation.append(Message("user", text, conversation.head))
        return self._build_request(conversation, conversation.head, backend)

    @contextmanager
    def _idle(self) -> Iterator[None]:
        """Hold the lock. Raise BadInput while an answer is coming, HeldElsewhere while one comes elsewhere."""
        with self._lock:
            if self.is_answered_elsewhere:
                raise HeldElsewhere(
                    "Another Paddock server is writing an answer in this conversation.",
                    advice="Wait until it has ended, or stop it there. Your text is kept.",
                )
            if self._live is not None:
                raise BadInput(
                    "An answer is still coming.",
                    advice="Wait until it has ended, or stop it (Escape). Your text is kept.",
                )
            yield

    def _build_request(
        self, conversation: Conversation, parent: str | None, backend: Backend | None
    ) -> Request:
        window = (backend and backend.context_window) or self.model.context_window
        left = window - count_context_tokens(self._conversation)[0]
        settings = self._settings.capped(self.model, left)
        features = settings.features
        return build_request(
            self.model,
            build_input(features, conversation.turns(parent)),
            settings.sent_values(),
            stream=features.stream,
            response_format=features.response_format,
            reject_if_busy=features.reject_if_busy,
        )

    def _ask(self, conversation: Conversation, backend: Backend, request: Request | None = None) -> None:
        """Ask for an answer after the conversation's head."""
        if request is None:
            request = self._build_request(conversation, conversation.head, backend)
        message = Message("assistant", "", conversation.head)
        self._start(conversation.append(message), message, backend, request)

    def _continue(
        self, conversation: Conversation, message_id: str, backend: Backend, limit: int | None = None
    ) -> None:
        message = conversation.message(message_id)
        if message.answers:
            request = message.answers[-1].request
        else:
            request = self._build_request(conversation, message.parent, backend)
        parameters, model = dict(request.parameters), self.model_of(request)
        if limit is not None and model.output_limit is not None:
            parameters[model.output_limit.name] = limit
        continuation = build_request(
            model,
            continued_input(conversation, message, request),
            parameters,
            stream=self._settings.features.stream,
            reject_if_busy=self._settings.features.reject_if_busy,
        )
        self._start(conversation, message, backend, continuation)

    def _start(
        self, conversation: Conversation, message: Message, backend: Backend, request: Request
    ) -> None:
        """Start the run that writes ``message``, and make its conversation the current one.

        Nothing has changed if this raises. The lock is held, so the run's end waits until both are in place.
        """

        def on_end(answer: Answer) -> None:
            with self._lock:
                self._live = None
                written = self._conversation.message(message.id)
                self._conversation = self._conversation.replace_message(
                    replace(
                        written,
                        content=message.content + answer.text,
                        answers=(*written.answers, answer),
                        calls=answer.calls,
                    )
                )
            self.on_run()
            self.on_idle(answer)

        backend.require_allowed(request.model)
        model = self.model_of(request)
        backend = with_session(backend, conversation.id, model)
        run = AnswerRun(self._client, backend, model, request, on_end)
        try:
            run.start()
        except RuntimeError:  # Python cannot start another thread
            raise PaddockError(
                "This computer cannot start another answer.", advice="Stop other answers, then retry."
            ) from None
        self._runs += 1
        self._live = LiveRun(message.id, run, message.content, self._runs)
        self._conversation = conversation
        self.on_run()
