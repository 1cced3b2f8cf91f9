"""The tables, as the newest version has them. Scripts in ``migrations`` create and change them."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

# PostgreSQL cannot hold NUL, and UTF-8 cannot hold lone surrogates. Users and models can produce both.
_UNSTORABLE = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")


class AnyText(TypeDecorator[str]):
    """Text of any characters. Those that a database cannot hold become SUB (U+001A) and four hexadecimal digits."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return value if value is None else escape_text(value)

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> str | None:
        if value is None or "\x1a" not in value:
            return value
        return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), value)


def escape_text(text: str) -> str:
    """Return the text as it is stored."""
    return _UNSTORABLE.sub(lambda match: f"\x1a{ord(match[0]):04x}", text)


Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite numbers rows only if the type is INTEGER
Json = sa.JSON(none_as_null=True)
Time = sa.BigInteger  # milliseconds since 1970, UTC

metadata = sa.MetaData()


def _owner_columns() -> tuple[sa.Column[Any], ...]:
    """Return the first columns of a table whose rows belong to an owner."""
    return (
        sa.Column("key", Key, primary_key=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("owner", sa.String(255), nullable=False),
    )


def _turn_columns() -> tuple[sa.Column[Any], ...]:
    """Return the columns of a message as it is sent. The last three are NULL unless it is about tools."""
    return (
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("content", AnyText, nullable=False),
        sa.Column("calls", Json),
        sa.Column("call_id", AnyText),
        sa.Column("name", AnyText),
    )


def _answer_columns(*, optional: bool) -> tuple[sa.Column[Any], ...]:
    """Return the columns of an answer's usage, times and end. Without an answer, all are NULL."""
    return (
        sa.Column("prompt_tokens", sa.BigInteger),  # the usage is NULL if nothing was counted
        sa.Column("completion_tokens", sa.BigInteger),
        sa.Column("cached_tokens", sa.BigInteger),
        sa.Column("neurons", sa.Text),  # an exact decimal's digits
        sa.Column("estimated", sa.Boolean),
        sa.Column("first_token", sa.Float(53)),
        sa.Column("total", sa.Float(53), nullable=optional),
        sa.Column("ending", sa.String(16)),  # NULL while it runs, and after its server was killed
        sa.Column("error", Json),
        sa.Column("calls", Json),  # NULL for none
        sa.Column("from_gateway_cache", sa.Boolean),  # NULL for no
    )


conversation = sa.Table(
    "conversation",
    metadata,
    *_owner_columns(),
    sa.Column("title", AnyText, nullable=False),
    sa.Column("title_edited", sa.Boolean, nullable=False),
    sa.Column("pinned", sa.Boolean, nullable=False),
    sa.Column("system", AnyText, nullable=False),
    sa.Column("settings", Json, nullable=False),
    sa.Column("head", sa.String(64)),
    sa.Column("messages", sa.Integer, nullable=False),  # their number, so that the list need not count
    sa.Column("created", Time, nullable=False),
    sa.Column("updated", Time, nullable=False),
    sa.Column("deleted_at", Time),
    sa.Column("version", sa.BigInteger, nullable=False, server_default="0"),  # raised by each save
    sa.Index("ix_conversation_list", "owner", "pinned", "updated"),
)

message = sa.Table(
    "message",
    metadata,
    sa.Column("key", Key, primary_key=True),
    sa.Column("conversation", Key, sa.ForeignKey("conversation.key", ondelete="CASCADE"), nullable=False),
    sa.Column("id", sa.String(64), nullable=False),
    sa.Column("parent", sa.String(64)),
    sa.Column("position", sa.Integer, nullable=False),
    *_turn_columns(),
    sa.UniqueConstraint("conversation", "id"),
)

# The inputs of requests. Every request repeats all turns before it; here each turn is stored once. Its id is a hash
# of the turn and of its parent's id, as in git.
turn = sa.Table(
    "turn",
    metadata,
    sa.Column("conversation", Key, sa.ForeignKey("conversation.key", ondelete="CASCADE"), primary_key=True),
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("parent", sa.String(64)),
    *_turn_columns(),
)

# An answer under several messages (an edit copies what follows) has one row for each, with the same id.
answer = sa.Table(
    "answer",
    metadata,
    sa.Column("conversation", Key, primary_key=True),
    sa.Column("message", sa.String(64), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.String(64), nullable=False),
    sa.Column("model", sa.String(255), nullable=False),
    sa.Column("backend", AnyText, nullable=False),
    sa.Column("billed", sa.Boolean, nullable=False),
    sa.Column("text", AnyText, nullable=False),
    sa.Column("request", Json, nullable=False),  # {…, "turn": id of the last turn} or {…, "input": {…}}
    *_answer_columns(optional=False),
    sa.Column("created", Time, nullable=False),
    sa.ForeignKeyConstraint(
        ["conversation", "message"], ["message.conversation", "message.id"], ondelete="CASCADE"
    ),
)

# What went over the wire for an answer, compressed. Not in its row: it is large and rarely read.
trace = sa.Table(
    "trace",
    metadata,
    sa.Column("conversation", Key, sa.ForeignKey("conversation.key", ondelete="CASCADE"), primary_key=True),
    sa.Column("id", sa.String(64), primary_key=True),  # the answer's
    sa.Column("packed", sa.LargeBinary, nullable=False),
)

preset = sa.Table(
    "preset",
    metadata,
    *_owner_columns(),
    sa.Column("name", AnyText, nullable=False),
    sa.Column("body", Json, nullable=False),
    sa.Column("is_start", sa.Boolean, nullable=False),
    sa.Index("ix_preset_owner", "owner"),
)

# Schemas for JSON mode. The body is JSON text as it was typed, with its order and line breaks.
saved_schema = sa.Table(
    "saved_schema",
    metadata,
    *_owner_columns(),
    sa.Column("name", AnyText, nullable=False),
    sa.Column("body", AnyText, nullable=False),
    sa.Index("ix_saved_schema_owner", "owner"),
)

# The plan as it is now. Each run keeps the plan that it was started with.
experiment = sa.Table(
    "experiment",
    metadata,
    *_owner_columns(),
    sa.Column("name", AnyText, nullable=False),
    sa.Column("plan", Json, nullable=False),
    sa.Column("created", Time, nullable=False),
    sa.Column("updated", Time, nullable=False),
    sa.Column("deleted_at", Time),
    sa.Index("ix_experiment_owner", "owner"),
)

run = sa.Table(
    "run",
    metadata,
    *_owner_columns(),
    sa.Column("experiment", Key, sa.ForeignKey("experiment.key", ondelete="CASCADE"), nullable=False),
    sa.Column("plan", Json, nullable=False),
    sa.Column("limits", Json, nullable=False),
    sa.Column("model", sa.String(255), nullable=False),
    sa.Column("backend", AnyText, nullable=False),  # empty before the run starts
    sa.Column("billed", sa.Boolean, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("error", Json),
    sa.Column("cells", sa.Integer, nullable=False),  # how many its plan has
    sa.Column("started", Time, nullable=False),
    sa.Index("ix_run_owner", "owner"),
    sa.Index("ix_run_experiment", "experiment"),
)

# A cell's row is written before its request is sent. The request is not stored: it follows from plan and number.
cell = sa.Table(
    "cell",
    metadata,
    sa.Column("run", Key, sa.ForeignKey("run.key", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),  # rises with every change
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("fingerprint", sa.String(64)),  # NULL if the same request may get another answer
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("requests", sa.Integer, nullable=False),
    sa.Column("cost", sa.Text, nullable=False),  # exact decimals' digits
    sa.Column("uncertain", sa.Text, nullable=False),
    sa.Column("stored", sa.Boolean, nullable=False),
    sa.Column("rating", sa.Integer),
    sa.Column("judged", sa.Boolean, nullable=False),  # true if all checks are done
    sa.Column("outcomes", Json, nullable=False),
    sa.Column("id", sa.String(64)),  # from here on NULL if there is no answer
    sa.Column("text", AnyText),
    *_answer_columns(optional=True),
    sa.Index("ix_cell_fingerprint", "fingerprint"),
)

comparison = sa.Table(
    "comparison",
    metadata,
    *_owner_columns(),
    sa.Column("title", AnyText, nullable=False),
    sa.Column("body", Json, nullable=False),
    sa.Column("updated", Time, nullable=False),
    sa.Index("ix_comparison_owner", "owner", "updated"),
)

# Refers to the conversation's id, not its key: the comparison may be written before its conversations.
comparison_column = sa.Table(
    "comparison_column",
    metadata,
    sa.Column("conversation", sa.String(64), primary_key=True),
    sa.Column(
        "comparison", sa.String(64), sa.ForeignKey("comparison.id", ondelete="CASCADE"), nullable=False
    ),
    sa.Index("ix_comparison_column", "comparison"),
)

# Which process works on what. An answer's ``id`` is its conversation's and its ``part`` the message's.
lease = sa.Table(
    "lease",
    metadata,
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("part", sa.String(64), primary_key=True),
    sa.Column("holder", sa.String(64), nullable=False),  # a random id
    sa.Column("process", sa.String(255), nullable=False),  # the holder's process, empty if it has no name
    sa.Column("expires_at", Time, nullable=False),
)
