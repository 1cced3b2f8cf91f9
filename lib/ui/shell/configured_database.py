"""The database that the configuration names."""

from __future__ import annotations

import os

import streamlit as st

from lib.store.database import database_url


def configured_database() -> str:
    """Return the database's URL: PADDOCK_DATABASE_URL, [connections.paddock] in secrets.toml, or our own file."""
    if not os.environ.get("PADDOCK_DATABASE_URL") and st.secrets.load_if_toml_exists():
        named = st.secrets.get("connections", {}).get("paddock", {}).get("url")
        if named:
            return str(named)
    return database_url(os.environ)
