"""Every error in Cloudflare's list, as literal bodies in both envelopes: its class, advice and retry rule."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given, strategies

from lib import errors
from lib.api.wire import decode_error
from lib.errors import (
    CASES_BY_CODE,
    AccountRefused,
    AllocationSpent,
    ContextExceeded,
    CredentialsRefused,
    GatewayTokenRefused,
    InvalidRequest,
    ModelUnavailable,
    NoCapacity,
    PaddockError,
    RateLimited,
    Refused,
    ServiceFailed,
    TimedOut,
    Unintelligible,
)

UUID = "1f0c9e0e-5f0e-4b3e-9c39-3a9a7a6d2b11"
RETIRED = f"AiError: Ai: this model has been deprecated ({UUID})"
SPENT = (
    "AiError: AiError: you have used up your daily free allocation of 10,000 neurons, please upgrade to "
    f"Cloudflare's Workers Paid plan if you would like to continue usage. ({UUID})"
)
NEITHER = (
    "AiError: Bad input: Error: oneOf at '/' not met, 0 matches: required properties at '/' are 'prompt', "
    "required properties at '/' are 'messages'"
)
TOO_LONG = (
    "AiError: Ai: The estimated number of input and maximum output tokens (263008) exceeded this model context "
    f"window limit (262144). ({UUID})"
)
UPSTREAM = '{"object":"error","message":"Invalid image","type":"BadRequestError","code":400}'
LOST = "Could not route to /client/v4/accounts/xyz/ai/run/m, perhaps your object identifier is invalid?"


@dataclass(frozen=True)
class RefusalRow:
    """A refusal and its expected error. ``edge``: in the envelope of the API's edge."""

    status: int
    code: int
    message: str
    kind: type[PaddockError]
    retryable: bool = False
    edge: bool = False

    def body(self) -> str:
        if self.edge:
            return json.dumps(
                {
                    "result": None,
                    "success": False,
                    "errors": [{"code": self.code, "message": self.message}],
                    "messages": [],
                }
            )
        return json.dumps(
            {
                "errors": [{"message": self.message, "code": self.code}],
                "success": False,
                "result": {},
                "messages": [],
            }
        )


ROWS = [
    RefusalRow(400, 5006, NEITHER, InvalidRequest),
    RefusalRow(400, 5006, "AiError: Bad input: '/top_k' must be <= 50", InvalidRequest),
    RefusalRow(400, 5006, "Type mismatch of '/max_tokens', 'integer' not in 'null'", InvalidRequest),
    RefusalRow(400, 5007, f"AiError: No such model: No such model X or task ({UUID})", ModelUnavailable),
    RefusalRow(405, 5005, "The model X does not support LoRA inference", ModelUnavailable),
    RefusalRow(413, 5021, TOO_LONG, ContextExceeded),
    RefusalRow(413, 3006, "Request is too large", ContextExceeded),
    RefusalRow(429, 4006, SPENT, AllocationSpent),
    RefusalRow(429, 3036, SPENT, AllocationSpent),
    RefusalRow(429, 3040, "Capacity temporarily exceeded, please try again.", NoCapacity, True),
    RefusalRow(429, 3021, "rate limiting: inference request per min rate reached", RateLimited, True),
    RefusalRow(408, 3007, "Request timeout", TimedOut, True),
    RefusalRow(408, 3046, "Request timeout", TimedOut, True),
    RefusalRow(408, 3008, "Request was aborted", ServiceFailed, True),
    RefusalRow(500, 3043, "internal server error", ServiceFailed, True),
    RefusalRow(400, 5024, "JSON Mode couldn't be met", InvalidRequest),
    RefusalRow(400, 5024, "JSON Model couldn't be met", InvalidRequest),
    RefusalRow(400, 5023, "JSON Schema mode is not supported with stream mode.", InvalidRequest),
    RefusalRow(403, 5018, "account may not use this model", AccountRefused),
    RefusalRow(403, 3041, "account may not use this model", AccountRefused),
    RefusalRow(403, 3023, "service unavailable for account", AccountRefused),
    RefusalRow(403, 5016, "model terms not agreed", AccountRefused),
    RefusalRow(403, 5035, "not on the free plan", AccountRefused),
    RefusalRow(400, 5028, RETIRED, ModelUnavailable),
    RefusalRow(410, 5028, RETIRED, ModelUnavailable),
    RefusalRow(422, 5012, UPSTREAM, InvalidRequest),
    RefusalRow(400, 8007, UPSTREAM, InvalidRequest),
    RefusalRow(401, 10000, "Authentication error", CredentialsRefused, edge=True),
    RefusalRow(403, 10000, "Authentication error", AccountRefused, edge=True),
    RefusalRow(403, 9109, "Unauthorized to access requested resource", AccountRefused, edge=True),
    RefusalRow(400, 9106, "Authentication failed (status: 400)", CredentialsRefused, edge=True),
    RefusalRow(404, 7003, LOST, AccountRefused, edge=True),
    RefusalRow(401, 2009, "Unauthorized", GatewayTokenRefused, edge=True),
    RefusalRow(400, 7000, "No route for that URI", Unintelligible, edge=True),
    RefusalRow(405, 7001, "GET not supported for requested URI.", Unintelligible, edge=True),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.status}-{row.code}")
def test_row(row: RefusalRow) -> None:
    error = decode_error(row.status, row.body(), {})
    assert type(error) is row.kind
    assert (error.status, error.code, error.message, error.retryable) == (
        row.status,
        row.code,
        row.message,
        row.retryable,
    )
    assert error.advice
    assert error.title
    assert str(error) == row.message


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.status}-{row.code}")
def test_retry_rule(row: RefusalRow) -> None:
    """A retry can help after 408, 5xx, and 429 except for the spent allocation."""
    is_retryable = row.status >= 500 or (row.status in (408, 429) and row.code not in (4006, 3036))
    assert row.retryable == is_retryable


def test_malformed_header_says_what_is_malformed() -> None:
    body = (
        '{"success":false,"errors":[{"code":6003,"message":"Invalid request headers","error_chain":'
        '[{"code":6111,"message":"Invalid format for Authorization header"}]}],"messages":[],"result":null}'
    )
    error = decode_error(400, body, {})
    assert type(error) is CredentialsRefused
    assert error.code == 6003
    assert error.message == "Invalid request headers (Invalid format for Authorization header)"


def test_the_gateway_names_its_own_token() -> None:
    """AI Gateway writes "error" with a list in it, where the API writes "errors"."""
    error = decode_error(401, '{"success":false,"error":[{"code":2009,"message":"Unauthorized"}]}', {})
    assert type(error) is GatewayTokenRefused
    assert (error.code, error.message) == (2009, "Unauthorized")
    assert error.title == "The AI Gateway's token was not accepted"
    assert "the gateway's token" in error.advice


def test_the_spent_allocation_says_when_it_comes_back() -> None:
    for code in (4006, 3036):
        assert (
            "00:00 UTC" in decode_error(429, RefusalRow(429, code, SPENT, AllocationSpent).body(), {}).advice
        )


def advice(status: int, code: int | None, body: str | None = None) -> str:
    text = (
        body
        if body is not None
        else json.dumps({"success": False, "errors": [{"code": code, "message": "m"}]})
    )
    return decode_error(status, text, {}).advice


def test_different_problems_have_different_advice() -> None:
    advices = {
        "wrong token": advice(401, 10000),
        "malformed token": advice(400, 6003),
        "wrong account": advice(403, 9109),
        "malformed account": advice(404, 7003),
        "account without the model": advice(403, 5018),
        "account without the service": advice(403, 3023),
        "terms": advice(403, 5016),
        "paid plan": advice(403, 5035),
        "daily allocation": advice(429, 4006),
        "rate limit": advice(429, 3021),
        "no capacity": advice(429, 3040),
        "too long": advice(413, 5021),
        "too large": advice(413, 3006),
        "retired": advice(410, 5028),
        "no such model": advice(400, 5007),
        "no LoRA": advice(405, 5005),
        "schema": advice(400, 5006),
        "upstream input": advice(422, 5012),
        "JSON mode": advice(400, 5024),
        "JSON mode with stream": advice(400, 5023),
        "timeout": advice(408, 3007),
        "internal": advice(500, 3043),
        "no route": advice(400, 7000),
        "no such method": advice(405, 7001),
        "a web page": advice(403, None, "<html>Sign in</html>"),
        "a web page in trouble": advice(502, None, "<html>Bad gateway</html>"),
    }
    assert len(set(advices.values())) == len(advices)


@pytest.mark.parametrize("status", [502, 503, 504, 520, 522, 530])
@pytest.mark.parametrize(
    "body", ["<!DOCTYPE html><html><body>Bad gateway</body></html>", "", "upstream", "{}"]
)
def test_trouble_at_the_edge(status: int, body: str) -> None:
    error = decode_error(status, body, {"retry-after": "7"})
    assert type(error) is ServiceFailed
    assert error.retryable
    assert error.retry_after == 7
    assert str(status) in error.message
    assert "<" not in error.message  # no foreign markup on the page


@pytest.mark.parametrize("status", [200, 204, 302, 401, 403, 404, 418])
def test_a_web_page_is_not_blamed_on_the_account(status: int) -> None:
    error = decode_error(status, "<html><body>Welcome to the hotel's network</body></html>", {})
    assert type(error) is Unintelligible
    assert "CLOUDFLARE_BASE_URL" in error.advice
    assert not error.retryable


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, InvalidRequest, False),
        (401, CredentialsRefused, False),
        (403, AccountRefused, False),
        (404, ModelUnavailable, False),
        (405, InvalidRequest, False),
        (408, TimedOut, True),
        (410, ModelUnavailable, False),
        (413, ContextExceeded, False),
        (418, Refused, False),
        (422, InvalidRequest, False),
        (429, RateLimited, True),
        (500, ServiceFailed, True),
        (599, ServiceFailed, True),
    ],
)
def test_unknown_code_goes_by_the_status(status: int, kind: type[PaddockError], retryable: bool) -> None:
    for text in ('{"errors":[{"code":999999,"message":"New"}],"success":false}', "", '{"detail":"x"}', "{}"):
        error = decode_error(status, text, {})
        assert type(error) is kind
        assert error.retryable == retryable
        assert error.message
        assert error.advice


@pytest.mark.parametrize(
    "text",
    [
        '{"errors":[{"code":10000,"mess',
        '{"errors":',
        "[" * 100_000,
        "\x00\xff",
        '{"errors":[{"code":1e999}]}',
        '{"errors":[{"code":"10000","message":null}]}',
        '{"errors":[null]}',
        '{"errors":{}}',
        '{"error":"\\ud800"}',
    ],
)
def test_broken_bodies_still_make_an_error(text: str) -> None:
    for status in (200, 400, 429, 502):
        error = decode_error(status, text, {})
        assert error.message.encode()
        assert error.advice


@given(strategies.integers(100, 599) | strategies.none(), strategies.text(), strategies.text())
def test_mapping_is_total(status: int | None, text: str, wait: str) -> None:
    error = decode_error(status, text, {"retry-after": wait})
    assert isinstance(error, PaddockError)
    assert error.message
    assert error.advice


@pytest.mark.parametrize("status", [None, 400, 418, 422, 500])
@pytest.mark.parametrize("code", [None, *CASES_BY_CODE])
def test_the_advice_for_a_refusal_without_a_text_does_not_refer_to_one(
    status: int | None, code: int | None
) -> None:
    body = json.dumps({"success": False, "errors": [{"code": code, "message": " "}]})
    error = decode_error(status, body, {})
    assert error.message.startswith("The service gave no reason")
    assert "above" not in error.advice


def test_every_case_has_advice() -> None:
    assert all(case.advice.endswith(".") for case in CASES_BY_CODE.values())


def test_the_tree_in_the_docstring_is_complete() -> None:
    """The tree in the module's docstring has each class once, under its parent."""
    lines = (errors.__doc__ or "").splitlines()
    start = lines.index("PaddockError")
    drawn: dict[str, str] = {}
    parents = ["PaddockError"]
    for line in lines[start + 1 :]:
        if "──" not in line:
            break
        branch, _, rest = line.partition("── ")
        depth = len(branch) // 4 + 1
        name = rest.split()[0]
        drawn[name] = parents[depth - 1]
        parents[depth:] = [name]
    classes = [
        item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, PaddockError)
    ]
    assert drawn == {item.__name__: item.__base__.__name__ for item in classes if item is not PaddockError}
    titles = [item.title for item in classes]
    assert len(set(titles)) >= len(titles) - 1, "Refused and its children, each has its own words"


def test_masking() -> None:
    error = PaddockError("echo: tokentoken!", advice="x")
    error.mask("tokentoken")
    assert "tokentoken" not in f"{error} {error!r} {error.message} {error.args}"
    short = PaddockError("a cat")
    short.mask("a")
    assert short.message == "a cat"
