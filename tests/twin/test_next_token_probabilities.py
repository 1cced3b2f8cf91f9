"""The next token's probabilities against the engine's own after its samplers, and against sampled tokens."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from lib.twin import gguf_file, weights
from lib.twin.engine import Engine
from lib.twin.engine_errors import EngineError, PromptTooLongError
from lib.twin.generation import GenerationJob
from lib.twin.next_token_probabilities import (
    Candidates,
    NextTokenProbabilities,
    SamplingDistribution,
    sampling_distribution,
)
from tests.twin.conftest import STORY, RunningTwin

CAPITALS = "The capital of France is Paris. The capital of Germany is"
EMOJI = "😀😃😄😁😆🥹😅😂🤣" * 3 + "😀😃😄😁😆🥹😅"


def ask_probabilities(twin: RunningTwin, **body: Any) -> dict[str, Any]:
    response = twin.client.post(twin.path("paddock/probabilities"), json=body)
    assert response.status_code == 200, response.text
    result: dict[str, Any] = response.json()["result"]
    return result


def test_shape(whole_twin: RunningTwin) -> None:
    result = ask_probabilities(whole_twin, prompt="The capital of France is", raw=True)
    assert list(result) == ["prompt_tokens", "vocabulary", "candidates", "kept", "rest"]
    assert (result["prompt_tokens"], result["vocabulary"]) == (5, 49152)
    candidates = result["candidates"]
    assert len(candidates) == 40
    assert all(list(candidate) == ["id", "token", "probability", "sampled"] for candidate in candidates)
    own = [candidate["probability"] for candidate in candidates]
    assert own == sorted(own, reverse=True)
    assert math.isclose(sum(own) + result["rest"], 1)
    assert candidates[0]["token"] == " Paris"


def test_it_is_the_same_prompt_as_when_it_is_run(twin: RunningTwin) -> None:
    messages = [{"role": "user", "content": STORY}]
    for body in ({"prompt": STORY}, {"messages": messages}, {"prompt": CAPITALS, "raw": True}):
        result, ran = (
            ask_probabilities(twin, **body),
            twin.ask(**body, temperature=0, max_tokens=1).json()["result"],
        )
        assert result["prompt_tokens"] == ran["usage"]["prompt_tokens"]
        assert result["candidates"][0]["token"] == ran["response"]
    assert (
        ask_probabilities(twin, prompt=STORY)["candidates"]
        == ask_probabilities(twin, messages=messages)["candidates"]
    )


def test_temperature_zero_keeps_one(twin: RunningTwin) -> None:
    result = ask_probabilities(twin, prompt=CAPITALS, raw=True, temperature=0)
    assert result["kept"] == 1
    assert [candidate["sampled"] for candidate in result["candidates"]] == [1.0] + [0.0] * 39


def test_tokens_that_cannot_be_sampled_are_zero(twin: RunningTwin) -> None:
    result = ask_probabilities(twin, prompt=CAPITALS, raw=True, temperature=2, top_k=7)
    sampled = [candidate["sampled"] for candidate in result["candidates"]]
    assert result["kept"] == sum(value > 0 for value in sampled) == 7
    assert math.isclose(sum(sampled), 1)
    assert ask_probabilities(twin, prompt=CAPITALS, raw=True, temperature=2, top_k=7, top_p=0.5)["kept"] < 7
    assert ask_probabilities(twin, prompt=CAPITALS, raw=True, temperature=5)["kept"] == 49152


def test_a_part_of_a_character_is_shown(whole_twin: RunningTwin) -> None:
    first = ask_probabilities(whole_twin, prompt=EMOJI, raw=True)["candidates"][0]
    assert first["token"] == "\ufffd"
    # Every emoji begins with these bytes.
    assert first["bytes"] == [0xF0, 0x9F]


def test_a_token_without_text_is_shown_by_its_name(whole_twin: RunningTwin) -> None:
    messages = [{"role": "user", "content": "Bye"}, {"role": "assistant", "content": "Goodbye!"}]
    candidates = ask_probabilities(whole_twin, messages=messages)["candidates"]
    assert "<|im_end|>" in [candidate["token"] for candidate in candidates]


SETTINGS: list[dict[str, Any]] = [
    {"temperature": 1.5, "top_k": 6},
    {"temperature": 3, "top_p": 0.3, "repetition_penalty": 1.5, "top_k": 40},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_tokens_are_sampled_as_often_as_predicted(twin: RunningTwin, settings: dict[str, Any]) -> None:
    body, count = {"prompt": CAPITALS, "raw": True, **settings}, 100
    result = ask_probabilities(twin, **body)
    with ThreadPoolExecutor(2) as pool:
        sampled = Counter(pool.map(lambda _: twin.answer(**body, max_tokens=1), range(count)))
    predicted = {candidate["token"]: candidate["sampled"] for candidate in result["candidates"]}
    for token, times in sampled.items():
        assert predicted[token] > 0
        # Six standard deviations and a bit more: a false alarm is practically impossible.
        spread = math.sqrt(count * predicted[token] * (1 - predicted[token]))
        assert abs(times - count * predicted[token]) < 6 * spread + 3, token


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 5006),
        ({"prompt": "x", "temperature": 9}, 5006),
        ({"prompt": "x", "lora": "../none"}, None),
        ({"prompt": " a" * 9000, "raw": True}, 5021),
    ],
)
def test_refusals(twin: RunningTwin, body: dict[str, Any], code: int | None) -> None:
    response = twin.client.post(twin.path("paddock/probabilities"), json=body)
    assert response.status_code in (400, 405, 413)
    assert response.json()["errors"][0]["code"] in ((code,) if code else (5005, 5033))
    assert twin.client.get(twin.path("paddock/probabilities")).status_code == 405


# Against the engine itself.


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    loaded = Engine(weights.ensure_weights(), slots=1, threads=1, context=512)
    yield loaded
    loaded.close()


TOKENS = gguf_file.read_info(weights.ensure_weights()).tokens
MESSAGES = (("user", "Name a capital."), ("assistant", "Here is one: the capital of"))
JOBS = [
    GenerationJob(1, 0.6, prompt=CAPITALS),
    # From here on all candidates of this prompt are cached, before and after penalties.
    GenerationJob(1, 1.7, prompt=CAPITALS),
    GenerationJob(1, 1.7, prompt=CAPITALS, repetition_penalty=1.3),
    GenerationJob(
        1, 1.0, prompt=CAPITALS, repetition_penalty=1.3, frequency_penalty=0.5, presence_penalty=0.5, top_k=50
    ),
    GenerationJob(1, 0.0, prompt=CAPITALS, repetition_penalty=2.0),
    GenerationJob(1, 0.9, prompt=CAPITALS, repetition_penalty=0.7),
    GenerationJob(1, 1.0, messages=MESSAGES, top_p=0.9),
    GenerationJob(1, 1.2, messages=MESSAGES, top_p=0.6, top_k=30),
    GenerationJob(1, 0.8, messages=MESSAGES, frequency_penalty=2.0, top_p=0.95),
    GenerationJob(1, 0.7, prompt=STORY, repetition_penalty=0.0),
    GenerationJob(1, 0.6, prompt=EMOJI, presence_penalty=1.0),
]


@pytest.fixture(scope="module")
def foreseen(engine: Engine) -> list[dict[str, Any]]:
    async def compute_all() -> list[dict[str, Any]]:
        probabilities = NextTokenProbabilities(engine, TOKENS)
        return [await probabilities.compute(job) for job in JOBS]

    return asyncio.run(compute_all())


@pytest.mark.parametrize("number", range(len(JOBS)))
def test_against_the_engine_after_all_its_samplers(
    engine: Engine, foreseen: list[dict[str, Any]], number: int
) -> None:
    job, result = JOBS[number], foreseen[number]
    count = 49152 if result["kept"] > 1000 and result["kept"] < 49152 else 1000
    many = {"n_probs": count} if job.prompt is not None else {"logprobs": True, "top_logprobs": count}

    async def request_candidates() -> list[dict[str, Any]]:
        # The engine reports none if the sampled token is a part of a character: try again.
        for _ in range(40):
            with suppress(EngineError):
                return (await engine.next_token_candidates(job, {**many, "post_sampling_probs": True}))[0]
        raise AssertionError

    own = {candidate["id"]: candidate["prob"] for candidate in asyncio.run(request_candidates())}
    if result["kept"] < count:
        assert result["kept"] == len(own)
    for candidate in result["candidates"]:
        expected = own.get(candidate["id"], 0.0)
        assert math.isclose(candidate["sampled"], expected, rel_tol=3e-3, abs_tol=1e-6), candidate


def test_moving_a_slider_evaluates_nothing_and_the_cache_is_limited(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluations: list[GenerationJob] = []
    real = engine.next_token_candidates

    async def counted(job: GenerationJob, extra: Any) -> Any:
        evaluations.append(job)
        return await real(job, extra)

    monkeypatch.setattr(engine, "next_token_candidates", counted)
    monkeypatch.setattr("lib.twin.next_token_probabilities.MAX_CACHED_PROMPTS", 2)

    async def move() -> list[int]:
        probabilities, counts = NextTokenProbabilities(engine, TOKENS), []
        for temperature in (0.1, 0.3, 0.6):
            for top_p in (1.0, 0.5):
                await probabilities.compute(GenerationJob(1, temperature, prompt="A b c", top_p=top_p))
        counts.append(len(evaluations))
        for prompt in ("A b c d", "A b c e", "A b c"):
            await probabilities.compute(GenerationJob(1, 0.6, prompt=prompt))
        return [*counts, len(evaluations)]

    assert asyncio.run(move()) == [1, 4]


def test_too_long_for_the_context(engine: Engine) -> None:
    with pytest.raises(PromptTooLongError):
        asyncio.run(
            NextTokenProbabilities(engine, TOKENS).compute(GenerationJob(1, 1.0, prompt="a" + " a" * 600))
        )


# Calculated by hand: three listed tokens (0.5, 0.25, 0.125), and two unlisted ones with 0.125 together.
LISTED = Candidates((7, 8, 9), tuple(map(math.log, (0.5, 0.25, 0.125))), 0.125, 2)


@pytest.mark.parametrize(
    ("job", "kept", "first"),
    [
        (GenerationJob(1, 0.0), 1, 1.0),
        (GenerationJob(1, 1.0), 5, 0.5),
        (GenerationJob(1, 1.0, top_k=2), 2, 2 / 3),
        (GenerationJob(1, 0.5, top_k=2), 2, 0.8),
        (GenerationJob(1, 1.0, top_p=0.74), 2, 2 / 3),
        (GenerationJob(1, 1.0, top_p=0.76), 3, 4 / 7),
        (GenerationJob(1, 1.0, top_p=0.0), 1, 1.0),
        (GenerationJob(1, 1.0, top_k=3, top_p=0.99), 3, 4 / 7),
    ],
)
def test_by_hand(job: GenerationJob, kept: int, first: float) -> None:
    distribution = sampling_distribution(LISTED, job)
    assert distribution
    assert distribution.kept_count == kept
    assert math.isclose(distribution.probabilities[7], first)


@pytest.mark.parametrize(
    "job",
    [
        GenerationJob(1, 1.0, top_p=0.95),
        GenerationJob(1, 2.0),
        GenerationJob(1, 2.0, top_p=0.9),
        GenerationJob(1, 0.9),
    ],
)
def test_no_distribution_if_it_depends_on_unlisted_tokens(job: GenerationJob) -> None:
    assert sampling_distribution(LISTED, job) is None
    assert isinstance(
        sampling_distribution(Candidates((1, 2), (-0.1, -2.35), 0.0, 0), job), SamplingDistribution
    )
