"""Paddock's library: one package for each concern that a user or the API has a word for.

``lib.ui`` is the only package that imports Streamlit, ``lib.twin`` is the local Workers AI server, and everything
else is the core, which knows neither. `pyproject.toml` holds the allowed imports ([tool.importlinter]);
docs/architecture.md explains them.
"""
