"""The routes of the API: Cloudflare's endpoints, and a few of Paddock's own under ``/ai/paddock``."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Coroutine, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
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
from lib.twin.adapter_scans import AdapterScans
from lib.twin.ai_gateway import through_gateway
from lib.twin.api_errors import TwinApiError
from lib.twin.auth import Authenticator, Handler
from lib.twin.engine_errors import EngineError
from lib.twin.engine_pool import EnginePool
from lib.twin.generation import EndPiece, Pieces, TextPiece, ToolCallPiece
from lib.twin.generation_plan import GenerationPlan
from lib.twin.http_connection import (
    ClientDisconnectedError,
    EdgeMiddleware,
    Events,
    EventStream,
    run_while_connected,
)
from lib.twin.model_setup import LoadedModel
from lib.twin.prepared_request import PreparedRequest, prepare_request
from lib.twin.request_body import BodyReader, UnreadBodyMiddleware
from lib.twin.request_validation import parse_body
from lib.twin.responses import Payloads, sse_events
from lib.twin.served_models import ServedModel, ServedModels

# The text, the calls and the end.
CollectedAnswer = tuple[str, list[ToolCallPiece], EndPiece]


@dataclass(frozen=True)
class TwinOptions:
    """Options of a twin. ``wire`` and ``fault`` apply to requests that name none themselves."""

    wire: str = wire_variants.DEFAULT_VARIANT
    fault: str = fault_injection.NO_FAULT


@dataclass(frozen=True)
class PendingAnswer:
    """An answer to a request: its pieces, and the plan that they follow once the model is loaded."""

    served: ServedModel
    pieces: Pieces
    plans: list[GenerationPlan]


@dataclass(frozen=True)
class TwinApi:
    """The handlers of the routes, for the models of one computer and one account."""

    models: ServedModels
    pool: EnginePool
    account: str
    options: TwinOptions
    bodies: BodyReader
    adapter_scans: AdapterScans

    @property
    def default(self) -> ServedModel:
        return self.models.default

    def wire_variant(self, request: Request) -> wire_variants.WireVariant:
        """Return the format of this answer. Raises TwinApiError if the header names an unknown one."""
        try:
            return wire_variants.find_variant(request.headers.get(wire_variants.HEADER, self.options.wire))
        except ValueError as error:
            raise TwinApiError(api_errors.bad_input(f"{wire_variants.HEADER}: {error}")) from None

    def find_model(self, name: str) -> ServedModel:
        """Return the model of that id. Reads files, in the thread of a body. Raises TwinApiError."""
        if (served := self.models.find(name)) is None:
            raise TwinApiError(api_errors.no_such_model(name))
        return served

    async def find_named(self, name: str) -> ServedModel:
        """Return the model that an address names. Raises TwinApiError."""
        if (fixed := self.models.find_fixed(name)) is not None:
            return fixed
        return await self.bodies.run(partial(self.find_model, name))

    def begin_answer(self, served: ServedModel, prepared: PreparedRequest) -> PendingAnswer:
        """Return the answer, for which nothing is done before its first piece is asked for."""
        plans: list[GenerationPlan] = []

        async def pieces() -> Pieces:
            waits = not prepared.job.reject_if_busy
            async with self.pool.hold(served.setup, waits=waits) as loaded:
                plans.append(await self.bodies.run(partial(loaded.plan, prepared)))
                async with aclosing(plans[0].pieces(loaded.engine, loaded.tool_chooser)) as planned:
                    async for piece in planned:
                        yield piece

        return PendingAnswer(served, pieces(), plans)

    async def run_model(self, request: Request) -> Response:
        """Run a model: Cloudflare's native endpoint."""
        served = await self.find_named(request.path_params["model"])
        variant, model = self.wire_variant(request), served.model

        def read(raw: bytes) -> tuple[bool, PreparedRequest]:
            body = parse_body(raw)
            prepared = prepare_request(model, served.setup.limits, body)
            return bool(body.get("stream")), prepared

        is_stream, prepared = await self.bodies.read(request, read)
        answer = self.begin_answer(served, prepared)
        if is_stream and (stream := variant.stream) is not None:
            return await self._stream_answer(request, answer, lambda rest: stream(model, rest))
        text, calls, end = await self._collect_answer(request, answer)
        value: Any = text if calls else await answer.plans[0].parse_answer(text)
        return _json_answer(request, model, end, variant.whole_answer(model, value, calls, end))

    async def chat_completions(self, request: Request) -> Response:
        """Run a model: the OpenAI-compatible endpoint. Of the wire variants, only ``plain`` changes it."""
        variant = self.wire_variant(request)

        def read(raw: bytes) -> tuple[bool, bool, ServedModel, PreparedRequest]:
            sent = parse_body(raw)
            name = sent.get("model") if isinstance(sent, dict) else None
            served = self.find_model(str(name))
            native, stop = request_mapping.openai_to_native(sent), request_mapping.read_stop(sent)
            prepared = prepare_request(served.model, served.setup.limits, native, stop)
            options = sent.get("stream_options")
            with_usage = isinstance(options, dict) and bool(options.get("include_usage"))
            return bool(native.get("stream")), with_usage, served, prepared

        is_stream, with_usage, served, prepared = await self.bodies.read(request, read)
        answer, model, request_id = self.begin_answer(served, prepared), served.model, request.state.id
        if is_stream and variant.stream is not None:

            def stream(rest: Pieces) -> Payloads:
                return responses.openai_stream(model, request_id, rest, with_usage=with_usage)

            return await self._stream_answer(request, answer, stream)
        text, calls, end = await self._collect_answer(request, answer)
        if not calls:
            await answer.plans[0].parse_answer(text)
        completion = responses.openai_completion(model, request_id, text, calls, end)
        return _json_answer(request, model, end, completion)

    async def search_models(self, request: Request) -> Response:
        """List the models of this computer, all of which can be asked."""
        listed = await self.bodies.run(self.models.list)
        found = model_list.search_models([served.model for served in listed], request.query_params)
        return JSONResponse(found)

    async def model_schema(self, request: Request) -> Response:
        """Return a model's documented schemas."""
        served = await self.find_named(request.query_params.get("model", ""))
        return JSONResponse(model_list.model_schemas(served.model))

    async def verify_token(self, request: Request) -> Response:
        """Say that the token is valid: a request with another token does not come here."""
        message = {"code": 10000, "message": "This API Token is valid and active", "type": None}
        token_id = uuid.uuid5(uuid.NAMESPACE_URL, self.account).hex
        envelope = responses.success_envelope({"id": token_id, "status": "active"})
        return JSONResponse({**envelope, "messages": [message]})

    async def list_finetunes(self, request: Request, *, public: bool = False) -> Response:
        """List the account's own LoRA adapters, or the public ones, for each model that can use them."""
        find_adapters = self._adapter_finder()

        def list_all() -> list[dict[str, Any]]:
            return [
                item
                for served in self.models.list()
                for item in lora_finetunes.list_finetunes(served.model, find_adapters(served), public=public)
            ]

        return JSONResponse(responses.success_envelope(await self.bodies.run(list_all)))

    async def list_adapter_files(self, request: Request) -> Response:
        """List a model's adapters, and the skipped files with the reason. Not an endpoint of Cloudflare's."""
        served = await self.find_named(request.query_params.get("model", self.default.model.id))
        adapters = await self.bodies.run(partial(self._adapter_finder(), served))
        return JSONResponse(responses.success_envelope(adapters.to_json(served.model)))

    def _adapter_finder(self) -> Callable[[ServedModel], lora_finetunes.AdapterCatalog]:
        """Return a function for another thread: a loaded model can use what its engine has, any other what fits."""
        loaded = {model.setup.path: model.adapters for model in self.pool.loaded}

        def find(served: ServedModel) -> lora_finetunes.AdapterCatalog:
            path = served.setup.path
            return loaded[path] if path in loaded else self.adapter_scans.find(path)

        return find

    async def show_slots(self, request: Request) -> Response:
        """Count the running and the waiting generations. Not an endpoint of Cloudflare's."""
        return JSONResponse(responses.success_envelope(self.pool.count_slots()))

    async def show_prompt(self, request: Request) -> Response:
        """Return a request's prompt and its exact token count. Not an endpoint of Cloudflare's."""

        async def describe(loaded: LoadedModel, plan: GenerationPlan) -> dict[str, Any]:
            return await prompt_layout.describe_prompt(plan, loaded.engine, loaded.setup.file)

        # A page asks at each change of the text: no model has to leave for that.
        return await self._inspect(request, describe, unloads=False)

    async def show_next_token(self, request: Request) -> Response:
        """Return a request's probabilities of the next token. Not an endpoint of Cloudflare's."""

        async def compute(loaded: LoadedModel, plan: GenerationPlan) -> dict[str, Any]:
            return await loaded.probabilities.compute(plan.job)

        return await self._inspect(request, compute)

    async def _inspect(
        self,
        request: Request,
        look: Callable[[LoadedModel, GenerationPlan], Coroutine[Any, Any, dict[str, Any]]],
        *,
        unloads: bool = True,
    ) -> Response:
        """Return what is known of a request that is not run."""
        served = await self.find_named(request.query_params.get("model", self.default.model.id))

        def read(raw: bytes) -> PreparedRequest:
            return prepare_request(served.model, served.setup.limits, parse_body(raw), runs=False)

        prepared = await self.bodies.read(request, read)

        async def inspect() -> dict[str, Any]:
            async with self.pool.hold(served.setup, waits=unloads, unloads=unloads) as loaded:
                return await look(loaded, await self.bodies.run(partial(loaded.plan, prepared)))

        with _engine_errors(served):
            result = await run_while_connected(request.receive, inspect())
        return JSONResponse(responses.success_envelope(result))

    async def _stream_answer(
        self, request: Request, answer: PendingAnswer, stream: Callable[[Pieces], Payloads]
    ) -> Response:
        pieces = answer.pieces
        # Until the first piece has come, a failure can still be answered with its HTTP status.
        with _engine_errors(answer.served):
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

    async def _collect_answer(self, request: Request, answer: PendingAnswer) -> CollectedAnswer:
        async def collect() -> CollectedAnswer:
            texts: list[str] = []
            calls: list[ToolCallPiece] = []
            async with aclosing(answer.pieces) as pieces:
                async for piece in pieces:
                    match piece:
                        case TextPiece(text):
                            texts.append(text)
                        case ToolCallPiece():
                            calls.append(piece)
                        case EndPiece():
                            return "".join(texts), calls, piece
            raise EngineError("the engine ended without an answer")

        with _engine_errors(answer.served):
            return await run_while_connected(request.receive, collect())


@contextmanager
def _engine_errors(served: ServedModel) -> Iterator[None]:
    """Translate errors of the engine into errors of the API."""
    try:
        yield
    except EngineError as error:
        raise TwinApiError(api_errors.from_engine_error(error, served.setup.context)) from error


def _json_answer(request: Request, model: Model, end: EndPiece, content: Any) -> Response:
    neurons = f"{responses.count_neurons(model, end):.2f}"
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
    models: ServedModels,
    pool: EnginePool,
    account: str,
    token: str,
    options: TwinOptions = TwinOptions(),
) -> Starlette:
    """Build the ASGI application of one account with one token."""
    api = TwinApi(models, pool, account, options, BodyReader(), AdapterScans())
    authenticator, faults = Authenticator(account, token), fault_injection.FaultInjector()

    async def health(request: Request) -> Response:
        counts = pool.count_slots()
        ours = {name: counts[name] for name in ("slots", "running")}
        return JSONResponse({"ok": True, "model": api.default.model.id, **ours})

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
