"""Version 1: all tables, and full-text search over titles and messages."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

# Not "1": the databases of development versions, which are refused, have the revisions "1" to "6".
revision = "v1"
down_revision = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
JSON = sa.JSON(none_as_null=True)
SEARCHED = {"conversation": "title", "message": "content"}

# An external-content table: FTS5 keeps no copy of the text. Triggers keep it up to date whoever writes.
SQLITE_SEARCH = """
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
"""

# Punctuation becomes blanks, or PostgreSQL reads “a/b” as one file name. A tsvector holds 1 MB of words, so the words
# beyond 100,000 characters of a message are not found.
PUNCTUATION = "!\"#$%&''()*+,-./:;<=>?@[\\]^_`{|}~"
POSTGRESQL_SEARCH = """
ALTER TABLE {table} ADD COLUMN search tsvector GENERATED ALWAYS AS (
  to_tsvector('simple'::regconfig, translate(left({column}, 100000), '{punctuation}', '{blanks}'))
) STORED;
CREATE INDEX ix_{table}_search ON {table} USING gin (search);
"""


def upgrade() -> None:
    """Create the tables and the search indexes."""
    _create_conversations()
    _create_search()
    _create_presets_and_schemas()
    _create_experiments()
    _create_comparisons()


def _owned() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("key", KEY, primary_key=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("owner", sa.String(255), nullable=False),
    )


def _turn() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("calls", JSON),
        sa.Column("call_id", sa.Text),
        sa.Column("name", sa.Text),
    )


def _answer(*, optional: bool) -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("prompt_tokens", sa.BigInteger),
        sa.Column("completion_tokens", sa.BigInteger),
        sa.Column("cached_tokens", sa.BigInteger),
        sa.Column("neurons", sa.Text),
        sa.Column("estimated", sa.Boolean),
        sa.Column("first_token", sa.Float(53)),
        sa.Column("total", sa.Float(53), nullable=optional),
        sa.Column("ending", sa.String(16)),
        sa.Column("error", JSON),
        sa.Column("calls", JSON),
    )


def _of_conversation(**options: Any) -> sa.Column[Any]:
    return sa.Column("conversation", KEY, sa.ForeignKey("conversation.key", ondelete="CASCADE"), **options)


def _create_conversations() -> None:
    op.create_table(
        "conversation",
        *_owned(),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("title_edited", sa.Boolean, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("settings", JSON, nullable=False),
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
        _of_conversation(nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("parent", sa.String(64)),
        sa.Column("position", sa.Integer, nullable=False),
        *_turn(),
        sa.UniqueConstraint("conversation", "id"),
    )
    op.create_table(
        "turn",
        _of_conversation(primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("parent", sa.String(64)),
        *_turn(),
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
        sa.Column("request", JSON, nullable=False),
        *_answer(optional=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation", "message"], ["message.conversation", "message.id"], ondelete="CASCADE"
        ),
    )
    op.create_table(
        "trace",
        _of_conversation(primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("packed", sa.LargeBinary, nullable=False),
    )


def _create_search() -> None:
    """Use the database's own full-text search. On other databases nothing is indexed."""
    connection = op.get_bind()
    for table, column in SEARCHED.items():
        if connection.dialect.name == "sqlite":
            script = SQLITE_SEARCH.format(table=table, column=column)
            # One statement a line: a trigger's own statements end with semicolons too.
            for statement in script.replace("\n  ", " ").replace("\nEND", " END").strip().split("\n"):
                connection.exec_driver_sql(statement)
        elif connection.dialect.name == "postgresql":
            blanks = " " * len(PUNCTUATION.replace("''", "'"))
            script = POSTGRESQL_SEARCH.format(
                table=table, column=column, punctuation=PUNCTUATION, blanks=blanks
            )
            for statement in script.split(";\n"):
                if statement.strip():
                    connection.exec_driver_sql(statement.replace("%", "%%"))


def _create_presets_and_schemas() -> None:
    op.create_table(
        "preset",
        *_owned(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("body", JSON, nullable=False),
        sa.Column("is_start", sa.Boolean, nullable=False),
    )
    op.create_index("ix_preset_owner", "preset", ["owner"])
    op.create_table(
        "saved_schema",
        *_owned(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("ix_saved_schema_owner", "saved_schema", ["owner"])


def _create_experiments() -> None:
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
        sa.Column("limits", JSON, nullable=False),
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
        *_answer(optional=True),
    )
    op.create_index("ix_cell_fingerprint", "cell", ["fingerprint"])


def _create_comparisons() -> None:
    op.create_table(
        "comparison",
        *_owned(),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("body", JSON, nullable=False),
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
