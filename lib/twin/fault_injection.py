"""Faults on demand: every way in which an answer of Workers AI can fail, for people who test their own clients.

A request names one in the header ``x-paddock-fault``, and ``--fault`` names one for all that run the model: ``NAME``
or ``NAME;option=number``, such as ``3021;every=2`` or ``silence;after=3``. ``FAULTS`` is the table of them.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from lib.twin import api_errors
from lib.twin.api_errors import ErrorResponse, TwinApiError
from lib.twin.auth import Handler
from lib.twin.http_connection import BreakConnectionError, EventStream, while_connected
from lib.twin.responses import SSE_DONE

HEADER = "x-paddock-fault"
NO_FAULT = "none"  # as the header's value: not even the one that --fault named

_MAX_COUNTED = 256  # different texts whose requests are counted for ``every``


@dataclass(frozen=True)
class FaultKind:
    """One fault: a refusal, a web page with that status, or a behaviour of its own (neither)."""

    description: str
    error_response: ErrorResponse | None = None
    html_status: int | None = None
    options: tuple[str, ...] = ("retry-after",)
    retry_after: int | None = None


@dataclass(frozen=True)
class InjectedFault:
    """A fault as it was asked for. Seconds; ``after`` counts events of a stream; None is the fault's own usual."""

    name: str
    after: int | None = None
    seconds: float | None = None
    retry_after: int | None = None
    every: int = 1
    chance: float = 1.0

    @property
    def kind(self) -> FaultKind:
        """Its row in the table."""
        return FAULTS[self.name]


def _refused(about: str, refused: ErrorResponse, retry_after: int | None = None) -> FaultKind:
    return FaultKind(f"{refused.status}, code {refused.code}: {about}", refused, retry_after=retry_after)


_PAGES = {
    502: "Bad gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway time-out",
    520: "Web server is returning an unknown error",
    521: "Web server is down",
    522: "Connection timed out",
    523: "Origin is unreachable",
    524: "A timeout occurred",
    525: "SSL handshake failed",
    526: "Invalid SSL certificate",
    530: "Origin DNS error",
}

FAULTS = {
    # Recorded or documented codes. Of 3021 it is not known whether it comes with a Retry-After; 3040 comes without.
    "3021": _refused("too many requests a minute", api_errors.RATE_LIMITED, retry_after=1),
    "3040": _refused("no capacity", api_errors.NO_CAPACITY),
    "4006": _refused("the day's free neurons are used up", api_errors.DAILY_QUOTA_SPENT),
    "3036": _refused(
        "the same, as the documentation has it", replace(api_errors.DAILY_QUOTA_SPENT, code=3036)
    ),
    "3046": _refused("timeout", api_errors.REQUEST_TIMEOUT),
    "3007": _refused("timeout, the older code", replace(api_errors.REQUEST_TIMEOUT, code=3007)),
    "3008": _refused("aborted", api_errors.ABORTED),
    "3043": _refused("internal error", api_errors.INTERNAL_ERROR),
    "10000": _refused("the token is not known", api_errors.WRONG_TOKEN),
    "5028": _refused("the model is retired", api_errors.MODEL_DEPRECATED),
    **{str(status): FaultKind(f"{status} with a web page", html_status=status) for status in _PAGES},
    "cut": FaultKind("the connection breaks within an event (the fourth, or after=N)", options=("after",)),
    "no-done": FaultKind("a stream that ends in good order, but without [DONE]", options=()),
    "silence": FaultKind(
        "nothing comes until the client leaves (or for seconds=N): at all, or in a stream after=N events",
        options=("after", "seconds"),
    ),
    "slow": FaultKind("a second (or seconds=N) before each event", options=("seconds",)),
}

FAULT_SYNTAX = (
    "NAME or NAME;option=number;…, with the options every=N (each N-th request), chance=P (0 to 1), and, where the "
    "fault knows them, after=N (events), seconds=N, retry-after=N"
)


def parse_fault(text: str) -> InjectedFault | None:
    """The fault that a text asks for, None for ``none``. Raises ValueError, which says what there is."""
    name, *options = (part.strip() for part in text.split(";"))
    if name == NO_FAULT and not options:
        return None
    if name not in FAULTS:
        raise ValueError(f"no fault is named {name[:50]!r}; there are {', '.join(FAULTS)}, {NO_FAULT}")
    known = ("every", "chance", *FAULTS[name].options)
    values: dict[str, Any] = {}
    for option in options:
        key, _, value = (part.strip() for part in option.partition("="))
        if key not in known:
            raise ValueError(f"the fault {name} has no option {key[:50]!r}; it has {', '.join(known)}")
        values[key.replace("-", "_")] = _number(key, value)
    return InjectedFault(name, **values)


_BOUNDS = {
    "every": (1, 10**6),
    "chance": (0, 1),
    "after": (0, 10**6),
    "seconds": (0, 3600),
    "retry-after": (0, 86400),
}


def _number(key: str, value: str) -> float | int:
    whole, (least, most) = key in ("every", "after", "retry-after"), _BOUNDS[key]
    try:
        number = int(value) if whole else float(value)
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        kind = "a whole number" if whole else "a number"
        raise ValueError(f"{key} must be {kind} from {least} to {most}, not {value[:50]!r}")
    return number


class FaultInjector:
    """Which requests meet a fault. ``usual`` is the one that ``--fault`` named."""

    def __init__(self, usual: str = NO_FAULT) -> None:
        parse_fault(usual)
        self.default = usual
        self._counts: OrderedDict[str, int] = OrderedDict()

    def next_fault(self, text: str) -> InjectedFault | None:
        """The fault for a request that asks for it so, which is counted. Raises RefusedError if it is none."""
        try:
            fault = parse_fault(text)
        except ValueError as error:
            raise TwinApiError(api_errors.bad_input(f"{HEADER}: {error}")) from None
        if fault is None:
            return None
        self._counts[text] = count = self._counts.pop(text, 0) + 1
        if len(self._counts) > _MAX_COUNTED:
            self._counts.popitem(last=False)
        # Chance that nothing secret hangs on.
        return fault if count % fault.every == 0 and random.random() < fault.chance else None  # noqa: S311

    def wrap_with_default(self, handler: Handler) -> Handler:
        """The handler, failing where the request says so, or the start said so and the request says nothing."""
        return self._failing(handler, self.default)

    def wrap(self, handler: Handler) -> Handler:
        """The handler, failing where the request itself says so."""
        return self._failing(handler, NO_FAULT)

    def _failing(self, handler: Handler, usual: str) -> Handler:
        async def faulty(request: Request) -> Response:
            fault = self.next_fault(request.headers.get(HEADER, usual))
            return await handler(request) if fault is None else await _fail(fault, request, handler)

        return faulty


async def _fail(fault: InjectedFault, request: Request, handler: Handler) -> Response:
    kind = fault.kind
    if kind.error_response is not None or kind.html_status is not None:
        return _answer(
            kind, request.state.id, kind.retry_after if fault.retry_after is None else fault.retry_after
        )
    if fault.name == "silence" and fault.after is None:
        if fault.seconds is None:
            await while_connected(request.receive, asyncio.Event().wait())
        await asyncio.sleep(
            fault.seconds or 0
        )  # unwatched: watching would swallow the body, which is yet to be read
        return await handler(request)
    response = await handler(request)
    if isinstance(response, EventStream):
        response.events = _spoilt(fault, response.events)
    elif fault.name == "cut":
        return TruncatedResponse(response)
    elif fault.name in ("slow", "silence"):
        await while_connected(request.receive, _pause(fault))
    return response


def _answer(kind: FaultKind, identity: str, wait: int | None) -> Response:
    headers = {} if wait is None else {"retry-after": str(wait)}
    if kind.error_response is None:
        status = kind.html_status or 502
        page = f"<!DOCTYPE html>\n<html>\n<head><title>{status}: {_PAGES[status]}</title></head>\n"
        page += f"<body>\n<h1>Error {status}</h1>\n<p>{_PAGES[status]}</p>\n<hr><p>cloudflare</p>\n</body>\n</html>\n"
        return HTMLResponse(page, status, headers)
    if kind.error_response.envelope is api_errors.Envelope.SERVICE:
        headers["cf-ai-req-id"] = identity
    return JSONResponse(kind.error_response.body(identity), kind.error_response.status, headers)


async def _pause(fault: InjectedFault) -> None:
    usual = 1.0 if fault.name == "slow" else math.inf
    seconds = usual if fault.seconds is None else fault.seconds
    await (asyncio.Event().wait() if math.isinf(seconds) else asyncio.sleep(seconds))


async def _spoilt(fault: InjectedFault, events: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The stream as the fault leaves it. Raises BrokenOffError where the connection is to break."""
    after = 3 if fault.after is None else fault.after
    count = 0
    async with aclosing(events):
        async for event in events:
            if fault.name == "no-done" and event == SSE_DONE:
                return
            # At the last event at the latest: a short answer is no reason to come whole.
            now = count == after or (event == SSE_DONE and count < after)
            if fault.name == "slow" or (fault.name == "silence" and now):
                await _pause(fault)
            if fault.name == "cut" and now:
                yield event[: len(event) // 2]
                raise BreakConnectionError
            yield event
            count += 1


class TruncatedResponse(Response):
    """A whole answer that breaks off in the middle of its body."""

    def __init__(self, whole: Response) -> None:
        super().__init__(whole.body, whole.status_code)
        self.raw_headers = whole.raw_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
