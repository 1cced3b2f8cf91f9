"""The tables, as the newest version has them. Scripts in ``migrations`` create and change them."""

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

# PostgreSQL cannot hold NUL, and UTF-8 cannot hold lone surrogates. Users and models can produce both.
_UNSTORABLE = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")


class AnyText(TypeDecorator[str]):
    """Text of any characters. Those that a database cannot hold become SUB (U+001A) and four hexadecimal digits."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the stored text."""
        return value if value is None else escape_text(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:
        """Return the original text."""
        if value is None or "\x1a" not in value:
            return value
        return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), value)


def escape_text(text: str) -> str:
    """Return the text as it is stored."""
    return _UNSTORABLE.sub(lambda match: f"\x1a{ord(match[0]):04x}", text)


Key = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only if the type is INTEGER
Json = JSON(none_as_null=True)
Time = BigInteger  # milliseconds since 1970, UTC

metadata = MetaData()


def _owner_columns() -> tuple[Column[Any], ...]:
    """Return the first columns of a table whose rows belong to an owner."""
    return (
        Column("key", Key, primary_key=True),
        Column("id", String(64), nullable=False, unique=True),
        Column("owner", String(255), nullable=False),
    )


def _tools() -> tuple[Column[Any], ...]:
    """Return the columns of a message about tools. They are NULL for any other message."""
    return (Column("calls", Json), Column("call_id", AnyText), Column("name", AnyText))


def _usage() -> tuple[Column[Any], ...]:
    """Return the columns of an answer's usage. They are NULL if nothing was counted."""
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
    *_owner_columns(),
    Column("title", AnyText, nullable=False),
    Column("title_edited", Boolean, nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("system", AnyText, nullable=False),
    Column("settings", Json, nullable=False),
    Column("head", String(64)),
    Column("messages", Integer, nullable=False),  # their number, so that the list need not count
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

# The inputs of requests. Every request repeats all turns before it; here each turn is stored once. Its id is a hash
# of the turn and of its parent's id, as in git.
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

# An answer under several messages (an edit copies what follows) has one row for each, with the same id.
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
    Column("request", Json, nullable=False),  # {…, "turn": id of the last turn} or {…, "input": {…}}
    *_usage(),
    Column("first_token", Float(53)),
    Column("total", Float(53), nullable=False),
    Column("ending", String(16)),  # NULL while it runs, and after its server was killed
    Column("error", Json),
    Column("calls", Json),  # NULL for none
    Column("created", Time, nullable=False),
    ForeignKeyConstraint(
        ["conversation", "message"], ["message.conversation", "message.id"], ondelete="CASCADE"
    ),
)

# What went over the wire for an answer, compressed. Not in its row: it is large and rarely read.
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
    *_owner_columns(),
    Column("name", AnyText, nullable=False),
    Column("body", Json, nullable=False),
    Column("is_start", Boolean, nullable=False),
    Index("ix_preset_owner", "owner"),
)

# Schemas for JSON mode. The body is JSON text as it was typed, with its order and line breaks.
saved_schema = Table(
    "saved_schema",
    metadata,
    *_owner_columns(),
    Column("name", AnyText, nullable=False),
    Column("body", AnyText, nullable=False),
    Index("ix_saved_schema_owner", "owner"),
)

# The plan as it is now. Each run keeps the plan that it was started with.
experiment = Table(
    "experiment",
    metadata,
    *_owner_columns(),
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
    *_owner_columns(),
    Column("experiment", Key, ForeignKey("experiment.key", ondelete="CASCADE"), nullable=False),
    Column("plan", Json, nullable=False),
    Column("limits", Json, nullable=False),
    Column("model", String(255), nullable=False),
    Column("backend", AnyText, nullable=False),  # empty before the run starts
    Column("billed", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("error", Json),
    Column("cells", Integer, nullable=False),  # how many its plan has
    Column("started", Time, nullable=False),
    Index("ix_run_owner", "owner"),
    Index("ix_run_experiment", "experiment"),
)

# A cell's row is written before its request is sent. The request is not stored: it follows from plan and number.
cell = Table(
    "cell",
    metadata,
    Column("run", Key, ForeignKey("run.key", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("position", BigInteger, nullable=False),  # rises with every change
    Column("status", String(16), nullable=False),
    Column("fingerprint", String(64)),  # NULL if the same request may get another answer
    Column("attempts", Integer, nullable=False),
    Column("requests", Integer, nullable=False),
    Column("cost", Text, nullable=False),  # exact decimals' digits
    Column("uncertain", Text, nullable=False),
    Column("stored", Boolean, nullable=False),
    Column("rating", Integer),
    Column("judged", Boolean, nullable=False),  # true if all checks are done
    Column("outcomes", Json, nullable=False),
    Column("id", String(64)),  # from here on NULL if there is no answer
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
    *_owner_columns(),
    Column("title", AnyText, nullable=False),
    Column("body", Json, nullable=False),
    Column("updated", Time, nullable=False),
    Index("ix_comparison_owner", "owner", "updated"),
)

# Refers to the conversation's id, not its key: the comparison may be written before its conversations.
comparison_column = Table(
    "comparison_column",
    metadata,
    Column("conversation", String(64), primary_key=True),
    Column("comparison", String(64), ForeignKey("comparison.id", ondelete="CASCADE"), nullable=False),
    Index("ix_comparison_column", "comparison"),
)
