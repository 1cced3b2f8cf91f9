"""Every parameter reaches the sampler: each test fails if its parameter is dropped on the way.

The tests compare answers with each other, not with an expected text.
"""

from __future__ import annotations

import pytest

from tests.twin.conftest import STORY, RunningTwin


@pytest.fixture(scope="module")
def greedy(twin: RunningTwin) -> str:
    return twin.answer(temperature=0)


def test_temperature_zero_is_repeatable(twin: RunningTwin, greedy: str) -> None:
    assert twin.answer(temperature=0) == greedy


@pytest.mark.applied_by_twin("temperature")
def test_temperature(twin: RunningTwin, greedy: str) -> None:
    assert twin.answer(temperature=5, seed=1) != greedy
    assert twin.answer(temperature=5, seed=1) != twin.answer(temperature=1, seed=1)


def test_temperature_defaults_to_the_documented_one(twin: RunningTwin) -> None:
    assert twin.answer(seed=3) == twin.answer(seed=3, temperature=0.6)


@pytest.mark.applied_by_twin("top_k")
def test_top_k_of_one_is_greedy(twin: RunningTwin, greedy: str) -> None:
    assert twin.answer(temperature=5, seed=1, top_k=1) == greedy
    assert twin.answer(temperature=5, seed=1, top_k=50) != twin.answer(temperature=5, seed=1)


def test_tiny_top_p_is_greedy(twin: RunningTwin, greedy: str) -> None:
    assert twin.answer(temperature=1.5, seed=1, top_p=0.0001) == greedy
    assert twin.answer(temperature=5, seed=1, top_p=0) == greedy


@pytest.mark.applied_by_twin("top_p")
def test_top_p_applies_after_temperature(twin: RunningTwin, greedy: str) -> None:
    # Before the temperature, it would leave so few tokens that no temperature could choose others.
    assert twin.answer(temperature=5, seed=1, top_p=0.05) != greedy


def test_top_p_of_one_and_more_is_off(twin: RunningTwin) -> None:
    free = twin.answer(temperature=1, seed=1)
    assert twin.answer(temperature=1, seed=1, top_p=1) == free
    assert twin.answer(temperature=1, seed=1, top_p=2) == free


@pytest.mark.applied_by_twin("seed")
def test_seed(twin: RunningTwin) -> None:
    texts = [twin.answer(temperature=1, seed=seed, max_tokens=110) for seed in (7, 7, 8)]
    assert texts[0] == texts[1] != texts[2]


def test_without_a_seed_answers_differ(twin: RunningTwin) -> None:
    assert len({twin.answer(temperature=2) for _ in range(3)}) > 1


@pytest.mark.parametrize("seed", [2**32 - 2, 2**32 - 1, 9_999_999_999])
def test_large_seeds_are_repeatable(twin: RunningTwin, seed: int) -> None:
    # llama.cpp takes a seed modulo 2**32, and 2**32 - 1 means "random".
    text = twin.answer(temperature=1, seed=seed)
    assert text == twin.answer(temperature=1, seed=seed)
    assert text != twin.answer(temperature=1, seed=seed % 2**32 - 1)


@pytest.mark.applied_by_twin("repetition_penalty", "frequency_penalty", "presence_penalty")
@pytest.mark.parametrize(
    ("name", "neutral"), [("repetition_penalty", 1), ("frequency_penalty", 0), ("presence_penalty", 0)]
)
def test_penalties(twin: RunningTwin, name: str, neutral: int) -> None:
    plain = twin.answer(temperature=0, max_tokens=60)
    assert twin.answer(temperature=0, max_tokens=60, **{name: neutral}) == plain
    assert twin.answer(temperature=0, max_tokens=60, **{name: 2}) != plain


def test_repetition_penalty_takes_the_documented_minimum(twin: RunningTwin, greedy: str) -> None:
    assert twin.answer(temperature=0, repetition_penalty=0) != greedy


def test_penalties_look_further_back_than_the_last_64_tokens(whole_twin: RunningTwin) -> None:
    # The model copies a list from a hundred words back; a penalty that looks that far stops it.
    words = [f" {chr(65 + n % 26)}{chr(97 + n // 26)}" for n in range(100)]
    prompt = "".join(words + words[:20])
    copied = whole_twin.answer(prompt=prompt, raw=True, temperature=0, max_tokens=1)
    assert (
        whole_twin.answer(prompt=prompt, raw=True, temperature=0, max_tokens=1, repetition_penalty=2)
        != copied
    )


@pytest.mark.applied_by_twin("max_tokens")
@pytest.mark.parametrize("cap", [1, 2, 17])
def test_max_tokens_is_exact(twin: RunningTwin, cap: int) -> None:
    usage = twin.ask(prompt=STORY, max_tokens=cap, temperature=0).json()["result"]["usage"]
    assert usage["completion_tokens"] == cap


def test_max_tokens_defaults_to_256(twin: RunningTwin) -> None:
    raw = "1 2 3 4 5 6 7 8 9 10 11 12 13 14"
    usage = twin.ask(prompt=raw, raw=True, temperature=0).json()["result"]["usage"]
    assert usage["completion_tokens"] == 256


CHATML = (
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
    "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
)


@pytest.mark.applied_by_twin("raw")
def test_raw_leaves_the_template_to_the_caller(twin: RunningTwin) -> None:
    templated = twin.answer(prompt=STORY, seed=5, max_tokens=120)
    assert twin.answer(prompt=CHATML.format(STORY), raw=True, seed=5, max_tokens=120) == templated
    assert twin.answer(prompt=STORY, raw=True, seed=5, max_tokens=120) != templated


def test_raw_messages_are_joined(twin: RunningTwin) -> None:
    parts = [{"role": "user", "content": "Once upon"}, {"role": "user", "content": " a time"}]
    joined = twin.answer(prompt="Once upon a time", raw=True, temperature=0)
    assert (
        twin.client.post(
            twin.run, json={"messages": parts, "raw": True, "temperature": 0, "max_tokens": 24}
        ).json()["result"]["response"]
        == joined
    )


@pytest.mark.applied_by_twin("prompt")
def test_prompt_is_one_user_message(twin: RunningTwin) -> None:
    message = {"messages": [{"role": "user", "content": STORY}], "temperature": 0, "max_tokens": 24}
    assert twin.client.post(twin.run, json=message).json()["result"]["response"] == twin.answer(temperature=0)


@pytest.mark.parametrize("opening", ["Here they are: one, tw", "Once, ", "😀 First"])
def test_a_last_assistant_message_is_continued(twin: RunningTwin, opening: str) -> None:
    messages = [{"role": "user", "content": STORY}, {"role": "assistant", "content": opening}]
    body = {"messages": messages, "temperature": 0, "max_tokens": 24}
    continued = twin.client.post(twin.run, json=body).json()["result"]["response"]
    prompt = CHATML.format(STORY) + opening
    assert continued == twin.answer(prompt=prompt, raw=True, temperature=0, max_tokens=24)
    assert not continued.startswith(opening)


def test_two_last_assistant_messages_are_continued_as_one(twin: RunningTwin) -> None:
    ends = [{"role": "assistant", "content": "One,"}, {"role": "assistant", "content": "two,"}]
    body = {"messages": [{"role": "user", "content": STORY}, *ends], "max_tokens": 2}
    assert twin.client.post(twin.run, json=body).status_code == 200


def test_an_empty_last_assistant_message_is_ignored(twin: RunningTwin) -> None:
    messages = [{"role": "user", "content": STORY}, {"role": "assistant", "content": ""}]
    body = {"messages": messages, "temperature": 0, "max_tokens": 24}
    assert twin.client.post(twin.run, json=body).json()["result"]["response"] == twin.answer(temperature=0)


@pytest.mark.applied_by_twin("messages[].role", "messages[].content")
@pytest.mark.parametrize("role", ["tool", "developer", "🦊", ""])
def test_any_role_is_accepted(twin: RunningTwin, role: str) -> None:
    body = {"messages": [{"role": role, "content": "Hello"}], "max_tokens": 2}
    assert twin.client.post(twin.run, json=body).status_code == 200
