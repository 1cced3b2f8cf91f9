"""The database: conversations, presets, comparisons, experiments and their runs, and the autosave.

The only package that imports SQLAlchemy and Alembic. May import ``lib.experiment``, ``lib.compare`` and the packages
below them. Start with ``store``; ``conversation_store`` and its neighbours hold the SQL.
"""
