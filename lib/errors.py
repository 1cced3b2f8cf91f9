"""The error classes as one tree, and the tables that give each error code its class and its advice.

PaddockError
├── BadInput              a value that the page can refuse before anything is sent
├── Refused               the backend understood and said no
│   ├── InvalidRequest        the body breaks the documented schema
│   ├── ContextExceeded       too long for the model's context window
│   ├── CredentialsRefused    no token, a malformed token, or an unknown one
│   ├── AccountRefused        the token or the plan may not use this account or this model
│   ├── ModelUnavailable      unknown, retired, or without the requested ability
│   ├── AllocationSpent       the day's free neurons are used up
│   ├── RateLimited           too many requests a minute
│   ├── NoCapacity            the service is full at the moment
│   └── ServiceFailed         an internal error of the service
├── TimedOut              no answer in time, from the service or on the way
├── Unreachable           network, name resolution, TLS, a refused connection, a redirect
├── CutOff                the stream broke before its end
├── Unintelligible        a reply that is not from Workers AI: HTML, broken JSON
├── HeldElsewhere         another Paddock server with the same database is working on it
└── StorageFailed         the database cannot be read or written; ``retryable`` if the whole database is affected
    ├── DamagedDatabase       the file is damaged, emptied or no database; it is left as it is
    └── NewerDatabase         a newer Paddock made the database; this one does not touch it

Sources: Cloudflare's list of Workers AI errors, and recordings of the live API.
"""

from __future__ import annotations

from dataclasses import dataclass


class PaddockError(Exception):
    """The base of all errors that a user sees: ``message`` describes the problem, ``advice`` a way out of it.

    ``code`` and ``status`` are the backend's; ``retry_after`` is the wait in seconds that it asked for.
    """

    title = "Something went wrong"

    def __init__(
        self,
        message: str,
        *,
        advice: str = "",
        code: int | None = None,
        status: int | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.code = code
        self.status = status
        self.retryable = retryable
        self.retry_after = retry_after

    def mask(self, secret: str) -> None:
        """Replace a secret in the message: some servers echo the credentials that they refuse."""
        # Shorter secrets protect nothing and may be part of ordinary words.
        if len(secret) >= 8 and secret in self.message:
            self.message = self.message.replace(secret, "•••")
            self.args = (self.message,)


class BadInput(PaddockError):
    """A value that cannot be sent; the message names the field and its bounds."""

    title = "This cannot be sent"


class Refused(PaddockError):
    """The backend understood the request and refused it."""

    title = "The request was refused"


class InvalidRequest(Refused):
    title = "The request was not accepted"


class ContextExceeded(Refused):
    title = "Too long for the model"


class CredentialsRefused(Refused):
    title = "The API token was not accepted"


class AccountRefused(Refused):
    title = "This account may not do that"


class ModelUnavailable(Refused):
    title = "The model is not available"


class AllocationSpent(Refused):
    title = "Today's free allocation is used up"


class RateLimited(Refused):
    title = "Too many requests"


class NoCapacity(Refused):
    title = "No capacity at the moment"


class ServiceFailed(Refused):
    title = "The service failed"


class TimedOut(PaddockError):
    title = "No answer in time"


class Unreachable(PaddockError):
    title = "The service cannot be reached"


class CutOff(PaddockError):
    title = "The answer was cut off"


class Unintelligible(PaddockError):
    title = "The answer could not be understood"


class HeldElsewhere(PaddockError):
    title = "Another server is working on this"


class StorageFailed(PaddockError):
    title = "Conversations are not being saved"


class DamagedDatabase(StorageFailed):
    title = "The database is damaged"


class NewerDatabase(StorageFailed):
    title = "The database is a newer Paddock's"


# The classes whose errors a retry can cure.
_RETRYABLE = (RateLimited, NoCapacity, TimedOut, ServiceFailed)


@dataclass(frozen=True)
class ErrorCase:
    """The class and the advice for one error code."""

    error_class: type[PaddockError]
    advice: str

    @property
    def retryable(self) -> bool:
        """True if a retry can succeed."""
        return issubclass(self.error_class, _RETRYABLE)


_NEW_KEY = (
    "Check the API token: create one with the “Workers AI” permission in the Cloudflare dashboard "
    "(My Profile → API Tokens), then connect again."
)
_ACCOUNT = (
    "Check that the account id is right and that the API token belongs to that account, then connect again."
)
_PLAN = "Check the account's plan and permissions in the Cloudflare dashboard; another account may work."
_WAIT = "Wait a moment, then retry."
_REFUSED_INPUT = "The model refused the input: the text above says why. Change it, then retry."
_NO_SUCH_ADAPTER = (
    "There is no LoRA adapter of that name or id. Choose one from the list, or send the request without one."
)
_TOO_SLOW = "The model took too long. Lower max_tokens or shorten the conversation, then retry."
_NEURONS_SPENT = "The free neurons come back at 00:00 UTC. Upgrade to Workers Paid to go on now, or use the twin: it is free."

# The API's edge sends 10000, 10001 and the codes from 6003 to 7003 and from 9106 to 9109, the AI service the others.
_ADVICE_BY_CODE: dict[type[PaddockError], dict[int, str]] = {
    InvalidRequest: {
        3003: "The request is malformed: the text above says where. Change it, then retry.",
        5004: "The request is not valid JSON for this model. Reset the settings, then retry.",
        5006: "A setting or a message is not allowed by the model's schema: the text above names it. Change it, then retry.",
        5012: _REFUSED_INPUT,
        8007: _REFUSED_INPUT,
        5023: "JSON Schema mode cannot be streamed. Send it without streaming.",
        5024: "The model could not meet the JSON schema. Simplify the schema or raise max_tokens, then retry.",
        5033: _NO_SUCH_ADAPTER,
        3037: _NO_SUCH_ADAPTER,
        3030: "The LoRA adapter was made for another model. Choose another one, or send the request without one.",
    },
    ContextExceeded: {
        3006: "The request is too large to be accepted. Shorten the conversation or start a new one.",
        5021: "Lower max_tokens, shorten the message, or start a new conversation.",
    },
    ModelUnavailable: {
        5005: "This model takes no LoRA adapter. Send the request without one.",
        5007: "The backend does not know this model. Check that the account has Workers AI.",
        5028: "Cloudflare has retired this model. Use the twin meanwhile, or add the record of its successor.",
    },
    CredentialsRefused: {
        10000: _NEW_KEY,
        10001: _NEW_KEY,
        9106: _NEW_KEY,
        6003: "The Authorization header is malformed, so the token is not one that Cloudflare makes. "
        + _NEW_KEY,
    },
    AccountRefused: {
        9109: _ACCOUNT,
        7003: "The account id is malformed: it has 32 hexadecimal digits and stands in the dashboard's address. Connect again.",
        5018: _PLAN,
        3041: _PLAN,
        3023: "Workers AI is switched off for this account. Contact Cloudflare's support, or use another account.",
        5016: "The model's terms have not been agreed to. Open the model once in the Cloudflare dashboard and accept them.",
        5035: "This model needs the Workers Paid plan. Upgrade in the Cloudflare dashboard, or use the twin.",
    },
    AllocationSpent: {4006: _NEURONS_SPENT, 3036: _NEURONS_SPENT},
    RateLimited: {
        3021: "The account's limit for this minute is reached (300 requests a minute by default). Wait, then retry.",
    },
    NoCapacity: {3040: "Cloudflare has no free machine for this model right now. " + _WAIT},
    TimedOut: {3007: _TOO_SLOW, 3046: _TOO_SLOW},
    ServiceFailed: {
        3008: "The service aborted the request. " + _WAIT,
        3043: "Cloudflare had an internal error. " + _WAIT,
    },
    Unintelligible: {
        7000: "The address is not one of the API's. Check CLOUDFLARE_BASE_URL.",
        7001: "The address does not take this kind of request. Check CLOUDFLARE_BASE_URL.",
    },
}

CASES_BY_CODE = {
    code: ErrorCase(error_class, advice)
    for error_class, advice_by_code in _ADVICE_BY_CODE.items()
    for code, advice in advice_by_code.items()
}

_CASES_BY_STATUS = {
    400: ErrorCase(InvalidRequest, "The backend refused the request: the text above says why."),
    401: ErrorCase(CredentialsRefused, _NEW_KEY),
    403: ErrorCase(AccountRefused, _ACCOUNT),
    404: ErrorCase(
        ModelUnavailable,
        "The address was not found. Check the account id, the model and CLOUDFLARE_BASE_URL.",
    ),
    405: ErrorCase(
        InvalidRequest, "The address does not take this kind of request. Check CLOUDFLARE_BASE_URL."
    ),
    408: ErrorCase(TimedOut, "The service gave up waiting. " + _WAIT),
    410: ErrorCase(ModelUnavailable, "Cloudflare has retired this model. Use the twin meanwhile."),
    413: ErrorCase(ContextExceeded, "Shorten the conversation, lower max_tokens, or start a new one."),
    422: ErrorCase(InvalidRequest, "The backend refused the input: the text above says why."),
    429: ErrorCase(RateLimited, "Too many requests for now. " + _WAIT),
}
_SERVICE_IN_TROUBLE = ErrorCase(
    ServiceFailed, "The service is in trouble (see cloudflarestatus.com). " + _WAIT
)
_EDGE_IN_TROUBLE = ErrorCase(
    ServiceFailed, "Cloudflare's edge or a proxy is in trouble (see cloudflarestatus.com). " + _WAIT
)
_UNKNOWN_REFUSAL = ErrorCase(Refused, "The backend refused the request: the text above says why.")
_NOT_THE_API = ErrorCase(
    Unintelligible,
    "Check CLOUDFLARE_BASE_URL, and anything on the way that may have answered instead, such as a proxy "
    "or a network's sign-in page. Then retry.",
)


def classify_refusal(status: int | None, code: int | None) -> ErrorCase:
    """Return the case for an error reply, by its code first and then by its HTTP status. Never raises."""
    # The token is valid, but not for this account.
    if code == 10000 and status == 403:
        return _CASES_BY_STATUS[403]
    if code in CASES_BY_CODE:
        return CASES_BY_CODE[code]
    if status in _CASES_BY_STATUS:
        return _CASES_BY_STATUS[status]
    return _SERVICE_IN_TROUBLE if status is not None and status >= 500 else _UNKNOWN_REFUSAL


def unrecognised_reply(status: int | None, what: str, retry_after: float | None = None) -> PaddockError:
    """Build the error for a reply that Workers AI did not write: from a proxy, a sign-in page or a failing edge."""
    where = "The server" if status is None else f"HTTP {status}: the server"
    if status is not None and status >= 500:
        case = _EDGE_IN_TROUBLE
    else:
        case = _CASES_BY_STATUS[status] if status in (408, 429) else _NOT_THE_API
    return _build_error(case, f"{where} sent {what} instead of an answer.", status, None, retry_after)


def refusal(
    status: int | None, code: int | None, message: str, retry_after: float | None = None
) -> PaddockError:
    """Build the error for an error reply with Cloudflare's code and message."""
    return _build_error(classify_refusal(status, code), message, status, code, retry_after)


def _build_error(
    case: ErrorCase, message: str, status: int | None, code: int | None, retry_after: float | None
) -> PaddockError:
    return case.error_class(
        message,
        advice=case.advice,
        code=code,
        status=status,
        retryable=case.retryable,
        retry_after=retry_after,
    )
