"""The API's error responses: HTTP status, code, message, and the JSON envelope that carries them.

The messages were recorded from the live service; if none is public, the documented sentence is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from lib.twin.engine_errors import (
    BadPromptError,
    EngineBusyError,
    EngineCrashedError,
    EngineError,
    ModelNotLoadedError,
    PromptTooLongError,
)


class Envelope(Enum):
    """The shapes of an error response, with the keys in the recorded order."""

    # From the AI service: errors, success, result {}, messages.
    SERVICE = "service"
    # From the API's edge: result null, success, errors, messages.
    EDGE = "edge"
    # From the edge's check of the headers: success, errors, messages, result null.
    EDGE_HEADERS = "edge headers"


@dataclass(frozen=True)
class ErrorResponse:
    """An error response of the API.

    ``has_request_id`` is True if the message ends with the request's id, as in ``cf-ai-req-id``.
    """

    status: int
    code: int
    message: str
    envelope: Envelope = Envelope.SERVICE
    has_request_id: bool = False
    error_chain: tuple[tuple[int, str], ...] = ()

    def body(self, request_id: str) -> dict[str, Any]:
        if self.envelope is Envelope.SERVICE:
            # Recorded with "message" before "code"; the edge has them in the other order.
            message = f"{self.message} ({request_id})" if self.has_request_id else self.message
            errors: list[dict[str, Any]] = [{"message": message, "code": self.code}]
            return {"errors": errors, "success": False, "result": {}, "messages": []}
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.error_chain:
            error["error_chain"] = [{"code": code, "message": message} for code, message in self.error_chain]
        if self.envelope is Envelope.EDGE_HEADERS:
            return {"success": False, "errors": [error], "messages": [], "result": None}
        return {"result": None, "success": False, "errors": [error], "messages": []}


class TwinApiError(Exception):
    """Raised while a request is handled: ``response`` is the answer."""

    def __init__(self, refusal: ErrorResponse) -> None:
        super().__init__(refusal.message)
        self.response = refusal


def field_error(where: str, reason: str) -> TwinApiError:
    """Return the error for a field of the body; ``where`` is its JSON pointer."""
    return TwinApiError(bad_input(f"'{where}': {reason}"))


# At the edge, in the order of its checks.

MALFORMED_AUTHORIZATION = ErrorResponse(
    400,
    6003,
    "Invalid request headers",
    Envelope.EDGE_HEADERS,
    error_chain=((6111, "Invalid format for Authorization header"),),
)
# Recorded with the error_chain above only: public recordings have no request that is not proper HTTP.
MALFORMED_REQUEST = ErrorResponse(400, 6003, "Invalid request headers", Envelope.EDGE_HEADERS)
JUNK_TOKEN = ErrorResponse(400, 9106, "Authentication failed (status: 400)", Envelope.EDGE_HEADERS)
WRONG_TOKEN = ErrorResponse(401, 10000, "Authentication error", Envelope.EDGE)
OTHER_ACCOUNT = ErrorResponse(403, 10000, "Authentication error", Envelope.EDGE)
NO_ROUTE = ErrorResponse(400, 7000, "No route for that URI", Envelope.EDGE)
# Not Cloudflare's message: only a server on the user's own computer has to refuse this.
NOT_LOOPBACK = ErrorResponse(
    403, 9109, "The twin answers on this computer's loopback address only", Envelope.EDGE
)


def malformed_account(path: str) -> ErrorResponse:
    """Return the error for an account id that is not 32 hexadecimal digits."""
    message = f"Could not route to {path}, perhaps your object identifier is invalid?"
    return ErrorResponse(404, 7003, message, Envelope.EDGE)


def wrong_method(method: str) -> ErrorResponse:
    """Return the error for a route that exists, but not for this method."""
    return ErrorResponse(405, 7001, f"{method} not supported for requested URI.", Envelope.EDGE)


# In the AI service.

REQUEST_TOO_LARGE = ErrorResponse(413, 3006, "Request is too large")
NO_CAPACITY = ErrorResponse(429, 3040, "Capacity temporarily exceeded, please try again.")
INTERNAL_ERROR = ErrorResponse(500, 3043, "internal server error")
# Only by fault injection: the twin has no such limits of its own.
RATE_LIMITED = ErrorResponse(429, 3021, "rate limiting: inference request per min rate reached")
DAILY_QUOTA_SPENT = ErrorResponse(
    429,
    4006,
    "AiError: AiError: you have used up your daily free allocation of 10,000 neurons, please upgrade to Cloudflare's "
    "Workers Paid plan if you would like to continue usage.",
    has_request_id=True,
)
REQUEST_TIMEOUT = ErrorResponse(408, 3046, "Request timeout")
ABORTED = ErrorResponse(408, 3008, "Request was aborted")
# Its message is not recorded.
MODEL_DEPRECATED = ErrorResponse(410, 5028, "The model was deprecated")
JSON_WITH_STREAM = ErrorResponse(400, 5023, "JSON Schema mode is not supported with stream mode.")
JSON_NOT_MET = ErrorResponse(400, 5024, "JSON Mode couldn't be met")


def _shorten(name: str) -> str:
    return name if len(name) <= 100 else f"{name[:100]}…"


def bad_input(reason: str) -> ErrorResponse:
    """Return the error for a body that does not fit the model's schema."""
    return ErrorResponse(400, 5006, f"AiError: Bad input: Error: {reason}")


def no_such_model(name: str) -> ErrorResponse:
    """Return the error for a model that the twin does not have."""
    message = f"AiError: No such model: No such model {_shorten(name)} or task"
    return ErrorResponse(400, 5007, message, has_request_id=True)


def model_not_loaded(reason: str) -> ErrorResponse:
    """Return the error for a model that cannot be loaded. Not Cloudflare's: a user's computer may be too small.

    A status that official SDKs do not send the request again for: nothing changes by itself.
    """
    return ErrorResponse(400, 5907, f"AiError: Model not loaded: {reason}", has_request_id=True)


def model_failed(reason: str) -> ErrorResponse:
    """Return the error for a model whose engine has failed. Not Cloudflare's.

    A status that official SDKs send the request again for: the model is loaded again then.
    """
    return ErrorResponse(500, 5908, f"AiError: Model failed: {reason}", has_request_id=True)


def lora_not_supported(model: str) -> ErrorResponse:
    """Return the error for a model without LoRA adapters."""
    return ErrorResponse(405, 5005, f"The model {model} does not support LoRa inference")


def finetune_not_found(name: str) -> ErrorResponse:
    """Return the error for an unknown adapter name or id.

    Recorded in September 2026 for an unknown id: code 5033, "Finetune not found: … does not exist or is not
    accessible", on a model whose other refusals read "AiError: <what>: <sentence>". Older recordings (2024, 2025)
    have code 3037 and "AiError: AiError: Finetune <id> not found (<uuid>)". The HTTP status is in none of them.
    """
    message = f"AiError: Finetune not found: {_shorten(name)} does not exist or is not accessible"
    return ErrorResponse(400, 5033, message, has_request_id=True)


def finetune_incompatible() -> ErrorResponse:
    """Return the error for an adapter of another model.

    Recorded in September 2026, but for its HTTP status.
    """
    return ErrorResponse(400, 3030, "AiError: Lora not compatible with model", has_request_id=True)


def context_window_exceeded(estimate: int, window: int) -> ErrorResponse:
    """Return the error for input tokens and ``max_tokens`` that together do not fit the context window."""
    message = (
        f"AiError: Ai: The estimated number of input and maximum output tokens ({estimate}) "
        f"exceeded this model context window limit ({window})."
    )
    return ErrorResponse(413, 5021, message, has_request_id=True)


def from_engine_error(error: EngineError, window: int) -> ErrorResponse:
    """Return the response to a failed generation. ``window`` is the engine's context in tokens."""
    match error:
        case EngineBusyError():
            return NO_CAPACITY
        case PromptTooLongError(tokens=tokens):
            return context_window_exceeded(tokens, window)
        case BadPromptError():
            return bad_input(str(error))
        case ModelNotLoadedError():
            return model_not_loaded(str(error))
        case EngineCrashedError():
            return model_failed(str(error))
    return INTERNAL_ERROR
