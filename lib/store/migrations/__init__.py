"""How the database became what it is: one script a version, run by Alembic in this process."""
