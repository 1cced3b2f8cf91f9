"""The next token's probabilities: decoded from the twin's answer, and requested by the client."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lib.api.inspection import TokenCandidate, TokenDistribution, decode_token_distribution
from lib.api.request import Prompt, build_request
from lib.errors import NoCapacity, PaddockError, Unintelligible
from lib.model import model_record
from tests import sample_values
from tests.scripted_server import ScriptedServer, refuses, response_head, sends

# The twin's own shape; Cloudflare has none.
RESULT: dict[str, Any] = {
    "prompt_tokens": 5,
    "vocabulary": 49152,
    "candidates": [
        {"id": 7042, "token": " Paris", "probability": 0.41, "sampled": 0.62},
        {"id": 260, "token": " the", "probability": 0.2, "sampled": 0.38},
        {"id": 198, "token": "\n", "probability": 0.1, "sampled": 0},
    ],
    "kept": 2,
    "rest": 0.29,
}
DECODED = TokenDistribution(
    5,
    49152,
    2,
    0.29,
    (
        TokenCandidate(7042, " Paris", 0.41, 0.62),
        TokenCandidate(260, " the", 0.2, 0.38),
        TokenCandidate(198, "\n", 0.1, 0.0),
    ),
)


def envelope_text(result: Any, success: bool = True) -> str:
    return json.dumps({"result": result, "success": success, "errors": [], "messages": []})


def with_candidate(**changed: Any) -> dict[str, Any]:
    """Return a result with one candidate, with these changes."""
    return RESULT | {"candidates": [RESULT["candidates"][0] | changed]}


def test_the_twins_answer() -> None:
    assert decode_token_distribution(envelope_text(RESULT)) == DECODED
    assert [candidate.can_be_sampled for candidate in DECODED.candidates] == [True, True, False]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        "<html>",
        "[" * 100_000,
        envelope_text(None),
        envelope_text([]),
        envelope_text({}),
        envelope_text({"candidates": []}),
        envelope_text({"candidates": None}),
        envelope_text({"candidates": [1, None, "a", []]}),
        envelope_text(with_candidate(probability="0.4")),
        envelope_text(with_candidate(probability=None)),
        envelope_text(with_candidate(sampled=True)),
        envelope_text(with_candidate(token=5)),
        envelope_text(with_candidate(probability=float("nan"))),
        envelope_text(with_candidate(sampled=float("inf"))),
    ],
)
def test_what_is_no_distribution(text: str) -> None:
    with pytest.raises(Unintelligible) as failed:
        decode_token_distribution(text)
    assert failed.value.advice


def test_one_candidate_that_makes_no_sense_does_not_spoil_the_others() -> None:
    broken = [{"token": "?"}, *RESULT["candidates"], 5]
    assert decode_token_distribution(envelope_text(RESULT | {"candidates": broken})) == DECODED


def test_what_is_missing_is_made_up_from_the_rest() -> None:
    bare = decode_token_distribution(envelope_text({"candidates": RESULT["candidates"]}))
    assert bare == TokenDistribution(0, 3, 2, 0.0, DECODED.candidates)


def test_shares_stay_between_none_and_all() -> None:
    (found,) = decode_token_distribution(
        envelope_text(with_candidate(probability=1.0000001, sampled=-0.1))
    ).candidates
    assert (found.probability, found.sampling_probability) == (1.0, 0.0)


def test_half_a_character_can_be_drawn() -> None:
    (found,) = decode_token_distribution(envelope_text(with_candidate(token="\ud83d"))).candidates
    assert found.token == "�"


def test_the_client_asks_for_it_as_for_an_answer() -> None:
    request = build_request(
        model_record.default_model(),
        Prompt("The capital of France is", raw=True),
        {"temperature": 0.5},
        stream=False,
    )
    with ScriptedServer(
        sends(response_head(200, "application/json"), envelope_text(RESULT).encode())
    ) as server:
        assert (
            sample_values.make_client().fetch_token_distribution(
                sample_values.make_backend(server.url), request
            )
            == DECODED
        )
    (asked,) = server.requests
    assert (asked.method, asked.target) == (
        "POST",
        f"/client/v4/accounts/{sample_values.ACCOUNT}/ai/paddock/probabilities",
    )
    assert asked.headers["authorization"] == f"Bearer {sample_values.TOKEN}"
    assert asked.json() == {
        "prompt": "The capital of France is",
        "raw": True,
        "stream": False,
        "temperature": 0.5,
    }


def test_a_refusal_is_told_as_everywhere() -> None:
    with ScriptedServer(refuses(429, 3040, "Capacity temporarily exceeded, please try again.")) as server:
        with pytest.raises(NoCapacity) as failed:
            sample_values.make_client().fetch_token_distribution(
                sample_values.make_backend(server.url), sample_values.make_request(stream=False)
            )
        assert failed.value.code == 3040


@pytest.mark.parametrize(
    "pieces",
    [
        (response_head(200, "application/json"), envelope_text(RESULT, success=False).encode()),
        (response_head(200, "application/json"), b"x" * 2_000_000),
        (response_head(502, "text/html"), b"<html>"),
        (response_head(200, "application/json"),),
        (b"nonsense\r\n\r\n",),
    ],
    ids=["no success", "endless", "html", "nothing", "no http"],
)
def test_a_server_that_is_no_twin(pieces: tuple[bytes, ...]) -> None:
    with ScriptedServer(sends(*pieces)) as server, pytest.raises(PaddockError) as failed:
        sample_values.make_client().fetch_token_distribution(
            sample_values.make_backend(server.url), sample_values.make_request(stream=False)
        )
    assert failed.value.advice
    assert sample_values.TOKEN not in failed.value.message
