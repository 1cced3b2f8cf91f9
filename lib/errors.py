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
└── StorageFailed         the database cannot be read or written; ``retryable`` if the whole database is affected
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


class StorageFailed(PaddockError):
    title = "Conversations are not being saved"


class NewerDatabase(StorageFailed):
    title = "The database is a newer Paddock's"


@dataclass(frozen=True)
class ErrorCase:
    """The class and the advice for one error code; ``retryable``: a retry can succeed."""

    error_class: type[PaddockError]
    advice: str
    retryable: bool = False


_NEW_KEY = (
    "Check the API token: create one with the “Workers AI” permission in the Cloudflare dashboard "
    "(My Profile → API Tokens), then connect again."
)
_ACCOUNT = (
    "Check that the account id is right and that the API token belongs to that account, then connect again."
)
_PLAN = "Check the account's plan and permissions in the Cloudflare dashboard; another account may work."
_WAIT = "Wait a moment, then retry."

CASES_BY_CODE: dict[int, ErrorCase] = {
    # From the AI service
    5004: ErrorCase(
        InvalidRequest, "The request is not valid JSON for this model. Reset the settings, then retry."
    ),
    5006: ErrorCase(
        InvalidRequest,
        "A setting or a message is not allowed by the model's schema: the text above names it. Change it, then retry.",
    ),
    3003: ErrorCase(
        InvalidRequest, "The request is malformed: the text above says where. Change it, then retry."
    ),
    5012: ErrorCase(
        InvalidRequest, "The model refused the input: the text above says why. Change it, then retry."
    ),
    8007: ErrorCase(
        InvalidRequest, "The model refused the input: the text above says why. Change it, then retry."
    ),
    5023: ErrorCase(InvalidRequest, "JSON Schema mode cannot be streamed. Send it without streaming."),
    5024: ErrorCase(
        InvalidRequest,
        "The model could not meet the JSON schema. Simplify the schema or raise max_tokens, then retry.",
    ),
    3006: ErrorCase(
        ContextExceeded,
        "The request is too large to be accepted. Shorten the conversation or start a new one.",
    ),
    5021: ErrorCase(ContextExceeded, "Lower max_tokens, shorten the message, or start a new conversation."),
    5007: ErrorCase(
        ModelUnavailable, "The backend does not know this model. Check that the account has Workers AI."
    ),
    5005: ErrorCase(ModelUnavailable, "This model takes no LoRA adapter. Send the request without one."),
    5033: ErrorCase(
        InvalidRequest,
        "There is no LoRA adapter of that name or id. Choose one from the list, or send the request without one.",
    ),
    3037: ErrorCase(
        InvalidRequest,
        "There is no LoRA adapter of that name or id. Choose one from the list, or send the request without one.",
    ),
    3030: ErrorCase(
        InvalidRequest,
        "The LoRA adapter was made for another model. Choose another one, or send the request without one.",
    ),
    5028: ErrorCase(
        ModelUnavailable,
        "Cloudflare has retired this model. Use the twin meanwhile, or add the record of its successor.",
    ),
    5018: ErrorCase(AccountRefused, _PLAN),
    3041: ErrorCase(AccountRefused, _PLAN),
    3023: ErrorCase(
        AccountRefused,
        "Workers AI is switched off for this account. Contact Cloudflare's support, or use another account.",
    ),
    5016: ErrorCase(
        AccountRefused,
        "The model's terms have not been agreed to. Open the model once in the Cloudflare dashboard and accept them.",
    ),
    5035: ErrorCase(
        AccountRefused,
        "This model needs the Workers Paid plan. Upgrade in the Cloudflare dashboard, or use the twin.",
    ),
    4006: ErrorCase(
        AllocationSpent,
        "The free neurons come back at 00:00 UTC. Upgrade to Workers Paid to go on now, or use the twin: it is free.",
    ),
    3036: ErrorCase(
        AllocationSpent,
        "The free neurons come back at 00:00 UTC. Upgrade to Workers Paid to go on now, or use the twin: it is free.",
    ),
    3021: ErrorCase(
        RateLimited,
        "The account's limit for this minute is reached (300 requests a minute by default). Wait, then retry.",
        True,
    ),
    3040: ErrorCase(NoCapacity, "Cloudflare has no free machine for this model right now. " + _WAIT, True),
    3007: ErrorCase(
        TimedOut, "The model took too long. Lower max_tokens or shorten the conversation, then retry.", True
    ),
    3046: ErrorCase(
        TimedOut, "The model took too long. Lower max_tokens or shorten the conversation, then retry.", True
    ),
    3008: ErrorCase(ServiceFailed, "The service aborted the request. " + _WAIT, True),
    3043: ErrorCase(ServiceFailed, "Cloudflare had an internal error. " + _WAIT, True),
    # From the API's edge
    10000: ErrorCase(CredentialsRefused, _NEW_KEY),
    10001: ErrorCase(CredentialsRefused, _NEW_KEY),
    9106: ErrorCase(CredentialsRefused, _NEW_KEY),
    9109: ErrorCase(AccountRefused, _ACCOUNT),
    6003: ErrorCase(
        CredentialsRefused,
        "The Authorization header is malformed, so the token is not one that Cloudflare makes. " + _NEW_KEY,
    ),
    7003: ErrorCase(
        AccountRefused,
        "The account id is malformed: it has 32 hexadecimal digits and stands in the dashboard's address. Connect again.",
    ),
    7000: ErrorCase(Unintelligible, "The address is not one of the API's. Check CLOUDFLARE_BASE_URL."),
    7001: ErrorCase(
        Unintelligible, "The address does not take this kind of request. Check CLOUDFLARE_BASE_URL."
    ),
}

_CASES_BY_STATUS: dict[int, ErrorCase] = {
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
    408: ErrorCase(TimedOut, "The service gave up waiting. " + _WAIT, True),
    410: ErrorCase(ModelUnavailable, "Cloudflare has retired this model. Use the twin meanwhile."),
    413: ErrorCase(ContextExceeded, "Shorten the conversation, lower max_tokens, or start a new one."),
    422: ErrorCase(InvalidRequest, "The backend refused the input: the text above says why."),
    429: ErrorCase(RateLimited, "Too many requests for now. " + _WAIT, True),
}


def classify_refusal(status: int | None, code: int | None) -> ErrorCase:
    """Return the case for an error reply, by its code first and then by its HTTP status. Never raises."""
    # The token is valid, but not for this account.
    if code == 10000 and status == 403:
        return ErrorCase(AccountRefused, _ACCOUNT)
    if code is not None and code in CASES_BY_CODE:
        return CASES_BY_CODE[code]
    if status is not None and status in _CASES_BY_STATUS:
        return _CASES_BY_STATUS[status]
    if status is not None and status >= 500:
        return ErrorCase(
            ServiceFailed, "The service is in trouble (see cloudflarestatus.com). " + _WAIT, True
        )
    return ErrorCase(Refused, "The backend refused the request: the text above says why.")


def unrecognised_reply(status: int | None, what: str, retry_after: float | None = None) -> PaddockError:
    """Build the error for a reply that Workers AI did not write: from a proxy, a sign-in page or a failing edge."""
    where = "The server" if status is None else f"HTTP {status}: the server"
    if status is not None and (status in (408, 429) or status >= 500):
        case = classify_refusal(status, None)
    else:
        case = ErrorCase(
            Unintelligible,
            "Check CLOUDFLARE_BASE_URL, and anything on the way that may have answered instead, such as a proxy "
            "or a network's sign-in page. Then retry.",
        )
    advice = case.advice
    if status is not None and status >= 500:
        advice = "Cloudflare's edge or a proxy is in trouble (see cloudflarestatus.com). " + _WAIT
    return case.error_class(
        f"{where} sent {what} instead of an answer.",
        advice=advice,
        status=status,
        retryable=case.retryable,
        retry_after=retry_after,
    )


def refusal(
    status: int | None, code: int | None, message: str, retry_after: float | None = None
) -> PaddockError:
    """Build the error for an error reply with Cloudflare's code and message."""
    case = classify_refusal(status, code)
    return case.error_class(
        message,
        advice=case.advice,
        code=code,
        status=status,
        retryable=case.retryable,
        retry_after=retry_after,
    )
