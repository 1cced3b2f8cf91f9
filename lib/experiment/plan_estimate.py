"""Estimate of what a plan takes, before the first request: requests, tokens, dollars and time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from lib.api.request import Messages, Request, Turn, build_request
from lib.chat.answer import Answer, Ending, Timings
from lib.errors import BadInput
from lib.experiment import cell_request, plan_grid
from lib.experiment.checks.check_kinds import Judge
from lib.experiment.checks.llm_judge import judge_request
from lib.experiment.inputs.prompt_template import count_variables, fill_template
from lib.experiment.plan import Cell, Plan, PromptVersion, Variant
from lib.experiment.plan_models import ResolvedPlan, asked_models
from lib.jsonkit.surrogates import utf8_size
from lib.model.model_record import DEFAULT_MODEL_ID, Model, Number
from lib.model.pricing import cost_in_dollars
from lib.model.request_options import InputForm
from lib.model.schema_alternatives import as_number
from lib.model.settings import Settings
from lib.model.usage import Usage
from lib.preflight import llama3_template, token_count

# Tokens that a service may add to an input beyond those counted: Cloudflare does not document it.
TOKEN_MARGIN = 64
MAX_COUNTED_INPUTS = 200  # of more inputs, this many are counted and stand for all

# Rough guesses before the run: seconds until an answer begins, and tokens a second.
FAST_ANSWER_SECONDS = 0.2
SLOW_ANSWER_SECONDS, SLOW_TOKENS_PER_SECOND = 1.0, 40


@dataclass(frozen=True)
class PlanEstimate:
    """Ranges of what a run takes, from empty answers to answers of ``max_tokens``; retries are not counted.

    ``requests`` are the cells, ``judge_requests`` come on top. The upper ``dollars`` hold as long as the
    token count of no request is off by more than TOKEN_MARGIN. ``seconds`` assume the plan's pace and
    concurrency, and answers of the usual speed. ``counted_inputs`` is how many different inputs were
    tokenized if not all were: the upper bounds then count every byte of the rest as a token.
    """

    requests: int
    judge_requests: int
    tokens_in: tuple[int, int]
    tokens_out: tuple[int, int]
    dollars: tuple[Decimal, Decimal]
    seconds: tuple[float, float]
    counted_inputs: int | None = None


def _count_tokens(request: Request) -> int:
    return token_count.count_prompt_tokens(request).tokens


def estimate_plan(resolved: ResolvedPlan, tokens: Callable[[Request], int] = _count_tokens) -> PlanEstimate:
    """Estimate the plan. ``tokens`` counts a request's input tokens; the default is the default model's tokenizer.

    Each request is priced with its own model. The time does not grow with the number of settings and repetitions.
    Raise BadInput if a request of the plan cannot be built.
    """
    plan, model = resolved.plan, resolved.model
    rows = plan_grid.count_rows(plan)
    cells = list(_cell_families(resolved))
    judges = list(_judge_families(model, plan))
    judged = sum(request.times for request in judges) * rows
    # A judge reads the answers: reading them is assumed to take as many tokens as writing them.
    read = sum(family.out for family in cells) * rows * sum(isinstance(check, Judge) for check in plan.checks)
    parts = [
        _estimate_part(asked, plan, [family for family in [*cells, *judges] if family.model is asked], tokens)
        for asked in dict.fromkeys(family.model for family in [*cells, *judges])
    ]
    out, requests = sum(part.out for part in parts), sum(family.times for family in cells) * rows
    return PlanEstimate(
        requests=requests,
        judge_requests=judged,
        tokens_in=(sum(part.low for part in parts), sum(part.high for part in parts) + read),
        tokens_out=(0, out),
        dollars=(
            sum((part.least for part in parts), Decimal(0)),
            sum((part.most for part in parts), cost_in_dollars(Usage(read, 0), model.price)),
        ),
        seconds=_seconds(plan, requests + judged, out),
        counted_inputs=max((part.counted for part in parts if part.counted is not None), default=None),
    )


@dataclass(frozen=True)
class _ModelPart:
    """Totals of the requests to one model: input tokens from and to, output tokens at most, and dollars."""

    low: int
    high: int
    out: int
    least: Decimal
    most: Decimal
    counted: int | None


def _estimate_part(
    model: Model, plan: Plan, families: list[_RequestFamily], tokens: Callable[[Request], int]
) -> _ModelPart:
    low, high, counted = _input_tokens(model, plan, families, tokens)
    out = sum(family.out for family in families) * plan_grid.count_rows(plan)
    least, most = (cost_in_dollars(usage, model.price) for usage in (Usage(low, 0), Usage(high, out)))
    return _ModelPart(low, high, out, least, most, counted)


@dataclass(frozen=True)
class _RequestFamily:
    """Requests that differ only in the row: ``build`` makes a row's, ``templates`` hold the row's variables.

    ``skeleton`` is the request with next to nothing in the templates' places. ``times`` requests are sent for
    each row; ``out`` bounds the tokens of their answers together.
    """

    model: Model
    build: Callable[[int], Request]
    skeleton: Request
    templates: tuple[str, ...]
    times: int
    out: int


def _cell_families(resolved: ResolvedPlan) -> Iterator[_RequestFamily]:
    plan, all_variants = resolved.plan, plan_grid.variants(resolved)
    for kind in _input_kinds(resolved, all_variants):
        variant = all_variants[kind.number]
        for number, prompt in enumerate(plan.prompts):
            system = prompt.system if variant.system is None else variant.system
            if variant.settings.features.form is InputForm.PROMPT:
                system = ""  # the prompt form sends none
            bare = replace(plan, prompts=(PromptVersion("", ".", "."),), inputs=replace(plan.inputs, rows=()))
            yield _RequestFamily(
                kind.model,
                partial(_build_cell_request, resolved, all_variants, number, kind.number),
                cell_request.request(
                    replace(resolved, plan=bare), Cell(0, 0, 0, 0, 0), (replace(variant, system=None),)
                ),
                (system, prompt.user),
                kind.count * plan.repetitions,
                kind.out * plan.repetitions,
            )


def _build_cell_request(
    resolved: ResolvedPlan, all_variants: Sequence[Variant], prompt: int, variant: int, row: int
) -> Request:
    return cell_request.request(resolved, Cell(0, prompt, row, variant, 0), all_variants)


@dataclass(frozen=True)
class _InputKind:
    """Variants that send the same input: the first one's index, how many they are, and the bound of their
    answers' tokens.
    """

    model: Model
    number: int
    count: int
    out: int


def _input_kinds(resolved: ResolvedPlan, all_variants: Sequence[Variant]) -> list[_InputKind]:
    plan = resolved.plan
    if not (setting_count := plan_grid.count_settings(plan)):
        return []
    # In a grid all variants of a model send the same input; only the axis of the output limit matters.
    if not plan.variants:
        return [
            _grid_kind(resolved.model_of(id), plan, number, setting_count, all_variants)
            for number, id in enumerate(asked_models(plan))
        ]
    kinds: dict[object, _InputKind] = {}
    for number, variant in enumerate(all_variants):
        asked = resolved.model_of(variant.settings.model)
        key = (asked.id, variant.system, variant.settings.features)
        old = kinds.get(key, _InputKind(asked, number, 0, 0))
        out = _cap_tokens(asked, _sent_cap(variant.settings, asked))
        kinds[key] = _InputKind(old.model, old.number, old.count + 1, old.out + out)
    return list(kinds.values())


def _grid_kind(
    model: Model, plan: Plan, number: int, count: int, all_variants: Sequence[Variant]
) -> _InputKind:
    cap = None if model.output_limit is None else model.output_limit.name
    sent = _sent_cap(all_variants[number].settings, model)
    values = next((axis.values for axis in plan.axes if axis.name == cap), (sent,))
    out = sum(_cap_tokens(model, value) for value in values)
    return _InputKind(model, number, count, out * (count // len(values)))


def _judge_families(model: Model, plan: Plan) -> Iterator[_RequestFamily]:
    request = build_request(model, Messages((Turn("user", "."),)), stream=False)
    empty_answer = Answer("", request, "", False, None, Timings(None, 0.0), Ending.FINISHED)
    times = plan_grid.count_variants(plan) * len(plan.prompts) * plan.repetitions
    for check in plan.checks:
        if isinstance(check, Judge):
            bare = judge_request(model, Judge("."), empty_answer, {})
            yield _RequestFamily(
                model,
                partial(_build_judge_request, model, plan, check, empty_answer),
                bare,
                (check.criterion,),
                times,
                times * max_output_tokens(model, bare),
            )


def _build_judge_request(model: Model, plan: Plan, check: Judge, answer: Answer, row: int) -> Request:
    return judge_request(model, check, answer, plan_grid.row_values(plan, row))


def _input_tokens(
    model: Model, plan: Plan, families: list[_RequestFamily], tokens: Callable[[Request], int]
) -> tuple[int, int, int | None]:
    """Return the input tokens of all requests, from and to, and the number of inputs counted, None if all were."""
    rows = plan_grid.count_rows(plan)
    inputs = len(families) * rows
    sample_size = min(inputs, MAX_COUNTED_INPUTS)
    low = high = counted_max = 0
    for number in (place * inputs // sample_size for place in range(sample_size)):
        family, row = families[number // rows], number % rows
        try:
            count = tokens(family.build(row))
        except BadInput:  # this row leaves nothing to send; the run reports it
            continue
        low += family.times * count
        high += family.times * _most_tokens(model, family.build(row), count)
        if inputs > MAX_COUNTED_INPUTS:
            values = plan_grid.row_values(plan, row)
            counted_max += family.times * (
                max_input_tokens(model, family.skeleton)
                + sum(utf8_size(fill_template(text, values)) for text in family.templates)
            )
    if inputs <= MAX_COUNTED_INPUTS:
        return low, high, None
    sizes = _column_bytes(plan)
    high = sum(family.times * _max_family_tokens(model, family, rows, sizes) for family in families)
    return (low * high // counted_max if counted_max else 0), high, sample_size


def _column_bytes(plan: Plan) -> Mapping[str, int]:
    """Return the size of each variable's values over all rows, in bytes."""
    inputs = plan.inputs
    sizes = {}
    for number, name in enumerate(inputs.columns):
        sizes[name] = sum(utf8_size(row[number]) for row in inputs.rows)
    if inputs.expected is not None:
        sizes[plan_grid.EXPECTED_VARIABLE] = sizes[inputs.expected]
    return sizes


def _max_family_tokens(model: Model, family: _RequestFamily, rows: int, sizes: Mapping[str, int]) -> int:
    """Return the most input tokens that one family's requests can have over all rows."""
    size = rows * max_input_tokens(model, family.skeleton)
    for text in family.templates:
        names = count_variables(text)
        size += rows * utf8_size(fill_template(text, dict.fromkeys(names, "")))
        size += sum(times * sizes.get(name, 0) for name, times in names.items())
    return size


def _seconds(plan: Plan, requests: int, out: int) -> tuple[float, float]:
    limits = plan.limits
    paced = requests * 60 / max(limits.per_minute, 1)
    parallel = max(min(limits.concurrency, requests), 1)
    fast = requests * FAST_ANSWER_SECONDS
    slow = requests * SLOW_ANSWER_SECONDS + out / SLOW_TOKENS_PER_SECOND
    return max(paced, fast / parallel), max(paced, slow / parallel)


def max_input_tokens(model: Model, request: Request) -> int:
    """Return the most tokens that the input can have: no token is shorter than a byte."""
    text = llama3_template.render_prompt(request.input)
    if isinstance(request.input, Messages):
        text += "".join(function.name + function.code for function in request.input.functions)
    if request.response_format is not None:
        text += request.response_format.schema or ""
    return min(utf8_size(text) + TOKEN_MARGIN, model.context_window)


def max_output_tokens(model: Model, request: Request) -> int:
    """Return the most tokens that the answer can have."""
    cap = model.answer_limit(request.parameters)
    return model.context_window if cap is None else min(int(cap), model.context_window)


def _most_tokens(model: Model, request: Request, count: int) -> int:
    """Return the most input tokens of a request for which the default model's tokenizer counts so many."""
    if model.id != DEFAULT_MODEL_ID:  # another tokenizer may count more
        return max_input_tokens(model, request)
    return min(count + TOKEN_MARGIN, model.context_window)


def _sent_cap(settings: Settings, model: Model) -> Number | None:
    cap = model.output_limit
    return None if cap is None else as_number(settings.sent_values().get(cap.name))


def _cap_tokens(model: Model, cap: Number | None) -> int:
    if cap is None and model.output_limit is not None:
        cap = model.output_limit.default_number
    return model.context_window if cap is None else min(int(cap), model.context_window)


def max_cost(model: Model, request: Request, tokens: int | None = None) -> Decimal:
    """Return the most dollars that one request can cost. ``tokens`` are its input tokens, if known exactly."""
    input = max_input_tokens(model, request) if tokens is None else tokens
    return cost_in_dollars(Usage(input, max_output_tokens(model, request)), model.price)
