"""Usage by UTC day, model, backend and source. Each answer counts once, however often it was copied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Subquery, Text, case, cast, func, select

from lib.files.value_codec import read_usage
from lib.model.usage import Usage
from lib.store import tables
from lib.store.stored_values import DailyUsage, UsageSource

_ANSWER = tables.answer.c
_CELL, _RUN = tables.cell.c, tables.run.c
_DAY = 86_400_000  # milliseconds
_TOKENS = ("prompt_tokens", "completion_tokens", "cached_tokens")


def total_usage_by_day(connection: Connection, owner: str, since: date | None) -> tuple[DailyUsage, ...]:
    """Return the usage of all the owner's answers since that UTC day, oldest first. Deleted conversations count.

    The answers of experiments are not among them.
    """
    answers = _distinct_answers(owner).subquery()
    query = _sum_by_day(answers)
    if since is not None:
        first_second = int(datetime(since.year, since.month, since.day, tzinfo=UTC).timestamp())
        query = query.where(answers.c.created >= first_second * 1000)
    return _add_up(connection.execute(query))


def usage_by_conversation(
    connection: Connection, owner: str, keys: Sequence[int]
) -> dict[int, tuple[DailyUsage, ...]]:
    """Return the usage of each of the conversations with these keys. Those without usage are left out."""
    if not keys:
        return {}
    conversation = _ANSWER.conversation
    answers = _distinct_answers(owner, conversation).where(conversation.in_(keys)).subquery()
    rows: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(_sum_by_day(answers, answers.c.conversation)):
        rows.setdefault(row.conversation, []).append(row)
    return {key: _add_up(rows_of_one) for key, rows_of_one in rows.items()}


def experiment_usage_by_day(connection: Connection, owner: str) -> tuple[DailyUsage, ...]:
    """Return the usage of the owner's experiments, oldest day first. A run counts on the day of its first start.

    Answers that were known already cost nothing and are left out. The requests of judges, and those that failed,
    count too. An experiment that is deleted for good takes its usage with it.
    """
    group = (
        (_RUN.started - _RUN.started % _DAY).label("day"),
        _RUN.model,
        _RUN.backend,
        _RUN.billed,
    )
    asked = (_RUN.owner == owner, _RUN.key == _CELL.run, _CELL.stored.is_(False))
    # Costs are exact decimals stored as text, like the neurons below.
    cells = (
        select(
            *group,
            _CELL.cost,
            func.count().label("cells"),
            func.sum(_CELL.requests).label("requests"),
            *(func.coalesce(func.sum(_CELL[name]), 0).label(name) for name in _TOKENS),
            func.max(case((_CELL.estimated, 1), else_=0)).label("estimated"),
        )
        .where(*asked)
        .group_by(*group, _CELL.cost)
        .order_by(*group)
    )
    totals: dict[tuple[Any, ...], DailyUsage] = {}
    for row in connection.execute(cells):
        cost = Decimal(row.cost) * row.cells
        tokens = (int(row.prompt_tokens), int(row.completion_tokens), int(row.cached_tokens))
        usage = Usage(*tokens, estimated=bool(row.estimated))
        _add_experiment(totals, row, usage, int(row.requests), cost)
    judged = select(*group, _CELL.outcomes).where(
        *asked, cast(_CELL.outcomes, Text).contains("prompt_tokens")
    )
    for row in connection.execute(judged):
        for _, _, data in row.outcomes:
            if data is not None:
                usage = replace(read_usage(data), neurons=None)
                _add_experiment(totals, row, usage, 0, Decimal(0))
    return tuple(totals.values())


def _add_experiment(
    totals: dict[tuple[Any, ...], DailyUsage], row: Row[Any], usage: Usage, requests: int, cost: Decimal
) -> None:
    """Add to the total of the row's day, model and backend."""
    day = datetime.fromtimestamp(row.day / 1000, UTC).date()
    group = (day, row.model, row.backend, bool(row.billed))
    total = totals.get(group) or DailyUsage(
        *group, Usage(0, 0), 0, UsageSource.EXPERIMENTS, recorded_cost=Decimal(0)
    )
    totals[group] = replace(
        total,
        usage=total.usage + usage,
        request_count=total.request_count + requests,
        recorded_cost=(total.recorded_cost or 0) + cost,
    )


def _distinct_answers(owner: str, *group: ColumnElement[Any]) -> Select[Any]:
    """Select one row per answer id, and per value of ``group``.

    Copies have the same id. They have the same figures, or were made while the answer still came in another server:
    then the figures are lower, and estimated. The answer is as old as its oldest copy.
    """
    return (
        select(
            _ANSWER.id,
            *group,
            func.min(_ANSWER.created).label("created"),
            *(func.max(_ANSWER[name]).label(name) for name in ("model", "backend", "neurons", *_TOKENS)),
            func.max(case((_ANSWER.billed, 1), else_=0)).label("billed"),
            func.min(case((_ANSWER.estimated, 1), else_=0)).label("estimated"),
            func.max(case((_ANSWER.from_gateway_cache, 1), else_=0)).label("from_gateway_cache"),
        )
        .where(
            tables.conversation.c.key == _ANSWER.conversation,
            tables.conversation.c.owner == owner,
            _ANSWER.prompt_tokens.is_not(None),
        )
        .group_by(_ANSWER.id, *group)
    )


def _sum_by_day(answers: Subquery, *group: ColumnElement[Any]) -> Select[Any]:
    """Select token sums by day, model, backend, origin (the model or a gateway's cache) and neurons.

    Neurons are exact decimals stored as text, which the database cannot add: answers with equal neurons share a row.
    """
    column = answers.c
    day = (column.created - column.created % _DAY).label("day")
    order = (day, column.model, column.backend, column.billed, column.from_gateway_cache)
    return (
        select(
            *order,
            column.neurons,
            *group,
            func.count().label("answers"),
            *(func.sum(column[name]).label(name) for name in _TOKENS),
            func.max(column.estimated).label("estimated"),
        )
        .group_by(*order, column.neurons, *group)
        .order_by(*order)
    )


def _add_up(rows: Iterable[Row[Any]]) -> tuple[DailyUsage, ...]:
    """Add up rows of the same day, model and backend.

    Answers with and without counted neurons stay apart, and those from a gateway's cache, which cost nothing.
    """
    totals: dict[tuple[Any, ...], DailyUsage] = {}
    for row in rows:
        usage = _daily_usage(row)
        is_cached = usage.usage.from_gateway_cache
        group = (usage.day, usage.model, usage.backend, usage.billed, is_cached, usage.usage.neurons is None)
        total = totals.get(group)
        if total is not None:
            usage = replace(
                total,
                usage=total.usage + usage.usage,
                request_count=total.request_count + usage.request_count,
            )
        totals[group] = usage
    return tuple(totals.values())


def _daily_usage(row: Row[Any]) -> DailyUsage:
    neurons = None if row.neurons is None else Decimal(row.neurons) * row.answers
    # PostgreSQL returns sums as Decimal.
    tokens = (int(row.prompt_tokens), int(row.completion_tokens), int(row.cached_tokens))
    usage = Usage(*tokens, neurons, bool(row.estimated), bool(row.from_gateway_cache))
    day = datetime.fromtimestamp(row.day / 1000, UTC).date()
    return DailyUsage(day, row.model, row.backend, bool(row.billed), usage, row.answers)
