"""Probabilities of the next token: the model's own, and those of the sampling with a request's settings.

The engine evaluates a prompt once. The sampling distribution is computed here, by the engine's samplers in the
engine's order (see ``engine.py``). So a change of temperature, top_k or top_p needs no evaluation. A change of the
penalties needs one, because the engine applies them to its own numbers.

The engine reports no candidates if the token that it samples is a part of a character. So a logit bias makes it
sample a token of our choice; the bias does not change the proportions of the others.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from statistics import median
from typing import Any

from lib.twin.engine import Engine
from lib.twin.engine_errors import EngineError
from lib.twin.generation import GenerationJob

MAX_LISTED_TOKENS = 40
# The engine is asked for more candidates as long as the distribution depends on unlisted ones. 1,000 take 20 ms,
# 8,000 take 90 ms, and all 49,152 of the shipped model take half a second.
CANDIDATE_COUNTS = (1000, 8000)
MAX_CACHED_PROMPTS = 24
# A logit bias that leaves the sampler no choice.
_CERTAIN_BIAS = 1e4
# A logit bias that almost does so, but leaves the others probabilities that can be read.
_STRONG_BIAS = math.log(1e9)
# The engine adds its probabilities in 32 bits, so their sum differs from one by up to this.
_SUM_TOLERANCE = 5e-4
# The unlisted candidates may change a probability by this share before more candidates are requested.
_RELATIVE_TOLERANCE = 2e-3


@dataclass(frozen=True)
class Candidates:
    """The most probable tokens, best first: their ids and the logarithms of their weights.

    ``tail`` is the weight of all other tokens, in the same unit, and ``others_count`` is their number.
    ``has_underflow`` is True if the engine's numbers for them were too small, so that they weigh nothing.
    """

    ids: tuple[int, ...]
    logs: tuple[float, ...]
    tail: float
    others_count: int
    has_underflow: bool = False


@dataclass(frozen=True)
class SamplingDistribution:
    """The probabilities of the listed tokens that can be sampled, and the number of all tokens that can be."""

    probabilities: dict[int, float]
    kept_count: int


@dataclass
class _CachedPrompt:
    """Candidates for one prompt.

    ``shown`` has the first ones as JSON. ``rare`` is an improbable token of whole characters, with its logarithm.
    ``penalised`` has the candidates after penalties, by the penalties and the number of candidates.
    """

    prompt_tokens: int
    own: Candidates
    shown: tuple[dict[str, Any], ...]
    rare: tuple[int, float]
    penalised: dict[tuple[float, float, float, int], Candidates] = field(default_factory=dict)


def sampling_distribution(candidates: Candidates, job: GenerationJob) -> SamplingDistribution | None:
    """Apply temperature, top_k and top_p. Return None if the result depends on candidates that are not listed."""
    ids, logs = candidates.ids, candidates.logs
    if job.temperature <= 0:
        return SamplingDistribution({ids[0]: 1.0}, 1)
    vocabulary = len(ids) + candidates.others_count
    # The number of tokens that top_k keeps.
    left = min(job.top_k or vocabulary, vocabulary)
    weights = [math.exp((log - logs[0]) / job.temperature) for log in logs[:left]]
    low, high = (0.0, 0.0) if left <= len(ids) else _tail_range(candidates, job.temperature)
    listed = math.fsum(weights)
    if job.top_p >= 1:
        if high - low > _RELATIVE_TOLERANCE * listed:
            return None
        kept_count, total = left, listed + (low + high) / 2
    else:
        sums = list(accumulate(weights))
        cuts = {
            next((n for n, total in enumerate(sums, 1) if total >= job.top_p * (listed + tail)), None)
            for tail in (low, high)
        }
        cut = cuts.pop()
        if cuts or (cut is None and high > 0):
            return None
        # Rounding may keep the sum just below one.
        kept_count = cut or min(left, len(ids))
        total = sums[min(kept_count, len(sums)) - 1]
    kept = zip(ids[:kept_count], weights, strict=False)
    return SamplingDistribution({token: weight / total for token, weight in kept}, kept_count)


def _tail_range(candidates: Candidates, temperature: float) -> tuple[float, float]:
    """Return the minimum and maximum weight of all unlisted tokens, in units of the first listed token.

    No unlisted token weighs more than the last listed one, and their weight at temperature 1 is known.
    """
    logs, power = candidates.logs, 1 / temperature - 1
    if not candidates.others_count or candidates.has_underflow:
        return 0.0, 0.0
    scale = math.exp(logs[-1] * power - logs[0] / temperature)
    least = max(0.0, candidates.tail - _SUM_TOLERANCE) * scale
    most = (candidates.tail + _SUM_TOLERANCE) * scale
    if temperature < 1:
        return 0.0, most
    if temperature == 1:
        return least, most
    return least, max(least, candidates.others_count * math.exp((logs[-1] - logs[0]) / temperature))


class NextTokenProbabilities:
    """Computes the probabilities for one engine, and caches the last prompts. ``tokens`` is its vocabulary."""

    def __init__(self, engine: Engine, tokens: Sequence[str]) -> None:
        self.engine, self.tokens = engine, tokens
        # Any token of whole characters can be sampled instead of a part of a character.
        self._whole_token = next(
            (number for number, token in enumerate(tokens) if token.isascii() and token.isalpha()), 0
        )
        self._prompts: OrderedDict[bytes, _CachedPrompt] = OrderedDict()
        # One evaluation at a time: a moving slider asks faster than the engine answers.
        self._evaluating = asyncio.Lock()

    async def compute(self, job: GenerationJob) -> dict[str, Any]:
        """Return the result of the endpoint. It does not apply the schema of JSON mode. Raises EngineError."""
        prompt = await self.engine.render_prompt(job)
        job = replace(job, prompt=prompt, messages=(), chat=None, json_schema=None)
        key = hashlib.sha256(repr(_only_penalties(job)).encode("utf-8", "surrogatepass")).digest()
        async with self._evaluating:
            counts = [count for count in CANDIDATE_COUNTS if count < len(self.tokens)]
            for count in (*counts, len(self.tokens)):
                cached = await self._evaluate(key, job, count)
                distribution = sampling_distribution(await self._penalise(cached, job, count), job)
                if distribution is not None:
                    return self._to_json(cached, distribution)
        raise EngineError("the engine told fewer candidates than it has")

    def _to_json(self, cached: _CachedPrompt, distribution: SamplingDistribution) -> dict[str, Any]:
        own = [math.exp(log) for log in cached.own.logs[:MAX_LISTED_TOKENS]]
        sampled = distribution.probabilities
        return {
            "prompt_tokens": cached.prompt_tokens,
            "vocabulary": len(self.tokens),
            "candidates": [
                {**shown, "probability": probability, "sampled": sampled.get(shown["id"], 0.0)}
                for shown, probability in zip(cached.shown, own, strict=True)
            ],
            "kept": distribution.kept_count,
            "rest": max(0.0, 1 - math.fsum(own)),
        }

    async def _evaluate(self, key: bytes, job: GenerationJob, count: int) -> _CachedPrompt:
        cached = self._prompts.pop(key, None)
        if cached is None or len(cached.own.ids) < count:
            bias = (self._whole_token, _CERTAIN_BIAS)
            tokens, prompt_tokens = await self._request_candidates(_only_penalties(job), count, bias)
            ids, logs = _sort_by_weight((token["id"], token["logprob"]) for token in tokens)
            rare = next(token for token in reversed(tokens) if token["bytes"] and _is_utf8(token["bytes"]))
            cached = _CachedPrompt(
                prompt_tokens,
                self._candidates(ids, logs),
                tuple(self._token_json(token) for token in tokens[:MAX_LISTED_TOKENS]),
                (rare["id"], rare["logprob"]),
            )
        self._prompts[key] = cached
        if len(self._prompts) > MAX_CACHED_PROMPTS:
            self._prompts.popitem(last=False)
        return cached

    async def _penalise(self, cached: _CachedPrompt, job: GenerationJob, count: int) -> Candidates:
        """Return the candidates after the job's penalties."""
        penalties = (job.repetition_penalty, job.frequency_penalty, job.presence_penalty)
        if penalties == (1.0, 0.0, 0.0):
            return cached.own
        candidates = cached.penalised.get((*penalties, count))
        if candidates is None:
            candidates = await self._evaluate_penalties(cached, _only_penalties(job, *penalties), count)
            while len(cached.penalised) >= MAX_CACHED_PROMPTS:
                cached.penalised.pop(next(iter(cached.penalised)))
            cached.penalised[*penalties, count] = candidates
        return candidates

    async def _evaluate_penalties(self, cached: _CachedPrompt, job: GenerationJob, count: int) -> Candidates:
        rare, rare_log = cached.rare
        bias = _STRONG_BIAS - rare_log
        tokens, _ = await self._request_candidates(job, count, (rare, bias), after_samplers=True)
        weights = {token["id"]: math.log(token["prob"]) for token in tokens if token["prob"] > 0}
        has_underflow = len(weights) < count
        if rare in weights and count == len(self.tokens):
            weights[rare] -= bias
        else:
            # It is so improbable that its real place is far behind the reported tokens.
            weights.pop(rare, None)
        own = dict(zip(cached.own.ids, cached.own.logs, strict=True))
        # Most tokens are not in the prompt, so penalties do not change them: all weights grew by the median.
        gain = median([weight - own[token] for token, weight in weights.items() if token in own] or [0.0])
        ids, logs = _sort_by_weight((token, weight - gain) for token, weight in weights.items())
        # The others weigh what they weighed before the penalties.
        others = math.fsum(math.exp(log) for token, log in own.items() if token not in weights)
        tail = cached.own.tail + others
        return Candidates(ids, logs, tail, len(self.tokens) - len(ids), has_underflow=has_underflow)

    def _candidates(self, ids: tuple[int, ...], logs: tuple[float, ...]) -> Candidates:
        listed = math.fsum(math.exp(log) for log in logs)
        others_count = len(self.tokens) - len(ids)
        if not others_count:
            # The engine's own sum of all is wrong in the fourth digit.
            logs = tuple(log - math.log(listed) for log in logs)
        return Candidates(ids, logs, max(0.0, 1 - listed) if others_count else 0.0, others_count)

    async def _request_candidates(
        self, job: GenerationJob, count: int, bias: tuple[int, float], *, after_samplers: bool = False
    ) -> tuple[list[dict[str, Any]], int]:
        """Return the engine's candidates and the prompt's token count. Raises EngineError.

        The candidates are those before all samplers, or those after the penalties and the bias.
        """
        extra: dict[str, Any] = {"n_probs": count, "logit_bias": [list(bias)]}
        extra |= {"samplers": ["penalties"] if after_samplers else [], "post_sampling_probs": after_samplers}
        return await self.engine.next_token_candidates(job, extra)

    def _token_json(self, token: dict[str, Any]) -> dict[str, Any]:
        raw = bytes(token["bytes"])
        text = raw.decode("utf-8", "replace") or self.tokens[token["id"]]
        encoded = {} if _is_utf8(raw) else {"bytes": list(raw)}
        return {"id": token["id"], "token": text, **encoded}


def _is_utf8(raw: Sequence[int]) -> bool:
    try:
        bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _sort_by_weight(pairs: Iterable[tuple[int, float]]) -> tuple[tuple[int, ...], tuple[float, ...]]:
    best = sorted(pairs, key=lambda pair: -pair[1])
    return tuple(token for token, _ in best), tuple(log for _, log in best)


def _only_penalties(
    job: GenerationJob, repetition: float = 1.0, frequency: float = 0.0, presence: float = 0.0
) -> GenerationJob:
    """Return a job with the same prompt, and no sampling parameters but these penalties."""
    return replace(
        job,
        max_tokens=1,
        temperature=1.0,
        top_p=1.0,
        top_k=0,
        seed=None,
        repetition_penalty=repetition,
        frequency_penalty=frequency,
        presence_penalty=presence,
        stop=(),
    )
