"""The migrations: a script for each version of the database.

A released script never changes: databases were made by it.
"""
