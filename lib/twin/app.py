"""The API's routes: what is answered on each, and how the answer is sent while the asker still listens."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
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
from lib.twin.api_errors import TwinApiError
from lib.twin.auth import Authenticator, Handler
from lib.twin.engine import EndPiece, Engine, Piece, TextPiece, ToolCallPiece
from lib.twin.engine_errors import EngineError
from lib.twin.generation_plan import GenerationPlan, plan_generation
from lib.twin.gguf_file import UNKNOWN_MODEL_FILE, ModelFileInfo
from lib.twin.http_connection import (
    ClientDisconnectedError,
    EdgeMiddleware,
    EventStream,
    read_body,
    run_while_connected,
)
from lib.twin.next_token_probabilities import NextTokenProbabilities
from lib.twin.request_validation import parse_body
from lib.twin.tool_choice import ToolChooser


@dataclass(frozen=True)
class TwinOptions:
    """What a twin is started with beside its engine. ``wire`` and ``fault``: where a request names none of its own.

    ``card``: what the model's file says about itself.
    """

    model_file: ModelFileInfo = UNKNOWN_MODEL_FILE
    adapters: lora_finetunes.AdapterCatalog = lora_finetunes.NO_ADAPTERS
    wire: str = wire_variants.DEFAULT_VARIANT
    fault: str = fault_injection.NO_FAULT


@dataclass(frozen=True)
class TwinApi:
    """What the routes answer from: one engine, one documented model, one account."""

    engine: Engine
    model: Model
    account: str
    options: TwinOptions
    tool_chooser: ToolChooser
    probabilities: NextTokenProbabilities

    def wire_variant(self, request: Request) -> wire_variants.WireVariant:
        """How this answer is to go out. Raises RefusedError if the header names no variant."""
        try:
            return wire_variants.find_variant(request.headers.get(wire_variants.HEADER, self.options.wire))
        except ValueError as error:
            raise TwinApiError(api_errors.bad_input(f"{wire_variants.HEADER}: {error}")) from None

    def plan_generation(self, body: Mapping[str, Any], stop: tuple[str, ...] = ()) -> GenerationPlan:
        """How a checked body is answered, with its adapter. Raises RefusedError."""
        adapter = self.options.adapters.find_number(self.model, body)
        return plan_generation(
            body, replace(request_mapping.build_job(self.model, body, stop), adapter=adapter), self.engine
        )

    async def run_model(self, request: Request) -> Response:
        """The native endpoint."""
        if (name := request.path_params["model"]) != self.model.id:
            raise TwinApiError(api_errors.no_such_model(name))
        body = request_mapping.validate_native(self.model, parse_body(await read_body(request)))
        variant, planned = self.wire_variant(request), self.plan_generation(body)
        pieces = planned.pieces(self.engine, self.tool_chooser)
        if body.get("stream") and (events := variant.stream) is not None:
            return await self._stream(request, pieces, lambda rest: events(self.model, rest))
        text, calls, end = await self._whole(request, pieces)
        said: Any = text if calls else await planned.parse_answer(text)
        return self._json(request, end, variant.whole_answer(self.model, said, calls, end))

    async def chat_completions(self, request: Request) -> Response:
        """The OpenAI-shaped endpoint. Of the variants, it knows the one that answers whole."""
        asked = parse_body(await read_body(request))
        name = asked.get("model") if isinstance(asked, dict) else None
        if name != self.model.id:
            raise TwinApiError(api_errors.no_such_model(str(name)))
        body = request_mapping.validate_native(self.model, request_mapping.openai_to_native(asked))
        variant, planned = (
            self.wire_variant(request),
            self.plan_generation(body, request_mapping.read_stop(asked)),
        )
        pieces = planned.pieces(self.engine, self.tool_chooser)
        identity = request.state.id
        if body.get("stream") and variant.stream is not None:
            options = asked.get("stream_options")
            with_usage = isinstance(options, dict) and bool(options.get("include_usage"))
            return await self._stream(
                request,
                pieces,
                lambda rest: responses.openai_events(self.model, identity, rest, with_usage=with_usage),
            )
        text, calls, end = await self._whole(request, pieces)
        if not calls:
            await planned.parse_answer(text)
        return self._json(request, end, responses.openai_completion(self.model, identity, text, calls, end))

    async def search_models(self, request: Request) -> Response:
        """The models that fit a search."""
        return JSONResponse(model_list.search_models(self.model, request.query_params))

    async def model_schema(self, request: Request) -> Response:
        """A model's schemas."""
        if (name := request.query_params.get("model", "")) != self.model.id:
            raise TwinApiError(api_errors.no_such_model(name))
        return JSONResponse(model_list.model_schemas(self.model))

    async def verify_token(self, request: Request) -> Response:
        """Whether the token is good: it is, or the request would not be here."""
        told = {"code": 10000, "message": "This API Token is valid and active", "type": None}
        identity = uuid.uuid5(uuid.NAMESPACE_URL, self.account).hex
        return JSONResponse(
            {**responses.success_envelope({"id": identity, "status": "active"}), "messages": [told]}
        )

    async def list_finetunes(self, request: Request) -> Response:
        """The account's own adapters."""
        return JSONResponse(
            responses.success_envelope(
                lora_finetunes.list_finetunes(self.model, self.options.adapters, public=False)
            )
        )

    async def list_public_finetunes(self, request: Request) -> Response:
        """The adapters that everybody has."""
        return JSONResponse(
            responses.success_envelope(
                lora_finetunes.list_finetunes(self.model, self.options.adapters, public=True)
            )
        )

    async def list_adapter_files(self, request: Request) -> Response:
        """Not Cloudflare's: the adapters that were loaded, and the files that were left out, with the reason."""
        return JSONResponse(responses.success_envelope(self.options.adapters.to_json()))

    async def show_slots(self, request: Request) -> Response:
        """Not Cloudflare's: how many generations hold a slot, and how many wait for one."""
        engine = self.engine
        counts = {"slots": engine.slots, "running": engine.running_count, "waiting": engine.waiting_count}
        return JSONResponse(responses.success_envelope(counts))

    async def show_prompt(self, request: Request) -> Response:
        """Not Cloudflare's: how a request is laid out for the model, and its exact count of tokens."""
        planned = await self._inspected(request)
        with self._refusing():
            laid = await prompt_layout.lay_out(planned, self.engine, self.options.model_file)
        return JSONResponse(responses.success_envelope(laid))

    async def show_next_token(self, request: Request) -> Response:
        """Not Cloudflare's: the probabilities of the next token, for the body of any request to run the model."""
        planned = await self._inspected(request)
        with self._refusing():
            told = await run_while_connected(request.receive, self.probabilities.compute(planned.job))
        return JSONResponse(responses.success_envelope(told))

    async def _inspected(self, request: Request) -> GenerationPlan:
        """The plan for a request that is looked at and not run: that it could not be streamed is no matter then."""
        body = request_mapping.validate_native(self.model, parse_body(await read_body(request)))
        return self.plan_generation({**body, "stream": False})

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """A failure of the engine becomes the refusal that answers the request."""
        try:
            yield
        except EngineError as error:
            raise TwinApiError(api_errors.from_engine_error(error, self.engine.context)) from error

    async def _stream(
        self,
        request: Request,
        pieces: AsyncGenerator[Piece, None],
        events: Callable[[AsyncGenerator[Piece, None]], AsyncGenerator[bytes, None]],
    ) -> Response:
        with self._refusing():  # until the first piece is there, a failure can still be told with its status
            first = await run_while_connected(request.receive, anext(pieces))

        async def all_pieces() -> AsyncGenerator[Piece, None]:
            async with aclosing(pieces):
                yield first
                async for piece in pieces:
                    yield piece

        async def closing() -> AsyncGenerator[bytes, None]:
            async with aclosing(all_pieces()) as rest, aclosing(events(rest)) as lines:
                async for line in lines:
                    yield line

        return EventStream(closing(), {"cf-ai-req-id": request.state.id})

    async def _whole(
        self, request: Request, pieces: AsyncGenerator[Piece, None]
    ) -> tuple[str, list[ToolCallPiece], EndPiece]:
        async def collect() -> tuple[str, list[ToolCallPiece], EndPiece]:
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

        with self._refusing():
            return await run_while_connected(request.receive, collect())

    def _json(self, request: Request, end: EndPiece, content: Any) -> Response:
        spent = f"{responses.count_neurons(self.model, end):.2f}"
        return JSONResponse(content, headers={"cf-ai-req-id": request.state.id, "cf-ai-neurons": spent})


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, TwinApiError)  # noqa: S101 (Starlette calls this for nothing else)
    kind, identity = error.response, getattr(request.state, "id", "")
    tag = {"cf-ai-req-id": identity} if kind.envelope is api_errors.Envelope.SERVICE else None
    return JSONResponse(kind.body(identity), kind.status, tag)


async def _unrouted(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    kind = api_errors.wrong_method(request.method) if status == 405 else api_errors.NO_ROUTE
    return JSONResponse(kind.body(""), kind.status)


async def _failed(request: Request, error: Exception) -> Response:
    identity = getattr(request.state, "id", "")
    return JSONResponse(api_errors.INTERNAL_ERROR.body(identity), 500, {"cf-ai-req-id": identity})


async def _hung_up(request: Request, error: Exception) -> Response:
    return Response(status_code=499)


async def _no_list(request: Request) -> Response:
    # Recorded: the OpenAI-shaped list of models does not exist, though its neighbour does.
    raise TwinApiError(api_errors.wrong_method(request.method))


def build_app(
    engine: Engine, model: Model, account: str, token: str, options: TwinOptions = TwinOptions()
) -> Starlette:
    """The application, for who has the token to that account."""
    probabilities = NextTokenProbabilities(engine, options.model_file.tokens)
    twin = TwinApi(engine, model, account, options, ToolChooser(engine), probabilities)
    gate, failing = Authenticator(account, token), fault_injection.FaultInjector(options.fault)

    async def health(request: Request) -> Response:
        return JSONResponse(
            {"ok": True, "model": model.id, "slots": engine.slots, "running": engine.running_count}
        )

    root, account_root = "/client/v4", "/client/v4/accounts/{account}/ai"
    running: list[tuple[str, str, Handler]] = [
        ("POST", f"{account_root}/run/{{model:path}}", twin.run_model),
        ("POST", f"{account_root}/v1/chat/completions", twin.chat_completions),
    ]
    others: list[tuple[str, str, Handler]] = [
        ("GET", f"{account_root}/v1/models", _no_list),
        ("GET", f"{account_root}/models/search", twin.search_models),
        ("GET", f"{account_root}/models/schema", twin.model_schema),
        ("GET", f"{account_root}/finetunes", twin.list_finetunes),
        ("GET", f"{account_root}/finetunes/public", twin.list_public_finetunes),
        ("GET", f"{account_root}/paddock/adapters", twin.list_adapter_files),
        ("GET", f"{account_root}/paddock/slots", twin.show_slots),
        ("POST", f"{account_root}/paddock/prompt", twin.show_prompt),
        ("POST", f"{account_root}/paddock/probabilities", twin.show_next_token),
        ("GET", f"{root}/user/tokens/verify", twin.verify_token),
    ]
    routes = [(method, path, failing.wrap_with_default(handler)) for method, path, handler in running]
    routes += [(method, path, failing.wrap(handler)) for method, path, handler in others]
    app = Starlette(
        routes=[
            Route("/health", health),
            *(Route(path, gate.require_auth(handler), methods=[method]) for method, path, handler in routes),
        ],
        middleware=[Middleware(EdgeMiddleware)],
        exception_handlers={
            TwinApiError: _refused,
            HTTPException: _unrouted,
            ClientDisconnectedError: _hung_up,
            ClientDisconnect: _hung_up,
            Exception: _failed,
        },
    )
    app.router.redirect_slashes = False
    return app
