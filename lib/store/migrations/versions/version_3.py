"""Version 3: each save raises a conversation's version, so that a server notices what another one saved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v3"
down_revision = "v2"


def upgrade() -> None:
    """Add the column, 0 for every conversation that exists."""
    op.add_column("conversation", sa.Column("version", sa.BigInteger, nullable=False, server_default="0"))
