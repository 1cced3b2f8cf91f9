"""Full-text search over titles and messages, by the database's own index. No text is a syntax error."""

from __future__ import annotations

import re
from string import punctuation

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    String,
    and_,
    bindparam,
    column,
    func,
    literal_column,
    or_,
    select,
    table,
    union,
)

from lib.store import tables

_PUNCTUATION_TO_BLANKS = str.maketrans(dict.fromkeys(punctuation, " "))
# Thai, Lao, Khmer and Burmese put no blanks between words: an index would take a sentence for one word.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")


def matches_search(text: str, dialect: str) -> ColumnElement[bool]:
    """Select conversations that contain every word in their title or messages. The last word may be incomplete."""
    words = text.split()
    return and_(*(_matches_word(word, word is words[-1], dialect) for word in words))


def _is_indexed(word: str) -> bool:
    """Return True if every database's index splits the word as this module does."""
    parts = word.translate(_PUNCTUATION_TO_BLANKS)
    letters = [letter for letter in parts if letter != " "]
    plain = all(
        letter.isalnum() and (letter < "\u2000" or "\uac00" <= letter <= "\ud7a3") for letter in letters
    )
    return bool(letters) and plain and not _UNSPACED.search(parts)


def _matches_word(word: str, last: bool, dialect: str) -> ColumnElement[bool]:
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
        return or_(
            title.icontains(word, autoescape=True),
            tables.conversation.c.key.in_(
                select(tables.message.c.conversation).where(content.icontains(word, autoescape=True))
            ),
        )
    return tables.conversation.c.key.in_(conversation_keys)


def _query_fts5(words: str, last: bool) -> CompoundSelect[int]:
    query = f'"{words}" *' if last else f'"{words}"'
    titles = table("conversation_search", column("rowid"))
    messages = table("message_search", column("rowid"))
    return union(
        select(titles.c.rowid).where(_fts5_match("conversation_search", query)),
        select(tables.message.c.conversation)
        .join(messages, messages.c.rowid == tables.message.c.key)
        .where(_fts5_match("message_search", query)),
    )


def _fts5_match(name: str, query: str) -> ColumnElement[bool]:
    return literal_column(name, String).bool_op("MATCH")(bindparam(None, query, String))


def _query_tsvector(parts: list[str], last: bool) -> CompoundSelect[int]:
    query = " <-> ".join(f"'{part}'" for part in parts) + (":*" if last else "")
    ts_query = func.to_tsquery(literal_column("'simple'::regconfig"), bindparam(None, query, String))

    def match(name: str) -> ColumnElement[bool]:
        return literal_column(f"{name}.search").bool_op("@@")(ts_query)

    return union(
        select(tables.conversation.c.key).where(match("conversation")).correlate(None),
        select(tables.message.c.conversation).where(match("message")),
    )
