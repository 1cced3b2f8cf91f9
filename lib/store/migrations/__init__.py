"""Migrations: one script for each version of the database, run by Alembic in this process."""
