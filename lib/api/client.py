"""The client of the Workers AI REST API: sends a request and yields the events of its answer."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from lib.api import inspection, wire
from lib.api.backend import Backend
from lib.api.cancellation import Cancelled, CancelToken
from lib.api.events import Event
from lib.api.lora_adapters import LoraAdapter, decode_adapters
from lib.api.persistent_connection import PersistentConnection
from lib.api.reply_limits import MAX_JSON_BYTES
from lib.api.request import Request
from lib.api.response import decode_response, read_text, refusal_error
from lib.api.retries import DEFAULT_RETRIES, OnRetry, RetryPolicy, stream_with_retries
from lib.api.trace import TraceRecorder
from lib.api.transport import DEFAULT_TIMEOUTS, Timeouts, translate_errors
from lib.errors import (
    UNAUTHORIZED_BY_API,
    UNAUTHORIZED_BY_GATEWAY,
    CredentialsRefused,
    PaddockError,
    refusal,
)
from lib.jsonkit.surrogates import encode_utf8
from lib.model.model_record import DEFAULT_MODEL_ID

Decoded = TypeVar("Decoded")


class WorkersAI:
    """A client without state: it holds no connection and no token, each call names its backend."""

    def __init__(self, timeouts: Timeouts = DEFAULT_TIMEOUTS, retries: RetryPolicy = DEFAULT_RETRIES) -> None:
        self.timeouts = timeouts
        self.retries = retries

    def stream(
        self,
        backend: Backend,
        request: Request,
        cancel_token: CancelToken,
        on_retry: OnRetry = lambda attempt, wait, error: None,
        recorder: TraceRecorder | None = None,
    ) -> Iterator[Event]:
        """Yield the answer's events as they arrive. Raises a PaddockError, or Cancelled.

        An attempt that fails before its first event is retried. ``recorder`` records what goes over the wire.
        """
        trace_recorder = recorder or TraceRecorder(backend.secrets)
        return stream_with_retries(
            lambda: self._stream_once(backend, request, cancel_token, trace_recorder),
            replace(self.retries, waits_for_capacity=not request.reject_if_busy),
            cancel_token,
            on_retry,
        )

    def check_credentials(self, backend: Backend) -> None:
        """Raise a PaddockError if the account or the token is not valid; costs nothing."""
        # The cheapest request that needs both: a search of the model list without hits.
        self.fetch(backend, "models/search?search=paddock-credential-check")

    def check_gateway(self, backend: Backend) -> None:
        """Raise a PaddockError if the backend's AI Gateway refuses its token, or demands one; costs nothing.

        The request has no input, so the model refuses it, which means that the gateway let it pass.
        """
        connect = self.timeouts.connect
        timeouts = replace(self.timeouts, first_byte=connect, silence=connect)
        with (
            translate_errors(timeouts, backend),
            contextlib.closing(self._connect_for_runs(backend, timeouts=timeouts)) as connection,
        ):
            response = connection.send("POST", DEFAULT_MODEL_ID, _encode_json({}))
            if response.status_code in (401, 403):
                error = refusal_error(response, connection.deadline)
                if error.code is None and response.status_code == 401:
                    # The API has accepted its token just before, so this is the gateway's word.
                    raise refusal(401, UNAUTHORIZED_BY_GATEWAY, error.message)
                if isinstance(error, CredentialsRefused) or error.code == UNAUTHORIZED_BY_API:
                    raise error

    def render_prompt(self, backend: Backend, request: Request) -> inspection.RenderedPrompt:
        """Return the text that the model would be given, and its exact length; needs ``backend.can_inspect``."""
        return self._fetch(
            backend,
            "POST",
            _inspection_path("paddock/prompt", request),
            inspection.decode_rendered_prompt,
            wire.encode_request(request),
        )

    def fetch_token_distribution(self, backend: Backend, request: Request) -> inspection.TokenDistribution:
        """Return the probabilities of the next token; needs ``backend.can_inspect``."""
        return self._fetch(
            backend,
            "POST",
            _inspection_path("paddock/probabilities", request),
            inspection.decode_token_distribution,
            wire.encode_request(request),
        )

    def list_adapters(self, backend: Backend) -> tuple[LoraAdapter, ...]:
        """Return the account's LoRA adapters and the public ones. Raises a PaddockError."""
        own = self._fetch(backend, "GET", "finetunes", decode_adapters)
        public = self._fetch(backend, "GET", "finetunes/public", decode_adapters)
        return tuple({adapter.id: adapter for adapter in (*own, *public)}.values())

    def fetch(self, backend: Backend, path: str) -> str:
        """Return the body of a success to a GET request that costs nothing, as text. Raises a PaddockError."""
        return self._fetch(backend, "GET", path, str)

    def _fetch(
        self,
        backend: Backend,
        method: str,
        path: str,
        decode: Callable[[str], Decoded],
        body: Mapping[str, Any] | None = None,
    ) -> Decoded:
        """Return the decoded body of a success to a request that costs nothing. Raises a PaddockError."""
        connect = self.timeouts.connect
        timeouts = replace(self.timeouts, first_byte=connect, silence=connect)
        encoded = b"" if body is None else _encode_json(body)
        with (
            translate_errors(timeouts, backend),
            contextlib.closing(PersistentConnection(timeouts, backend, backend.ai_url)) as connection,
        ):
            response = connection.send(method, path, encoded)
            if response.status_code != 200:
                raise refusal_error(response, connection.deadline)
            connection.deadline.expect_answer()
            text = read_text(response, MAX_JSON_BYTES)
            if not wire.is_success(text):
                raise wire.decode_error(response.status_code, text, response.headers)
            return decode(text)

    def open_connection(self, backend: Backend) -> PersistentConnection:
        """Return a connection for many requests to models, to be closed by the caller. Raises Unreachable."""
        with translate_errors(self.timeouts, backend):
            return self._connect_for_runs(backend)

    def _connect_for_runs(
        self,
        backend: Backend,
        cancel_token: CancelToken | None = None,
        timeouts: Timeouts | None = None,
    ) -> PersistentConnection:
        headers = backend.run_headers_to_send()
        return PersistentConnection(
            timeouts or self.timeouts, backend, backend.run_url, cancel_token, headers
        )

    def stream_over(self, connection: PersistentConnection, request: Request) -> Iterator[Event]:
        """Yield the answer's events from one attempt over an open connection. Raises a PaddockError, or Cancelled."""
        connection.was_sent = False
        connection.backend.require_allowed(request.model)
        body = _encode_json(wire.encode_request(request))
        response: httpx.Response | None = None
        if connection.cancel_token.is_cancelled:
            raise Cancelled
        try:
            with translate_errors(connection.timeouts, connection.backend):
                response = connection.send("POST", request.model, body)
            with translate_errors(connection.timeouts, connection.backend, answering=True):
                yield from decode_response(response, connection.deadline)
        except PaddockError:
            if connection.cancel_token.is_cancelled:  # cancelling broke the connection
                raise Cancelled from None
            raise
        finally:
            if response is not None:
                response.close()

    def _stream_once(
        self, backend: Backend, request: Request, cancel_token: CancelToken, recorder: TraceRecorder
    ) -> Generator[Event, None, None]:
        backend.require_allowed(request.model)
        path, body = request.model, _encode_json(wire.encode_request(request))
        with translate_errors(self.timeouts, backend):
            connection = self._connect_for_runs(backend, cancel_token)
            recorder.record_request(f"POST {connection.url(path)}", connection.request_headers(body))
            # A thread that was abandoned by a cancellation closes the connection itself.
            response = cancel_token.run_cancellable(
                lambda: connection.send("POST", path, body), httpx.Response.close
            )
        with contextlib.closing(connection), translate_errors(self.timeouts, backend, answering=True):
            recorder.record_response(response.status_code, response.headers.multi_items())
            yield from decode_response(response, connection.deadline, recorder)


def _encode_json(body: Mapping[str, Any]) -> bytes:
    return encode_utf8(json.dumps(body, ensure_ascii=False, separators=(",", ":")))


def _inspection_path(path: str, request: Request) -> str:
    """Return the path of an inspection, which names the model that is not the server's default one."""
    return path if request.model == DEFAULT_MODEL_ID else f"{path}?model={quote(request.model, safe='')}"
