"""The client of the Workers AI REST API: sends a request and yields the events of its answer."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any

import httpx

from lib.api import inspection, sse, wire
from lib.api.backend import Backend
from lib.api.cancellation import Cancelled, CancelToken
from lib.api.events import Event
from lib.api.lora_adapters import LoraAdapter, decode_adapters
from lib.api.persistent_connection import PersistentConnection
from lib.api.request import Request
from lib.api.response import decode_response, read_text, refusal_error
from lib.api.retries import DEFAULT_RETRIES, OnRetry, RetryPolicy, stream_with_retries
from lib.api.trace import TraceRecorder
from lib.api.transport import DEFAULT_TIMEOUTS, Timeouts, open_client, translate_errors
from lib.errors import PaddockError


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
        trace_recorder = recorder or TraceRecorder(backend.token.reveal())
        return stream_with_retries(
            lambda: self._stream_once(backend, request, cancel_token, trace_recorder),
            self.retries,
            cancel_token,
            on_retry,
        )

    def check_credentials(self, backend: Backend) -> None:
        """Raise a PaddockError if the account or the token is not valid; costs nothing."""
        # The cheapest request that needs both: a search of the model list without hits.
        self._fetch(backend, "GET", "models/search?search=paddock-credential-check")

    def render_prompt(self, backend: Backend, request: Request) -> inspection.RenderedPrompt:
        """Return the text that the model would be given, and its exact length; needs ``backend.can_inspect``."""
        body = self._fetch(backend, "POST", "paddock/prompt", wire.encode_request(request))
        return inspection.decode_rendered_prompt(body)

    def fetch_token_distribution(self, backend: Backend, request: Request) -> inspection.TokenDistribution:
        """Return the probabilities of the next token; needs ``backend.can_inspect``."""
        body = self._fetch(backend, "POST", "paddock/probabilities", wire.encode_request(request))
        return inspection.decode_token_distribution(body)

    def list_adapters(self, backend: Backend) -> tuple[LoraAdapter, ...]:
        """Return the account's LoRA adapters and the public ones. Raises a PaddockError."""
        own = decode_adapters(self._fetch(backend, "GET", "finetunes"))
        public = decode_adapters(self._fetch(backend, "GET", "finetunes/public"))
        return tuple({adapter.id: adapter for adapter in (*own, *public)}.values())

    def _fetch(self, backend: Backend, method: str, path: str, body: Mapping[str, Any] | None = None) -> str:
        """Return the body of a successful answer to a request that costs nothing. Raises a PaddockError."""
        url = f"{backend.base_url}/accounts/{backend.account_id}/ai/{path}"
        timeouts = replace(self.timeouts, first_byte=self.timeouts.connect)
        with (
            translate_errors(timeouts, backend),
            open_client(timeouts, backend) as client,
            client.stream(method, url, json=body) as response,
        ):
            if response.status_code != 200:
                raise refusal_error(response)
            text = read_text(response, sse.MAX_ANSWER_BYTES)
            if not wire.is_success(text):
                raise wire.decode_error(response.status_code, text, response.headers)
            return text

    def open_connection(self, backend: Backend) -> PersistentConnection:
        """Return a connection for many requests in sequence, to be closed by the caller. Raises Unreachable."""
        return PersistentConnection(self.timeouts, backend)

    def stream_over(self, connection: PersistentConnection, request: Request) -> Iterator[Event]:
        """Yield the answer's events from one attempt over an open connection. Raises a PaddockError, or Cancelled."""
        body = json.dumps(wire.encode_request(request), ensure_ascii=False, separators=(",", ":")).encode()
        response: httpx.Response | None = None
        if connection.cancel_token.is_cancelled:
            raise Cancelled
        try:
            with translate_errors(connection.timeouts, connection.backend):
                response = connection.post(request.model, body)
            with translate_errors(connection.timeouts, connection.backend, answering=True):
                yield from decode_response(response)
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
        url = f"{backend.base_url}/accounts/{backend.account_id}/ai/run/{request.model}"
        trace = {"trace": cancel_token.on_httpx_trace}
        with contextlib.ExitStack() as stack:
            stack.callback(cancel_token.release_socket)
            with translate_errors(self.timeouts, backend):
                client = stack.enter_context(open_client(self.timeouts, backend))
                post = client.build_request("POST", url, json=wire.encode_request(request), extensions=trace)
                recorder.record_request(f"{post.method} {post.url}", post.headers.multi_items())
                response = cancel_token.run_cancellable(
                    lambda: client.send(post, stream=True), httpx.Response.close
                )
                recorder.record_response(response.status_code, response.headers.multi_items())
            stack.callback(response.close)
            # httpcore reads the timeout again when the body begins; from here on it limits silence.
            post.extensions["timeout"]["read"] = self.timeouts.silence
            with translate_errors(self.timeouts, backend, answering=True):
                yield from decode_response(response, recorder)
