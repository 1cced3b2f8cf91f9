"""Fault injection: every way in which an answer of Workers AI can fail, for people who test their own clients.

A request names a fault in the header ``x-paddock-fault``; ``--fault`` names one for all requests that run the model.
The syntax is ``NAME`` or ``NAME;option=number``, such as ``3021;every=2`` or ``silence;after=3``. ``FAULTS`` lists
them.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import OrderedDict
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from lib.twin import api_errors
from lib.twin.api_errors import ErrorResponse, TwinApiError
from lib.twin.auth import Handler
from lib.twin.http_connection import BreakConnectionError, Events, EventStream, run_while_connected
from lib.twin.responses import SSE_DONE

HEADER = "x-paddock-fault"
# The header's value for a request without a fault, whatever --fault names.
NO_FAULT = "none"

# Distinct header values whose requests are counted for ``every``.
_MAX_COUNTED = 256


class Behaviour(Enum):
    """The effect of a fault that is not an error response."""

    CUT = auto()
    NO_DONE = auto()
    SILENCE = auto()
    SLOW = auto()


@dataclass(frozen=True)
class FaultKind:
    """A fault: it has either an error response, the status of an HTML page, or a behaviour."""

    description: str
    error_response: ErrorResponse | None = None
    html_status: int | None = None
    behaviour: Behaviour | None = None
    options: tuple[str, ...] = ("retry-after",)
    retry_after: int | None = None


@dataclass(frozen=True)
class InjectedFault:
    """A fault with its options. ``after`` counts events of a stream; None stands for the fault's own default."""

    name: str
    after: int | None = None
    seconds: float | None = None
    retry_after: int | None = None
    every: int = 1
    chance: float = 1.0

    @property
    def kind(self) -> FaultKind:
        """The fault's entry in ``FAULTS``."""
        return FAULTS[self.name]


def _error(description: str, response: ErrorResponse, retry_after: int | None = None) -> FaultKind:
    about = f"{response.status}, code {response.code}: {description}"
    return FaultKind(about, response, retry_after=retry_after)


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
    # Recorded or documented codes. It is not known whether 3021 comes with a Retry-After; 3040 comes without.
    "3021": _error("too many requests a minute", api_errors.RATE_LIMITED, retry_after=1),
    "3040": _error("no capacity", api_errors.NO_CAPACITY),
    "4006": _error("the day's free neurons are used up", api_errors.DAILY_QUOTA_SPENT),
    "3036": _error("the same, as the documentation has it", replace(api_errors.DAILY_QUOTA_SPENT, code=3036)),
    "3046": _error("timeout", api_errors.REQUEST_TIMEOUT),
    "3007": _error("timeout, the older code", replace(api_errors.REQUEST_TIMEOUT, code=3007)),
    "3008": _error("aborted", api_errors.ABORTED),
    "3043": _error("internal error", api_errors.INTERNAL_ERROR),
    "10000": _error("the token is not known", api_errors.WRONG_TOKEN),
    "5028": _error("the model is retired", api_errors.MODEL_DEPRECATED),
    **{str(status): FaultKind(f"{status} with a web page", html_status=status) for status in _PAGES},
    "cut": FaultKind(
        "the connection breaks within an event (the fourth, or after=N)",
        behaviour=Behaviour.CUT,
        options=("after",),
    ),
    "no-done": FaultKind(
        "a stream that ends in good order, but without [DONE]", behaviour=Behaviour.NO_DONE, options=()
    ),
    "silence": FaultKind(
        "nothing comes until the client leaves (or for seconds=N): at all, or in a stream after=N events",
        behaviour=Behaviour.SILENCE,
        options=("after", "seconds"),
    ),
    "slow": FaultKind(
        "a second (or seconds=N) before each event", behaviour=Behaviour.SLOW, options=("seconds",)
    ),
}

FAULT_SYNTAX = (
    "NAME or NAME;option=number;…, with the options every=N (each N-th request), chance=P (0 to 1), and, where the "
    "fault knows them, after=N (events), seconds=N, retry-after=N"
)


def parse_fault(text: str) -> InjectedFault | None:
    """Parse a fault's name and options; None for ``none``. Raises ValueError, which lists the possible values."""
    name, *options = (part.strip() for part in text.split(";"))
    if name == NO_FAULT and not options:
        return None
    if name not in FAULTS:
        raise ValueError(f"no fault is named {name[:50]!r}; there are {', '.join(FAULTS)}, {NO_FAULT}")
    allowed = ("every", "chance", *FAULTS[name].options)
    values: dict[str, Any] = {}
    for option in options:
        key, _, value = (part.strip() for part in option.partition("="))
        if key not in allowed:
            raise ValueError(f"the fault {name} has no option {key[:50]!r}; it has {', '.join(allowed)}")
        values[key.replace("-", "_")] = _parse_number(key, value)
    return InjectedFault(name, **values)


_BOUNDS = {
    "every": (1, 10**6),
    "chance": (0, 1),
    "after": (0, 10**6),
    "seconds": (0, 3600),
    "retry-after": (0, 86400),
}


def _parse_number(key: str, value: str) -> float | int:
    is_whole, (minimum, maximum) = key in ("every", "after", "retry-after"), _BOUNDS[key]
    try:
        number = int(value) if is_whole else float(value)
    except ValueError:
        number = math.nan
    if not minimum <= number <= maximum:
        kind = "a whole number" if is_whole else "a number"
        raise ValueError(f"{key} must be {kind} from {minimum} to {maximum}, not {value[:50]!r}")
    return number


class FaultInjector:
    """Decides which requests fail, and counts them for ``every``."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, int] = OrderedDict()

    def next_fault(self, text: str) -> InjectedFault | None:
        """Count a request with this fault, and return the fault if it applies now. Raises TwinApiError."""
        try:
            fault = parse_fault(text)
        except ValueError as error:
            raise TwinApiError(api_errors.bad_input(f"{HEADER}: {error}")) from None
        if fault is None:
            return None
        self._counts[text] = count = self._counts.pop(text, 0) + 1
        if len(self._counts) > _MAX_COUNTED:
            self._counts.popitem(last=False)
        # Not a secret: an ordinary random number will do.
        return fault if count % fault.every == 0 and random.random() < fault.chance else None  # noqa: S311

    def wrap(self, handler: Handler, default: str = NO_FAULT) -> Handler:
        """Return a handler that fails as the request says, or as ``default`` says if the request is silent."""

        async def handle(request: Request) -> Response:
            fault = self.next_fault(request.headers.get(HEADER, default))
            return await handler(request) if fault is None else await _fail(fault, request, handler)

        return handle


async def _fail(fault: InjectedFault, request: Request, handler: Handler) -> Response:
    kind = fault.kind
    if kind.behaviour is None:
        retry_after = kind.retry_after if fault.retry_after is None else fault.retry_after
        return _error_answer(kind, request.state.id, retry_after)
    if kind.behaviour is Behaviour.SILENCE and fault.after is None:
        if fault.seconds is None:
            await run_while_connected(request.receive, asyncio.Event().wait())
        # Not while watching the connection: that would consume the body, which the handler still has to read.
        await asyncio.sleep(fault.seconds or 0)
        return await handler(request)
    response = await handler(request)
    if isinstance(response, EventStream):
        response.events = _spoil_events(fault, response.events)
    elif kind.behaviour is Behaviour.CUT:
        return TruncatedResponse(response)
    elif kind.behaviour in (Behaviour.SLOW, Behaviour.SILENCE):
        await run_while_connected(request.receive, _pause(fault))
    return response


def _error_answer(kind: FaultKind, request_id: str, retry_after: int | None) -> Response:
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    if kind.error_response is None:
        status = kind.html_status or 502
        page = f"<!DOCTYPE html>\n<html>\n<head><title>{status}: {_PAGES[status]}</title></head>\n"
        page += f"<body>\n<h1>Error {status}</h1>\n<p>{_PAGES[status]}</p>\n<hr><p>cloudflare</p>\n</body>\n</html>\n"
        return HTMLResponse(page, status, headers)
    if kind.error_response.envelope is api_errors.Envelope.SERVICE:
        headers["cf-ai-req-id"] = request_id
    return JSONResponse(kind.error_response.body(request_id), kind.error_response.status, headers)


async def _pause(fault: InjectedFault) -> None:
    default = 1.0 if fault.kind.behaviour is Behaviour.SLOW else math.inf
    seconds = default if fault.seconds is None else fault.seconds
    await (asyncio.Event().wait() if math.isinf(seconds) else asyncio.sleep(seconds))


async def _spoil_events(fault: InjectedFault, events: Events) -> Events:
    """Yield the events of a stream with the fault. Raises BreakConnectionError to break the connection."""
    behaviour = fault.kind.behaviour
    after = 3 if fault.after is None else fault.after
    count = 0
    async with aclosing(events):
        async for event in events:
            if behaviour is Behaviour.NO_DONE and event == SSE_DONE:
                return
            # At the latest before the last event, so that a short answer fails too.
            is_due = count == after or (event == SSE_DONE and count < after)
            if behaviour is Behaviour.SLOW or (behaviour is Behaviour.SILENCE and is_due):
                await _pause(fault)
            if behaviour is Behaviour.CUT and is_due:
                yield event[: len(event) // 2]
                raise BreakConnectionError
            yield event
            count += 1


class TruncatedResponse(Response):
    """A response that breaks off in the middle of its body."""

    def __init__(self, complete: Response) -> None:
        super().__init__(complete.body, complete.status_code)
        self.raw_headers = complete.raw_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
