"""Version 1: conversations, their messages, answers and the turns that requests were made of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "conversation",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("title_edited", sa.Boolean, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("head", sa.String(64)),
        sa.Column("messages", sa.Integer, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.Column("deleted_at", sa.BigInteger),
    )
    op.create_index("ix_conversation_list", "conversation", ["owner", "pinned", "updated"])
    op.create_table(
        "message",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("conversation", KEY, sa.ForeignKey("conversation.key", ondelete="CASCADE"), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("parent", sa.String(64)),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.UniqueConstraint("conversation", "id"),
    )
    op.create_table(
        "turn",
        sa.Column(
            "conversation", KEY, sa.ForeignKey("conversation.key", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("parent", sa.String(64)),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.create_table(
        "answer",
        sa.Column("conversation", KEY, primary_key=True),
        sa.Column("message", sa.String(64), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("model", sa.String(255), nullable=False),
        sa.Column("backend", sa.Text, nullable=False),
        sa.Column("billed", sa.Boolean, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger),
        sa.Column("completion_tokens", sa.BigInteger),
        sa.Column("cached_tokens", sa.BigInteger),
        sa.Column("neurons", sa.Text),
        sa.Column("estimated", sa.Boolean),
        sa.Column("first_token", sa.Float(53)),
        sa.Column("total", sa.Float(53), nullable=False),
        sa.Column("ending", sa.String(16)),
        sa.Column("error", sa.JSON),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation", "message"], ["message.conversation", "message.id"], ondelete="CASCADE"
        ),
    )
