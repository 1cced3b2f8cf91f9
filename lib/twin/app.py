"""The routes of the API: Cloudflare's endpoints, and a few of Paddock's own under ``/ai/paddock``."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lib.model.model_record import Model
from lib.twin import (
    api_errors,
    fault_injection,
    lora_finetunes,
    model_list,
    prompt_layout,
    request_mapping,
    responses,
    wire_variants,
)
from lib.twin.ai_gateway import through_gateway
from lib.twin.api_errors import TwinApiError
from lib.twin.auth import Authenticator, Handler
from lib.twin.engine import Engine
from lib.twin.engine_errors import EngineError
from lib.twin.generation import EndPiece, Pieces, TextPiece, ToolCallPiece
from lib.twin.generation_plan import GenerationPlan, plan_generation
from lib.twin.gguf_file import UNKNOWN_MODEL_FILE, ModelFileInfo
from lib.twin.http_connection import (
    ClientDisconnectedError,
    EdgeMiddleware,
    Events,
    EventStream,
    run_while_connected,
)
from lib.twin.next_token_probabilities import NextTokenProbabilities
from lib.twin.request_body import BodyReader, UnreadBodyMiddleware
from lib.twin.request_limits import PromptLimits
from lib.twin.request_validation import parse_body
from lib.twin.responses import Payloads, sse_events
from lib.twin.tool_choice import ToolChooser

# The text, the calls and the end.
CollectedAnswer = tuple[str, list[ToolCallPiece], EndPiece]


@dataclass(frozen=True)
class TwinOptions:
    """Options of a twin. ``wire`` and ``fault`` apply to requests that name none themselves."""

    model_file: ModelFileInfo = UNKNOWN_MODEL_FILE
    adapters: lora_finetunes.AdapterCatalog = lora_finetunes.NO_ADAPTERS
    wire: str = wire_variants.DEFAULT_VARIANT
    fault: str = fault_injection.NO_FAULT


@dataclass(frozen=True)
class TwinApi:
    """The handlers of the routes, for one engine, one documented model, and one account."""

    engine: Engine
    model: Model
    account: str
    options: TwinOptions
    tool_chooser: ToolChooser
    probabilities: NextTokenProbabilities
    limits: PromptLimits
    bodies: BodyReader

    def wire_variant(self, request: Request) -> wire_variants.WireVariant:
        """Return the format of this answer. Raises TwinApiError if the header names an unknown one."""
        try:
            return wire_variants.find_variant(request.headers.get(wire_variants.HEADER, self.options.wire))
        except ValueError as error:
            raise TwinApiError(api_errors.bad_input(f"{wire_variants.HEADER}: {error}")) from None

    def plan_generation(
        self, native: Any, stop: tuple[str, ...] = (), *, runs: bool = True
    ) -> GenerationPlan:
        """Validate a native body and plan its answer, with its adapter. Raises TwinApiError.

        A plan that is not run may combine options that cannot be streamed.
        """
        self.limits.check(native)
        body = request_mapping.validate_native(self.model, native)
        if not runs:
            body = {**body, "stream": False}
        adapter = self.options.adapters.find_number(self.model, body)
        job = replace(request_mapping.build_job(self.model, body, stop), adapter=adapter)
        return plan_generation(body, job, self.engine)

    async def run_model(self, request: Request) -> Response:
        """Run the model: Cloudflare's native endpoint."""
        if (name := request.path_params["model"]) != self.model.id:
            raise TwinApiError(api_errors.no_such_model(name))
        variant = self.wire_variant(request)

        def read(raw: bytes) -> tuple[bool, GenerationPlan]:
            body = parse_body(raw)
            plan = self.plan_generation(body)
            return bool(body.get("stream")), plan

        is_stream, plan = await self.bodies.read(request, read)
        pieces = plan.pieces(self.engine, self.tool_chooser)
        if is_stream and (stream := variant.stream) is not None:
            return await self._stream_answer(request, pieces, lambda rest: stream(self.model, rest))
        text, calls, end = await self._collect_answer(request, pieces)
        value: Any = text if calls else await plan.parse_answer(text)
        return self._json_answer(request, end, variant.whole_answer(self.model, value, calls, end))

    async def chat_completions(self, request: Request) -> Response:
        """Run the model: the OpenAI-compatible endpoint. Of the wire variants, only ``plain`` changes it."""
        variant = self.wire_variant(request)

        def read(raw: bytes) -> tuple[bool, bool, GenerationPlan]:
            sent = parse_body(raw)
            name = sent.get("model") if isinstance(sent, dict) else None
            if name != self.model.id:
                raise TwinApiError(api_errors.no_such_model(str(name)))
            native, stop = request_mapping.openai_to_native(sent), request_mapping.read_stop(sent)
            plan = self.plan_generation(native, stop)
            options = sent.get("stream_options")
            with_usage = isinstance(options, dict) and bool(options.get("include_usage"))
            return bool(native.get("stream")), with_usage, plan

        is_stream, with_usage, plan = await self.bodies.read(request, read)
        pieces = plan.pieces(self.engine, self.tool_chooser)
        request_id = request.state.id
        if is_stream and variant.stream is not None:

            def stream(rest: Pieces) -> Payloads:
                return responses.openai_stream(self.model, request_id, rest, with_usage=with_usage)

            return await self._stream_answer(request, pieces, stream)
        text, calls, end = await self._collect_answer(request, pieces)
        if not calls:
            await plan.parse_answer(text)
        completion = responses.openai_completion(self.model, request_id, text, calls, end)
        return self._json_answer(request, end, completion)

    async def search_models(self, request: Request) -> Response:
        return JSONResponse(model_list.search_models(self.model, request.query_params))

    async def model_schema(self, request: Request) -> Response:
        """Return a model's documented schemas."""
        if (name := request.query_params.get("model", "")) != self.model.id:
            raise TwinApiError(api_errors.no_such_model(name))
        return JSONResponse(model_list.model_schemas(self.model))

    async def verify_token(self, request: Request) -> Response:
        """Say that the token is valid: a request with another token does not come here."""
        message = {"code": 10000, "message": "This API Token is valid and active", "type": None}
        token_id = uuid.uuid5(uuid.NAMESPACE_URL, self.account).hex
        envelope = responses.success_envelope({"id": token_id, "status": "active"})
        return JSONResponse({**envelope, "messages": [message]})

    async def list_finetunes(self, request: Request, *, public: bool = False) -> Response:
        """List the account's own LoRA adapters, or the public ones."""
        adapters = lora_finetunes.list_finetunes(self.model, self.options.adapters, public=public)
        return JSONResponse(responses.success_envelope(adapters))

    async def list_adapter_files(self, request: Request) -> Response:
        """List the loaded adapters, and the skipped files with the reason. Not an endpoint of Cloudflare's."""
        return JSONResponse(responses.success_envelope(self.options.adapters.to_json()))

    async def show_slots(self, request: Request) -> Response:
        """Count the running and the waiting generations. Not an endpoint of Cloudflare's."""
        engine = self.engine
        counts = {"slots": engine.slots, "running": engine.running_count, "waiting": engine.waiting_count}
        return JSONResponse(responses.success_envelope(counts))

    async def show_prompt(self, request: Request) -> Response:
        """Return a request's prompt and its exact token count. Not an endpoint of Cloudflare's."""
        plan = await self._plan_inspection(request)
        with self._api_errors():
            prompt = await prompt_layout.describe_prompt(plan, self.engine, self.options.model_file)
        return JSONResponse(responses.success_envelope(prompt))

    async def show_next_token(self, request: Request) -> Response:
        """Return a request's probabilities of the next token. Not an endpoint of Cloudflare's."""
        plan = await self._plan_inspection(request)
        with self._api_errors():
            result = await run_while_connected(request.receive, self.probabilities.compute(plan.job))
        return JSONResponse(responses.success_envelope(result))

    async def _plan_inspection(self, request: Request) -> GenerationPlan:
        """Plan a request that is not run."""
        return await self.bodies.read(request, lambda raw: self.plan_generation(parse_body(raw), runs=False))

    @contextmanager
    def _api_errors(self) -> Iterator[None]:
        """Translate errors of the engine into errors of the API."""
        try:
            yield
        except EngineError as error:
            raise TwinApiError(api_errors.from_engine_error(error, self.engine.context)) from error

    async def _stream_answer(
        self, request: Request, pieces: Pieces, stream: Callable[[Pieces], Payloads]
    ) -> Response:
        # Until the first piece has come, a failure can still be answered with its HTTP status.
        with self._api_errors():
            first = await run_while_connected(request.receive, anext(pieces))

        async def all_pieces() -> Pieces:
            async with aclosing(pieces):
                yield first
                async for piece in pieces:
                    yield piece

        async def events() -> Events:
            async with (
                aclosing(all_pieces()) as generated,
                aclosing(sse_events(stream(generated))) as encoded,
            ):
                async for event in encoded:
                    yield event

        return EventStream(events(), {"cf-ai-req-id": request.state.id})

    async def _collect_answer(self, request: Request, pieces: Pieces) -> CollectedAnswer:
        async def collect() -> CollectedAnswer:
            texts: list[str] = []
            calls: list[ToolCallPiece] = []
            async with aclosing(pieces):
                async for piece in pieces:
                    match piece:
                        case TextPiece(text):
                            texts.append(text)
                        case ToolCallPiece():
                            calls.append(piece)
                        case EndPiece():
                            return "".join(texts), calls, piece
            raise EngineError("the engine ended without an answer")

        with self._api_errors():
            return await run_while_connected(request.receive, collect())

    def _json_answer(self, request: Request, end: EndPiece, content: Any) -> Response:
        neurons = f"{responses.count_neurons(self.model, end):.2f}"
        return JSONResponse(content, headers={"cf-ai-req-id": request.state.id, "cf-ai-neurons": neurons})


async def _answer_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, TwinApiError)  # noqa: S101 (Starlette calls this for nothing else)
    response, request_id = error.response, getattr(request.state, "id", "")
    has_id = response.envelope is api_errors.Envelope.SERVICE
    headers = {"cf-ai-req-id": request_id} if has_id else None
    return JSONResponse(response.body(request_id), response.status, headers)


async def _answer_no_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    response = api_errors.wrong_method(request.method) if status == 405 else api_errors.NO_ROUTE
    return JSONResponse(response.body(""), response.status)


async def _answer_internal_error(request: Request, error: Exception) -> Response:
    request_id = getattr(request.state, "id", "")
    return JSONResponse(api_errors.INTERNAL_ERROR.body(request_id), 500, {"cf-ai-req-id": request_id})


async def _answer_nobody(request: Request, error: Exception) -> Response:
    return Response(status_code=499)


async def _no_model_list(request: Request) -> Response:
    # Recorded: the OpenAI-compatible list of models does not exist, although /chat/completions does.
    raise TwinApiError(api_errors.wrong_method(request.method))


def build_app(
    engine: Engine, model: Model, account: str, token: str, options: TwinOptions = TwinOptions()
) -> Starlette:
    """Build the ASGI application of one account with one token."""
    probabilities = NextTokenProbabilities(engine, options.model_file.tokens)
    limits = PromptLimits(engine.context, options.model_file.longest_token)
    api = TwinApi(engine, model, account, options, ToolChooser(engine), probabilities, limits, BodyReader())
    authenticator, faults = Authenticator(account, token), fault_injection.FaultInjector()

    async def health(request: Request) -> Response:
        return JSONResponse(
            {"ok": True, "model": model.id, "slots": engine.slots, "running": engine.running_count}
        )

    root, account_root = "/client/v4", "/client/v4/accounts/{account}/ai"
    model_routes: list[tuple[str, str, Handler]] = [
        ("POST", f"{account_root}/run/{{model:path}}", through_gateway(api.run_model)),
        ("POST", f"{account_root}/v1/chat/completions", through_gateway(api.chat_completions)),
        # The address of the account's gateways, at gateway.ai.cloudflare.com.
        ("POST", "/v1/{account}/{gateway}/workers-ai/{model:path}", through_gateway(api.run_model)),
    ]
    other_routes: list[tuple[str, str, Handler]] = [
        ("GET", f"{account_root}/v1/models", _no_model_list),
        ("GET", f"{account_root}/models/search", api.search_models),
        ("GET", f"{account_root}/models/schema", api.model_schema),
        ("GET", f"{account_root}/finetunes", api.list_finetunes),
        ("GET", f"{account_root}/finetunes/public", partial(api.list_finetunes, public=True)),
        ("GET", f"{account_root}/paddock/adapters", api.list_adapter_files),
        ("GET", f"{account_root}/paddock/slots", api.show_slots),
        ("POST", f"{account_root}/paddock/prompt", api.show_prompt),
        ("POST", f"{account_root}/paddock/probabilities", api.show_next_token),
        ("GET", f"{root}/user/tokens/verify", api.verify_token),
    ]
    handlers = [(method, path, faults.wrap(handler, options.fault)) for method, path, handler in model_routes]
    handlers += [(method, path, faults.wrap(handler)) for method, path, handler in other_routes]
    routes = [
        Route(path, authenticator.require_auth(handler), methods=[method])
        for method, path, handler in handlers
    ]
    app = Starlette(
        routes=[Route("/health", health), *routes],
        middleware=[Middleware(UnreadBodyMiddleware), Middleware(EdgeMiddleware)],
        exception_handlers={
            TwinApiError: _answer_api_error,
            HTTPException: _answer_no_route,
            ClientDisconnectedError: _answer_nobody,
            ClientDisconnect: _answer_nobody,
            Exception: _answer_internal_error,
        },
    )
    app.router.redirect_slashes = False
    return app
