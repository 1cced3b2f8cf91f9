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
    finetunes,
    model_list,
    prompt_layout,
    request_mapping,
    responses,
    wire_variants,
)
from lib.twin.api_errors import RefusedError
from lib.twin.auth import Gate, Handler
from lib.twin.engine import Call, End, Engine, Piece, Text
from lib.twin.engine_errors import EngineError
from lib.twin.generation_plan import Plan, plan
from lib.twin.gguf_file import UNKNOWN, Card
from lib.twin.http_connection import Edge, EventStream, HungUpError, read_body, while_connected
from lib.twin.next_token_probabilities import Probabilities
from lib.twin.request_validation import parse
from lib.twin.tool_choice import Decider


@dataclass(frozen=True)
class Options:
    """What a twin is started with beside its engine. ``wire`` and ``fault``: where a request names none of its own.

    ``card``: what the model's file says about itself.
    """

    card: Card = UNKNOWN
    shelf: finetunes.Shelf = finetunes.NONE
    wire: str = wire_variants.USUAL
    fault: str = fault_injection.NONE


@dataclass(frozen=True)
class Twin:
    """What the routes answer from: one engine, one documented model, one account."""

    engine: Engine
    model: Model
    account: str
    options: Options
    decider: Decider
    probabilities: Probabilities

    def variant(self, request: Request) -> wire_variants.Variant:
        """How this answer is to go out. Raises RefusedError if the header names no variant."""
        try:
            return wire_variants.named(request.headers.get(wire_variants.HEADER, self.options.wire))
        except ValueError as error:
            raise RefusedError(api_errors.bad_input(f"{wire_variants.HEADER}: {error}")) from None

    def plan(self, body: Mapping[str, Any], stop: tuple[str, ...] = ()) -> Plan:
        """How a checked body is answered, with its adapter. Raises RefusedError."""
        adapter = self.options.shelf.choose(self.model, body)
        return plan(body, replace(request_mapping.job(self.model, body, stop), adapter=adapter), self.engine)

    async def run(self, request: Request) -> Response:
        """The native endpoint."""
        if (name := request.path_params["model"]) != self.model.id:
            raise RefusedError(api_errors.no_such_model(name))
        body = request_mapping.checked(self.model, parse(await read_body(request)))
        variant, planned = self.variant(request), self.plan(body)
        pieces = planned.pieces(self.engine, self.decider)
        if body.get("stream") and (events := variant.events) is not None:
            return await self._stream(request, pieces, lambda rest: events(self.model, rest))
        text, calls, end = await self._whole(request, pieces)
        said: Any = text if calls else await planned.met(text)
        return self._json(request, end, variant.whole(self.model, said, calls, end))

    async def complete(self, request: Request) -> Response:
        """The OpenAI-shaped endpoint. Of the variants, it knows the one that answers whole."""
        asked = parse(await read_body(request))
        name = asked.get("model") if isinstance(asked, dict) else None
        if name != self.model.id:
            raise RefusedError(api_errors.no_such_model(str(name)))
        body = request_mapping.checked(self.model, request_mapping.native(asked))
        variant, planned = self.variant(request), self.plan(body, request_mapping.stops(asked))
        pieces = planned.pieces(self.engine, self.decider)
        identity = request.state.id
        if body.get("stream") and variant.events is not None:
            options = asked.get("stream_options")
            with_usage = isinstance(options, dict) and bool(options.get("include_usage"))
            return await self._stream(
                request,
                pieces,
                lambda rest: responses.openai_events(self.model, identity, rest, with_usage=with_usage),
            )
        text, calls, end = await self._whole(request, pieces)
        if not calls:
            await planned.met(text)
        return self._json(request, end, responses.openai_whole(self.model, identity, text, calls, end))

    async def search(self, request: Request) -> Response:
        """The models that fit a search."""
        return JSONResponse(model_list.search(self.model, request.query_params))

    async def schema(self, request: Request) -> Response:
        """A model's schemas."""
        if (name := request.query_params.get("model", "")) != self.model.id:
            raise RefusedError(api_errors.no_such_model(name))
        return JSONResponse(model_list.schema(self.model))

    async def verify(self, request: Request) -> Response:
        """Whether the token is good: it is, or the request would not be here."""
        told = {"code": 10000, "message": "This API Token is valid and active", "type": None}
        identity = uuid.uuid5(uuid.NAMESPACE_URL, self.account).hex
        return JSONResponse({**responses.envelope({"id": identity, "status": "active"}), "messages": [told]})

    async def finetunes(self, request: Request) -> Response:
        """The account's own adapters."""
        return JSONResponse(
            responses.envelope(finetunes.listed(self.model, self.options.shelf, public=False))
        )

    async def public_finetunes(self, request: Request) -> Response:
        """The adapters that everybody has."""
        return JSONResponse(responses.envelope(finetunes.listed(self.model, self.options.shelf, public=True)))

    async def shelved(self, request: Request) -> Response:
        """Not Cloudflare's: the adapters that were loaded, and the files that were left out, with the reason."""
        return JSONResponse(responses.envelope(self.options.shelf.told()))

    async def slots(self, request: Request) -> Response:
        """Not Cloudflare's: how many generations hold a slot, and how many wait for one."""
        engine = self.engine
        counts = {"slots": engine.slots, "running": engine.running, "waiting": engine.waiting}
        return JSONResponse(responses.envelope(counts))

    async def prompt(self, request: Request) -> Response:
        """Not Cloudflare's: how a request is laid out for the model, and its exact count of tokens."""
        planned = await self._inspected(request)
        with self._refusing():
            laid = await prompt_layout.lay_out(planned, self.engine, self.options.card)
        return JSONResponse(responses.envelope(laid))

    async def foresee(self, request: Request) -> Response:
        """Not Cloudflare's: the probabilities of the next token, for the body of any request to run the model."""
        planned = await self._inspected(request)
        with self._refusing():
            told = await while_connected(request.receive, self.probabilities.of(planned.job))
        return JSONResponse(responses.envelope(told))

    async def _inspected(self, request: Request) -> Plan:
        """The plan for a request that is looked at and not run: that it could not be streamed is no matter then."""
        body = request_mapping.checked(self.model, parse(await read_body(request)))
        return self.plan({**body, "stream": False})

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """A failure of the engine becomes the refusal that answers the request."""
        try:
            yield
        except EngineError as error:
            raise RefusedError(api_errors.failed(error, self.engine.context)) from error

    async def _stream(
        self,
        request: Request,
        pieces: AsyncGenerator[Piece, None],
        events: Callable[[AsyncGenerator[Piece, None]], AsyncGenerator[bytes, None]],
    ) -> Response:
        with self._refusing():  # until the first piece is there, a failure can still be told with its status
            first = await while_connected(request.receive, anext(pieces))

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
    ) -> tuple[str, list[Call], End]:
        async def collect() -> tuple[str, list[Call], End]:
            texts: list[str] = []
            calls: list[Call] = []
            async with aclosing(pieces):
                async for piece in pieces:
                    match piece:
                        case Text(text):
                            texts.append(text)
                        case Call():
                            calls.append(piece)
                        case End():
                            return "".join(texts), calls, piece
            raise EngineError("the engine ended without an answer")

        with self._refusing():
            return await while_connected(request.receive, collect())

    def _json(self, request: Request, end: End, content: Any) -> Response:
        spent = f"{responses.neurons(self.model, end):.2f}"
        return JSONResponse(content, headers={"cf-ai-req-id": request.state.id, "cf-ai-neurons": spent})


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)  # noqa: S101 (Starlette calls this for nothing else)
    kind, identity = error.refusal, getattr(request.state, "id", "")
    tag = {"cf-ai-req-id": identity} if kind.envelope is api_errors.Envelope.SERVICE else None
    return JSONResponse(kind.body(identity), kind.status, tag)


async def _unrouted(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    kind = api_errors.wrong_method(request.method) if status == 405 else api_errors.NO_ROUTE
    return JSONResponse(kind.body(""), kind.status)


async def _failed(request: Request, error: Exception) -> Response:
    identity = getattr(request.state, "id", "")
    return JSONResponse(api_errors.INTERNAL.body(identity), 500, {"cf-ai-req-id": identity})


async def _hung_up(request: Request, error: Exception) -> Response:
    return Response(status_code=499)


async def _no_list(request: Request) -> Response:
    # Recorded: the OpenAI-shaped list of models does not exist, though its neighbour does.
    raise RefusedError(api_errors.wrong_method(request.method))


def build(engine: Engine, model: Model, account: str, token: str, options: Options = Options()) -> Starlette:
    """The application, for who has the token to that account."""
    probabilities = Probabilities(engine, options.card.tokens)
    twin = Twin(engine, model, account, options, Decider(engine), probabilities)
    gate, failing = Gate(account, token), fault_injection.Faults(options.fault)

    async def health(request: Request) -> Response:
        return JSONResponse({"ok": True, "model": model.id, "slots": engine.slots, "running": engine.running})

    root, account_root = "/client/v4", "/client/v4/accounts/{account}/ai"
    running: list[tuple[str, str, Handler]] = [
        ("POST", f"{account_root}/run/{{model:path}}", twin.run),
        ("POST", f"{account_root}/v1/chat/completions", twin.complete),
    ]
    others: list[tuple[str, str, Handler]] = [
        ("GET", f"{account_root}/v1/models", _no_list),
        ("GET", f"{account_root}/models/search", twin.search),
        ("GET", f"{account_root}/models/schema", twin.schema),
        ("GET", f"{account_root}/finetunes", twin.finetunes),
        ("GET", f"{account_root}/finetunes/public", twin.public_finetunes),
        ("GET", f"{account_root}/paddock/adapters", twin.shelved),
        ("GET", f"{account_root}/paddock/slots", twin.slots),
        ("POST", f"{account_root}/paddock/prompt", twin.prompt),
        ("POST", f"{account_root}/paddock/probabilities", twin.foresee),
        ("GET", f"{root}/user/tokens/verify", twin.verify),
    ]
    routes = [(method, path, failing.around(handler)) for method, path, handler in running]
    routes += [(method, path, failing.where_asked(handler)) for method, path, handler in others]
    app = Starlette(
        routes=[
            Route("/health", health),
            *(Route(path, gate.guarded(handler), methods=[method]) for method, path, handler in routes),
        ],
        middleware=[Middleware(Edge)],
        exception_handlers={
            RefusedError: _refused,
            HTTPException: _unrouted,
            HungUpError: _hung_up,
            ClientDisconnect: _hung_up,
            Exception: _failed,
        },
    )
    app.router.redirect_slashes = False
    return app
