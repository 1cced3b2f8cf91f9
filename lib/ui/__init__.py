"""The user interface: everything that imports Streamlit, except app.py and pages/.

May import the whole core, never ``lib.twin``. Start with ``shell.navigation``, the script that Streamlit runs.
"""
