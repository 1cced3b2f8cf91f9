"""Version 5: experiments, their runs, and what came of each cell."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "5"
down_revision = "4"

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
JSON = sa.JSON(none_as_null=True)


def _owned() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("key", KEY, primary_key=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("owner", sa.String(255), nullable=False),
    )


def upgrade() -> None:
    """Make their tables."""
    op.create_table(
        "experiment",
        *_owned(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("plan", JSON, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.Column("deleted_at", sa.BigInteger),
    )
    op.create_index("ix_experiment_owner", "experiment", ["owner"])
    op.create_table(
        "run",
        *_owned(),
        sa.Column("experiment", KEY, sa.ForeignKey("experiment.key", ondelete="CASCADE"), nullable=False),
        sa.Column("plan", JSON, nullable=False),
        sa.Column("limits", JSON),
        sa.Column("model", sa.String(255), nullable=False),
        sa.Column("backend", sa.Text, nullable=False),
        sa.Column("billed", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("error", JSON),
        sa.Column("cells", sa.Integer, nullable=False),
        sa.Column("started", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_run_owner", "run", ["owner"])
    op.create_index("ix_run_experiment", "run", ["experiment"])
    op.create_table(
        "cell",
        sa.Column("run", KEY, sa.ForeignKey("run.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("fingerprint", sa.String(64)),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("requests", sa.Integer, nullable=False),
        sa.Column("cost", sa.Text, nullable=False),
        sa.Column("uncertain", sa.Text, nullable=False),
        sa.Column("stored", sa.Boolean, nullable=False),
        sa.Column("rating", sa.Integer),
        sa.Column("judged", sa.Boolean, nullable=False),
        sa.Column("outcomes", JSON, nullable=False),
        sa.Column("id", sa.String(64)),
        sa.Column("text", sa.Text),
        sa.Column("prompt_tokens", sa.BigInteger),
        sa.Column("completion_tokens", sa.BigInteger),
        sa.Column("cached_tokens", sa.BigInteger),
        sa.Column("neurons", sa.Text),
        sa.Column("estimated", sa.Boolean),
        sa.Column("first_token", sa.Float(53)),
        sa.Column("total", sa.Float(53)),
        sa.Column("ending", sa.String(16)),
        sa.Column("error", JSON),
        sa.Column("calls", JSON),
    )
    op.create_index("ix_cell_fingerprint", "cell", ["fingerprint"])
