"""Version 6: comparisons, and which conversations are their columns."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "6"
down_revision = "5"

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make their tables."""
    op.create_table(
        "comparison",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("body", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_comparison_owner", "comparison", ["owner", "updated"])
    op.create_table(
        "comparison_column",
        sa.Column("conversation", sa.String(64), primary_key=True),
        sa.Column(
            "comparison", sa.String(64), sa.ForeignKey("comparison.id", ondelete="CASCADE"), nullable=False
        ),
    )
    op.create_index("ix_comparison_column", "comparison_column", ["comparison"])
