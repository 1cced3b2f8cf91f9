"""Errors on the chat page: title, code, advice, a Retry that works, and the text that had come."""

from __future__ import annotations

import pytest

from lib.errors import CASES_BY_CODE, classify_refusal
from tests.page.upstream import ErrorReply, HtmlReply, StreamReply, Upstream, numbered_words
from tests.ui.app_test_page import AppTestPage, plain_text

# HTTP status, code, envelope and message, as they were recorded or documented.
REFUSALS = [
    (400, 5006, "A", "AiError: Bad input: Error: '/top_k' must be <= 50"),
    (400, 5007, "A", "AiError: No such model: No such model X or task"),
    (405, 5005, "A", "The model X does not support LoRa inference"),
    (
        413,
        5021,
        "A",
        "AiError: Ai: The estimated number of input and maximum output tokens (263008) exceeded",
    ),
    (413, 3006, "A", "Request is too large"),
    (429, 4006, "A", "AiError: you have used up your daily free allocation of 10,000 neurons"),
    (429, 3036, "A", "AiError: you have used up your daily free allocation of 10,000 neurons"),
    (403, 5018, "A", "This account is not allowed to access this model"),
    (403, 3041, "A", "This account is not allowed to access this model"),
    (403, 3023, "A", "Service unavailable for account"),
    (403, 5016, "A", "Model terms not agreed"),
    (403, 5035, "A", "Not on the free plan"),
    (410, 5028, "A", "The model was deprecated"),
    (422, 5012, "A", '{"error":"wrapped upstream"}'),
    (400, 8007, "A", '{"error":"wrapped upstream"}'),
    (400, 5023, "A", "JSON Schema mode is not supported with stream mode."),
    (400, 5024, "A", "JSON Mode couldn't be met"),
    # Of the twin alone (lib/twin/api_errors.py).
    (400, 5907, "A", "AiError: Model not loaded: the model needs 2.1 GB of memory, and 1.0 GB are free"),
    (401, 10000, "B", "Authentication error"),
    (401, 2009, "B", "Unauthorized"),
    (403, 10000, "B", "Authentication error"),
    (403, 9109, "B", "Unauthorized to access requested resource"),
    (400, 9106, "B", "Authentication failed (status: 400)"),
    (400, 6003, "B", "Invalid request headers"),
    (404, 7003, "B", "Could not route to /client/v4/accounts/x"),
    (400, 7000, "B", "No route for that URI"),
    (405, 7001, "B", "GET not supported for requested URI."),
]
# Retried automatically before they are shown.
PASSING = [
    (429, 3040, "Capacity temporarily exceeded, please try again."),
    (429, 3021, "rate limiting: inference request per min rate reached"),
    (408, 3007, "Request timeout"),
    (408, 3046, "Request timeout"),
    (408, 3008, "Request was aborted"),
    (500, 3043, "internal server error"),
    # Of the twin alone.
    (500, 5908, "AiError: Model failed: Compute error."),
]


def error_text(page: AppTestPage) -> str:
    """Return the error under the last answer."""
    (text,) = page.errors(page.answers[-1])
    return text


def retry(page: AppTestPage) -> AppTestPage:
    """Click Retry under the last answer."""
    button = page.by_keys("^again-")[0]
    assert button.label == "Retry"
    return page.click(button.key)


def retry_and_succeed(page: AppTestPage, upstream: Upstream) -> None:
    """Retry: the same messages are sent, and the answer has no error."""
    before = len(upstream.requests)
    upstream.plan_replies(StreamReply("All is well again."))
    retry(page)
    assert page.first_texts()[-1] == "All is well again."
    assert page.figures().endswith("finished")
    assert len(upstream.requests) == before + 1
    assert upstream.requests[-1].body["messages"] == upstream.requests[0].body["messages"]
    assert page.errors() == []


def test_every_refusal_says_what_to_do(upstream: Upstream) -> None:
    """One conversation meets them all: Retry leads from each to the next."""
    page = AppTestPage()
    for number, (status, code, envelope, message) in enumerate(REFUSALS):
        upstream.plan_replies(ErrorReply(status, code, message, envelope))
        page = page.send() if number == 0 else retry(page)
        case, text = classify_refusal(status, code), error_text(page)
        assert text.startswith(f"{case.error_class.title} · code {code} · HTTP {status} {message}"), text
        assert plain_text(case.advice) in text, text
        assert page.figures().endswith("error")
        assert len(upstream.requests) == number + 1  # none of these is retried automatically
    retry_and_succeed(page, upstream)


def test_the_table_of_errors_is_covered() -> None:
    met = {code for _, code, *_ in (*REFUSALS, *PASSING)}
    # Documented without a status, or never seen with one; the client's tests have them.
    assert set(CASES_BY_CODE) - met == {3003, 5004, 10001, 3030, 3037, 5033}


@pytest.mark.parametrize(("status", "code", "message"), PASSING)
def test_a_passing_error_is_retried(upstream: Upstream, status: int, code: int, message: str) -> None:
    upstream.plan_replies(
        ErrorReply(status, code, message, headers={"retry-after": "1"}), StreamReply("After all.")
    )
    page = AppTestPage().send()
    assert page.first_texts() == ["Go", "After all."]
    assert len(upstream.requests) == 2
    # One request alone was sent until the pause that the reply asks for was over.
    assert upstream.requests[1].received - upstream.requests[0].received >= 1
    assert upstream.requests[1].body == upstream.requests[0].body
    assert page.errors() == []


def test_an_error_that_stays_is_shown_after_three_attempts(upstream: Upstream) -> None:
    upstream.plan_replies(*(ErrorReply(429, 3040, "Capacity temporarily exceeded") for _ in range(3)))
    page = AppTestPage().send()
    assert page.figures().endswith("error")
    assert error_text(page).startswith("The service is full at the moment · code 3040 · HTTP 429")
    assert len(upstream.requests) == 3
    retry_and_succeed(page, upstream)


def test_a_web_page_instead_of_an_answer(upstream: Upstream) -> None:
    upstream.plan_replies(HtmlReply(502), HtmlReply(502), HtmlReply(502))
    page = AppTestPage().send()
    assert page.figures().endswith("error")
    text = error_text(page)
    assert text.startswith("The service has a problem · HTTP 502")
    assert "cloudflarestatus.com" in text
    assert "<" not in text
    retry_and_succeed(page, upstream)


@pytest.mark.parametrize(("ends", "ending"), [("cut", "cut off"), ("error", "error")])
def test_text_that_had_come_stays(upstream: Upstream, ends: str, ending: str) -> None:
    text = " ".join("".join(numbered_words(count=80)).split())
    upstream.plan_replies(StreamReply(text, ends=ends))
    page = AppTestPage().send()
    assert page.figures().endswith(ending)
    assert text in page.text(page.answers[0])
    assert "Retry" in error_text(page) or "retry" in error_text(page)
    assert ("code 3043" in error_text(page)) == (ends == "error")
    assert len(upstream.requests) == 1  # never retried once text has come
    retry_and_succeed(page, upstream)
    page.click(page.by_keys("^variant-1-")[0].key)
    assert text in page.text(page.answers[0])
