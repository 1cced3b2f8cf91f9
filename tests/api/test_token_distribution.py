"""What may come next, as the twin tells it: read from its envelope, asked for by the client."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lib.api.request import Prompt, build
from lib.api.token_distribution import Candidate, Distribution, decode_distribution
from lib.errors import NoCapacity, PaddockError, Unintelligible
from lib.model import model_record
from tests import sample_values
from tests.servers import Server, head, refuses, says

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
READ = Distribution(
    5,
    49152,
    2,
    0.29,
    (
        Candidate(7042, " Paris", 0.41, 0.62),
        Candidate(260, " the", 0.2, 0.38),
        Candidate(198, "\n", 0.1, 0.0),
    ),
)


def envelope(result: Any, success: bool = True) -> str:
    return json.dumps({"result": result, "success": success, "errors": [], "messages": []})


def one(**changed: Any) -> dict[str, Any]:
    """A result with one candidate, changed like that."""
    return RESULT | {"candidates": [RESULT["candidates"][0] | changed]}


def test_the_twins_answer() -> None:
    assert decode_distribution(envelope(RESULT)) == READ
    assert [candidate.kept for candidate in READ.candidates] == [True, True, False]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        "<html>",
        "[" * 100_000,
        envelope(None),
        envelope([]),
        envelope({}),
        envelope({"candidates": []}),
        envelope({"candidates": None}),
        envelope({"candidates": [1, None, "a", []]}),
        envelope(one(probability="0.4")),
        envelope(one(probability=None)),
        envelope(one(sampled=True)),
        envelope(one(token=5)),
        envelope(one(probability=float("nan"))),
        envelope(one(sampled=float("inf"))),
    ],
)
def test_what_is_no_distribution(text: str) -> None:
    with pytest.raises(Unintelligible) as failed:
        decode_distribution(text)
    assert failed.value.advice


def test_one_candidate_that_makes_no_sense_does_not_spoil_the_others() -> None:
    broken = [{"token": "?"}, *RESULT["candidates"], 5]
    assert decode_distribution(envelope(RESULT | {"candidates": broken})) == READ


def test_what_is_missing_is_made_up_from_the_rest() -> None:
    bare = decode_distribution(envelope({"candidates": RESULT["candidates"]}))
    assert bare == Distribution(0, 3, 2, 0.0, READ.candidates)


def test_shares_stay_between_none_and_all() -> None:
    (found,) = decode_distribution(envelope(one(probability=1.0000001, sampled=-0.1))).candidates
    assert (found.probability, found.sampled) == (1.0, 0.0)


def test_half_a_character_can_be_drawn() -> None:
    (found,) = decode_distribution(envelope(one(token="\ud83d"))).candidates
    assert found.token == "�"


def test_the_client_asks_for_it_as_for_an_answer() -> None:
    request = build(
        model_record.default(),
        Prompt("The capital of France is", raw=True),
        {"temperature": 0.5},
        stream=False,
    )
    with Server(says(head(200, "application/json"), envelope(RESULT).encode())) as server:
        assert sample_values.client().probabilities(sample_values.backend(server.url), request) == READ
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
    with Server(refuses(429, 3040, "Capacity temporarily exceeded, please try again.")) as server:
        with pytest.raises(NoCapacity) as failed:
            sample_values.client().probabilities(
                sample_values.backend(server.url), sample_values.request(stream=False)
            )
        assert failed.value.code == 3040


@pytest.mark.parametrize(
    "pieces",
    [
        (head(200, "application/json"), envelope(RESULT, success=False).encode()),
        (head(200, "application/json"), b"x" * 2_000_000),
        (head(502, "text/html"), b"<html>"),
        (head(200, "application/json"),),
        (b"nonsense\r\n\r\n",),
    ],
    ids=["no success", "endless", "html", "nothing", "no http"],
)
def test_a_server_that_is_no_twin(pieces: tuple[bytes, ...]) -> None:
    with Server(says(*pieces)) as server, pytest.raises(PaddockError) as failed:
        sample_values.client().probabilities(
            sample_values.backend(server.url), sample_values.request(stream=False)
        )
    assert failed.value.advice
    assert sample_values.TOKEN not in failed.value.message
