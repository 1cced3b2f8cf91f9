"""The API's routes: who may ask, for what, and how the answer is sent while the asker still listens."""

from __future__ import annotations

import hmac
import re
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lib.model import Model
from lib.twin import answer, catalogue, finetunes, refusal, translation, variants
from lib.twin.check import check, parse
from lib.twin.connection import Edge, EventStream, HungUpError, read_body, while_connected
from lib.twin.engine import (
    BadPromptError,
    BusyError,
    End,
    Engine,
    EngineError,
    Job,
    Piece,
    Text,
    TooLongError,
)
from lib.twin.faults import NONE as NO_FAULT
from lib.twin.faults import Faults
from lib.twin.probabilities import Probabilities
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
    shelf: finetunes.Shelf
    wire: str
    probabilities: Probabilities

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

    def job(self, body: Mapping[str, Any]) -> Job:
        """The generation that a checked body of the native endpoint asks for, its adapter included."""
        adapter = self.shelf.choose(self.model, body)
        return replace(translation.job(self.model, body), adapter=adapter)

    def variant(self, request: Request) -> variants.Variant:
        """How this answer is to go out. Raises RefusedError if the header names no variant."""
        try:
            return variants.named(request.headers.get(variants.HEADER, self.wire))
        except ValueError as error:
            raise RefusedError(refusal.bad_input(f"{variants.HEADER}: {error}")) from None

    async def run(self, request: Request) -> Response:
        """The native endpoint."""
        if (name := request.path_params["model"]) != self.model.id:
            raise RefusedError(refusal.no_such_model(name))
        body = check(self.model, parse(await read_body(request)))
        translation.refuse_unserved(self.model, body)
        variant = self.variant(request)
        pieces = self.engine.generate(self.job(body))
        if body.get("stream") and (events := variant.events) is not None:
            return await self._stream(request, pieces, lambda rest: events(self.model, rest))
        text, end = await self._whole(request, pieces)
        return self._json(request, end, variant.whole(self.model, text, (), end))

    async def complete(self, request: Request) -> Response:
        """The OpenAI-shaped endpoint."""
        asked = parse(await read_body(request))
        name = asked.get("model") if isinstance(asked, dict) else None
        if name != self.model.id:
            raise RefusedError(refusal.no_such_model(str(name)))
        body = check(self.model, translation.native(asked))
        translation.refuse_unserved(self.model, body)
        whole = (
            self.variant(request).events is None
        )  # the other variants are those of the native endpoint alone
        pieces = self.engine.generate(translation.job(self.model, body, translation.stops(asked)))
        identity = request.state.id
        if body.get("stream") and not whole:
            options = asked.get("stream_options")
            with_usage = isinstance(options, dict) and bool(options.get("include_usage"))
            return await self._stream(
                request,
                pieces,
                lambda rest: answer.openai_events(self.model, identity, rest, with_usage=with_usage),
            )
        text, end = await self._whole(request, pieces)
        return self._json(request, end, answer.openai_whole(self.model, identity, text, end))

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

    async def finetunes(self, request: Request) -> Response:
        """The account's own adapters."""
        return JSONResponse(answer.envelope(finetunes.listed(self.model, self.shelf, public=False)))

    async def public_finetunes(self, request: Request) -> Response:
        """The adapters that everybody has."""
        return JSONResponse(answer.envelope(finetunes.listed(self.model, self.shelf, public=True)))

    async def shelved(self, request: Request) -> Response:
        """Not Cloudflare's: the adapters that were loaded, and the files that were left out, with the reason."""
        return JSONResponse(answer.envelope(self.shelf.told()))

    async def foresee(self, request: Request) -> Response:
        """Not Cloudflare's: the probabilities of the next token, for the body of any request to run the model."""
        body = check(self.model, parse(await read_body(request)))
        try:
            told = await while_connected(request.receive, self.probabilities.of(self.job(body)))
        except EngineError as error:
            raise RefusedError(_refusal(error, self.engine.context)) from error
        return JSONResponse(answer.envelope(told))

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

    async def _whole(self, request: Request, pieces: AsyncGenerator[Piece, None]) -> tuple[str, End]:
        async def collect() -> tuple[str, End]:
            texts: list[str] = []
            async with aclosing(pieces):
                async for piece in pieces:
                    if isinstance(piece, End):
                        return "".join(texts), piece
                    if isinstance(piece, Text):
                        texts.append(piece.text)
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


def build(
    engine: Engine,
    model: Model,
    account: str,
    token: str,
    shelf: finetunes.Shelf = finetunes.NONE,
    *,
    wire: str = variants.USUAL,
    fault: str = NO_FAULT,
    tokens: Sequence[str] = (),
) -> Starlette:
    """The application. ``wire`` and ``fault`` are for the requests that name none of their own.

    ``tokens`` is the engine's vocabulary.
    """
    twin = Twin(engine, model, account, token, shelf, wire, Probabilities(engine, tokens))
    failing = Faults(fault)

    async def health(request: Request) -> Response:
        return JSONResponse({"ok": True, "model": model.id, "slots": engine.slots, "running": engine.running})

    root, account_root = "/client/v4", "/client/v4/accounts/{account}/ai"
    routes: list[tuple[str, str, Handler]] = [
        ("POST", f"{account_root}/run/{{model:path}}", failing.around(twin.run)),
        ("POST", f"{account_root}/v1/chat/completions", failing.around(twin.complete)),
        ("GET", f"{account_root}/v1/models", _no_list),
        ("GET", f"{account_root}/models/search", twin.search),
        ("GET", f"{account_root}/models/schema", twin.schema),
        ("GET", f"{account_root}/finetunes", twin.finetunes),
        ("GET", f"{account_root}/finetunes/public", twin.public_finetunes),
        ("GET", f"{account_root}/paddock/adapters", twin.shelved),
        ("GET", f"{account_root}/paddock/slots", twin.slots),
        ("POST", f"{account_root}/paddock/probabilities", twin.foresee),
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
