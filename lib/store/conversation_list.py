"""The list of conversations: found, named, pinned, put into the bin and out of it; and what they used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, delete, func, select, update

from lib.model.usage import Usage
from lib.store import comparison_store, tables
from lib.store.conversation_reader import entry
from lib.store.full_text_search import matches_search
from lib.store.stored_values import ConversationEntry, DailyUsage

_TABLE = tables.conversation
_DAY = 86_400_000
_AT_ONCE = 500  # databases bound the values of one statement


def entries(
    connection: Connection, owner: str, search: str, page: int, size: int, deleted: bool
) -> tuple[ConversationEntry, ...]:
    """One page of the list: pinned ones first, then by their last change, newest first."""
    newest = (_TABLE.c.pinned.desc(), _TABLE.c.updated.desc(), _TABLE.c.key.desc())
    asked = select(_TABLE).where(_listed(connection, owner, search, deleted)).order_by(*newest)
    rows = connection.execute(asked.limit(size).offset(page * size)).all()
    spends: dict[int, list[DailyUsage]] = {}
    for key, one in _spends(connection, owner, [row.key for row in rows]):
        spends.setdefault(key, []).append(one)
    return tuple(replace(entry(row), daily_usage=tuple(spends.get(row.key, ()))) for row in rows)


def count(connection: Connection, owner: str, search: str, deleted: bool) -> int:
    """How many the whole list has."""
    asked = select(func.count()).select_from(_TABLE).where(_listed(connection, owner, search, deleted))
    return connection.scalar(asked) or 0


def _listed(connection: Connection, owner: str, search: str, deleted: bool) -> ColumnElement[bool]:
    place = _TABLE.c.deleted_at.is_not(None) if deleted else _TABLE.c.deleted_at.is_(None)
    alone = _TABLE.c.id.not_in(comparison_store.columns())
    mine = and_(_TABLE.c.owner == owner, place, _TABLE.c.messages > 0, alone)
    return and_(mine, matches_search(search, connection.dialect.name)) if search.strip() else mine


def change(connection: Connection, owner: str, ids: Iterable[str], **values: Any) -> int:
    """Set columns of that owner's conversations of those ids. Gives how many there were."""
    return sum(
        connection.execute(update(_TABLE).where(those).values(**values)).rowcount
        for those in _those(owner, ids)
    )


def purge(connection: Connection, owner: str, ids: Iterable[str]) -> int:
    """Forget them for ever; what they hold goes with them by cascade."""
    return sum(connection.execute(delete(_TABLE).where(those)).rowcount for those in _those(owner, ids))


def _those(owner: str, ids: Iterable[str]) -> Iterator[ColumnElement[bool]]:
    wanted = [tables.escape_text(id) for id in ids]
    for start in range(0, len(wanted), _AT_ONCE):
        yield and_(_TABLE.c.owner == owner, _TABLE.c.id.in_(wanted[start : start + _AT_ONCE]))


def ids(connection: Connection, owner: str, *, deleted: bool, before: int | None = None) -> tuple[str, ...]:
    """The conversations in the list or in the bin; ``before``: those put there before that time."""
    asked = select(_TABLE.c.id).where(_listed(connection, owner, "", deleted))
    if before is not None:
        asked = asked.where(_TABLE.c.deleted_at < before)
    return tuple(connection.scalars(asked))


def unfinished(connection: Connection) -> tuple[tuple[str, str], ...]:
    """Owner and id of the conversations with an answer that is running, as far as the database knows."""
    answer = tables.answer.c
    asked = select(_TABLE.c.owner, _TABLE.c.id).where(
        _TABLE.c.key.in_(select(answer.conversation).where(answer.ending.is_(None)))
    )
    return tuple((row.owner, row.id) for row in connection.execute(asked))


def spend(connection: Connection, owner: str, since: int | None) -> tuple[DailyUsage, ...]:
    """What all of that owner's answers used, those in the bin included, oldest day first."""
    return tuple(one for _, one in _spends(connection, owner, None, since))


def _spends(
    connection: Connection, owner: str, keys: Sequence[int] | None, since: int | None = None
) -> Iterator[tuple[int, DailyUsage]]:
    """By conversation where ``keys`` are given, else of all together (then 0): each answer once, by its id."""
    answer = tables.answer.c
    whose = (tables.conversation.c.key == answer.conversation, tables.conversation.c.owner == owner)
    by_conversation = keys is not None
    if keys is not None and not keys:
        return
    where = [*whose, answer.prompt_tokens.is_not(None)]
    group: list[ColumnElement[Any]] = [answer.id]
    if keys is not None:
        where.append(answer.conversation.in_(keys))
        group.append(answer.conversation)
    # What has the same id is one answer: its figures are the same everywhere, and it is as old as its oldest place.
    once = (
        select(
            *group,
            func.min(answer.created).label("created"),
            *(
                func.min(one).label(one.name)
                for one in (
                    answer.model,
                    answer.backend,
                    answer.prompt_tokens,
                    answer.completion_tokens,
                    answer.cached_tokens,
                    answer.neurons,
                )
            ),
            func.max(case((answer.billed, 1), else_=0)).label("billed"),
            func.max(case((answer.estimated, 1), else_=0)).label("estimated"),
        )
        .where(*where)
        .group_by(*group)
        .subquery()
    )
    day = (once.c.created - once.c.created % _DAY).label("day")
    alike = [day, once.c.model, once.c.backend, once.c.billed, once.c.neurons]
    if by_conversation:
        alike.append(once.c.conversation)
    figures = (
        func.count().label("answers"),
        func.sum(once.c.prompt_tokens).label("prompt"),
        func.sum(once.c.completion_tokens).label("completion"),
        func.sum(once.c.cached_tokens).label("cached"),
        func.max(once.c.estimated).label("estimated"),
    )
    asked = select(*alike, *figures).group_by(*alike).order_by(*alike[:4])
    if since is not None:
        asked = asked.where(once.c.created >= since)
    sums: dict[tuple[Any, ...], DailyUsage] = {}
    for row in connection.execute(asked):
        key = row.conversation if by_conversation else 0
        one = _spend(row)
        alike_here = (key, one.day, one.model, one.backend, one.billed, one.usage.neurons is None)
        other = sums.get(alike_here)
        sums[alike_here] = (
            one
            if other is None
            else replace(
                one, usage=other.usage + one.usage, answer_count=other.answer_count + one.answer_count
            )
        )
    for place, one in sums.items():
        yield place[0], one


def _spend(row: Any) -> DailyUsage:
    # Equal counts of neurons come as one row: they are exact digits, which the database cannot add up.
    neurons = None if row.neurons is None else Decimal(row.neurons) * row.answers
    usage = Usage(int(row.prompt), int(row.completion), int(row.cached), neurons, bool(row.estimated))
    day = datetime.fromtimestamp(row.day / 1000, UTC).date()
    return DailyUsage(day, row.model, row.backend, bool(row.billed), usage, row.answers)


def milliseconds(day: date) -> int:
    """When that UTC day began."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
