"""Version 4: an answer says if it came from the cache of an AI Gateway, because it costs nothing then."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v4"
down_revision = "v3"


def upgrade() -> None:
    """Add the column to the answers of messages and of experiments' cells, NULL for all that exist."""
    for table in ("answer", "cell"):
        op.add_column(table, sa.Column("from_gateway_cache", sa.Boolean))
