"""Full-text search over titles and messages, by the database's own index. No text is a syntax error."""

from __future__ import annotations

import re
from string import punctuation

import sqlalchemy as sa

from lib.store import tables

_PUNCTUATION_TO_BLANKS = str.maketrans(dict.fromkeys(punctuation, " "))
# Thai, Lao, Khmer and Burmese put no blanks between words: an index would take a sentence for one word.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")


def matches_search(text: str, dialect: str) -> sa.ColumnElement[bool]:
    """Select conversations that contain every word in their title or messages. The last word may be incomplete."""
    words = text.split()
    return sa.and_(*(_matches_word(word, word is words[-1], dialect) for word in words))


def _is_indexed(word: str) -> bool:
    """Return True if every database's index splits the word as this module does."""
    parts = word.translate(_PUNCTUATION_TO_BLANKS)
    letters = [letter for letter in parts if letter != " "]
    plain = all(
        letter.isalnum() and (letter < "\u2000" or "\uac00" <= letter <= "\ud7a3") for letter in letters
    )
    return bool(letters) and plain and not _UNSPACED.search(parts)


def _matches_word(word: str, last: bool, dialect: str) -> sa.ColumnElement[bool]:
    parts = word.translate(_PUNCTUATION_TO_BLANKS)
    # “C++” is complete, “C” may become “Cat”.
    last = last and not parts.endswith(" ")
    if _is_indexed(word) and dialect == "sqlite":
        conversation_keys = _query_fts5(" ".join(parts.split()), last)
    elif _is_indexed(word) and dialect == "postgresql":
        conversation_keys = _query_tsvector(parts.split(), last)
    # No index knows “:-)” or “猫”: search the text itself.
    else:
        title, content = tables.conversation.c.title, tables.message.c.content
        return sa.or_(
            title.icontains(word, autoescape=True),
            tables.conversation.c.key.in_(
                sa.select(tables.message.c.conversation).where(content.icontains(word, autoescape=True))
            ),
        )
    return tables.conversation.c.key.in_(conversation_keys)


def _query_fts5(words: str, last: bool) -> sa.CompoundSelect[int]:
    query = f'"{words}" *' if last else f'"{words}"'
    titles = sa.table("conversation_search", sa.column("rowid"))
    messages = sa.table("message_search", sa.column("rowid"))
    return sa.union(
        sa.select(titles.c.rowid).where(_fts5_match("conversation_search", query)),
        sa.select(tables.message.c.conversation)
        .join(messages, messages.c.rowid == tables.message.c.key)
        .where(_fts5_match("message_search", query)),
    )


def _fts5_match(name: str, query: str) -> sa.ColumnElement[bool]:
    return sa.literal_column(name, sa.String).bool_op("MATCH")(sa.bindparam(None, query, sa.String))


def _query_tsvector(parts: list[str], last: bool) -> sa.CompoundSelect[int]:
    query = " <-> ".join(f"'{part}'" for part in parts) + (":*" if last else "")
    ts_query = sa.func.to_tsquery(
        sa.literal_column("'simple'::regconfig"), sa.bindparam(None, query, sa.String)
    )

    def match(name: str) -> sa.ColumnElement[bool]:
        return sa.literal_column(f"{name}.search").bool_op("@@")(ts_query)

    return sa.union(
        sa.select(tables.conversation.c.key).where(match("conversation")).correlate(None),
        sa.select(tables.message.c.conversation).where(match("message")),
    )
