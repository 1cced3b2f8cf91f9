"""The frame of all pages: navigation, the visitor's cookie, the process-wide registry and the choice of backend.

May import ``lib.ui.widgets`` and the core. Start with ``navigation`` and ``registry``.
"""
