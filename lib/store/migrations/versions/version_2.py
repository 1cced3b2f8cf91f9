"""Version 2: full-text search over titles and messages, those that are there already included; presets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
INDEXED = {"conversation": "title", "message": "content"}

# FTS5 keeps no copy of the text: it reads the table's own. Triggers, so that nobody who writes can forget it.
SQLITE = """
CREATE VIRTUAL TABLE {table}_search USING fts5({column}, content='{table}', content_rowid='key');
CREATE TRIGGER {table}_search_insert AFTER INSERT ON {table} BEGIN
  INSERT INTO {table}_search (rowid, {column}) VALUES (new.key, new.{column});
END;
CREATE TRIGGER {table}_search_delete AFTER DELETE ON {table} BEGIN
  INSERT INTO {table}_search ({table}_search, rowid, {column}) VALUES ('delete', old.key, old.{column});
END;
CREATE TRIGGER {table}_search_update AFTER UPDATE OF {column} ON {table} WHEN old.{column} IS NOT new.{column} BEGIN
  INSERT INTO {table}_search ({table}_search, rowid, {column}) VALUES ('delete', old.key, old.{column});
  INSERT INTO {table}_search (rowid, {column}) VALUES (new.key, new.{column});
END;
INSERT INTO {table}_search ({table}_search) VALUES ('rebuild');
"""

# Punctuation becomes blanks, or PostgreSQL takes “a/b” for one file name. A tsvector has room for 1 MB of words, so
# the words beyond 100,000 characters of one message are not found.
PUNCTUATION = "!\"#$%&''()*+,-./:;<=>?@[\\]^_`{|}~"
POSTGRESQL = """
ALTER TABLE {table} ADD COLUMN search tsvector GENERATED ALWAYS AS (
  to_tsvector('simple'::regconfig, translate(left({column}, 100000), '{punctuation}', '{blanks}'))
) STORED;
CREATE INDEX ix_{table}_search ON {table} USING gin (search);
"""


def upgrade() -> None:
    """Make the indexes of the database's own full-text search, where it is one that we know; and the presets."""
    connection = op.get_bind()
    for table, column in INDEXED.items():
        if connection.dialect.name == "sqlite":
            script = SQLITE.format(table=table, column=column)
            for statement in script.replace("\n  ", " ").replace("\nEND", " END").strip().split("\n"):
                connection.exec_driver_sql(statement)
        elif connection.dialect.name == "postgresql":
            blanks = " " * len(PUNCTUATION.replace("''", "'"))
            script = POSTGRESQL.format(table=table, column=column, punctuation=PUNCTUATION, blanks=blanks)
            for statement in script.split(";\n"):
                if statement.strip():
                    connection.exec_driver_sql(statement.replace("%", "%%"))
    op.create_table(
        "preset",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("is_start", sa.Boolean, nullable=False),
    )
    op.create_index("ix_preset_owner", "preset", ["owner"])
