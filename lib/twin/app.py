"""The API's routes: who may ask, for what, and how the answer is sent while the asker still listens."""

from __future__ import annotations

import hmac
import re
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lib.model import Model
from lib.twin import answer, catalogue, layout, refusal, translation
from lib.twin.check import parse
from lib.twin.connection import Edge, EventStream, HungUpError, read_body, while_connected
from lib.twin.decision import Decider
from lib.twin.engine import BusyError, Call, End, Engine, Piece, Text, TooLongError
from lib.twin.failure import BadPromptError, EngineError
from lib.twin.gguf import UNKNOWN, Card
from lib.twin.plan import Plan, plan
from lib.twin.refusal import Refusal, RefusedError

Handler = Callable[[Request], Awaitable[Response]]

ACCOUNT = re.compile(r"[0-9a-f]{32}")
TOKEN = re.compile(r"[A-Za-z0-9_-]{40,}")  # what a token looks like; anything else is junk to the edge


def _refusal(error: EngineError, context: int) -> Refusal:
    if isinstance(error, BusyError):
        return refusal.NO_CAPACITY
    if isinstance(error, TooLongError):
        return refusal.over_context(error.tokens, context)
    if isinstance(error, BadPromptError):
        return refusal.bad_input(str(error))
    return refusal.INTERNAL


@dataclass(frozen=True)
class Twin:
    """What the routes answer from: one engine, one documented model, one account, one token."""

    engine: Engine
    model: Model
    account: str
    token: str
    card: Card
    decider: Decider

    def admit(self, request: Request) -> None:
        """Who asks? In the order of the service: the header's form, the token, the account."""
        header = request.headers.get("authorization", "")
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token or " " in token:
            raise RefusedError(refusal.MALFORMED_AUTHORIZATION)
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            raise RefusedError(refusal.WRONG_TOKEN if TOKEN.fullmatch(token) else refusal.JUNK_TOKEN)
        account = request.path_params.get("account")
        if account is not None and not ACCOUNT.fullmatch(account):
            raise RefusedError(refusal.malformed_account(request.url.path))
        if account not in (None, self.account):
            raise RefusedError(refusal.OTHER_ACCOUNT)

    def guarded(self, handler: Handler) -> Handler:
        """The handler, for those who are let in."""

        async def guard(request: Request) -> Response:
            request.state.id = str(uuid.uuid4())
            self.admit(request)
            return await handler(request)

        return guard

    async def run(self, request: Request) -> Response:
        """The native endpoint."""
        if (name := request.path_params["model"]) != self.model.id:
            raise RefusedError(refusal.no_such_model(name))
        body = translation.checked(self.model, parse(await read_body(request)))
        planned = self._plan(body)
        pieces = planned.pieces(self.engine, self.decider)
        if body.get("stream"):
            return await self._stream(request, pieces, lambda rest: answer.native_events(self.model, rest))
        text, calls, end = await self._whole(request, pieces)
        said: Any = text if calls else await planned.met(text)
        return self._json(request, end, answer.native_whole(self.model, said, calls, end))

    def _plan(self, body: Mapping[str, Any], stop: tuple[str, ...] = ()) -> Plan:
        translation.refuse_unserved(self.model, body)
        return plan(body, translation.job(self.model, body, stop), self.engine)

    async def prompt(self, request: Request) -> Response:
        """Not Cloudflare's: how a request is laid out for the model, and its exact count of tokens."""
        body = translation.checked(self.model, parse(await read_body(request)))
        try:
            laid = await layout.lay_out(self._plan({**body, "stream": False}), self.engine, self.card)
        except EngineError as error:
            raise RefusedError(_refusal(error, self.engine.context)) from error
        return JSONResponse(answer.envelope(laid))

    async def complete(self, request: Request) -> Response:
        """The OpenAI-shaped endpoint."""
        asked = parse(await read_body(request))
        name = asked.get("model") if isinstance(asked, dict) else None
        if name != self.model.id:
            raise RefusedError(refusal.no_such_model(str(name)))
        body = translation.checked(self.model, translation.native(asked))
        planned = self._plan(body, translation.stops(asked))
        pieces = planned.pieces(self.engine, self.decider)
        identity = request.state.id
        if body.get("stream"):
            options = asked.get("stream_options")
            with_usage = isinstance(options, dict) and bool(options.get("include_usage"))
            return await self._stream(
                request,
                pieces,
                lambda rest: answer.openai_events(self.model, identity, rest, with_usage=with_usage),
            )
        text, calls, end = await self._whole(request, pieces)
        if not calls:
            await planned.met(text)
        return self._json(request, end, answer.openai_whole(self.model, identity, text, calls, end))

    async def search(self, request: Request) -> Response:
        """The models that fit a search."""
        return JSONResponse(catalogue.search(self.model, request.query_params))

    async def schema(self, request: Request) -> Response:
        """A model's schemas."""
        if (name := request.query_params.get("model", "")) != self.model.id:
            raise RefusedError(refusal.no_such_model(name))
        return JSONResponse(catalogue.schema(self.model))

    async def verify(self, request: Request) -> Response:
        """Whether the token is good: it is, or the request would not be here."""
        told = {"code": 10000, "message": "This API Token is valid and active", "type": None}
        identity = uuid.uuid5(uuid.NAMESPACE_URL, self.account).hex
        return JSONResponse({**answer.envelope({"id": identity, "status": "active"}), "messages": [told]})

    async def slots(self, request: Request) -> Response:
        """Not Cloudflare's: how many generations hold a slot, and how many wait for one."""
        engine = self.engine
        counts = {"slots": engine.slots, "running": engine.running, "waiting": engine.waiting}
        return JSONResponse(answer.envelope(counts))

    async def _first(self, request: Request, pieces: AsyncGenerator[Piece, None]) -> Piece:
        """The first piece: until it is there, a failure can still be told with its status."""
        try:
            return await while_connected(request.receive, anext(pieces))
        except EngineError as error:
            raise RefusedError(_refusal(error, self.engine.context)) from error

    async def _stream(
        self,
        request: Request,
        pieces: AsyncGenerator[Piece, None],
        events: Callable[[AsyncGenerator[Piece, None]], AsyncGenerator[bytes, None]],
    ) -> Response:
        first = await self._first(request, pieces)

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

        try:
            return await while_connected(request.receive, collect())
        except EngineError as error:
            raise RefusedError(_refusal(error, self.engine.context)) from error

    def _json(self, request: Request, end: End, content: Any) -> Response:
        spent = f"{answer.neurons(self.model, end):.2f}"
        return JSONResponse(content, headers={"cf-ai-req-id": request.state.id, "cf-ai-neurons": spent})


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)  # noqa: S101 (Starlette calls this for nothing else)
    kind, identity = error.refusal, getattr(request.state, "id", "")
    tag = {"cf-ai-req-id": identity} if kind.envelope is refusal.Envelope.SERVICE else None
    return JSONResponse(kind.body(identity), kind.status, tag)


async def _unrouted(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    kind = refusal.wrong_method(request.method) if status == 405 else refusal.NO_ROUTE
    return JSONResponse(kind.body(""), kind.status)


async def _failed(request: Request, error: Exception) -> Response:
    identity = getattr(request.state, "id", "")
    return JSONResponse(refusal.INTERNAL.body(identity), 500, {"cf-ai-req-id": identity})


async def _hung_up(request: Request, error: Exception) -> Response:
    return Response(status_code=499)


async def _no_list(request: Request) -> Response:
    # Recorded: the OpenAI-shaped list of models does not exist, though its neighbour does.
    raise RefusedError(refusal.wrong_method(request.method))


def build(engine: Engine, model: Model, account: str, token: str, card: Card = UNKNOWN) -> Starlette:
    """The application. ``card``: what the model's file says about itself."""
    twin = Twin(engine, model, account, token, card, Decider(engine))

    async def health(request: Request) -> Response:
        return JSONResponse({"ok": True, "model": model.id, "slots": engine.slots, "running": engine.running})

    root, account_root = "/client/v4", "/client/v4/accounts/{account}/ai"
    routes: list[tuple[str, str, Handler]] = [
        ("POST", f"{account_root}/run/{{model:path}}", twin.run),
        ("POST", f"{account_root}/v1/chat/completions", twin.complete),
        ("GET", f"{account_root}/v1/models", _no_list),
        ("GET", f"{account_root}/models/search", twin.search),
        ("GET", f"{account_root}/models/schema", twin.schema),
        ("POST", f"{account_root}/paddock/prompt", twin.prompt),
        ("GET", f"{account_root}/paddock/slots", twin.slots),
        ("GET", f"{root}/user/tokens/verify", twin.verify),
    ]
    app = Starlette(
        routes=[
            Route("/health", health),
            *(Route(path, twin.guarded(handler), methods=[method]) for method, path, handler in routes),
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
