"""Version 3: tool calls and their results in messages and requests; what went over the wire for an answer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
JSON = sa.JSON(none_as_null=True)


def upgrade() -> None:
    """Columns that are NULL in every row that is there, and an empty table: nothing is rewritten."""
    for table in ("message", "turn"):
        op.add_column(table, sa.Column("calls", JSON))
        op.add_column(table, sa.Column("call_id", sa.Text))
        op.add_column(table, sa.Column("name", sa.Text))
    op.add_column("answer", sa.Column("calls", JSON))
    op.create_table(
        "trace",
        sa.Column(
            "conversation", KEY, sa.ForeignKey("conversation.key", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("packed", sa.LargeBinary, nullable=False),
    )
