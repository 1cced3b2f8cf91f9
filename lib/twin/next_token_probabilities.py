"""What the model may say next: its own probabilities, and those with which the twin draws under a request's settings.

The engine evaluates a prompt once; from its probabilities the draw is computed here, by the samplers that the engine
itself applies and in their order (see ``engine.py``). Temperature, top_k and top_p then cost no evaluation; penalties
cost one, for the engine applies them to its own numbers.

The engine tells no candidates when the token that it draws is but a part of a character. So it is made to draw a
token of our choice, by a bias that changes nothing about the others' proportions.
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

from lib.twin.engine import Engine, GenerationJob
from lib.twin.engine_errors import EngineError

MAX_LISTED_TOKENS = 40
# Candidates that are fetched, more and more of them while the draw hangs on the others: 1,000 take the engine 20 ms,
# 8,000 take it 90, and all 49,152 of the model that comes along half a second.
CANDIDATE_COUNTS = (1000, 8000)
MAX_CACHED_PROMPTS = 24  # that are remembered
_CERTAIN = 1e4  # a bias that leaves the draw no choice
_FAVOURED = math.log(1e9)  # one that almost does, and leaves the others numbers to be read
# How far the engine's sum of all probabilities may be from one: it adds them up in 32 bits.
_SLACK = 5e-4
# How far the unknown rest may move a probability, relatively, before more candidates are fetched.
_EXACT = 2e-3


@dataclass(frozen=True)
class Candidates:
    """The most probable tokens, best first: their ids and the logarithms of their weights.

    ``tail`` is the weight of all others, in the same unit; ``others`` is how many they are. ``ended``: they weigh
    nothing, for the engine's numbers became too small to be told.
    """

    ids: tuple[int, ...]
    logs: tuple[float, ...]
    tail: float
    others_count: int
    has_underflow: bool = False


@dataclass(frozen=True)
class SamplingDistribution:
    """How the next token is drawn: the probability of each that can be among the first, and how many can at all."""

    probabilities: dict[int, float]
    kept_count: int


@dataclass
class _CachedPrompt:
    """What the engine told about one prompt: its own candidates, how to show the first, those after penalties."""

    prompt_tokens: int
    own: Candidates
    shown: tuple[dict[str, Any], ...]
    rare: tuple[int, float]  # an improbable token of whole characters, and its logarithm
    # By the penalties and by how many candidates were asked for.
    penalised: dict[tuple[float, float, float, int], Candidates] = field(default_factory=dict)


def sampling_distribution(candidates: Candidates, job: GenerationJob) -> SamplingDistribution | None:
    """The draw under the job's temperature, top_k and top_p. None: it hangs on candidates that are not listed."""
    ids, logs = candidates.ids, candidates.logs
    if job.temperature <= 0:
        return SamplingDistribution({ids[0]: 1.0}, 1)
    everything = len(ids) + candidates.others_count
    left = min(job.top_k or everything, everything)
    weights = [math.exp((log - logs[0]) / job.temperature) for log in logs[:left]]
    low, high = (0.0, 0.0) if left <= len(ids) else _tail(candidates, job.temperature)
    listed = math.fsum(weights)
    if job.top_p >= 1:
        if high - low > _EXACT * listed:
            return None
        kept, total = left, listed + (low + high) / 2
    else:
        sums = list(accumulate(weights))
        cuts = {
            next((n for n, reached in enumerate(sums, 1) if reached >= job.top_p * (listed + tail)), None)
            for tail in (low, high)
        }
        cut = cuts.pop()
        if cuts or (cut is None and high > 0):
            return None
        kept = cut or min(left, len(ids))  # rounding may keep the sum just below one
        total = sums[min(kept, len(sums)) - 1]
    return SamplingDistribution(
        {token: weight / total for token, weight in zip(ids[:kept], weights, strict=False)}, kept
    )


def _tail(candidates: Candidates, temperature: float) -> tuple[float, float]:
    """The least and the most that the unlisted tokens can weigh, in units of the first listed one.

    None of them weighs more than the last that is listed; and what all of them weigh at temperature 1 is known.
    """
    logs, power = candidates.logs, 1 / temperature - 1
    if not candidates.others_count or candidates.has_underflow:
        return 0.0, 0.0
    scale = math.exp(logs[-1] * power - logs[0] / temperature)
    least, most = max(0.0, candidates.tail - _SLACK) * scale, (candidates.tail + _SLACK) * scale
    if temperature < 1:
        return 0.0, most
    if temperature == 1:
        return least, most
    return least, max(least, candidates.others_count * math.exp((logs[-1] - logs[0]) / temperature))


class NextTokenProbabilities:
    """Answers for one engine, and remembers the last prompts. ``tokens`` is its vocabulary."""

    def __init__(self, engine: Engine, tokens: Sequence[str]) -> None:
        self.engine, self.tokens = engine, tokens
        # Any token of whole characters will do.
        self._plain = next(
            (number for number, token in enumerate(tokens) if token.isascii() and token.isalpha()), 0
        )
        self._known: OrderedDict[bytes, _CachedPrompt] = OrderedDict()
        self._evaluating = (
            asyncio.Lock()
        )  # one at a time: whoever moves a slider asks faster than the engine answers

    async def compute(self, job: GenerationJob) -> dict[str, Any]:
        """The result of the endpoint. What a grammar forbids is not looked at. Raises EngineError."""
        job = replace(
            job, prompt=await self.engine.render_prompt(job), messages=(), chat=None, json_schema=None
        )
        key = hashlib.sha256(repr(_neutral(job)).encode("utf-8", "surrogatepass")).digest()
        async with self._evaluating:
            for count in (*(step for step in CANDIDATE_COUNTS if step < len(self.tokens)), len(self.tokens)):
                known = await self._evaluated(key, job, count)
                if (
                    drawn := sampling_distribution(await self._penalised(known, job, count), job)
                ) is not None:
                    return self._told(known, drawn)
        raise EngineError("the engine told fewer candidates than it has")

    def _told(self, known: _CachedPrompt, drawn: SamplingDistribution) -> dict[str, Any]:
        own = [math.exp(log) for log in known.own.logs[:MAX_LISTED_TOKENS]]
        return {
            "prompt_tokens": known.prompt_tokens,
            "vocabulary": len(self.tokens),
            "candidates": [
                {**shown, "probability": probability, "sampled": drawn.probabilities.get(shown["id"], 0.0)}
                for shown, probability in zip(known.shown, own, strict=True)
            ],
            "kept": drawn.kept_count,
            "rest": max(0.0, 1 - math.fsum(own)),
        }

    async def _evaluated(self, key: bytes, job: GenerationJob, count: int) -> _CachedPrompt:
        known = self._known.pop(key, None)
        if known is None or len(known.own.ids) < count:
            told, prompt_tokens = await self._asked(_neutral(job), count, (self._plain, _CERTAIN))
            ids, logs = _sorted((token["id"], token["logprob"]) for token in told)
            rare = next(token for token in reversed(told) if token["bytes"] and _whole(token["bytes"]))
            known = _CachedPrompt(
                prompt_tokens,
                self._candidates(ids, logs),
                tuple(self._shown(token) for token in told[:MAX_LISTED_TOKENS]),
                (rare["id"], rare["logprob"]),
            )
        self._known[key] = known
        if len(self._known) > MAX_CACHED_PROMPTS:
            self._known.popitem(last=False)
        return known

    async def _penalised(self, known: _CachedPrompt, job: GenerationJob, count: int) -> Candidates:
        penalties = (job.repetition_penalty, job.frequency_penalty, job.presence_penalty)
        if penalties == (1.0, 0.0, 0.0):
            return known.own
        found = known.penalised.get((*penalties, count))
        if found is None:
            token, log = known.rare
            bias = _FAVOURED - log
            told, _ = await self._asked(_neutral(job, *penalties), count, (token, bias), after=True)
            weights = {one["id"]: math.log(one["prob"]) for one in told if one["prob"] > 0}
            ended = len(weights) < count
            if token in weights and count == len(self.tokens):
                weights[token] -= bias
            else:  # improbable as it is, its place would be far behind those that are not told
                weights.pop(token, None)
            own = dict(zip(known.own.ids, known.own.logs, strict=True))
            # Most tokens are not in the prompt and keep their weight: what the typical one gained, all gained.
            gain = median([weight - own[one] for one, weight in weights.items() if one in own] or [0.0])
            ids, logs = _sorted((one, weight - gain) for one, weight in weights.items())
            # The rest is what else there was before.
            tail = known.own.tail + math.fsum(math.exp(log) for one, log in own.items() if one not in weights)
            found = Candidates(ids, logs, tail, len(self.tokens) - len(ids), has_underflow=ended)
            while len(known.penalised) >= MAX_CACHED_PROMPTS:
                known.penalised.pop(next(iter(known.penalised)))
            known.penalised[*penalties, count] = found
        return found

    def _candidates(self, ids: tuple[int, ...], logs: tuple[float, ...]) -> Candidates:
        listed = math.fsum(math.exp(log) for log in logs)
        others = len(self.tokens) - len(ids)
        if not others:  # the engine's own sum of all is off in the fourth digit
            logs = tuple(log - math.log(listed) for log in logs)
        return Candidates(ids, logs, max(0.0, 1 - listed) if others else 0.0, others)

    async def _asked(
        self, job: GenerationJob, count: int, bias: tuple[int, float], *, after: bool = False
    ) -> tuple[list[dict[str, Any]], int]:
        """The engine's candidates: before all samplers, or ``after`` the penalties and the bias."""
        extra: dict[str, Any] = {
            "n_probs": count,
            "samplers": ["penalties"] if after else [],
            "post_sampling_probs": after,
            "logit_bias": [list(bias)],
        }
        return await self.engine.next_token_candidates(job, extra)

    def _shown(self, token: dict[str, Any]) -> dict[str, Any]:
        raw = bytes(token["bytes"])
        shown = {"id": token["id"], "token": raw.decode("utf-8", "replace") or self.tokens[token["id"]]}
        return shown if _whole(raw) else {**shown, "bytes": list(raw)}


def _whole(raw: Sequence[int]) -> bool:
    try:
        bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _sorted(
    pairs: Iterable[tuple[int, float]],
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    best = sorted(pairs, key=lambda pair: -pair[1])
    return tuple(token for token, _ in best), tuple(log for _, log in best)


def _neutral(
    job: GenerationJob, repetition: float = 1.0, frequency: float = 0.0, presence: float = 0.0
) -> GenerationJob:
    """The same prompt, with nothing of how its answer is drawn but these penalties."""
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
