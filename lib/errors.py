"""The error classes as one tree, and the tables that give each error code its class and its advice.

PaddockError
├── BadInput              a value that the page can refuse before anything is sent
├── Refused               the backend understood and said no
│   ├── InvalidRequest        the body breaks the documented schema
│   ├── ContextExceeded       too long for the model's context window
│   ├── CredentialsRefused    no token, a malformed token, or an unknown one
│   │   └── GatewayTokenRefused   the AI Gateway's own token is missing or not valid; the API token may be good
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
├── DownloadFailed        a language model could not be downloaded to this computer
├── HeldElsewhere         another Paddock server with the same database is working on it
└── StorageFailed         the database cannot be read or written; ``retryable`` if the whole database is affected
    ├── DamagedDatabase       the file is damaged, emptied or no database; it is left as it is
    └── NewerDatabase         a newer Paddock made the database; this one does not touch it

Sources: Cloudflare's list of Workers AI errors, and recordings of the live API.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


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

    title = "The service refused the request"


class InvalidRequest(Refused):
    title = "The service did not accept the request"


class ContextExceeded(Refused):
    title = "Too long for the model"


class CredentialsRefused(Refused):
    title = "The API token was not accepted"


class GatewayTokenRefused(CredentialsRefused):
    title = "The AI Gateway's token was not accepted"


class AccountRefused(Refused):
    title = "This account has no permission for that"


class ModelUnavailable(Refused):
    title = "The model is not available"


class AllocationSpent(Refused):
    title = "Today's free allowance is used up"


class RateLimited(Refused):
    title = "Too many requests"


class NoCapacity(Refused):
    title = "The service is full at the moment"


class ServiceFailed(Refused):
    title = "The service has a problem"


class TimedOut(PaddockError):
    title = "No answer in time"


class Unreachable(PaddockError):
    title = "The service cannot be reached"


class CutOff(PaddockError):
    title = "The answer was cut off"


class Unintelligible(PaddockError):
    title = "The answer could not be understood"


class DownloadFailed(PaddockError):
    title = "The model could not be downloaded"


class HeldElsewhere(PaddockError):
    title = "Another server is working on this"


class StorageFailed(PaddockError):
    title = "Conversations are not being saved"


class DamagedDatabase(StorageFailed):
    title = "The database is damaged"


class NewerDatabase(StorageFailed):
    title = "The database was made by a newer Paddock"


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


UNAUTHORIZED_BY_API = 10000
# Of AI Gateway itself, not of the model behind it: developers.cloudflare.com/ai-gateway, “Troubleshooting”.
UNAUTHORIZED_BY_GATEWAY = 2009

_NEW_KEY = (
    "Check the API token: create one with the “Workers AI” permission in the Cloudflare dashboard "
    "(My Profile → API Tokens), then connect again."
)
_ACCOUNT = (
    "Check that the account ID is right and that the API token belongs to that account, then connect again."
)
_PLAN = "Check the account's plan and permissions in the Cloudflare dashboard; another account may work."
_WAIT = "Wait a moment, then retry."
_REFUSED_INPUT = "The model refused your text for the reason above. Change it, then retry."
_SAYS_WHY = "The text above says why."
_SAYS_WHAT = "The text above says what is wrong. Change it, then retry."
_NAMES_SETTING = (
    "The model does not allow a setting or a message; the text above names it. Change it, then retry."
)
# They refer to the service's own text. Without one there is other advice.
_ADVICE_BY_MESSAGE = (_REFUSED_INPUT, _SAYS_WHY, _SAYS_WHAT, _NAMES_SETTING)
_WITHOUT_MESSAGE = "Undo your last change to the text or the settings, then retry."
_NO_SUCH_ADAPTER = "There is no adapter (LoRA) with that name or ID. Choose one from the list, or use none."
_TOO_SLOW = "The model took too long. Lower Max tokens or shorten the conversation, then retry."
_NEURONS_SPENT = "The free allowance is renewed at 00:00 UTC. Upgrade to Workers Paid to continue now, or use the practice model, which is free."

# The API's edge sends 10000, 10001 and the codes from 6003 to 7003 and from 9106 to 9109, the AI service the others.
_ADVICE_BY_CODE: dict[type[PaddockError], dict[int, str]] = {
    InvalidRequest: {
        3003: _SAYS_WHAT,
        5004: "The model does not understand the request. Reset the settings, then retry.",
        5006: _NAMES_SETTING,
        5012: _REFUSED_INPUT,
        8007: _REFUSED_INPUT,
        5023: "An answer with fields must come in one piece. Turn Stream off.",
        5024: "The model could not fill your fields. Use fewer or simpler fields, or raise Max tokens, then retry.",
        5033: _NO_SUCH_ADAPTER,
        3037: _NO_SUCH_ADAPTER,
        3030: "The adapter was made for another model. Choose another one, or use none.",
    },
    ContextExceeded: {
        3006: "The conversation is too long. Shorten it or start a new one.",
        5021: "Lower Max tokens, shorten the message, or start a new conversation.",
    },
    ModelUnavailable: {
        5005: "This model does not work with adapters (LoRA). Use none.",
        5007: "The service does not know this model. Check that the account has Workers AI.",
        5028: "Cloudflare no longer offers this model. Use the practice model until Paddock is updated.",
        # The twin's own code.
        5907: "Close other programs if memory is short, or choose another model of this computer.",
    },
    CredentialsRefused: {
        UNAUTHORIZED_BY_API: _NEW_KEY,
        10001: _NEW_KEY,
        9106: _NEW_KEY,
        6003: "This is not a token that Cloudflare makes. " + _NEW_KEY,
    },
    GatewayTokenRefused: {
        UNAUTHORIZED_BY_GATEWAY: "This AI Gateway lets only requests with its own token pass. In Cloudflare's dashboard open the gateway's "
        "settings and create an authentication token, then connect again and enter it as the gateway's token.",
    },
    AccountRefused: {
        9109: _ACCOUNT,
        7003: "The account ID is not complete: it has 32 characters and is in the address of the dashboard. Connect again.",
        5018: _PLAN,
        3041: _PLAN,
        3023: "Workers AI is turned off for this account. Contact Cloudflare's support, or use another account.",
        5016: "Nobody has accepted the model's terms yet. Open the model once in the Cloudflare dashboard and accept them.",
        5035: "This model needs the Workers Paid plan. Upgrade in the Cloudflare dashboard, or use the practice model.",
    },
    AllocationSpent: {4006: _NEURONS_SPENT, 3036: _NEURONS_SPENT},
    RateLimited: {
        3021: "The account's limit for this minute is reached (usually 300 requests per minute). Wait, then retry.",
    },
    NoCapacity: {3040: "Cloudflare has no free computer for this model right now. " + _WAIT},
    TimedOut: {3007: _TOO_SLOW, 3046: _TOO_SLOW},
    ServiceFailed: {
        3008: "The service stopped the request. " + _WAIT,
        3043: "Something went wrong at Cloudflare. " + _WAIT,
        # The twin's own code.
        5908: "The model on this computer has stopped. Retry: it is loaded again. If it stops again, choose another model.",
    },
    Unintelligible: {
        7000: "The address is wrong. Ask the person who set up this Paddock to check CLOUDFLARE_BASE_URL.",
        7001: "The address does not take questions. Ask the person who set up this Paddock to check CLOUDFLARE_BASE_URL.",
    },
}

CASES_BY_CODE = {
    code: ErrorCase(error_class, advice)
    for error_class, advice_by_code in _ADVICE_BY_CODE.items()
    for code, advice in advice_by_code.items()
}

_CASES_BY_STATUS = {
    400: ErrorCase(InvalidRequest, _SAYS_WHY),
    401: ErrorCase(CredentialsRefused, _NEW_KEY),
    403: ErrorCase(AccountRefused, _ACCOUNT),
    404: ErrorCase(
        ModelUnavailable,
        "The address was not found. Check the account ID, the model and CLOUDFLARE_BASE_URL.",
    ),
    405: ErrorCase(
        InvalidRequest,
        "The address is wrong. Ask the person who set up this Paddock to check CLOUDFLARE_BASE_URL.",
    ),
    408: ErrorCase(TimedOut, "The service gave up waiting. " + _WAIT),
    410: ErrorCase(
        ModelUnavailable,
        "Cloudflare no longer offers this model. Use the practice model until Paddock is updated.",
    ),
    413: ErrorCase(ContextExceeded, "Shorten the conversation, lower Max tokens, or start a new one."),
    422: ErrorCase(InvalidRequest, _SAYS_WHY),
    429: ErrorCase(RateLimited, "You sent many requests in a short time. " + _WAIT),
}
_SERVICE_IN_TROUBLE = ErrorCase(
    ServiceFailed, "The service has a problem (see cloudflarestatus.com). " + _WAIT
)
_EDGE_IN_TROUBLE = ErrorCase(
    ServiceFailed,
    "Cloudflare, or a proxy in your network, has a problem (see cloudflarestatus.com). " + _WAIT,
)
_UNKNOWN_REFUSAL = ErrorCase(Refused, _SAYS_WHY)
_NOT_THE_API = ErrorCase(
    Unintelligible,
    "Something else may have answered, such as a proxy or the sign-in page of a network. Check the network and "
    "CLOUDFLARE_BASE_URL, then retry.",
)


def classify_refusal(status: int | None, code: int | None) -> ErrorCase:
    """Return the case for an error reply, by its code first and then by its HTTP status. Never raises."""
    # The token is valid, but not for this account.
    if code == UNAUTHORIZED_BY_API and status == 403:
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
    """Build the error for an error reply with Cloudflare's code and message, which may be blank."""
    case = classify_refusal(status, code)
    if not message.strip():
        message = "The service gave no reason" + ("." if status is None else f" for HTTP {status}.")
        if case.advice in _ADVICE_BY_MESSAGE:
            case = replace(case, advice=_WITHOUT_MESSAGE)
    return _build_error(case, message, status, code, retry_after)


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
