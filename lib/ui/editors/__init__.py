"""Editors for JSON Schemas, tools and functions, as a form and as JSON.

May import ``lib.ui.shell`` and ``lib.ui.widgets``. Start with ``schema_editor``.
"""
