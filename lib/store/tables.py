"""The tables as the newest version has them. Their making and changing is in ``migrations``."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

# PostgreSQL holds no NUL, and no database's UTF-8 half a character; both can be typed, or come from a model.
_UNSTORABLE = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")


class AnyText(TypeDecorator[str]):
    """Text of any characters: what no database can hold is written as SUB (U+001A) and four hexadecimal digits."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """What is stored."""
        return value if value is None else escape_text(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:
        """What was meant."""
        if value is None or "\x1a" not in value:
            return value
        return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), value)


def escape_text(text: str) -> str:
    """The text as it stands in the database."""
    return _UNSTORABLE.sub(lambda match: f"\x1a{ord(match[0]):04x}", text)


Key = BigInteger().with_variant(Integer, "sqlite")  # SQLite's own row number must be called INTEGER
Json = JSON(none_as_null=True)
Time = BigInteger  # milliseconds since 1970, UTC: the same in every database, and sorts

metadata = MetaData()


def _owned() -> tuple[Column[Any], ...]:
    """What begins a table of things that somebody keeps."""
    return (
        Column("key", Key, primary_key=True),
        Column("id", String(64), nullable=False, unique=True),
        Column("owner", String(255), nullable=False),
    )


def _tools() -> tuple[Column[Any], ...]:
    """What a message about tools has beside its text. NULL in all three for any other."""
    return (Column("calls", Json), Column("call_id", AnyText), Column("name", AnyText))


def _usage() -> tuple[Column[Any], ...]:
    """What an answer used. NULL in all five: nothing was counted."""
    return (
        Column("prompt_tokens", BigInteger),
        Column("completion_tokens", BigInteger),
        Column("cached_tokens", BigInteger),
        Column("neurons", Text),  # an exact decimal's digits
        Column("estimated", Boolean),
    )


conversation = Table(
    "conversation",
    metadata,
    *_owned(),
    Column("title", AnyText, nullable=False),
    Column("title_edited", Boolean, nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("system", AnyText, nullable=False),
    Column("settings", Json, nullable=False),
    Column("head", String(64)),
    Column("messages", Integer, nullable=False),  # how many: the list need not count them
    Column("created", Time, nullable=False),
    Column("updated", Time, nullable=False),
    Column("deleted_at", Time),
    Index("ix_conversation_list", "owner", "pinned", "updated"),
)

message = Table(
    "message",
    metadata,
    Column("key", Key, primary_key=True),
    Column("conversation", Key, ForeignKey("conversation.key", ondelete="CASCADE"), nullable=False),
    Column("id", String(64), nullable=False),
    Column("parent", String(64)),
    Column("position", Integer, nullable=False),
    Column("role", String(32), nullable=False),
    Column("content", AnyText, nullable=False),
    *_tools(),
    UniqueConstraint("conversation", "id"),
)

# The inputs of requests, each turn once: its id is the hash of its parent's id, role and content, as with git's
# commits. So a conversation's requests, which each hold all that was said before, take no more room than it does.
turn = Table(
    "turn",
    metadata,
    Column("conversation", Key, ForeignKey("conversation.key", ondelete="CASCADE"), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("parent", String(64)),
    Column("role", String(32), nullable=False),
    Column("content", AnyText, nullable=False),
    *_tools(),
)

# An answer that stands under several messages (an edit copies what follows) has a row for each, with one id.
answer = Table(
    "answer",
    metadata,
    Column("conversation", Key, primary_key=True),
    Column("message", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("id", String(64), nullable=False),
    Column("model", String(255), nullable=False),
    Column("backend", AnyText, nullable=False),
    Column("billed", Boolean, nullable=False),
    Column("text", AnyText, nullable=False),
    Column("request", Json, nullable=False),  # {…, "turn": the id of the last one}, or {…, "input": …} whole
    *_usage(),
    Column("first_token", Float(53)),
    Column("total", Float(53), nullable=False),
    Column("ending", String(16)),  # NULL while it runs, and for ever if its server was killed
    Column("error", Json),
    Column("calls", Json),  # NULL for none
    Column("created", Time, nullable=False),
    ForeignKeyConstraint(
        ["conversation", "message"], ["message.conversation", "message.id"], ondelete="CASCADE"
    ),
)

# What went over the wire, packed. Apart from the answers: it is larger than all else, and seldom looked at.
trace = Table(
    "trace",
    metadata,
    Column("conversation", Key, ForeignKey("conversation.key", ondelete="CASCADE"), primary_key=True),
    Column("id", String(64), primary_key=True),  # the answer's
    Column("packed", LargeBinary, nullable=False),
)

preset = Table(
    "preset",
    metadata,
    *_owned(),
    Column("name", AnyText, nullable=False),
    Column("body", Json, nullable=False),
    Column("is_start", Boolean, nullable=False),
    Index("ix_preset_owner", "owner"),
)

# Schemas for JSON mode. The body is JSON text as it was typed, so its order and its lines stay.
saved_schema = Table(
    "saved_schema",
    metadata,
    *_owned(),
    Column("name", AnyText, nullable=False),
    Column("body", AnyText, nullable=False),
    Index("ix_saved_schema_owner", "owner"),
)

# A plan is kept twice: as it stands, and as each run was started with it.
experiment = Table(
    "experiment",
    metadata,
    *_owned(),
    Column("name", AnyText, nullable=False),
    Column("plan", Json, nullable=False),
    Column("created", Time, nullable=False),
    Column("updated", Time, nullable=False),
    Column("deleted_at", Time),
    Index("ix_experiment_owner", "owner"),
)

run = Table(
    "run",
    metadata,
    *_owned(),
    Column("experiment", Key, ForeignKey("experiment.key", ondelete="CASCADE"), nullable=False),
    Column("plan", Json, nullable=False),
    Column("limits", Json, nullable=False),
    Column("model", String(255), nullable=False),
    Column("backend", AnyText, nullable=False),  # empty before its start
    Column("billed", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("error", Json),
    Column("cells", Integer, nullable=False),  # how many its plan has
    Column("started", Time, nullable=False),
    Index("ix_run_owner", "owner"),
    Index("ix_run_experiment", "experiment"),
)

# A cell has a row from the moment before it is asked. Its request is not kept: it follows from plan and number.
cell = Table(
    "cell",
    metadata,
    Column("run", Key, ForeignKey("run.key", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("position", BigInteger, nullable=False),  # rises with every change
    Column("status", String(16), nullable=False),
    Column("fingerprint", String(64)),  # NULL where the same request need not have the same answer
    Column("attempts", Integer, nullable=False),
    Column("requests", Integer, nullable=False),
    Column("cost", Text, nullable=False),  # exact decimals' digits
    Column("uncertain", Text, nullable=False),
    Column("stored", Boolean, nullable=False),
    Column("rating", Integer),
    Column("judged", Boolean, nullable=False),  # whether the outcomes are all that there will be
    Column("outcomes", Json, nullable=False),
    Column("id", String(64)),  # NULL from here on: no answer
    Column("text", AnyText),
    *_usage(),
    Column("first_token", Float(53)),
    Column("total", Float(53)),
    Column("ending", String(16)),
    Column("error", Json),
    Column("calls", Json),
    Index("ix_cell_fingerprint", "fingerprint"),
)

comparison = Table(
    "comparison",
    metadata,
    *_owned(),
    Column("title", AnyText, nullable=False),
    Column("body", Json, nullable=False),
    Column("updated", Time, nullable=False),
    Index("ix_comparison_owner", "owner", "updated"),
)

# By the conversation's id, not its key: a comparison is written at once, its conversations a moment later.
comparison_column = Table(
    "comparison_column",
    metadata,
    Column("conversation", String(64), primary_key=True),
    Column("comparison", String(64), ForeignKey("comparison.id", ondelete="CASCADE"), nullable=False),
    Index("ix_comparison_column", "comparison"),
)
